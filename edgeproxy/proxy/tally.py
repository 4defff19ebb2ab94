"""What this worker's exchanges under cutovers came to, by cutover and arm: what gates are judged by.

Laws of this module:
- an exchange counts once, when it is over, under the share in force when it began. When that is not in force any more,
  it counts for nothing;
- what its client gave up does not count, unless it had waited for PATIENCE, for the head, or for more when all was
  silent: that is an answer that did not come in time, by the client's time and not by ours, or an arm that hangs would
  have no failures. Clients that turn away for reasons of their own do so on both arms;
- nor does what a copy, or another backend in the arm's place, has answered. That the arm's backend failed before counts
  all the same;
- who waits for an answer of the new arm's for longer than LATE is told of meanwhile: before it is over it is no failure
  yet, and gates that know of ended exchanges alone would pass an arm that hangs, until its first timeout;
- a request that is under no cutover has nothing here;
- who waits is watched up to a number, and counted beyond: whether somebody takes what is tallied is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import ref

from edgeproxy.migration.gates.counts import ArmCounts, Block
from edgeproxy.telemetry.counters import BackendFailure

PATIENCE: Final = 0.5  # seconds
LATE: Final = 1.0  # seconds without a head
MOST_WATCHED: Final = 16_384  # exchanges of one cutover; of those that are over, until there are so many
_FULL: Final = MOST_WATCHED * 15 // 16
_BROKEN: Final = 500
_TIMEOUTS: Final = frozenset(
    (
        BackendFailure.CONNECT_TIMEOUT,
        BackendFailure.HEAD_TIMEOUT,
        BackendFailure.BODY_TIMEOUT,
        BackendFailure.TOTAL_TIMEOUT,
    )
)


@dataclass(frozen=True, slots=True)
class ArmOf:
    """On which arm of which cutover a request is."""

    cutover: str
    is_new: bool


class _Period:
    """A cutover under one share, in thousandths of a percent, and what was counted since somebody took it."""

    __slots__ = ("_begun", "_is_full", "_late", "_waiting", "block", "share")

    def __init__(self, share: int) -> None:
        self.share = share
        self.block = Block()
        self._begun: list[Measured] = []  # on the new arm, since somebody took it
        self._is_full = False  # with such as wait
        self._waiting: list[ref[Measured]] = []  # before that; whoever else has forgotten them, nobody waits for them
        self._late = 0  # of them, as was told

    def watch(self, measured: Measured) -> None:
        if len(self._begun) + len(self._waiting) >= MOST_WATCHED and not self._is_full:
            self._forget_answered()
        if self._is_full:
            self.block.new.unwatched += 1
        else:
            self._begun.append(measured)

    def _forget_answered(self) -> None:
        """PERF: where nearly all still wait, there is little more to be forgotten until somebody looks."""
        self._waiting = [find for find in self._waiting if (each := find()) is not None and not each.is_answered]
        self._begun = [each for each in self._begun if not each.is_answered]
        self._is_full = len(self._begun) + len(self._waiting) > _FULL

    def look(self) -> None:
        """How many are late now, as what it is more, or less, than it was: so it adds up, of time and of workers.

        PERF: nothing is written down when an exchange ends; of those that are over within the second, most by far,
        nothing is kept.
        """
        known = [find() for find in self._waiting]
        waiting = [each for each in (*known, *self._begun) if each is not None and not each.is_answered]
        self._waiting, self._begun = [ref(each) for each in waiting], []
        self._is_full = False
        late = sum(each.is_late for each in waiting)
        self.block.new.late += late - self._late
        self._late = late


class Measured:
    """One exchange with an arm's backend. Its time is that to the answer's head, from its beginning, or, where a body
    comes along, from the body's end: what went before is the client's time.
    """

    __slots__ = ("__weakref__", "_began", "_is_new", "_is_whole", "_now", "_period", "_took")

    def __init__(self, period: _Period, now: Callable[[], float], *, is_new: bool, is_whole: bool) -> None:
        """`is_whole`: the request."""
        self._period: _Period | None = period  # None: it is over
        self._is_new = is_new
        self._is_whole = is_whole
        self._now = now
        self._began = now()
        self._took: float | None = None  # to its head

    @property
    def is_answered(self) -> bool:
        """As far as its head; or it is over without."""
        return self._period is None or self._took is not None

    @property
    def is_late(self) -> bool:
        return not self.is_answered and self._is_whole and self._now() - self._began >= LATE

    def on_request_end(self) -> None:
        self._is_whole = True
        self._began = self._now()

    def on_head(self, status: int) -> None:
        if self._took is None:
            self._took = self._now() - self._began
            if status >= _BROKEN:
                self._end(ArmCounts.note_failure)

    def on_end(self) -> None:
        took = self._took
        if took is not None:
            self._end(lambda counts: counts.note_answer(took))

    def on_whole(self, status: int) -> None:
        """In the place of both."""
        self.on_head(status)
        self.on_end()

    def on_failure(self, failure: BackendFailure, *, is_whole: bool) -> None:
        """`is_whole`: the request."""
        is_late = failure is BackendFailure.TOTAL_TIMEOUT
        if is_late and (self._took is not None or not is_whole):
            # A client that sends, or takes, too slowly has used up the time.
            self.on_end()
            self._period = None
        elif self._took is None and failure in _TIMEOUTS:
            waited = self._now() - self._began
            self._end(lambda counts: counts.note_timeout(waited))
        else:
            self._end(ArmCounts.note_failure)

    def on_client_gone(self, silence: float, *, is_whole: bool) -> None:
        """`silence`: seconds since the last octets of an answer that has begun; `is_whole`: the request."""
        waited = self._now() - self._began
        if self._took is not None and silence >= PATIENCE:
            self._end(ArmCounts.note_failure)
        elif self._took is None and is_whole and waited >= PATIENCE:
            self._end(lambda counts: counts.note_timeout(waited))
        self._period = None

    def _end(self, note: Callable[[ArmCounts], None]) -> None:
        period, self._period = self._period, None
        if period is not None:
            note(period.block.new if self._is_new else period.block.old)


class Tally:
    """Of one worker."""

    def __init__(self) -> None:
        self._periods: dict[str, _Period] = {}

    def put(self, shares: Mapping[str, int]) -> None:
        """These are in force now. Where one is as before, what it has counted goes on."""
        before = self._periods
        self._periods = {
            name: before[name] if name in before and before[name].share == share else _Period(share)
            for name, share in shares.items()
            if share
        }

    def begin(self, arm: ArmOf, now: Callable[[], float], *, is_whole: bool) -> Measured | None:
        """None: its cutover is at rest, and nothing is judged. `is_whole`: the request; else its body is to come."""
        period = self._periods.get(arm.cutover)
        if period is None:
            return None
        measured = Measured(period, now, is_new=arm.is_new, is_whole=is_whole)
        if arm.is_new:
            period.watch(measured)
        return measured

    def take(self) -> dict[str, dict[str, Any]]:
        """What came since the last time: words of a block, by cutover. To be asked each second or so."""
        taken = {}
        for name, period in self._periods.items():
            period.look()
            if period.block != Block():
                taken[name], period.block = period.block.as_json(), Block()
        return taken
