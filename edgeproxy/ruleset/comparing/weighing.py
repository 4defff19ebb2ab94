"""What becomes of a capture's requests: each routed by both rulesets, changes weighted by hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from edgeproxy.ruleset.comparing.outcome import Outcome
from edgeproxy.ruleset.comparing.records import BadRecord, Record, read_record
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.comparing.terms import Aspect
from edgeproxy.ruleset.model import Ruleset

_EXAMPLES: Final = 3
_BAD: Final = 20  # lines that are told of one by one


@dataclass(slots=True)
class Weighted:
    """A class of requests that are treated otherwise, all in the same way but for what their paths make of it."""

    before: Outcome  # of its first request
    after: Outcome
    aspects: tuple[Aspect, ...]
    hits: int = 0
    clients: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[Outcome, Outcome]] = field(default_factory=dict)  # by METHOD URL


@dataclass(slots=True)
class Weighing:
    hits: int = 0
    unchanged: int = 0
    clients: Counter[str] = field(default_factory=Counter)  # all, by kind
    classes: dict[object, Weighted] = field(default_factory=dict)
    bad: int = 0
    bad_lines: list[tuple[int | str, str]] = field(default_factory=list)  # the first: number of the line, or place; why

    def note_bad(self, where: int | str, why: str, count: int = 1) -> None:
        """A line, or another place, that holds no record, or so many that cannot be read."""
        self.bad += count
        if len(self.bad_lines) < _BAD:
            self.bad_lines.append((where, why))

    def heaviest(self) -> list[Weighted]:
        return sorted(self.classes.values(), key=lambda each: -each.hits)


def weigh(old: Ruleset, new: Ruleset, lines: Iterable[str], now: float) -> Weighing:
    """`lines` are read as records; those that are none are counted, and the first are told."""
    sides, weighing = (Side(old), Side(new)), Weighing()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = read_record(line, now)
        except BadRecord as error:
            weighing.note_bad(number, str(error))
            continue
        _add(weighing, sides, record)
    return weighing


def _add(weighing: Weighing, sides: tuple[Side, Side], record: Record) -> None:
    kind, count = record.client_kind, record.count
    weighing.hits += count
    weighing.clients[kind] += count
    before, after = (side.outcome(record.asked) for side in sides)
    aspects = before.differs(after)
    if not aspects:
        weighing.unchanged += count
        return
    key = (_name(before), _name(after), before.said[Aspect.ACTION], after.said[Aspect.ACTION], aspects)
    found = weighing.classes.get(key)
    if found is None:
        found = weighing.classes[key] = Weighted(before, after, aspects)
    found.hits += count
    found.clients[kind] += count
    shown = str(record.asked)
    if len(found.examples) < _EXAMPLES:
        found.examples.setdefault(shown, (before, after))


def _name(outcome: Outcome) -> str | None:
    return None if outcome.rule is None else outcome.rule.name
