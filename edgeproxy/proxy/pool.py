"""The connections to one backend: kept ones first, the most recently used first, else a new one.

Laws of this module:
- the balance says which endpoint; of its kept connections the most recently used is taken: the others grow old
  together and are closed by their deadline, so the pool shrinks to what the load needs;
- no more connections are open than the circuit allows, those being opened included. Further requests wait in order,
  for as long as a connection may take; when too many wait, the next is told so at once;
- nobody waits while a connection is unused.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from edgeproxy.http.response import ResponseReader
from edgeproxy.proxy.backend import BackendConnection
from edgeproxy.proxy.balance import Balance
from edgeproxy.proxy.clock import NEVER, Clock
from edgeproxy.proxy.dial import NotConnected
from edgeproxy.proxy.endpoints import Change, EndpointEvent, PooledEndpoint, event, make_endpoints
from edgeproxy.proxy.health import watch
from edgeproxy.proxy.names import Name
from edgeproxy.proxy.notices import Notices, url_of
from edgeproxy.proxy.resolve import CannotResolve, Resolver
from edgeproxy.proxy.tally import Tally
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.telemetry.counters import BackendFailure, Counters, EndpointNow, PoolCounts, PoolNow

_EVENTS: Final = 100  # remembered
_YOUNG: Final = 1.0  # seconds unused: the shortest keep-alive times that backends are run with are 2 and 5


class Waiter(Protocol):
    """Who asks for a connection. `is_waiting` turns False when it is no longer wanted.

    `expires` is the loop time at which its exchange must be over. 0.0: whoever reads the clock first sets it, from
    the backend's `total`.
    """

    is_waiting: bool
    expires: float

    def on_connected(self, connection: BackendConnection) -> None: ...
    def on_not_connected(self, failure: BackendFailure, tried: PooledEndpoint | None) -> None: ...


Taken = BackendConnection | BackendFailure | None  # now, not at all, or later


@dataclass(slots=True, eq=False)
class Pending:
    """Someone who waits: in the queue (then the deadline runs), or for a connection that is being opened."""

    pool: Pool
    waiter: Waiter
    fresh: bool
    tried: PooledEndpoint | None
    deadline: float = NEVER

    def on_deadline(self) -> None:
        self.pool.on_late(self)


class Pool:
    """The connections of one worker to one backend."""

    def __init__(
        self,
        backend: HttpBackend,
        clock: Clock,
        limits: Limits,
        counters: Counters,
        resolver: Resolver,
        tally: Tally,
    ) -> None:
        self.backend = backend
        self.clock = clock
        self.limits = limits
        self.counters = counters
        self.tally = tally
        self.answers = ResponseReader(limits.fields)
        self.counts = counters.pools.setdefault(backend.name, PoolCounts())
        self.endpoints = make_endpoints(backend, limits, resolver)
        self.events: deque[EndpointEvent] = deque(maxlen=_EVENTS)
        self._notices = Notices(backend, clock)
        counters.pools_now[backend.name] = self._state
        self._balance = Balance(self.endpoints, backend.ejection, backend.slow_start)
        # PERF: a lone endpoint without a health check needs no choice: it is never down, and never ejected.
        self._sole = self.endpoints[0] if len(self.endpoints) == 1 and backend.health is None else None
        self._circuit = backend.circuit
        self._now, self._idle = clock.now, limits.pool_idle  # PERF: looked up for every answer
        self._open: set[BackendConnection] = set()
        self._opening: set[asyncio.Task[None]] = set()  # each holds the place of a connection that is not open yet
        self._queue: OrderedDict[Waiter, Pending] = OrderedDict()
        self._retries = 0  # on the way
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    # -- for its owner ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the health checks, and to watch over names."""
        for one in self.endpoints:
            if one.dialer.name is not None:
                self._watch(one, one.dialer.name)
            if self.backend.health is not None:
                self._spawn(watch(self, one, self.backend.health), f"health of {one.endpoint.address}")

    def close(self) -> None:
        """Close what is open and give up what is being opened."""
        self._is_closed = True
        self._notices.close()
        for task in self._tasks:
            task.cancel()
        for waiter in list(self._queue):
            self.forget(waiter)
        for connection in list(self._open):
            connection.drop()
        for one in self.endpoints:
            if one.dialer.name is not None:
                self.clock.waiting.discard(one.dialer.name)

    # -- for exchanges ------------------------------------------------------------------------------------------

    def take(self, waiter: Waiter, *, fresh: bool, tried: PooledEndpoint | None = None) -> Taken:
        """A connection at once, or why there is none, or None: the waiter will hear.

        `fresh`: not one that was kept for long, which may be closing at this moment. `tried`: the request is sent
        again, to another endpoint than this if there is one, on a new connection.
        """
        one = self._sole or self._balance.choose(self.clock.now(), tried)
        if one is None:
            return BackendFailure.NO_ENDPOINT
        if not fresh:
            kept = one.kept
            while kept:
                connection = kept.pop()
                if not connection.is_closing():
                    connection.is_reused = True
                    one.outstanding += 1
                    self.counts.reuses += 1
                    return connection
                self._open.discard(connection)  # its place is free though its end is not told yet
        elif tried is None:
            young = self._take_young(one)
            if young is not None:
                return young
        if tried is not None:
            self._retries += 1
        return self._take_new(Pending(self, waiter, fresh, tried), one)

    def _take_young(self, one: PooledEndpoint) -> BackendConnection | None:
        """A connection that was in use a moment ago: no backend closes one so soon, and a new one for each unsafe
        request would use up the edge's ports.
        """
        kept = one.kept
        while kept and self._now() + self._idle - kept[-1].deadline < _YOUNG:
            connection = kept.pop()
            if not connection.is_closing():
                connection.is_reused = True
                one.outstanding += 1
                self.counts.reuses += 1
                return connection
            self._open.discard(connection)
        return None

    def forget(self, waiter: Waiter) -> None:
        """The waiter has left. A connection that is being opened for it will be kept."""
        pending = self._queue.pop(waiter, None)
        if pending is not None:
            self.clock.waiting.discard(pending)
            self._end_pending(pending)

    def may_retry(self, waiter: Waiter) -> bool:
        """Whether its request may be sent again: it has time left, and not too many are sent again at once."""
        if self.clock.now() >= waiter.expires:
            return False
        if self._retries < self._circuit.retries:
            return True
        self.counts.overloads += 1
        return False

    def has_other(self, than: PooledEndpoint) -> bool:
        """Whether there is another endpoint to send a request to."""
        return self._balance.has_other(than, self.clock.now())

    # -- for connections ----------------------------------------------------------------------------------------

    def give_back(self, connection: BackendConnection) -> None:
        """Its exchange is over and left it usable."""
        one = connection.endpoint
        one.outstanding -= 1
        if connection.is_retry:
            self._end_retry(connection)
        kept = one.kept
        if len(kept) < one.most_kept:
            now = self._now  # PERF: as in AnsweringStream.on_answered
            connection.deadline = now() + self._idle
            kept.append(connection)
        else:
            connection.close()
        if self._queue:
            self._serve_queue()

    def release(self, connection: BackendConnection) -> None:
        """Its exchange is over, and so is the connection."""
        connection.endpoint.outstanding -= 1
        if connection.is_retry:
            self._end_retry(connection)

    def on_open(self, connection: BackendConnection) -> None:
        self._opening.discard(connection.opening)
        self._open.add(connection)
        self.counts.connections += 1
        self.clock.waiting.add(connection)

    def on_closed(self, connection: BackendConnection) -> None:
        self._take_out(connection)
        self._serve_queue()

    def on_success(self, one: PooledEndpoint) -> None:
        self._balance.on_success(one)

    def on_failure(self, one: PooledEndpoint, reason: str) -> None:
        one.trouble = reason
        now, failures = self.clock.now(), one.streak + 1
        until = self._balance.on_failure(one, now)
        if until is not None:
            self._notices.on_ejected(one, until - now, failures, reason)
            self.counts.ejections += 1
            self.events.append(event(one, Change.EJECTED, f"{reason}; for {until - now:g} s"))

    # -- for health checks --------------------------------------------------------------------------------------

    def on_verdict(self, one: PooledEndpoint, reason: str) -> None:
        self.counts.health_changes += 1
        self._notices.on_verdict(one, reason, self.endpoints)
        self.events.append(event(one, Change.DOWN if one.is_down else Change.UP, reason))
        if one.is_down:
            for connection in tuple(self._open):
                if connection.endpoint is one:
                    connection.note_down()

    # -- steps --------------------------------------------------------------------------------------------------

    def _take_new(self, pending: Pending, one: PooledEndpoint) -> BackendFailure | None:
        now = self.clock.now()
        if not pending.waiter.expires:
            pending.waiter.expires = now + self.backend.timeouts.total
        if not self._has_place():
            unused = self._longest_unused()
            if unused is None:
                return self._enqueue(pending, now)
            self._take_out(unused)
            unused.close()
        one.outstanding += 1
        self._opening.add(self._spawn(self._connect(pending, one), f"connect {self.backend.name}"))
        return None

    async def _connect(self, pending: Pending, one: PooledEndpoint) -> None:
        waiter = pending.waiter
        opening = asyncio.current_task()
        assert opening is not None
        until = min(self.clock.now() + self.backend.timeouts.connect, waiter.expires)
        try:
            connection = await one.dialer.dial(lambda address: BackendConnection(self, one, address, opening), until)
        except NotConnected as error:
            self._opening.discard(opening)
            one.outstanding -= 1
            self._end_pending(pending)
            self._on_not_connected(waiter, one, error)
            self._serve_queue()
            return
        connection.is_retry = pending.tried is not None
        if waiter.is_waiting:
            waiter.on_connected(connection)
        else:
            self.give_back(connection)

    def _on_not_connected(self, waiter: Waiter, one: PooledEndpoint, error: NotConnected) -> None:
        if self.clock.now() >= waiter.expires:  # which says nothing of the endpoint
            failure = BackendFailure.TOTAL_TIMEOUT
        else:
            failure = error.failure
            self.on_failure(one, str(error))
        if waiter.is_waiting:
            waiter.on_not_connected(failure, one)

    def _has_place(self) -> bool:
        return len(self._open) + len(self._opening) < self._circuit.connections

    def _on_overload(self) -> None:
        self.counts.overloads += 1
        self._notices.on_full(len(self._open) + len(self._opening), len(self._queue))

    def _state(self) -> PoolNow:
        now = self.clock.now()
        return PoolNow(
            open=len(self._open) + len(self._opening),
            waiting=len(self._queue),
            endpoints={
                url_of(self.backend, one): EndpointNow(one.is_down, one.ejected_until > now, one.outstanding)
                for one in self.endpoints
            },
        )

    def _longest_unused(self) -> BackendConnection | None:
        """Of the endpoint that has the most unused ones."""
        most = max(self.endpoints, key=lambda one: len(one.kept))
        return most.kept[0] if most.kept else None

    def _take_out(self, connection: BackendConnection) -> None:
        self._open.discard(connection)
        self.clock.waiting.discard(connection)
        kept = connection.endpoint.kept
        if connection in kept:
            kept.remove(connection)

    def _end_retry(self, connection: BackendConnection) -> None:
        connection.is_retry = False
        self._retries -= 1

    def _end_pending(self, pending: Pending) -> None:
        """It gets no connection."""
        if pending.tried is not None:
            self._retries -= 1

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._opening.discard(task)

    # -- the queue ----------------------------------------------------------------------------------------------

    def _enqueue(self, pending: Pending, now: float) -> BackendFailure | None:
        if len(self._queue) >= self._circuit.pending:
            self._on_overload()
            self._end_pending(pending)
            return BackendFailure.OVERLOADED
        self._queue[pending.waiter] = pending
        self.counts.pending_peak = max(self.counts.pending_peak, len(self._queue))
        pending.deadline = min(now + self.backend.timeouts.connect, pending.waiter.expires)
        self.clock.waiting.add(pending)
        return None

    def on_late(self, pending: Pending) -> None:
        """It waited for as long as it may."""
        is_over = self.clock.now() >= pending.waiter.expires
        failure = BackendFailure.TOTAL_TIMEOUT if is_over else BackendFailure.OVERLOADED
        if failure is BackendFailure.OVERLOADED:
            self._on_overload()
        self.forget(pending.waiter)
        pending.waiter.on_not_connected(failure, None)

    def _serve_queue(self) -> None:
        """A connection came back or closed: who has waited longest gets it, or its place."""
        while self._queue and not self._is_closed and (self._has_place() or self._longest_unused() is not None):
            waiter, pending = next(iter(self._queue.items()))
            self.forget(waiter)
            taken = self.take(waiter, fresh=pending.fresh, tried=pending.tried)  # there is room: it need not wait again
            if isinstance(taken, BackendConnection):
                waiter.on_connected(taken)
            elif taken is not None:
                waiter.on_not_connected(taken, None)

    # -- names --------------------------------------------------------------------------------------------------

    def _watch(self, one: PooledEndpoint, name: Name) -> None:
        name.on_expired = lambda: self._on_expired(one, name)
        name.on_changed = lambda: self._on_changed(one, name)
        self.clock.waiting.add(name)

    def _on_expired(self, one: PooledEndpoint, name: Name) -> None:
        """While connections stand, the name is looked up again. Else the next connection does it."""
        if any(connection.endpoint is one for connection in self._open):
            self._spawn(self._look_up(one, name), f"look up {name.host}")

    def _on_changed(self, one: PooledEndpoint, name: Name) -> None:
        """Connections to addresses that the name has no more are not used again."""
        for connection in list(self._open):
            if connection.endpoint is one and connection.address not in name.addresses:
                connection.retire()

    async def _look_up(self, one: PooledEndpoint, name: Name) -> None:
        try:
            await name.look_up()
        except CannotResolve as error:
            one.trouble = str(error)
