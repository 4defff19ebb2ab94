"""Gates of cutovers, judged by what the workers of this edge count while a share is in force.

Laws of this module:
- what is counted under one share says nothing of another, nor under other rules: a trial begins anew with each, and
  when a person resumes a cutover;
- counts of all workers are one block a second, so that what slows or breaks both arms is held against neither;
- who waits for an answer is known by worker, for the time of a share: a trial that begins anew knows of them, too, and
  a worker that is gone takes its own along;
- shadows count by when their requests came: those from before a trial say nothing in it;
- while nobody is moved, differences alone are judged: there is nobody on the new arm;
- what cannot be judged does not pass: at 100 %, since nobody is on the old arm to compare with, or to be shadowed, and
  differences where no rule's shadow speaks for the cutover. Then a person decides.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from edgeproxy.control.cutovers import Failed, Judged, Passed, Undecided
from edgeproxy.control.messages import Tallied
from edgeproxy.control.shares import Shares
from edgeproxy.migration.comparing.findings import Counted, Period
from edgeproxy.migration.comparing.shadowed import speaking_for
from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.gates.evidence import Evidence, Verdict
from edgeproxy.migration.gates.trial import Trial
from edgeproxy.migration.journal import Json
from edgeproxy.migration.phases import State
from edgeproxy.ruleset.arms import WHOLE, Cutover, Gates
from edgeproxy.ruleset.model import Forward, Ruleset
from edgeproxy.ruleset.origins import DirectoryBackend

_BLOCK: Final = 1.0  # seconds
_DIRECTORY: Final = "answers from a directory are not counted, so errors and latency cannot be judged"
_NO_OLD_ARM: Final = "errors and latency cannot be judged at 100 %: nobody is on the old arm to compare with"
_NOBODY_SHADOWED: Final = "differences cannot be judged at 100 %: nobody is on the old arm, so nobody is shadowed"


@dataclass(frozen=True, slots=True)
class _Time:
    """What one trial is for: these rules, this share since it was put in force, and since this moment."""

    generation: int
    number: int
    since: float


@dataclass(frozen=True, slots=True)
class _Late:
    """Exchanges of a cutover's new arm that wait for an answer, under these rules and this share."""

    generation: int
    number: int
    by_worker: Counter[int] = field(default_factory=Counter)


class _Course:
    """A trial that goes on, and what has come for it since the last block."""

    def __init__(self, time_of: _Time, gates: Gates, now: float) -> None:
        self.time = time_of
        self.waiting = Block()
        self._trial = Trial(gates)
        self._absorbed = now
        self._evidences: tuple[Evidence, ...] | None = None

    def look(self, now: float) -> Verdict:
        """Once a block is over, it is taken in."""
        if not 0 <= now - self._absorbed < _BLOCK:  # or the clock was put back
            self._absorbed = now
            block, self.waiting = self.waiting, Block()
            if block != Block():
                self._trial.absorb(block, now)
                self._evidences = None
        return self._trial.verdict

    def evidences(self, now: float) -> tuple[Evidence, ...]:
        """As of the last block: they take milliseconds, and are made once for each."""
        if self._evidences is None:
            self._evidences = self._trial.evidences(now)
        return self._evidences


class Judging:
    """Of one edge."""

    def __init__(self, rules: Callable[[], Ruleset], shares: Shares, now: Callable[[], float] = time.time) -> None:
        self._rules = rules
        self._shares = shares
        self._now = now
        self._courses: dict[str, _Course] = {}
        self._late: dict[str, _Late] = {}

    def hear(self, worker: int, tallied: Tallied) -> dict[str, int]:
        """Of a worker, by its process. Returns how many wait unwatched, by cutover, where any do."""
        if tallied.generation != self._rules().generation:
            return {}  # it drains, under other rules
        unwatched: dict[str, int] = {}
        for name, words in tallied.blocks.items():
            block, late, course = Block.from_json(words), self._late_of(name), self._courses.get(name)
            if tallied.number >= late.number:
                late.by_worker[worker] += block.new.late
            if course is not None and tallied.number >= course.time.number:
                course.waiting.add(block)
            if block.new.unwatched:
                unwatched[name] = block.new.unwatched
        return unwatched

    def lose(self, worker: int) -> None:
        """It is gone."""
        for name, late in self._late.items():
            its, course = late.by_worker.pop(worker, 0), self._courses.get(name)
            if course is not None and course.time.number == late.number and course.time.generation == late.generation:
                course.waiting.new.late -= its

    def hear_shadows(self, periods: Mapping[Period, Counted]) -> None:
        """What a worker has compared."""
        for period, counted in periods.items():
            course = self._courses.get(period.cutover)
            if (
                course is not None
                and period.generation == self._rules().generation
                and period.number >= course.time.number
                and counted.oldest >= course.time.since
            ):
                course.waiting.shadows.add(counted.counts)

    def judge(self, cutover: Cutover, state: State) -> Judged:
        if _gates(cutover, state) == Gates():
            return Passed()
        course = self._course(cutover, state)
        if course is None:
            return Undecided()
        now = self._now()
        verdict = course.look(now)
        match verdict:
            case Verdict.PASS:
                return Passed(_written(course.evidences(now)))
            case Verdict.FAIL:
                evidences = course.evidences(now)
                why = "; ".join(str(each) for each in evidences if each.verdict is Verdict.FAIL)
                return Failed(why, _written(evidences))
            case Verdict.NOT_ENOUGH_DATA:
                return Undecided()
            case _:
                assert_never(verdict)

    def evidences(self, cutover: Cutover, state: State) -> tuple[Evidence, ...]:
        """What is known now; nothing of a cutover whose gates are not being judged."""
        is_on = state.is_running and _gates(cutover, state) != Gates()
        course = self._course(cutover, state) if is_on else None
        return () if course is None else course.evidences(self._now())

    def _course(self, cutover: Cutover, state: State) -> _Course | None:
        """None: the share is not in force here yet."""
        if self._shares.now.get(cutover.name, 0) != state.share:
            return None
        time_of = _Time(self._rules().generation, self._shares.since.get(cutover.name, 0), state.since)
        course = self._courses.get(cutover.name)
        if course is None or course.time != time_of:
            course = self._courses[cutover.name] = _Course(time_of, _gates(cutover, state), self._now())
            course.waiting.new.late = self._late_of(cutover.name).by_worker.total()
        return course

    def _late_of(self, name: str) -> _Late:
        """Under the share that is in force."""
        generation, number, late = self._rules().generation, self._shares.since.get(name, 0), self._late.get(name)
        if late is None or (late.generation, late.number) != (generation, number):
            late = self._late[name] = _Late(generation, number)
        return late


def _gates(cutover: Cutover, state: State) -> Gates:
    """Those that there can be something to judge for."""
    return cutover.gates if state.share else Gates(differences_at_most=cutover.gates.differences_at_most)


def unjudged(cutover: Cutover, state: State, ruleset: Ruleset) -> list[str]:
    """Which gates cannot be judged as it is, and why."""
    if not state.is_running:
        return []
    gates, said = cutover.gates, []
    if (gates.errors_worse_by, gates.latency_p95_ratio) != (None, None):
        said += [
            f"{each.name}: {_DIRECTORY}" for each in (cutover.old, cutover.new) if isinstance(each, DirectoryBackend)
        ]
        said += [_NO_OLD_ARM] if state.share == WHOLE else []
    if gates.differences_at_most is None:
        return said
    if state.share == WHOLE:
        return [*said, _NOBODY_SHADOWED]
    return said if speaking_for(cutover, ruleset) else [*said, _no_shadow(cutover)]


def unseen(cutover: Cutover, state: State, ruleset: Ruleset) -> list[str]:
    """The rules whose requests it moves, and of whose answers the gate of differences knows nothing."""
    speaking = frozenset(speaking_for(cutover, ruleset))
    if not speaking or not state.is_running or cutover.gates.differences_at_most is None or state.share == WHOLE:
        return []
    moved = (rule for rule in ruleset.rules if isinstance(rule.action, Forward) and rule.action.to == cutover)
    return [rule.name for rule in moved if rule.off is None and rule.name not in speaking]


def _no_shadow(cutover: Cutover) -> str:
    rule = f"no rule that forwards to {cutover.name} is shadowed by {cutover.new.name}"
    return f"differences cannot be judged: {rule}: add `shadow: {{to: {cutover.new.name}, percent: …}}` to one"


def _written(evidences: tuple[Evidence, ...]) -> Json:
    return [each.as_json() for each in evidences]
