"""What a report of shadows comes to: whether something differs, and whether anything was compared at all.

Law: where nothing was compared, nothing is said of the new side: never that nothing differs. Each rule that is asked
for counts by itself: by its name, as one whose shadows speak for the cutover, or else each that has a shadow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from edgeproxy.cli.shadow_words import why_dropped, why_unjudged

Json = Mapping[str, Any]


class Verdict(StrEnum):
    SAME = "nothing_differs"
    DIFFERENT = "something_differs"
    NOT_COMPARED = "not_compared"


def verdict_of(answer: Json, named: Sequence[str]) -> Verdict:
    """`named`: the rules that were asked for by their names."""
    if any(group["differences"] for group in answer["groups"]):
        return Verdict.DIFFERENT
    if not compared(answer) or uncompared(answer, named):
        return Verdict.NOT_COMPARED
    return Verdict.SAME


def compared(answer: Json) -> int:
    """So many shadows."""
    return sum(group["compared"] for group in answer["groups"])


def uncompared(answer: Json, named: Sequence[str]) -> dict[str, str]:
    """The rules of which nothing was compared, and why."""
    found = {group["rule"] for group in answer["groups"] if group["compared"]}
    asked = dict.fromkeys((*answer["rules"], *named))
    return {rule: _why(answer, rule) for rule in asked if rule not in found}


def _why(answer: Json, rule: str) -> str:
    if rule not in answer["rules"]:
        return "it has no `shadow`"
    return "; ".join(_lost(answer, rule)) or "no request of it was shadowed"


def _lost(answer: Json, rule: str) -> Iterator[str]:
    yield from (f"{each['count']:,} {why_unjudged(each['why'])}" for each in answer["unjudged"] if each["rule"] == rule)
    yield from (f"{each['count']:,} {why_dropped(each['why'])}" for each in answer["dropped"] if each["rule"] == rule)
