"""What was counted, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from loadtests.gates.run import Outcome


def table_of(outcomes: Sequence[Outcome]) -> str:
    """`wrong`: the share of runs with a verdict that is wrong; where the arm is on the bound, the larger of both."""
    lines = ["| case | failed | passed | wrong | exchanges of the new arm until then |", "|---|---|---|---|---|"]
    for group in dict.fromkeys(one.group for one in outcomes):
        lines.append(f"| **{group}** | | | | |")
        lines += _rows(one for one in outcomes if one.group == group)
    return "\n".join(lines)


def _rows(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for one in outcomes:
        shares = " | ".join(f"{100 * share:.1f} %" for share in (one.failed, one.passed, one.wrong))
        yield f"| {one.name} | {shares} | {until(one)} |"


def until(one: Outcome) -> str:
    """The median, and between which eight of ten runs are."""
    if one.wanted is None or one.decided is None:
        return f"(looked at until {one.longest:,})"
    tenth, half, most = one.decided
    return f"{half:,} ({tenth:,}-{most:,})" if tenth < most else f"{half:,}"


def json_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [asdict(one) | {"wrong": one.wrong} for one in outcomes]
