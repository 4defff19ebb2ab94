"""The connections to one backend: kept ones first, the most recently used first, else a new one.

Why the most recently used: the others grow old together and are closed by their deadline, so the pool shrinks to
what the load needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from edgeproxy.proxy.backend import BackendConnection
from edgeproxy.proxy.clock import Clock
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.model import HttpBackend, InetAddress
from edgeproxy.telemetry.counters import BackendFailure, Counters


class Waiter(Protocol):
    """Who asked for a connection. `is_waiting` turns False when it is no longer wanted."""

    is_waiting: bool

    def on_connected(self, connection: BackendConnection) -> None: ...
    def on_not_connected(self, failure: BackendFailure) -> None: ...


class Pool:
    """The connections of one worker to one backend."""

    def __init__(self, backend: HttpBackend, clock: Clock, limits: Limits, counters: Counters) -> None:
        self.backend = backend
        self.clock = clock
        self.limits = limits
        self._counters = counters
        self._kept: list[BackendConnection] = []
        self._open: set[BackendConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    def take_kept(self) -> BackendConnection | None:
        """A kept connection, the most recently used; None when there is none."""
        while self._kept:
            connection = self._kept.pop()
            if not connection.is_closing:
                connection.is_reused = True
                self._counters.backend_reuses += 1
                return connection
        return None

    def connect(self, waiter: Waiter) -> None:
        """Open a connection; the waiter hears of it, or of why there is none."""
        task = asyncio.get_running_loop().create_task(self._connect(waiter), name=f"connect {self.backend.name}")
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def give_back(self, connection: BackendConnection) -> None:
        if len(self._kept) < self.limits.pool_size:
            connection.deadline = self.clock.now() + self.limits.pool_idle
            self._kept.append(connection)
        else:
            connection.close()

    def on_open(self, connection: BackendConnection) -> None:
        self._counters.backend_connections += 1
        self._open.add(connection)
        self.clock.waiting.add(connection)

    def on_closed(self, connection: BackendConnection) -> None:
        self._open.discard(connection)
        self.clock.waiting.discard(connection)
        if connection in self._kept:
            self._kept.remove(connection)

    def close(self) -> None:
        """Close what is open and give up what is being opened."""
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.drop()

    async def _connect(self, waiter: Waiter) -> None:
        loop = asyncio.get_running_loop()
        address = self.backend.endpoints[0].address
        assert isinstance(address, InetAddress)
        make: Callable[[], BackendConnection] = lambda: BackendConnection(self)  # noqa: E731
        try:
            async with asyncio.timeout(self.backend.timeouts.connect):
                _, connection = await loop.create_connection(make, address.host, address.port)
        except TimeoutError:
            failure = BackendFailure.CONNECT_TIMEOUT
        except OSError:  # refused, unreachable, no such name
            failure = BackendFailure.REFUSED
        else:
            if waiter.is_waiting:
                waiter.on_connected(connection)
            else:
                self.give_back(connection)
            return
        if waiter.is_waiting:
            waiter.on_not_connected(failure)
