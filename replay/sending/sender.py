"""Sends to one target: lanes and their connections, within bounds, and counts what becomes of it.

Laws of this module:
- what is due is sent at once, or as soon as its lane is free; the schedule is never changed by what a target does;
- what is late is told by how much, and what cannot be sent within the bounds is counted as not sent;
- nothing is sent twice, but for what was written to a kept connection that had been closed, of whose answer no octet
  came: as clients do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from edgeproxy.http.response import ResponseHead, ResponseReader
from edgeproxy.migration.comparing.targets import kept_link
from replay.planned import Planned
from replay.sending.asking import NOT_YET, Answered, Asking, Budget, Listener, Silent
from replay.sending.connection import Connection
from replay.sending.lane import Lane
from replay.sending.outcome import Failure, NotSent, Outcome
from replay.sending.said import kept_of, line_start, writes_of
from replay.sending.target import Settings, Target
from replay.sending.wire import Writer, authority_of, server_name

_MOST_FIELDS: Final = 200
_MOST_WAITING: Final = 64 << 20  # octets of requests that wait: as many usual ones are far beyond `waiting`
WRITES: Final = "Backend-Writes"


class Sender:
    """`clock` is monotonic, in seconds; `on_write` is called when an answer says that something was written."""

    def __init__(
        self,
        target: Target,
        settings: Settings,
        outcome: Outcome,
        clock: Callable[[], float],
        *,
        listener: Listener | None = None,
        budget: Budget | None = None,
        writes_header: str = WRITES,
        on_write: Callable[[str], None] = lambda _: None,
    ) -> None:
        # For the run
        self.target = target
        self.settings = settings
        self.outcome = outcome
        self.heads = ResponseReader(_MOST_FIELDS)
        self.budget = budget or Budget(settings.keep * settings.connections)
        self._clock = clock
        self._listener = Silent() if listener is None else listener
        self._is_heard = listener is not None
        self._writer = Writer()
        self._writes_start = line_start(writes_header)
        self._on_write = on_write
        self._began = 0.0
        self._opening: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None  # of this program, while a connection was being opened
        # What there is now
        self.in_hand = 0  # requests that wait, or are on their way
        self._waiting = 0
        self._waiting_octets = 0
        self._open = 0  # connections, those being opened included
        self._named: dict[str, Lane] = {}
        self._pools: dict[str, deque[Asking]] = {}  # what waits for any connection; by server name
        self._free: dict[str, dict[Lane, None]] = {}  # lanes of pools; the one that was used last is the last
        self._idle: dict[Lane, float] = {}  # since when; the longest is the first
        self._busy: set[Connection] = set()
        self._starved: deque[Lane] = deque()  # there was no room for their connections

    def begin(self, now: float) -> None:
        self._began = now

    # -- for the schedule ---------------------------------------------------------------------------------------

    def take(self, planned: Planned, due: float) -> None:
        """It is due now, or was before. Raises Unsendable."""
        octets = self._writer.octets(planned)
        outcome, scheduled = self.outcome, due - self._began
        outcome.intended += 1
        outcome.scheduled = scheduled
        outcome.taken = max(self._clock() - self._began, scheduled)
        outcome.timeline.at(scheduled).intended += 1
        asking = Asking(planned, octets, due)
        server_name = "" if self.target.tls is None else authority_of(planned.url)
        lane = self._lane(planned.lane, server_name)
        if lane is not None and not lane.waiting and lane.connection is not None and lane.connection.asking is None:
            self.in_hand += 1
            self._send(lane, lane.connection, asking)
        elif self._waiting >= self.settings.waiting or self._waiting_octets + len(octets) > _MOST_WAITING:
            self._leave(asking, NotSent.OVERLOAD)
        else:
            self.in_hand += 1
            self._hold(asking)
            self._wait(lane, server_name, asking)

    def stop(self) -> None:
        """Send nothing more; what is on its way may come to its end."""
        for waiting in [each.waiting for each in self._named.values()] + list(self._pools.values()):
            while waiting:
                self._drop(self._next_of(waiting), NotSent.STOPPED)

    async def close(self) -> None:
        for connection in list(self._busy):
            connection.give_up()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for lane in list(self._idle):
            if lane.connection is not None:
                lane.connection.close()

    def sweep(self) -> None:
        """What took too long, or is not needed any more. To be called a few times a second. Raises what nobody else
        would hear of.
        """
        if self._fault is not None:
            raise self._fault
        now = self._clock()
        for connection in [each for each in self._busy if each.deadline <= now]:
            connection.give_up()
        since = now - self.settings.idle
        for lane in [lane for lane, at in self._idle.items() if at <= since]:
            self._close_idle(lane)
        for waiting in [each.waiting for each in self._named.values() if each.waiting] + list(self._pools.values()):
            self._drop_late(waiting, now)
        if self.in_hand:
            moment = self.outcome.timeline.at(now - self._began)
            moment.oldest = max(moment.oldest, now - self._oldest(now))

    def _oldest(self, now: float) -> float:
        """When what is longest without an answer was due."""
        waiting = [each.waiting for each in self._named.values()] + list(self._pools.values())
        dues = [each[0].due for each in waiting if each]
        dues += [each.asking.due for each in self._busy if each.asking is not None]
        return min(dues, default=now)

    # -- for lanes ----------------------------------------------------------------------------------------------

    def go_on(self, lane: Lane, connection: Connection) -> None:
        """A connection is free, and something may wait for it."""
        self._busy.discard(connection)
        self._drop_late(lane.waiting, self._clock())
        if lane.waiting:
            asking = self._next_of(lane.waiting)
            asking.has_waited = True
            self._send(lane, connection, asking)
        else:
            self.on_idle(lane)

    def on_idle(self, lane: Lane) -> None:
        connection = lane.connection
        assert connection is not None, "a lane is idle when its connection is"
        self._busy.discard(connection)
        if self._starved:
            connection.close()
            lane.on_closed(connection)
            return
        self._idle[lane] = self._clock()
        if not lane.key:
            self._free[lane.server_name][lane] = None

    def on_closed(self, lane: Lane, connection: Connection | None = None) -> None:
        """Its connection has ended, or there is none."""
        if connection is not None:
            self._busy.discard(connection)
        self._forget_idle(lane)
        self._open -= 1
        self._open_starved()
        if lane.waiting and not lane.is_opening:
            self._open_for(lane)
        elif lane.key and not lane.waiting:
            self._named.pop(lane.key, None)

    def on_resent(self, asking: Asking) -> None:
        self._hold(asking)
        self.outcome.resent += 1

    def on_lines(self, asking: Asking, lines: bytes) -> None:
        """Field lines of an answer, as they came, each between CRLFs: of any head, or trailers. Whatever becomes of
        that answer, a write that they tell of ends the run.
        """
        writes = writes_of(lines.lower(), self._writes_start)
        if writes:
            planned = asking.planned
            self._on_write(f"{planned.method} {kept_link(planned.url)}: its answer says that it wrote {writes}")

    def on_whole(self, asking: Asking, head: ResponseHead, octets: int, digest: Any, content: list[bytes]) -> None:
        self.in_hand -= 1
        now = self._clock()
        outcome, planned, status = self.outcome, asking.planned, head.status
        corrected, plain = now - asking.due, now - asking.sent
        outcome.seconds = now - self._began
        outcome.answered += 1
        outcome.octets += octets
        outcome.statuses[status] += 1
        outcome.corrected.note(corrected)
        outcome.plain.note(plain)
        label = outcome.label(planned.label)
        label.sent += 1
        label.statuses[status] += 1
        label.corrected.note(corrected)
        moment = outcome.timeline.at(now - self._began)
        moment.answered += 1
        if corrected > moment.corrected:
            moment.corrected = corrected
        if plain > moment.plain:
            moment.plain = plain
        self._count(head.octets.lower())
        if self._is_heard:
            hexdigest = digest.hexdigest() if digest is not None else ""
            lines = head.octets[head.octets.index(b"\r\n") + 2 :]
            self._listener.on_answered(Answered(planned, status, lines, octets, hexdigest, b"".join(content)))

    def on_failure(self, asking: Asking, failure: Failure, status: int, octets: int) -> None:
        self.in_hand -= 1
        now = self._clock()
        outcome, planned = self.outcome, asking.planned
        outcome.seconds = now - self._began
        outcome.failures[failure] += 1
        label = outcome.label(planned.label)
        label.sent += 1
        label.failed += 1
        moment = outcome.timeline.at(now - self._began)
        moment.failed += 1
        if failure is Failure.TIMEOUT:  # it took at least so long: without it, what hangs would look fast
            outcome.corrected.note(now - asking.due)
            outcome.plain.note(now - asking.sent)
            label.corrected.note(now - asking.due)
            moment.corrected = max(moment.corrected, now - asking.due)
            moment.plain = max(moment.plain, now - asking.sent)
        self._listener.on_answered(Answered(planned, status, b"", octets, "", b"", failure))

    # -- steps --------------------------------------------------------------------------------------------------

    def _lane(self, name: str, server_name: str) -> Lane | None:
        """The one that is to carry it; None: any of the pool's that is free next."""
        if name:
            key = f"{name} {server_name}" if server_name else name
            lane = self._named.get(key)
            if lane is None:
                lane = self._named[key] = Lane(self, key, server_name, deque())
            return lane
        if server_name not in self._pools:
            self._pools[server_name], self._free[server_name] = deque(), {}
        free = self._free[server_name]
        return next(reversed(free)) if free else None

    def _hold(self, asking: Asking) -> None:
        self._waiting += 1
        self._waiting_octets += len(asking.octets)

    def _next_of(self, waiting: deque[Asking]) -> Asking:
        asking = waiting.popleft()
        self._waiting -= 1
        self._waiting_octets -= len(asking.octets)
        return asking

    def _wait(self, lane: Lane | None, server_name: str, asking: Asking) -> None:
        if lane is None:
            lane = Lane(self, "", server_name, self._pools[server_name])
        lane.waiting.append(asking)
        if lane.connection is None and not lane.is_opening:
            self._open_for(lane)

    def _send(self, lane: Lane, connection: Connection, asking: Asking) -> None:
        self._forget_idle(lane)
        now = self._clock()
        self._begin(asking, now)
        self._busy.add(connection)
        connection.ask(asking, now + self.settings.timeout)

    def _begin(self, asking: Asking, now: float) -> None:
        if asking.sent != NOT_YET:
            return
        asking.sent = now
        outcome = self.outcome
        outcome.sent += 1
        (outcome.waited if asking.has_waited else outcome.timing).note(now - asking.due)
        outcome.timeline.at(now - self._began).sent += 1

    def _count(self, lines: bytes) -> None:
        """`lines`: a head, in lower case."""
        kept = kept_of(lines)
        if kept is not None:
            self.outcome.kept[kept] += 1
        if self._writes_start in lines:
            self.outcome.telling += 1

    def _open_for(self, lane: Lane) -> None:
        """Open its connection, if there is room, or can be made; else it waits for that."""
        if self._open >= self.settings.connections:
            oldest = next(iter(self._idle), None)
            if oldest is None:
                if lane.key or not any(each.waiting is lane.waiting for each in self._starved):
                    self._starved.append(lane)
                if lane.waiting:
                    lane.waiting[0 if lane.key else -1].has_waited = True
                return
            self._close_idle(oldest)
        self._open += 1
        self.outcome.most_open = max(self.outcome.most_open, self._open)
        lane.is_opening = True
        if lane.waiting:
            self._begin(lane.waiting[0 if lane.key else -1], self._clock())
        task = asyncio.get_running_loop().create_task(self._open_connection(lane))
        self._opening.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            self._fault = self._fault or task.exception()

    async def _open_connection(self, lane: Lane) -> None:
        began = self._clock()
        tls = self.target.tls
        try:
            async with asyncio.timeout(self.settings.connect):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(lane),
                    self.target.host,
                    self.target.port,
                    ssl=tls,
                    server_hostname=None if tls is None else server_name(lane.server_name),
                )
        except (OSError, ValueError) as error:  # TimeoutError and ssl.SSLError are OSErrors, Unsendable a ValueError
            lane.is_opening = False
            self._on_refused(lane, Failure.TIMEOUT if isinstance(error, TimeoutError) else Failure.CONNECT)
            return
        lane.is_opening = False
        lane.connection = connection
        self.outcome.connections += 1
        self.outcome.connecting.note(self._clock() - began)
        self.go_on(lane, connection)

    def _on_refused(self, lane: Lane, failure: Failure) -> None:
        if lane.waiting:
            self.on_failure(self._next_of(lane.waiting), failure, 0, 0)
        self.on_closed(lane)

    def _open_starved(self) -> None:
        while self._starved and self._open < self.settings.connections:
            lane = self._starved.popleft()
            if lane.waiting and lane.connection is None and not lane.is_opening:
                self._open_for(lane)

    def _close_idle(self, lane: Lane) -> None:
        connection = lane.connection
        assert connection is not None, "a lane is idle when its connection is"
        connection.close()
        lane.on_closed(connection)

    def _forget_idle(self, lane: Lane) -> None:
        self._idle.pop(lane, None)
        if not lane.key:
            self._free[lane.server_name].pop(lane, None)

    def _drop_late(self, waiting: deque[Asking], now: float) -> None:
        latest = now - self.settings.patience
        while waiting and waiting[0].due < latest and waiting[0].sent == NOT_YET:
            self._drop(self._next_of(waiting), NotSent.LATE)

    def _drop(self, asking: Asking, why: NotSent) -> None:
        """It was in hand."""
        self.in_hand -= 1
        self._leave(asking, why)

    def _leave(self, asking: Asking, why: NotSent) -> None:
        outcome = self.outcome
        if asking.sent != NOT_YET:  # a connection was being opened for it
            outcome.sent -= 1
        outcome.not_sent[why] += 1
        now = self._clock()
        moment = outcome.timeline.at(now - self._began)
        moment.failed += 1
        if why is NotSent.LATE:  # it was so late at least: without it, a long stall would look short
            late = now - asking.due
            outcome.corrected.note(late)
            outcome.label(asking.planned.label).corrected.note(late)
            moment.corrected = max(moment.corrected, late)
        self._listener.on_not_sent(asking.planned, why)
