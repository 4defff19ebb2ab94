"""Arguments that several verbs take, and kinds of them."""

from __future__ import annotations

import getpass
import re
import socket
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.arms import WHOLE
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import read_duration, read_percentage, read_size, read_wait
from edgeproxy.ruleset.read_during import read_moment

Q = TypeVar("Q")
_URL: Final = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE)
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


def url(text: str) -> tuple[Scheme, str, str]:
    """The scheme, the authority, and the target in origin-form."""
    found = _URL.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a URL such as https://pypi.test/simple/")
    target = found[3]
    return Scheme(found[1].lower()), found[2], target if target.startswith("/") else f"/{target}"


def quantity(read: Callable[[str], Q]) -> Callable[[str], Q]:
    """What the rule language reads, as an argument: what it refuses is told with its remedy."""

    def reading(text: str) -> Q:
        try:
            return read(text)
        except Refusal as refusal:
            raise ArgumentTypeError(f"{refusal.message}: {refusal.why} {refusal.remedy}") from None

    return reading


moment, wait = quantity(read_moment), quantity(read_wait)
duration, size = quantity(read_duration), quantity(read_size)
share = quantity(lambda text: read_percentage(text) / WHOLE)  # of 1


def header(text: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a header such as 'User-Agent: pip/26.3'")
    return found[1].lower(), found[2].rstrip()


def joined(headers: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Several fields of one name are one list (RFC 9110 §5.3)."""
    fields: dict[str, str] = {}
    for name, value in headers:
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def person() -> str:
    """Who gives the command."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user without a name
        return socket.gethostname()


def backend_place(text: str) -> tuple[str, str]:
    name, separator, place = text.partition("=")
    if not separator or not name or not place:
        raise ArgumentTypeError(f"{text!r} is not NAME=PLACE, such as legacy=http://127.0.0.1:8081")
    return name, place


def add_backends(parser: ArgumentParser, what: str) -> None:
    """`--backend NAME=PLACE`, any number of them. `what`: the place is, in words."""
    parser.add_argument(
        "--backend",
        type=backend_place,
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help=f"{what}; may be given several times",
    )


def add_format(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people or for programs (text)")
