"""`edgeproxy diff OLD NEW`: the requests that a change of rules treats otherwise."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from edgeproxy.cli.arguments import add_format, moment
from edgeproxy.cli.differences import comparison_as_json, comparison_as_text, weighing_as_json, weighing_as_text
from edgeproxy.cli.output import say
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.comparing.compare import compare
from edgeproxy.ruleset.comparing.declarations import redeclared
from edgeproxy.ruleset.comparing.weighing import weigh
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Ruleset
from replay.capture.found import Unreadable
from replay.capture.recorded import Recorded, is_recorded

NAME = "diff"
HELP = "show the requests that a change of rules treats otherwise"

_SAME: Final = 0
_CHANGES: Final = 1
_UNREADABLE: Final = 2
_STDIN: Final = "-"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="the rule file in use")
    parser.add_argument("new", type=Path, metavar="NEW", help="the rule file to come")
    parser.add_argument(
        "--capture",
        metavar="FILE",
        help="requests to try: a capture, a directory of them, HAR, an access log, or one JSON object a line (- for "
        "standard input); see the README",
    )
    parser.add_argument(
        "--at", type=moment, metavar="TIME", help="when captured requests come that do not say so (now)"
    )
    add_format(parser)


def execute(args: Namespace) -> int:
    try:
        with uncollected():
            old, new = load_ruleset(args.old), load_ruleset(args.new)
            return _compare(args, old, new) if args.capture is None else _weigh(args, old, new)
    except RuleFileError as error:
        say(str(error))
    except Unreadable as error:
        print(f"edgeproxy: {error}", file=sys.stderr)
    except OSError as error:
        print(f"edgeproxy: {error.filename}: {error.strerror}", file=sys.stderr)
    return _UNREADABLE


def _compare(args: Namespace, old: Ruleset, new: Ruleset) -> int:
    found = compare(old, new)
    is_json = args.format == "json"
    say(json.dumps(comparison_as_json(found), indent=2) if is_json else comparison_as_text(found))
    return _SAME if found.is_same else _CHANGES


def _weigh(args: Namespace, old: Ruleset, new: Ruleset) -> int:
    now = time.time() if args.at is None else args.at
    path = Path(args.capture)
    if args.capture == _STDIN:
        found = weigh(old, new, sys.stdin, now)
    elif is_recorded(path):
        recorded = Recorded(path)
        found = weigh(old, new, recorded.lines(), now)
        for skipped in recorded.skipped:
            found.note_bad(skipped.where, skipped.why, skipped.lost or 1)
    else:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = weigh(old, new, file, now)
    declared = redeclared(old, new)
    is_json = args.format == "json"
    say(json.dumps(weighing_as_json(found, declared), indent=2) if is_json else weighing_as_text(found, declared))
    return _CHANGES if found.classes or declared else _SAME
