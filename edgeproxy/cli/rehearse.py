"""`edgeproxy rehearse RULES`: every rule walked on the live backends, hop by hop, with nothing kept.

The edge's own router, plans and pools are used, and no running edge is needed: what its caches hold is not asked.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgeproxy.cli.arguments import add_backends, add_format, person, wait
from edgeproxy.cli.output import say
from edgeproxy.cli.rehearsing.captured import Capture, captured, read_lines
from edgeproxy.cli.rehearsing.held import recordable, redirects_of
from edgeproxy.cli.rehearsing.rehearsal import Given, Rehearsed, rehearse
from edgeproxy.cli.rehearsing.report import as_json, as_text
from edgeproxy.cli.rehearsing.wire import Bounds
from edgeproxy.control.garbage import uncollected
from edgeproxy.control.rehearsal_file import NAME as FILE
from edgeproxy.control.rehearsal_file import Unusable, add, redirects
from edgeproxy.migration.rehearsal import HeldRedirect, Rehearsal, places_of
from edgeproxy.ruleset.checker.facets import TooManyFacets
from edgeproxy.ruleset.checker.severity import Severity
from edgeproxy.ruleset.compile import Overrides
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.probing.witnesses import known_from
from replay.capture.found import Unreadable
from replay.capture.recorded import Recorded, is_recorded

NAME = "rehearse"
HELP = "walk every rule on the live backends, hop by hop, with nothing kept, and each backend taken to fail in turn"

_PASSED: Final = 0
_FINDINGS: Final = 1
_UNUSABLE: Final = 2
_STDIN: Final = "-"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("rules", type=Path, metavar="RULES", help="the rule file")
    add_backends(parser, "where a declared backend is now, as of `run`")
    parser.add_argument(
        "--path", action="append", default=[], metavar="PATH", help="a path (or URL) that is there; several times"
    )
    parser.add_argument(
        "--capture", metavar="FILE", help="a capture, access log or HAR: each shape is walked (-: JSON lines)"
    )
    parser.add_argument(
        "--allow-unwalked",
        action="append",
        default=[],
        metavar="RULE",
        help="pass though nothing real was walked of this rule; recorded; several times",
    )
    parser.add_argument(
        "--shapes", type=_from_to(1, 5_000), default=500, metavar="N", help="the most shapes of a capture (500)"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="as of `run --state`: a cutover that asks for a rehearsal looks there"
    )
    parser.add_argument("--who", default=person(), metavar="TEXT", help=f"({person()})")
    bounds = Bounds()
    parser.add_argument(
        "--most", type=_from_to(1, 100_000), default=bounds.most, metavar="N", help=f"requests at most ({bounds.most})"
    )
    parser.add_argument(
        "--rate", type=_from_to(1, 1_000), default=bounds.rate, metavar="N", help=f"of them a second ({bounds.rate:g})"
    )
    parser.add_argument(
        "--at-once", type=_from_to(1, 64), default=bounds.at_once, metavar="N", help=f"at once ({bounds.at_once})"
    )
    parser.add_argument(
        "--timeout", type=wait, default=bounds.timeout, metavar="TIME", help=f"for one ({bounds.timeout:g}s)"
    )
    parser.add_argument(
        "--within", type=wait, default=bounds.within, metavar="TIME", help=f"for all ({bounds.within:g}s)"
    )
    parser.add_argument("--walks", action="store_true", help="tell every walk, not only what is wrong")
    parser.add_argument("--strict", action="store_true", help="let warnings count: exit status 1, and not passed")
    add_format(parser)


def execute(args: Namespace) -> int:
    """Exit status: 0 passed, 1 findings, or not all was walked, 2 it could not be done."""
    try:
        with uncollected():
            ruleset = load_ruleset(args.rules, overrides=Overrides(backends=dict(args.backend)))
        unknown = sorted(set(args.allow_unwalked) - {rule.name for rule in ruleset.rules})
        if unknown:
            print(f"edgeproxy rehearse: --allow-unwalked {unknown[0]}: no rule has this name", file=sys.stderr)
            return _UNUSABLE
        held = [] if args.state is None else redirects(args.state)
        told = asyncio.run(rehearse(ruleset, _given(args, ruleset, held)))
        if args.state is not None:
            add(args.state, _record(told, args.who), recordable(redirects_of(told.walks, told.began)))
    except RuleFileError as error:
        say(str(error))
        return _UNUSABLE
    except TooManyFacets as error:
        print(f"edgeproxy rehearse: {error.place}: nothing was walked: {error}", file=sys.stderr)
        return _UNUSABLE
    except (Unusable, Unreadable, OSError) as error:
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(f"edgeproxy rehearse: {said}", file=sys.stderr)
        return _UNUSABLE
    _say(args, told)
    return _PASSED if told.has_passed else _FINDINGS


def _say(args: Namespace, told: Rehearsed) -> None:
    if args.format == "json":
        say(json.dumps(as_json(told, str(args.rules)), indent=1))
        return
    say(as_text(told, str(args.rules), every_walk=args.walks))
    if args.state is not None:
        say(f"{args.rules}: recorded in {args.state / FILE}")


def _given(args: Namespace, ruleset: Ruleset, held: Sequence[HeldRedirect]) -> Given:
    """Raises OSError."""
    bounds = Bounds(args.most, args.rate, args.at_once, args.timeout, args.within)
    allowed = frozenset(args.allow_unwalked)
    return Given(list(known_from(args.path)), _capture(args, ruleset), held, bounds, args.strict, allowed)


def _capture(args: Namespace, ruleset: Ruleset) -> Capture | None:
    if args.capture is None:
        return None
    if args.capture == _STDIN:
        return captured(ruleset, read_lines(sys.stdin, time.time()), args.shapes)
    path = Path(args.capture)
    if not is_recorded(path):
        with path.open(encoding="utf-8", errors="replace") as file:
            return captured(ruleset, read_lines(file, time.time()), args.shapes)
    recorded = Recorded(path)
    found = captured(ruleset, read_lines(recorded.lines(), time.time()), args.shapes)
    return replace(found, odd=found.odd + sum(each.lost or 1 for each in recorded.skipped))


def _record(told: Rehearsed, who: str) -> Rehearsal:
    return Rehearsal(
        at=told.began,
        ruleset=told.ruleset.digest,
        places=places_of(told.ruleset),
        who=who,
        passed=told.has_passed,
        walks=len(told.walks),
        requests=told.requests,
        errors=told.number_of(Severity.ERROR),
        warnings=told.number_of(Severity.WARNING),
        unwalked=told.allowed,
    )


def _from_to(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a number from {least} to {most:,}")
        return int(text)

    return read
