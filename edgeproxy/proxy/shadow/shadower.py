"""A worker's shadows: who is shadowed, who waits for it, and who is asked.

Laws of this module:
- whatever a backend does to its shadows, they cost no more than so many connections, so many that wait, and so many
  octets in all; what is beyond that is dropped, and each drop is counted;
- shadows of one backend are in no other one's way: each has its own lane;
- without somebody who compares nobody is shadowed, and an edge that ends waits for no shadow.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from edgeproxy.migration.specimen import Part, Silence, Specimen
from edgeproxy.proxy.pool import Pool
from edgeproxy.proxy.shadow.hearing import Room
from edgeproxy.proxy.shadow.original import LONGEST_BODY, Original
from edgeproxy.proxy.shadow.shadowing import Shadowing
from edgeproxy.proxy.tally import Tally
from edgeproxy.ruleset.arms import WHOLE
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import HttpBackend, Timeouts
from edgeproxy.telemetry.counters import Counters, Drop

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.shadow.shadow_plan import ShadowPlan

AT_ONCE: Final = 16  # shadows of one backend that are asked
MOST_WAITING: Final = 256  # for that, of one backend
_OCTETS: Final = 32 << 20  # of requests and answers, that all hold together
_WAIT: Final = 10.0  # seconds for its turn: later the new answer would be compared with one of another time
_SILENCES: Final = 5  # in a row, or answers without an end, after which a backend gets no shadows
_REST: Final = 1.0  # for so many seconds. PERF: a refused connection costs more than the request that is shadowed
_PATIENCE: Final = 10.0  # seconds for the head of an answer, where the backend's own time is longer
LEARNING: Final = 20  # pairs of answers of the old side, of one rule, before the old side is asked twice but rarely
_ONE_OF: Final = 20  # shadows, then


_CROWDED: Final = frozenset((Drop.QUEUE_FULL, Drop.LATE, Drop.NO_ROOM))


@dataclass(slots=True)
class _Unasked:
    """Requests that the other backend was not asked: under which shares, and since when."""

    number: int
    since: float
    count: int = 0


class Shadower:
    """`deliver` is the edge's: somebody who compares, in another process."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.counters = edge.counting
        self.room = Room(_OCTETS)
        self._lanes: dict[str, Lane] = {}
        self._pools: dict[str, Pool] = {}
        self._own_counters, self._own_tally = Counters(), Tally()  # of the pools: nothing of them is a client's
        self._pairs: Counter[str] = Counter()
        # By rule, until the next one that is asked takes it along: since it answered nobody, and since there were more
        # than it answers.
        self._unasked: dict[str, _Unasked] = {}
        self._crowded: dict[str, _Unasked] = {}
        self._is_closed = False

    # -- for exchanges ------------------------------------------------------------------------------------------

    def takes(self, plan: Pass, values: Mapping[str, str]) -> bool:
        """Whether a request with these fields is shadowed: it is its turn, and nothing speaks against it."""
        shadow, edge = plan.shadow, self._edge
        if shadow is None or edge.deliver is None or self._is_closed:
            return False
        if shadow.share < WHOLE and edge.dice() * WHOLE >= shadow.share:
            return False
        why = self._why_not(shadow, values)
        if why is not None:
            self.count_drop(plan, why)
        return why is None

    def begin(
        self, plan: Pass, values: Mapping[str, str], lines: bytes, body: bytes | None, *, awaits_body: bool = False
    ) -> Original | None:
        """Shadow it, as soon as its answer was heard. `values`, `lines`: its fields, and as its own backend gets them;
        `body`: None where it has none, and the beginning where the rest is still to come.
        """
        shadow = plan.shadow
        assert shadow is not None, "it was taken"
        original = Original(self, plan, shadow, values, lines, body, awaits_body=awaits_body)
        if body is not None and len(body) > LONGEST_BODY:
            original.drop(Drop.TOO_LARGE)
        elif not original.hold.take(len(lines) + len(body or b"")):
            original.drop(Drop.NO_ROOM)
        else:
            return original
        return None

    def moment(self) -> tuple[float, int]:
        """POSIX seconds, and the number of the shares in force."""
        return self._edge.clock.wall(), self._edge.number

    # -- for originals ------------------------------------------------------------------------------------------

    def queue(self, original: Original) -> None:
        """Its answer is whole: ask the other backend, when it is its turn. What takes long is done here, where the
        client has its answer.
        """
        if self._is_closed:
            original.close(Drop.DRAINING)
        elif original.shadow.holds_secret(original.values):
            original.close(Drop.CREDENTIALS)
        else:
            original.queued = self._edge.clock.now()
            self._lane(original.shadow).add(original)

    def count_drop(self, plan: Pass, why: Drop) -> None:
        self.counters.shadow_drops[plan.rule, why] += 1
        if plan.is_overridden:
            return
        if why is Drop.DOWN:
            self._note(self._unasked, plan.rule)
        elif why in _CROWDED:
            self._note(self._crowded, plan.rule)

    def _note(self, noted: dict[str, _Unasked], rule: str) -> None:
        at, number = self.moment()
        unasked = noted.get(rule)
        if unasked is None or unasked.number != number:
            unasked = noted[rule] = _Unasked(number, at)
        unasked.count += 1

    # -- for shadows --------------------------------------------------------------------------------------------

    @property
    def ruleset(self) -> Ruleset:
        return self._edge.ruleset

    def pool(self, backend: HttpBackend) -> Pool:
        """Of connections for shadows only."""
        pool = self._pools.get(backend.name)
        if pool is None:
            pool = self._pools[backend.name] = self._new_pool(backend)
            pool.start()
        return pool

    def wants_pair(self, rule: str) -> bool:
        """Whether the old side is asked a second time, for the differences that it has with itself."""
        return self._pairs[rule] < LEARNING or self._edge.dice() * _ONE_OF < 1

    def note(self, original: Original, outcome: Part | Silence) -> None:
        """What came of the shadow."""
        if isinstance(outcome, Silence):
            self.counters.shadow_silences[original.plan.rule, outcome] += 1
        self._lane(original.shadow).note(outcome)

    def deliver(self, specimen: Specimen) -> bool:
        deliver, rule = self._edge.deliver, specimen.rule
        unasked, crowded = (
            each if each is not None and each.number == specimen.number and not specimen.is_overridden else None
            for each in (self._unasked.get(rule), self._crowded.get(rule))
        )
        if unasked is not None:
            specimen = replace(specimen, unasked=unasked.count, unasked_since=unasked.since)
        if crowded is not None:
            specimen = replace(specimen, lost=specimen.lost + crowded.count)
        if deliver is None or not deliver(specimen):
            return False
        if unasked is not None:
            del self._unasked[rule]
        if crowded is not None:
            del self._crowded[rule]
        self.counters.shadows_delivered[specimen.rule] += 1
        self._pairs[specimen.rule] += isinstance(specimen.again, Part)
        return True

    # -- for the edge -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Drop all there are, and begin no more."""
        self._is_closed = True
        for lane in self._lanes.values():
            lane.close()
        for pool in self._pools.values():
            pool.close()

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    @property
    def running(self) -> int:
        return sum(lane.running for lane in self._lanes.values())

    # -- steps --------------------------------------------------------------------------------------------------

    def _why_not(self, shadow: ShadowPlan, values: Mapping[str, str]) -> Drop | None:
        """PERF: before anything is made for it. While a backend hangs, this is all that most requests cost."""
        lane = self._lane(shadow)
        if lane.waiting >= MOST_WAITING:
            return Drop.QUEUE_FULL
        if lane.is_resting:
            return Drop.DOWN
        if self.room.is_full:
            return Drop.NO_ROOM
        return None if shadow.may_be_asked(values) else Drop.CREDENTIALS

    def _lane(self, shadow: ShadowPlan) -> Lane:
        name = shadow.plan.backend.name
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(self, self._edge)
        return lane

    def _new_pool(self, backend: HttpBackend) -> Pool:
        """Without health checks: that a backend is down is what a shadow finds out."""
        edge, timeouts = self._edge, backend.timeouts
        own = replace(backend, name=f"{backend.name} (shadows)", health=None, timeouts=_shortened(timeouts))
        return Pool(own, edge.clock, edge.limits, self._own_counters, edge.resolver, self._own_tally)


class Lane:
    """Shadows of one backend: those that are asked, and those that wait for their turn."""

    def __init__(self, shadower: Shadower, edge: Edge) -> None:
        self._shadower = shadower
        self._clock = edge.clock
        self._waiting: deque[Original] = deque()
        self._running: set[Shadowing] = set()
        self._is_starting = False
        self._silences = 0  # in a row
        self._rests_until = 0.0  # in loop time

    @property
    def is_resting(self) -> bool:
        """PERF: the clock is read only after so many silences."""
        return self._silences >= _SILENCES and self._clock.now() < self._rests_until

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    def add(self, original: Original) -> None:
        if len(self._waiting) >= MOST_WAITING:
            original.close(Drop.QUEUE_FULL)
            return
        self._waiting.append(original)
        self._start()

    def close(self) -> None:
        while self._waiting:
            self._waiting.popleft().close(Drop.DRAINING)
        for shadowing in tuple(self._running):
            shadowing.stop(Drop.DRAINING)

    def note(self, outcome: Part | Silence) -> None:
        """What came of a shadow."""
        if isinstance(outcome, Part) and not outcome.is_cut:
            self._silences = 0
            return
        self._silences += 1
        if self._silences >= _SILENCES:
            self._rests_until = self._clock.now() + _REST

    def _start(self) -> None:
        """As many as may run. One that is over at once comes back here, and not into a deeper call."""
        if self._is_starting:
            return
        self._is_starting = True
        try:
            while self._waiting and len(self._running) < AT_ONCE:
                self._start_one(self._waiting.popleft())
        finally:
            self._is_starting = False

    def _start_one(self, original: Original) -> None:
        if self._clock.now() - original.queued > _WAIT:
            original.close(Drop.LATE)
            return
        if self.is_resting:
            original.close(Drop.DOWN)
            return
        shadowing = Shadowing(self._shadower, original, self._on_over)
        self._running.add(shadowing)
        shadowing.start()

    def _on_over(self, shadowing: Shadowing) -> None:
        self._running.discard(shadowing)
        self._start()


def _shortened(timeouts: Timeouts) -> Timeouts:
    return replace(timeouts, head=min(timeouts.head, _PATIENCE), between=min(timeouts.between, _PATIENCE))
