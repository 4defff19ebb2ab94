"""`edgeproxy ledger`: what still needs the old side, since when, and by whom."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, assert_never

from edgeproxy.cli.arguments import add_format, wait
from edgeproxy.cli.output import moment, printable, say
from edgeproxy.cli.running_edge import add_control, asked
from edgeproxy.migration.ledger import Leave, Ledger, Needed, Use, leave_of, read_words
from edgeproxy.migration.old_side import Sent
from edgeproxy.ruleset.quantities import written_duration

NAME = "ledger"
HELP = "tell what still needs the old side: each fallback that answered for a running edge, since when, by whom"

_HEADINGS: Final = ("times", "first", "last", "rule", "answered by", "why", "URLs", "clients", "the last one")


def add_arguments(parser: ArgumentParser) -> None:
    add_control(parser)
    parser.add_argument("--rule", action="append", default=[], metavar="NAME", help="of these rules alone")
    parser.add_argument(
        "--empty-for",
        type=wait,
        metavar="TIME",
        help="ask whether nothing has needed it for so long (30d), so that it may go: exit status 0, or 1",
    )
    add_format(parser)


def execute(args: Namespace) -> int:
    """Exit status: 0 no fallback was needed, 1 one was (with `--empty-for`: in that time, or rules send clients to the
    old side by themselves, or nobody can know), 2 wrong usage, or nobody answers.
    """
    answer = asked(args, NAME, {"do": "ledger"}, refused=2)
    if isinstance(answer, int):
        return answer
    uses = Ledger(each for each in read_words(answer["uses"]) if not args.rule or each[0].rule in args.rule)
    since = float(str(answer["since"]))
    sent = _sent(answer, args.rule)
    wanted = args.empty_for
    leave = None if wanted is None else leave_of(uses, since, time.time(), wanted, is_sent=bool(sent))
    if args.format == "json":
        told = {} if leave is None else {"old_side": leave}
        found = {"since": since, **told, "uses": uses.words(), "sent": [asdict(each) for each in sent]}
        say(json.dumps(found, indent=1))
    else:
        say(_text(since, uses, sent, is_kept=bool(answer["kept"])))
        if leave is not None:
            say(f"\n{_verdict(leave, written_duration(args.empty_for))}")
    return int(len(uses) > 0 if leave is None else leave is not Leave.EMPTY)


def _sent(answer: Mapping[str, Any], rules: Sequence[str]) -> Sequence[Sent]:
    return [Sent(**each) for each in answer["sent"] if not rules or each["rule"] in rules]


def _verdict(leave: Leave, wanted: str) -> str:
    match leave:
        case Leave.EMPTY:
            return f"nothing has needed the old side for {wanted}: it may go"
        case Leave.NEEDED:
            return f"the old side was needed within the last {wanted}: it may not go"
        case Leave.SENT:
            return f"nothing has needed a fallback for {wanted}, but rules send clients to the old side: it may not go"
        case Leave.UNKNOWN:
            return f"the ledger is younger than {wanted}: whether the old side may go is not known yet"
        case _:
            assert_never(leave)


def _text(since: float, uses: Ledger, sent: Sequence[Sent], *, is_kept: bool) -> str:
    told = [f"  {each.rule}: {each.backend}: {each.whom}" for each in sent]
    by_rules = ["", "by the rules themselves, fallback or not, the old side is asked:", *told] if told else []
    return "\n".join([_fallbacks(since, uses, is_kept=is_kept), *by_rules])


def _fallbacks(since: float, uses: Ledger, *, is_kept: bool) -> str:
    where = "" if is_kept else ", when this edge started: `run --state DIR` keeps it beyond its end"
    if not len(uses):
        return f"nothing has needed a fallback since {moment(since)}{where}"
    rows = [_HEADINGS, *(_row(use, needed) for use, needed in uses)]
    last = max(needed.last for _, needed in uses)
    return f"{_table(rows)}\n\nsince {moment(since)}{where}; the last one at {moment(last)}"


def _row(use: Use, needed: Needed) -> Sequence[str]:
    return (
        f"{needed.count:,}",
        moment(needed.first),
        moment(needed.last),
        use.rule,
        use.backend,
        use.reason,
        printable(use.shape),
        use.family,
        printable(f"{needed.path} from {needed.network}" + (f" by {needed.user_agent}" if needed.user_agent else "")),
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest, the last as it is."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS) - 1)]
    lines = ([text.ljust(width) for text, width in zip(row, widths, strict=False)] for row in rows)
    return "\n".join("  ".join([*line, row[-1]]) for line, row in zip(lines, rows, strict=True))
