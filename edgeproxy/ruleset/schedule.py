"""The windows of `during` ahead: when each rule takes requests, and when any of them does.

Laws of this module:
- an opening is a time in which at least one window is open, as long as it lasts: windows that overlap or meet are one;
- what is told has a bound, whatever the rules say; what was left out is told, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple

from edgeproxy.ruleset.matching import Window
from edgeproxy.ruleset.model import Rule, Ruleset
from edgeproxy.ruleset.openings import is_any_open, is_open_for_good, next_change

MOST: Final = 1_000  # openings of one rule, and of all together


@dataclass(frozen=True, slots=True)
class Opening:
    """From `start` to before `end`, in seconds since the epoch. `start` None: it was open before what is looked at.
    `end` None: it never closes, `for_good`, or, if that is not sure, not within all that could be looked at.
    """

    start: float | None
    end: float | None
    for_good: bool = False

    @property
    def seconds(self) -> float | None:
        return None if self.start is None or self.end is None else self.end - self.start


@dataclass(frozen=True, slots=True)
class Course:
    """What is ahead of one rule. `more`: openings were left out. `later`: where there is none, when the next one
    begins; None: never.
    """

    rule: Rule
    openings: tuple[Opening, ...]
    more: bool = False
    later: float | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """A time in which at least one rule is open: which ones are, and for how many seconds, of those that are looked at,
    more than one.
    """

    opening: Opening
    rules: tuple[str, ...]
    at_once: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Of all rules with a `during`, from `begin` to before `until`. `more`: some of what is together was left out."""

    begin: float
    until: float
    courses: tuple[Course, ...]
    together: tuple[Together, ...]
    more: bool


def schedule(ruleset: Ruleset, begin: float, until: float, most: int = MOST) -> Schedule:
    courses = tuple(_course(rule, begin, until, most) for rule in ruleset.rules if rule.match.during)
    known = min((_known_until(course, until) for course in courses), default=until)
    together = tuple(_together(courses, begin, known))
    return Schedule(begin, until, courses, together[:most], len(together) > most or known < until)


def openings(windows: Sequence[Window], begin: float, until: float, most: int) -> tuple[tuple[Opening, ...], bool]:
    """Those that are open at some moment of this time, at most so many; and whether there are more."""
    found: list[Opening] = []
    at: float | None = begin
    start: float | None = None
    if not is_any_open(windows, begin):
        at = start = next_change(windows, begin)
    while at is not None and at < until:
        if len(found) == most:
            return tuple(found), True
        end = next_change(windows, at)
        found.append(Opening(start, end, end is None and is_open_for_good(windows, at)))
        at = start = None if end is None else next_change(windows, end)
    return tuple(found), False


def _course(rule: Rule, begin: float, until: float, most: int) -> Course:
    if rule.off is not None:
        return Course(rule, ())
    windows = rule.match.during
    found, more = openings(windows, begin, until, most)
    return Course(rule, found, more, None if found else next_change(windows, begin))


def _known_until(course: Course, until: float) -> float:
    """Up to when all openings of a rule are at hand."""
    last = course.openings[-1].end if course.more else None
    return until if last is None else min(last, until)


class _Span(NamedTuple):
    """An opening with bounds that can be compared."""

    start: float
    end: float
    rule: str
    opening: Opening


def _together(courses: Sequence[Course], begin: float, until: float) -> Iterator[Together]:
    """The openings of all rules that begin before `until`, joined where they overlap or meet."""
    spans = sorted(span for course in courses for span in _spans(course) if span.start < until)
    order = [course.rule.name for course in courses]
    group: list[_Span] = []
    end = -inf
    for span in spans:
        if group and span.start > end:
            yield _joined(group, order, begin, until)
            group = []
        group.append(span)
        end = max(end, span.end)
    if group:
        yield _joined(group, order, begin, until)


def _spans(course: Course) -> Iterator[_Span]:
    for each in course.openings:
        start, end = -inf if each.start is None else each.start, inf if each.end is None else each.end
        yield _Span(start, end, course.rule.name, each)


def _joined(group: Sequence[_Span], order: Sequence[str], begin: float, until: float) -> Together:
    names, end = {span.rule for span in group}, max(span.end for span in group)
    for_good = any(span.opening.for_good for span in group)
    opening = Opening(group[0].opening.start, None if end == inf else end, for_good)
    return Together(opening, tuple(name for name in order if name in names), _at_once(group, begin, until))


def _at_once(group: Sequence[_Span], begin: float, until: float) -> float:
    changes = sorted(change for span in group for change in ((max(span.start, begin), 1), (min(span.end, until), -1)))
    seconds, now_open = 0.0, 0
    for (moment, change), (following, _) in pairwise(changes):
        now_open += change
        seconds += following - moment if now_open > 1 else 0.0
    return seconds
