"""What comparing has found: groups of differences, noise, counts for gates, and what was not judged.

Laws of this module:
- two of them make one, in any order but for noise, where what was learned later counts more;
- it is bounded whatever comes; and it is JSON both ways, so that processes hand it on;
- what is not judged is counted by why: nothing that was to be compared is silently left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from edgeproxy.migration.comparing.grouping import Groups
from edgeproxy.migration.comparing.noise import Noise
from edgeproxy.migration.gates.counts import ShadowCounts

MOST_PERIODS: Final = 1_000  # that count for gates, in what nobody has taken yet


class Unjudged(StrEnum):
    """Why a comparison says nothing to a gate."""

    LEARNING = "learning"  # its rule's noise is not known yet. What differs is shown all the same
    OVERRIDDEN = "overridden"  # its client was pinned to its arm, or said so by a token: it is no random sample
    OLD_FAILED = "old failed"  # 500 or above of the old side, and another status of the new one
    OLD_CUT = "old cut"  # what is held of the old answer is not all of it
    OTHER_RULES = "other rules"  # than those in use now: they have no such shadow
    TOO_COSTLY = "too costly"  # it took too much time or memory


class Period(NamedTuple):
    """For whom comparisons count: a cutover, under shares and rules of these numbers."""

    cutover: str
    number: int
    generation: int


@dataclass(slots=True)
class Counted:
    """`oldest`: when the first of their requests came, in POSIX seconds."""

    counts: ShadowCounts
    oldest: float

    def add(self, other: Counted) -> None:
        self.counts.add(other.counts)
        self.oldest = min(self.oldest, other.oldest)


class Lesson(NamedTuple):
    """A rule's noise, and under which terms it was learned (`Shadowed.terms`)."""

    terms: str
    noise: Noise


Lessons = dict[str, Lesson]  # by rule


def joined(known: Mapping[str, Lesson], later: Mapping[str, Lesson]) -> Lessons:
    """What is known then. Under other terms a rule begins anew."""
    both = dict(known)
    for rule, lesson in later.items():
        before = both.get(rule)
        is_more = before is not None and before.terms == lesson.terms
        both[rule] = Lesson(lesson.terms, before.noise.then(lesson.noise)) if before and is_more else lesson
    return both


@dataclass(slots=True)
class Findings:
    groups: Groups = field(default_factory=Groups)
    lessons: Lessons = field(default_factory=dict)  # those of this time alone
    periods: dict[Period, Counted] = field(default_factory=dict)
    unjudged: Counter[tuple[str, Unjudged]] = field(default_factory=Counter)  # by rule

    def __bool__(self) -> bool:
        return bool(self.groups.compared or self.lessons or self.unjudged)

    def count(self, period: Period, *, is_different: bool, at: float) -> None:
        self._add(period, Counted(ShadowCounts(1, int(is_different)), at))

    def count_silent(self, period: Period, number: int, *, at: float) -> None:
        """Requests that the new side was not asked, since it answered nobody."""
        self._add(period, Counted(ShadowCounts(number, number), at))

    def count_lost(self, period: Period, number: int, *, at: float) -> None:
        """Two answers that nobody compared."""
        self._add(period, Counted(ShadowCounts(lost=number), at))

    def merge(self, later: Findings) -> None:
        self.groups.merge(later.groups)
        self.lessons = joined(self.lessons, later.lessons)
        self.unjudged.update(later.unjudged)
        for period, counted in later.periods.items():
            self._add(period, counted)

    def _add(self, period: Period, counted: Counted) -> None:
        if period not in self.periods and len(self.periods) >= MOST_PERIODS:
            return
        self.periods.setdefault(period, Counted(ShadowCounts(), counted.oldest)).add(counted)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        return {
            "groups": self.groups.to_json(),
            "lessons": lessons_json(self.lessons),
            "periods": [[*period, each.counts.as_json(), each.oldest] for period, each in self.periods.items()],
            "unjudged": [[rule, why.value, count] for (rule, why), count in sorted(self.unjudged.items())],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Findings:
        """What to_json wrote; ValueError for anything else."""
        try:
            return cls(
                Groups.from_json(found["groups"]),
                read_lessons(found["lessons"]),
                dict(map(_read_period, found["periods"])),
                Counter({(str(rule), Unjudged(why)): int(count) for rule, why, count in found["unjudged"]}),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"these are no findings: {error!r}") from None


def lessons_json(lessons: Mapping[str, Lesson]) -> dict[str, Any]:
    return {rule: [lesson.terms, lesson.noise.to_json()] for rule, lesson in sorted(lessons.items())}


def read_lessons(found: Mapping[str, Any]) -> Lessons:
    """Raises ValueError, TypeError."""
    return {str(rule): Lesson(str(terms), Noise.from_json(words)) for rule, (terms, words) in found.items()}


def _read_period(found: Iterable[Any]) -> tuple[Period, Counted]:
    cutover, number, generation, counts, oldest = found
    period = Period(str(cutover), int(number), int(generation))
    return period, Counted(ShadowCounts.from_json(counts), float(oldest))
