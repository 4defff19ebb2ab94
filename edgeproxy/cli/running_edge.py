"""A running edge, as a verb asks it: which one it is, and what is said when it does not do what it is asked."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edgeproxy.cli.output import printable
from edgeproxy.control.control_client import CannotAsk, ask

CONTROL: Final = "EDGEPROXY_CONTROL"  # in the environment
WHICH_EDGE: Final = f"which edge? Say --control PATH (or ${CONTROL}): the PATH of its `edgeproxy run … --control PATH`"
WRONG_USAGE: Final = 2  # an exit status


def add_control(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help=f"the edge's, as `run --control PATH` was told (${CONTROL})"
    )


def control_of(args: Namespace) -> Path | None:
    """The path of its control socket; None: nobody has said which edge."""
    path = args.control or os.environ.get(CONTROL)
    return None if path is None else Path(path)


def asked(args: Namespace, verb: str, words: Mapping[str, object], *, refused: int) -> Mapping[str, Any] | int:
    """Its answer, or the exit status when there is none; why, was said. `refused`: the one of a refusal, or of nobody
    who answers.
    """
    path = control_of(args)
    if path is None:
        complain(verb, WHICH_EDGE)
        return WRONG_USAGE
    try:
        (answer,) = ask(path, [words])
    except CannotAsk as error:
        complain(verb, error)
        return refused
    return answer


def complain(verb: str, why: object) -> None:
    """A refusal quotes what others have said: who was faster, and why."""
    print(f"edgeproxy {verb}: {printable(str(why))}", file=sys.stderr)
