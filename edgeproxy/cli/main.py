"""The `edgeproxy` command: one verb, one module.

A verb is a module of this package that bears its name, with NAME and HELP, `add_arguments(parser)` and
`execute(args) -> int`; its name in VERBS makes it known. A command line imports the one verb that it names: all of
them cost half a second of CPU more than `run` alone (1.25 s and 0.8 s), which every start of an edge would pay.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol, cast


class Verb(Protocol):
    """What a verb's module offers. The exit status is 0 for nothing found, 1 for findings or a failure, 2 for
    something unreadable or wrong usage.
    """

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def execute(self, args: Namespace, /) -> int: ...


VERBS: Final = (
    "check",
    "explain",
    "diff",
    "schedule",
    "fmt",
    "rehearse",
    "schema",
    "run",
    "cutover",
    "purge",
    "ledger",
    "shadow",
    "capture",
    "replay",
    "model",
    "demo",
)


def run() -> None:
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """The exit status of a command line."""
    parser = ArgumentParser(prog="edgeproxy", description="Moves live traffic from an old system to a new one.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name in named(argv):
        verb = verb_of(name)
        verb_parser = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(execute=verb.execute)
    try:
        args = parser.parse_args(argv)
    except SystemExit as ended:  # argparse has said what is wrong with the usage, or given the help asked for
        return ended.code if isinstance(ended.code, int) else 0
    status: int = args.execute(args)
    return status


def named(argv: Sequence[str]) -> Sequence[str]:
    """The verb that a command line begins with; all of them where it begins with none, and they are to be listed."""
    return argv[:1] if argv and argv[0] in VERBS else VERBS


def verb_of(name: str) -> Verb:
    return cast(Verb, import_module(f"edgeproxy.cli.{name}"))
