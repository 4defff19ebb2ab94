"""The `edgeproxy` command: one verb, one module.

A verb is a module of this package with NAME and HELP, `add_arguments(parser)` and `execute(args) -> int`; its
line in VERBS makes it known.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final, Protocol

from edgeproxy.cli import (
    capture,
    check,
    cutover,
    demo,
    diff,
    explain,
    fmt,
    ledger,
    purge,
    rehearse,
    schedule,
    schema,
    shadow,
)
from edgeproxy.cli import run as run_verb


class Verb(Protocol):
    """What a verb's module offers. The exit status is 0 for nothing found, 1 for findings or a failure, 2 for
    something unreadable or wrong usage.
    """

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def execute(self, args: Namespace, /) -> int: ...


VERBS: Final[tuple[Verb, ...]] = (
    check,
    explain,
    diff,
    schedule,
    fmt,
    rehearse,
    schema,
    run_verb,
    cutover,
    purge,
    ledger,
    shadow,
    capture,
    demo,
)


def run() -> None:
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """The exit status of a command line."""
    parser = ArgumentParser(prog="edgeproxy", description="Moves live traffic from an old system to a new one.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        verb_parser = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(execute=verb.execute)
    try:
        args = parser.parse_args(argv)
    except SystemExit as ended:  # argparse has said what is wrong with the usage, or given the help asked for
        return ended.code if isinstance(ended.code, int) else 0
    status: int = args.execute(args)
    return status
