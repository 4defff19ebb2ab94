"""`edgeproxy run RULES`: serve."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from edgeproxy.cli.arguments import add_backends
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.reading import read_rules
from edgeproxy.control.sockets import Offer
from edgeproxy.control.supervisor import Options, supervise
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.addresses import read_listen_address
from edgeproxy.ruleset.listeners import Listener
from edgeproxy.ruleset.load import Overrides, RuleFileError
from edgeproxy.ruleset.problems import Refusal

NAME = "run"
HELP = "serve by a rule file until told to stop (SIGTERM, Ctrl-C); SIGHUP reloads, SIGUSR2 upgrades, SIGUSR1 reports"

_MOST_WORKERS = 1_024
_MOST_SECONDS = 86_400


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("rules", type=Path, metavar="RULES", help="the rule file")
    add_override_arguments(parser)
    parser.add_argument(
        "--access-log", type=Path, metavar="FILE", help="append one JSON line for each exchange; SIGHUP opens it anew"
    )
    parser.add_argument("--workers", type=_workers, metavar="N", help="worker processes (one for each usable core)")
    parser.add_argument(
        "--grace", type=_seconds, default=30.0, metavar="SECONDS", help="time for running exchanges at the end (30)"
    )
    parser.add_argument(
        "--hang-after",
        type=_hang_seconds,
        default=10.0,
        metavar="SECONDS",
        help="silence after which a worker is replaced (10; at least 1)",
    )
    parser.add_argument("--pid-file", type=Path, metavar="FILE", help="where to write the process to send signals to")
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help="a Unix socket to be told at what to do (edgeproxy purge)"
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="where the edge keeps what is to outlive it: how far cutovers are, and the ledger",
    )
    parser.add_argument(
        "--nodes", metavar="URL", help="redis://…: how far cutovers are is kept there, for all nodes that say so"
    )
    parser.add_argument(
        "--unchecked", action="store_true", help="serve, and reload, rules in which `edgeproxy check` finds errors"
    )


def add_override_arguments(parser: ArgumentParser) -> None:
    """The same rules, on other addresses: for a test bed, a second node, a demo."""
    parser.add_argument(
        "--listen",
        type=_listener,
        action="append",
        default=[],
        metavar="ADDRESS",
        help="HOST:PORT or unix:PATH, instead of the file's; may be given several times",
    )
    add_backends(parser, "another place (URL, unix:PATH or directory) for a declared backend")


def overrides_of(args: Namespace) -> Overrides:
    return Overrides(listen=tuple(args.listen), backends=dict(args.backend))


def execute(args: Namespace) -> int:
    offer = Offer.take(os.environ)
    options = Options(
        workers=args.workers or len(os.sched_getaffinity(0)),
        grace=args.grace,
        hang_after=args.hang_after,
        access_log=args.access_log,
        pid_file=args.pid_file,
        control=args.control,
        state=args.state,
        nodes=args.nodes,
    )
    try:
        rules, ruleset = read_rules(args.rules, overrides_of(args), generation=1, unchecked=args.unchecked)
        supervise(rules, ruleset, options, offer, _say_ready)
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


def _say_ready(listeners: tuple[Listener, ...]) -> None:
    """One line that a program can wait for."""
    print("ready", *listeners, flush=True)


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MOST_WORKERS:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_WORKERS}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_MOST_SECONDS:,}")
    return seconds


def _hang_seconds(text: str) -> float:
    """Less would take a worker that has much to do for one that hangs."""
    return max(_seconds(text), 1.0)


def _listener(text: str) -> Listener:
    """`HOST:PORT` or `unix:PATH`, as the rule file's `address`; plain HTTP."""
    try:
        return Listener(read_listen_address(text, Path()))
    except Refusal as refusal:
        raise ArgumentTypeError(f"{refusal.message}: {refusal.why} {refusal.remedy}") from None
