"""`edgeproxy check --probe`: the live backends are asked what they redirect.

Laws of this module:
- only the declared backends' places are asked, by GET and HEAD, without any credential, one request after the other;
- no redirect is followed, and no body is read;
- each request has a time that it may take, and so many a second are sent at the most.
"""

from __future__ import annotations

import socket
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path
from typing import Final

from edgeproxy.cli.findings import Checked
from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.forwarded import forwarding_lines
from edgeproxy.proxy.backend_tls import make_context
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.facets import TooManyFacets
from edgeproxy.ruleset.listeners import InetAddress, UnixAddress
from edgeproxy.ruleset.probing.asking import Asker
from edgeproxy.ruleset.probing.findings import Answered, probed
from edgeproxy.ruleset.probing.question import Answer, Question
from edgeproxy.ruleset.probing.witnesses import Known, known_from, known_of

_TIMEOUT: Final = 5.0  # seconds for one request
_HERE: Final = "127.0.0.1"  # the client that backends are told of
_FORBIDDEN: Final = frozenset(("proxy-authorization", "host", "connection", "content-length", "transfer-encoding"))
_MOST: Final = 10_000  # requests, and given paths that are looked at
_FASTEST: Final = 1_000.0


def add_probe_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--probe", action="store_true", help="ask the live backends what they redirect, too")
    parser.add_argument(
        "--probe-path",
        action="append",
        default=[],
        metavar="PATH",
        help="a path (or URL) that the backends have, to ask for; may be given several times",
    )
    parser.add_argument(
        "--probe-from", type=Path, metavar="FILE", help="paths or URLs, one a line, or the records of a capture"
    )
    parser.add_argument(
        "--probe-most", type=_number, default=200, metavar="N", help="the most requests that are sent (200)"
    )
    parser.add_argument(
        "--probe-rate", type=_rate, default=20.0, metavar="N", help="the most requests in a second (20)"
    )


def probe(checked: Checked, args: Namespace) -> Checked:
    """A checked file, and what its backends say. Raises OSError when --probe-from cannot be read."""
    if checked.ruleset is None:
        return checked
    try:
        ground = Checking(checked.ruleset).ground
    except TooManyFacets as error:
        return replace(checked, verdicts=(*checked.verdicts, f"probe: nothing asked: {error}"))
    known = [*islice(dict.fromkeys(_given(args)), _MOST), *known_of(checked.ruleset)]
    asking = Asker(ground, known).asking(args.probe_most)
    found = probed(checked.ruleset, asking, ask_all(asking.questions, args.probe_rate))
    problems = sorted((*checked.problems, *found.problems), key=lambda each: (each.place.file, each.place.line))
    return replace(checked, problems=problems, verdicts=(*checked.verdicts, found.verdict))


def ask_all(questions: Sequence[Question], rate: float) -> Answered:
    """The answers, each asked for not before its turn."""
    answered = []
    turn = time.monotonic()
    for question in questions:
        time.sleep(max(0.0, turn - time.monotonic()))
        turn = max(turn, time.monotonic()) + 1 / rate
        answered.append((question, ask(question)))
    return answered


def ask(question: Question) -> Answer:
    """One request, on a connection of its own."""
    connection = HTTPConnection("backend.invalid", timeout=_TIMEOUT)
    try:
        connection.sock = _connected(question)
        connection.putrequest(question.method, question.target, skip_host=True, skip_accept_encoding=True)
        for name, value in _fields(question):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("Location"), answer.getheader("Cache-Control"))
    except TimeoutError:
        return Answer(trouble=f"no answer within {_TIMEOUT:g} s")
    except (OSError, HTTPException) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return Answer(trouble=f"no answer: {said}")
    finally:
        connection.close()


def _connected(question: Question) -> socket.socket:
    """To the backend's first place."""
    backend = question.backend
    address = backend.endpoints[0].address
    match address:
        case UnixAddress(path=path):
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(_TIMEOUT)
            plain.connect(str(path))
            return plain
        case InetAddress(host=host, port=port):
            plain = socket.create_connection((host, port), _TIMEOUT)
            if backend.tls is None:
                return plain
            try:
                return make_context(backend.tls).wrap_socket(plain, server_hostname=backend.tls.name or host)
            except OSError:
                plain.close()
                raise


def _fields(question: Question) -> Iterator[tuple[str, str]]:
    """As the edge sends them, for a client that tells nothing of itself."""
    client = question.client
    yield "Host", question.host
    yield "User-Agent", "edgeproxy-probe"
    yield "Accept", "*/*"
    for line in forwarding_lines("", _HERE, client.authority, client.scheme, 1).decode().split("\r\n")[:-1]:
        name, _, value = line.partition(": ")
        yield name, value
    if question.rule is not None:
        for name, written in question.rule.modifiers.rewrite.headers:
            if written is not None and name.lower() not in CREDENTIAL_NAMES | _FORBIDDEN:
                yield name, written
    yield "Connection", "close"


def _given(args: Namespace) -> Iterator[Known]:
    yield from known_from(args.probe_path)
    if args.probe_from is not None:
        with args.probe_from.open(encoding="utf-8", errors="replace") as file:
            yield from known_from(file)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST:,}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= _FASTEST:
        raise ArgumentTypeError(f"{text!r} is not a rate above 0 and up to {_FASTEST:,.0f}")
    return rate
