"""One worker's edge: its listeners, its clients, its pools, under one ruleset."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping

from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.client import ClientConnection
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.heads import HeadReader
from edgeproxy.proxy.plan import Planner
from edgeproxy.proxy.pool import Pool
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.model import HttpBackend, InetAddress, Ruleset
from edgeproxy.telemetry.access_log import AccessLog, Record
from edgeproxy.telemetry.counters import Counters


class CannotListen(Exception):
    """An address cannot be listened on; the message says which and why."""


class Edge:
    """Create, `start`, and `stop` inside one running event loop (uvloop)."""

    def __init__(self, ruleset: Ruleset, limits: Limits = DEFAULT_LIMITS, access_log: AccessLog | None = None) -> None:
        self.ruleset = ruleset
        self.limits = limits
        self.counters = Counters()
        self.clock = Clock(asyncio.get_running_loop(), limits.tick)
        self.heads = HeadReader(limits, self.counters)
        self.planner = Planner(ruleset, limits.plans)
        self.is_draining = False
        self._access_log = access_log
        self.keeps_records = access_log is not None
        self._servers: list[asyncio.Server] = []
        self._clients: set[ClientConnection] = set()
        self._no_clients = asyncio.Event()
        self._no_clients.set()
        self._pools: Mapping[str, Pool] = {
            backend.name: Pool(backend, self.clock, limits, self.counters)
            for backend in ruleset.backends
            if isinstance(backend, HttpBackend)
        }

    # -- for its owner ------------------------------------------------------------------------------------------

    async def start(self) -> tuple[InetAddress, ...]:
        """Listen; returns the addresses with the ports the system gave. Raises CannotListen."""
        loop = asyncio.get_running_loop()
        for listener in self.ruleset.listen:
            address = listener.address
            assert isinstance(address, InetAddress)
            try:
                server = await loop.create_server(
                    lambda: ClientConnection(self),
                    address.host,
                    address.port,
                    backlog=1024,
                    reuse_address=True,
                )
            except OSError as error:
                await self.stop(0)
                why = os.strerror(error.errno) if error.errno else str(error)
                raise CannotListen(f"cannot listen on {address}: {why}: choose another with --listen") from None
            self._servers.append(server)
        self.clock.start()
        if self._access_log is not None:
            self._flush_log()
        return tuple(InetAddress(*sock.getsockname()[:2]) for server in self._servers for sock in server.sockets)

    async def stop(self, grace: float) -> None:
        """Stop listening, let exchanges end for at most `grace` seconds, then break off what is left."""
        self.is_draining = True
        for server in self._servers:
            server.close()
        for client in list(self._clients):
            client.close_if_idle()
        try:
            async with asyncio.timeout(grace):
                await self._no_clients.wait()
        except TimeoutError:
            for client in list(self._clients):
                client.abort()
        for pool in self._pools.values():
            pool.close()
        self.clock.stop()
        if self._access_log is not None:
            self._access_log.flush()

    # -- for its connections ------------------------------------------------------------------------------------

    def pool(self, backend: HttpBackend) -> Pool:
        return self._pools[backend.name]

    def admit(self, client: ClientConnection) -> bool:
        """Take a client in. False: there are too many, and this one is to be told so."""
        self.counters.connections += 1
        self.counters.open_connections += 1
        self._clients.add(client)
        self._no_clients.clear()
        self.clock.waiting.add(client)
        return len(self._clients) <= self.limits.connections

    def on_client_lost(self, client: ClientConnection) -> None:
        self.counters.open_connections -= 1
        self._clients.discard(client)
        self.clock.waiting.discard(client)
        if not self._clients:
            self._no_clients.set()

    def new_record(self, address: str, method: bytes, target: str, fields: RequestFields) -> Record:
        return Record(
            began=time.time(),
            client=address,
            method=method.decode("ascii"),
            host=fields.host or "",
            path=target.partition("?")[0],
            user_agent=fields.values.get("user-agent", ""),
        )

    def write_record(self, record: Record) -> None:
        record.took = time.time() - record.began
        if self._access_log is not None:
            self._access_log.write(record)

    def _flush_log(self) -> None:
        if self._access_log is not None and not self.is_draining:
            self._access_log.flush()
            asyncio.get_running_loop().call_later(1.0, self._flush_log)
