"""`edgeproxy run RULES`: serve."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from edgeproxy.control.worker import CannotRun, WorkerOptions, run_worker
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.addresses import read_listen_address
from edgeproxy.ruleset.load import Overrides, RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Address, Listener
from edgeproxy.ruleset.problems import Refusal

NAME = "run"
HELP = "serve by a rule file until told to stop (SIGTERM, Ctrl-C)"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("rules", type=Path, metavar="RULES", help="the rule file")
    add_override_arguments(parser)
    parser.add_argument("--access-log", type=Path, metavar="FILE", help="append one JSON line for each exchange")
    parser.add_argument(
        "--grace", type=float, default=30.0, metavar="SECONDS", help="time for running exchanges at the end (30)"
    )


def add_override_arguments(parser: ArgumentParser) -> None:
    """The same rules, on other addresses: for a test bed, a second node, a demo."""
    parser.add_argument(
        "--listen", type=_listener, action="append", default=[], metavar="HOST:PORT", help="instead of the file's"
    )
    parser.add_argument(
        "--backend",
        type=_backend,
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="another URL or directory for a declared backend",
    )


def overrides_of(args: Namespace) -> Overrides:
    return Overrides(listen=tuple(args.listen), backends=dict(args.backend))


def execute(args: Namespace) -> int:
    try:
        ruleset = load_ruleset(args.rules, overrides=overrides_of(args))
        options = WorkerOptions(grace=args.grace, access_log=args.access_log)
        run_worker(ruleset, options, _say_ready)
    except RuleFileError as error:
        print(error, file=sys.stderr)
        return 2
    except (CannotRun, CannotListen) as error:
        print(f"edgeproxy: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"edgeproxy: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _say_ready(addresses: tuple[Address, ...]) -> None:
    """One line that a program can wait for."""
    print("ready", *(f"http://{address}" for address in addresses), flush=True)


def _listener(text: str) -> Listener:
    """`HOST:PORT` or `unix:PATH`, as the rule file's `address`; plain HTTP."""
    try:
        return Listener(read_listen_address(text, Path()))
    except Refusal as refusal:
        raise ArgumentTypeError(f"{refusal.message}: {refusal.why} {refusal.remedy}") from None


def _backend(text: str) -> tuple[str, str]:
    name, separator, place = text.partition("=")
    if not separator or not name or not place:
        raise ArgumentTypeError(f"{text!r} is not NAME=PLACE, such as legacy=http://127.0.0.1:8081")
    return name, place
