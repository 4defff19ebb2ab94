"""The windows of time of a rule: `during`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edgeproxy.ruleset.matching import Window
from edgeproxy.ruleset.nodes import Items, Node, Table
from edgeproxy.ruleset.problems import Code, Refusal, Related
from edgeproxy.ruleset.quantities import read_duration, read_wait, written_duration
from edgeproxy.ruleset.shape import (
    WINDOW,
    Findings,
    Kind,
    read_fields,
    read_items,
    read_table,
    report_empty_table,
)

_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?Z)?")
_LIKE_A_MOMENT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_WHAT: Final = "`during` is a window, as in {first: 10m, of_each: 1h}, or a list of windows"


def read_during(findings: Findings, node: Node) -> tuple[Window, ...] | None:
    """The windows, of which one must be open; None, when any cannot be read."""
    nodes = read_items(findings, node, _WHAT) if isinstance(node, Items) else (node,)
    if nodes is None:
        return None
    windows = [_read_window(findings, each) for each in nodes]
    known = tuple(window for window in windows if window is not None)
    return known if len(known) == len(windows) else None


def read_moment(text: str) -> float:
    """A moment in UTC, in seconds since the epoch; a date alone is its first."""
    try:
        return _seconds(text if _MOMENT.fullmatch(text) else "")
    except ValueError:
        raise Refusal(
            Code.BAD_TIME,
            f"{text!r} is not a time",
            "a time is a date, or a date and a time in UTC (ISO 8601).",
            _moment_remedy(text),
        ) from None


def written_moment(seconds: float) -> str:
    """What read_moment reads."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    written = moment.isoformat(timespec="seconds" if moment.second else "minutes")
    return f"{written.removesuffix('+00:00')}Z"


_KINDS: Final = {
    "first": Kind(read_wait, "it is a duration"),
    "of_each": Kind(read_wait, "it is a duration"),
    "after": Kind(read_duration, "it is a duration"),
    "from": Kind(read_moment, "it is a time, as in 2024-09-05T12:00Z"),
    "until": Kind(read_moment, "it is a time, as in 2024-09-05T12:00Z"),
}


def _read_window(findings: Findings, node: Node) -> Window | None:
    table = read_table(findings, node, WINDOW)
    if table is None:
        return None
    before = len(findings.problems)
    if isinstance(node, Table) and not node.entries:
        report_empty_table(findings, node, _WHAT)
    given = read_fields(findings, table, _KINDS)
    _check_period(findings, table, given)
    _check_bounds(findings, table, given)
    if len(findings.problems) > before:
        return None
    each = given.get("of_each")
    return Window(given.get("from"), given.get("until"), each, given.get("after", 0.0), given.get("first", 0.0))


def _check_period(findings: Findings, table: Mapping[str, Node], given: Mapping[str, Any]) -> None:
    for key, other in (("first", "of_each"), ("of_each", "first"), ("after", "first")):
        if key in table and other not in table and not (key == "after" and "of_each" in table):
            findings.report(
                Code.MISSING_KEY,
                table[key].place,
                f"`{key}` without `{other}`",
                "a recurring window is so much of each period: `first` of it, counted `after` its beginning.",
                f"add `{other}:`, or remove `{key}`.",
            )
    if "first" not in given or "of_each" not in given or ("after" in table and "after" not in given):
        return
    first, each, after = given["first"], given["of_each"], given.get("after", 0.0)
    if after + first > each:
        late = f"{written_duration(first)} after {written_duration(after)}" if after else written_duration(first)
        findings.report(
            Code.CONFLICTING_VALUES,
            table["first"].place,
            f"{late} of each {written_duration(each)}",
            "a window ends within its period.",
            "make the period longer or the window shorter; over the border of two, write a list of two windows.",
            Related(table["of_each"].place, "the period is given here"),
        )


def _check_bounds(findings: Findings, table: Mapping[str, Node], given: Mapping[str, Any]) -> None:
    if "from" in given and "until" in given and given["until"] <= given["from"]:
        findings.report(
            Code.CONFLICTING_VALUES,
            table["until"].place,
            "a window that ends before it begins" if given["until"] < given["from"] else "a window that ends at once",
            "it would never be open.",
            "write a later time.",
            Related(table["from"].place, "it begins here"),
        )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC).timestamp()


def _moment_remedy(text: str) -> str:
    """Who writes another offset means a moment; who writes none means it by a clock on a wall, and may mean UTC's."""
    found = _LIKE_A_MOMENT.fullmatch(text)
    if found is None:
        return "write it as in 2024-09-05 or 2024-09-05T12:00Z."
    date, time, zone = found.groups()
    offset = zone if zone and zone[0] in "+-" else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{offset}")
        written = written_moment((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except (ValueError, OverflowError):
        return "write it as in 2024-09-05T12:00Z: there is no such time."
    return f"write {written}." if zone else f"write {written} if UTC is meant."
