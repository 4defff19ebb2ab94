"""A worker's end of comparing: its comparer, a process that gets specimens and says what it has found.

Laws of this module:
- nothing here waits: a specimen for which there is no room is not taken, and whoever has it counts that;
- the comparer is started with the first specimen, and again, ever more slowly, when it dies young. What is lost with it
  is counted;
- what could not be compared (no room, or lost with a comparer) is said with the next specimen of its rule that is
  taken, under the same shares: no gate passes on what is left;
- when nobody takes what it found, the comparer waits, and so, in the end, specimens are not taken.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from edgeproxy.control.comparer import Report, write_start
from edgeproxy.control.restarts import Restarts
from edgeproxy.migration.comparing.frames import framed
from edgeproxy.migration.comparing.shadowed import Shadowed
from edgeproxy.migration.specimen import Specimen
from edgeproxy.proxy.companion import Companion
from edgeproxy.telemetry.counters import Counters
from edgeproxy.telemetry.stderr import tell

MOST_WAITING: Final = 16 << 20  # octets of specimens that are not with the kernel yet
_STEADY: Final = 60.0  # seconds: the death of a comparer that lived so long is news
Shares = tuple[str, int, int]  # a rule, under rules and shares of these numbers
Waiting = tuple[Shares, int]  # a specimen, and as how many it is lost: it may tell of others


class Comparing:
    """`lessons`: the noise that is known (`comparer.write_start`). `on_found` gets what was found, as
    `Findings.from_json` reads it, and is asked only while `is_heard` says that there is room for it.
    """

    def __init__(
        self,
        shadowed: Sequence[Shadowed],
        lessons: str,
        on_found: Callable[[str], None],
        is_heard: Callable[[], bool],
        counters: Counters,
    ) -> None:
        self._shadowed = shadowed
        self._lessons = lessons
        self._on_found = on_found
        self.is_heard = is_heard
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._restarts = Restarts()
        self._not_before = 0.0
        self._is_told = False
        self._is_closed = False
        self._running: Companion | None = None
        self._undone: deque[Waiting] = deque()  # specimens that it has
        self._lost: Counter[Shares] = Counter()

    def deliver(self, specimen: Specimen) -> bool:
        """Whether it is taken."""
        if self._running is None:
            self._start()
        shares = specimen.rule, specimen.generation, specimen.number
        lost = self._lost[shares]
        whole = replace(specimen, lost=lost) if lost and not specimen.is_overridden else specimen
        pieces = framed(whole)
        if self._running is None or not _has_room(self._running, sum(map(len, pieces))):
            self._lose([(shares, 1)])
            return False
        self._running.send(pieces)
        self._undone.append((shares, 1 + whole.lost))
        if whole.lost:
            del self._lost[shares]
        return True

    def _lose(self, gone: Iterable[Waiting]) -> None:
        for shares, count in gone:
            self._lost[shares] += count
        newest = max((number for _, _, number in self._lost), default=0)
        self._lost = Counter({each: count for each, count in self._lost.items() if count and each[2] == newest})

    @property
    def pid(self) -> int:
        return 0 if self._running is None else self._running.pid

    async def close(self, within: float) -> None:
        """Let it compare what it has, for so many seconds, and say what it found."""
        self._is_closed = True
        if self._running is not None:
            await self._running.end(within)

    def _start(self) -> None:
        if self._is_closed or self._loop.time() < self._not_before:
            return
        try:
            start = write_start(self._shadowed, self._lessons)
            try:
                self._running = Companion("edgeproxy.control.comparer", self, (start,))
            finally:
                os.close(start)
        except OSError as error:  # no process, no memory, no descriptor left
            self._put_off(0.0, f"the comparer of shadows cannot be started: {error.strerror}")

    def on_line(self, line: bytes) -> None:
        report = Report.read(line)
        for _ in range(report.done):
            self._undone.popleft()
        self._lessons = self._lessons if report.lessons is None else report.lessons
        self._on_found(report.found)

    def on_end(self, lived: float, how: str) -> None:
        self._running = None
        self._counters.specimens_lost += len(self._undone)
        self._lose(self._undone)
        self._undone.clear()
        if self._is_closed:
            return
        self._counters.comparers_ended += 1
        self._is_told = self._is_told and lived < _STEADY
        self._put_off(lived, f"the comparer of shadows {how}: another one takes its place")

    def _put_off(self, lived: float, why: str) -> None:
        self._not_before = self._loop.time() + self._restarts.pause_after(lived)
        if not self._is_told:
            self._is_told = True
            tell(why)


def _has_room(running: Companion, octets: int) -> bool:
    """For one specimen, be it what it may, there always is."""
    return not running.is_finishing and (not running.waiting or running.waiting + octets <= MOST_WAITING)
