"""One worker's edge: its listeners, its clients, its pools, under one ruleset."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgeproxy.capture.settings import Settings as CaptureSettings
from edgeproxy.http.forwarded import TrustedProxies
from edgeproxy.http.target import Scheme
from edgeproxy.migration.ledger import Ledger, needed_once
from edgeproxy.migration.specimen import Specimen
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.keeper import Keeper
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.capture.taking import Taking
from edgeproxy.proxy.client import ClientConnection
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.fallback import Fall
from edgeproxy.proxy.heads import HeadReader
from edgeproxy.proxy.listening import CannotListen, Listening, address_of, close_sockets, open_sockets, remove_path
from edgeproxy.proxy.loop_guard import LoopGuard
from edgeproxy.proxy.planner import Planned, Planner
from edgeproxy.proxy.pool import Pool
from edgeproxy.proxy.rate import RateTable, rate_key
from edgeproxy.proxy.resolve import ResolveLimits, Resolver
from edgeproxy.proxy.shadow.shadower import Shadower
from edgeproxy.proxy.tally import Tally
from edgeproxy.proxy.token_file import TokenFile
from edgeproxy.ruleset.arms import Split
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import Address
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.telemetry.access_log import AccessLog, Record
from edgeproxy.telemetry.counters import Counters, Refusal

_TEND_EVERY: Final = 1.0  # seconds between looks at what changes slowly: the log's lines, certificates' files


class Edge:
    """Create, `start`, and `stop` inside one running event loop (uvloop)."""

    def __init__(
        self,
        ruleset: Ruleset,
        limits: Limits | None = None,
        access_log: AccessLog | None = None,
        resolver: Resolver | None = None,
        rates: RateTable | None = None,
        purges: PurgeLog | None = None,
        deliver: Callable[[Specimen], bool] | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """`limits`: others than the ruleset's. `resolver`: another one than the system's name servers tell; it is the
        edge's from now on. `rates`: a table that several workers share, which stays its owner's; without one the edge
        makes its own, if a rule has a rate. `purges`: likewise, the log that workers share, if a rule has a cache.
        `deliver`: takes what shadows bring, to compare it, or says that it takes nothing now; without it there are no
        shadows. `dice`: a number from 0 up to 1, for each request that may have one.
        """
        limits = ruleset.limits if limits is None else limits
        self.ruleset = ruleset
        self.limits = limits
        self.counting = Counters()
        self.clock = Clock(asyncio.get_running_loop(), limits.tick)
        self.heads = HeadReader(limits, self.counting)
        self.planners: Mapping[Scheme, Planner] = {scheme: Planner(ruleset, scheme, limits) for scheme in Scheme}
        self.moved: dict[str, Split] = {}  # cutovers that are started
        self.tally = Tally()  # of their arms, until somebody takes it
        self.number = 0  # of the shares in force, as their owner counts them
        self.deliver = deliver
        self.dice = dice
        self.guard = LoopGuard(ruleset, self.clock, self.counting, self.moved)
        self.proxies = TrustedProxies(ruleset.trusted_proxies)
        self._own_rates = RateTable.create(limits.rate_slots) if rates is None and ruleset.has_rates else None
        self.rates = rates or self._own_rates
        self._own_purges = PurgeLog.create() if purges is None and ruleset.has_caches else None
        log = purges or self._own_purges
        self.keeper = None if log is None or not ruleset.has_caches else self._keeper(log)
        purge_token = ruleset.cache.purge_token if ruleset.takes_purges else None
        self.purge_token = _token(purge_token, "purge_token", "purge by PURGE")
        self.arm_token = _token(ruleset.arm_token, "arm_token", "choose its arm by Edge-Arm")
        self.ledger = Ledger()  # of fallbacks, until somebody takes it
        self._templates = _templates(ruleset)
        self.is_draining = False
        self._access_log = access_log
        self.keeps_records = access_log is not None  # of every connection
        self.capture: Taking | None = None
        self.listening: list[Listening] = []
        self._owned: tuple[Address, ...] = ()  # addresses whose sockets nobody else holds
        self._clients: set[ClientConnection] = set()
        self._by_client: Counter[str] = Counter()  # their number, by whom limits count
        self._no_clients = asyncio.Event()  # no client, and no connection that becomes one
        self._no_clients.set()
        self._tending: asyncio.TimerHandle | None = None
        self.resolver = resolver or Resolver(ResolveLimits(least=limits.name_least, most=limits.name_most))
        self.pools: Mapping[str, Pool] = {
            backend.name: Pool(backend, self.clock, limits, self.counting, self.resolver, self.tally)
            for backend in ruleset.backends
            if isinstance(backend, HttpBackend)
        }
        self.shadower = Shadower(self)

    def _keeper(self, log: PurgeLog) -> Keeper:
        settings = self.ruleset.cache
        disk = None
        if settings.directory is not None:
            disk = Disk.open(settings.directory, settings.disk, settings.largest, log)
        keeper = Keeper(settings, self.limits.call, self.clock, self.counting, self.guard, log, disk)
        self.counting.copies |= {"memory": keeper.memory_numbers, "disk": keeper.disk_numbers}
        return keeper

    @property
    def counters(self) -> Counters:
        """To be read; whoever counts adds to `counting`."""
        self.counting.collect()
        return self.counting

    # -- for its owner ------------------------------------------------------------------------------------------

    async def start(self, sockets: Sequence[Sequence[socket.socket]] = ()) -> tuple[Address, ...]:
        """Listen; returns the addresses with the ports the system gave. Raises CannotListen.

        `sockets` are bound sockets, one or more for each listener of the ruleset, in its order; from now on they are
        the edge's. Without them it opens its own.
        """
        self.listening = [Listening(self, listener) for listener in self.ruleset.listen]
        opened = [list(each) for each in sockets]
        if not opened:
            try:
                for listener in self.ruleset.listen:
                    mine = open_sockets(listener.address, workers=1)
                    opened.append(mine)
            except CannotListen:
                for each in opened:
                    close_sockets(each)
                raise
            self._owned = tuple(address_of(each[0]) for each in opened)
        addresses = tuple(address_of(each[0]) for each in opened)
        for listening, its in zip(self.listening, opened, strict=True):
            listening.start(its)
        self.clock.start()
        for pool in self.pools.values():
            pool.start()
        self._tend()
        return addresses

    def drain(self, *, is_final: bool = False) -> None:
        """Accept nobody any more; but when it is final, and no other edge accepts on these sockets, first those who
        are queued. Who is here may end the exchange that runs, and one that begins soon: a request may be on its way
        on a connection that looks idle.
        """
        if not self.is_draining:
            self.is_draining = True
            self.shadower.close()
            self.limits = replace(self.limits, idle=min(self.limits.idle, self.limits.drain_idle))
            for planner in self.planners.values():
                planner.forget_requests()  # each answer has to say from now on whether its connection is kept
            for listening in self.listening:
                listening.stop_accepting(is_final=is_final)
            for client in list(self._clients):
                client.on_drain()

    def running(self) -> int:
        """How many exchanges."""
        return sum(client._exchange is not None for client in self._clients)

    async def stop(self, grace: float) -> int:
        """Drain for at most `grace` seconds, then break off what is left. Returns how many exchanges that were."""
        broken_off = 0
        self.drain()
        try:
            async with asyncio.timeout(grace):
                await self._no_clients.wait()
        except TimeoutError:
            for listening in self.listening:
                listening.abort_handshakes()
            broken_off = self.running()
            for client in list(self._clients):
                client.abort()
        await self.end_capture()
        for pool in self.pools.values():
            pool.close()
        self.guard.close()
        await self.resolver.close()
        self.clock.stop()
        for address in self._owned:
            remove_path(address)
        if self._tending is not None:
            self._tending.cancel()
        if self._access_log is not None:
            self._access_log.flush()
        if self._own_rates is not None:
            self._own_rates.close()
        if self.keeper is not None:
            self.keeper.close()
        if self._own_purges is not None:
            self._own_purges.close()
        return broken_off

    def move(self, shares: Mapping[str, int], number: int = 0) -> None:
        """Put shares of new arms in force, in thousandths of a percent, by the names of cutovers; those that are not
        named are at rest, and one at 0 is started: clients that are pinned to its new arm are there. From the next
        request on: those that run stay where they are. `number`: of these shares.
        """
        self.number = number
        self.moved.clear()
        self.moved.update(
            (each.name, each.at(shares[each.name])) for each in self.ruleset.cutovers if each.name in shares
        )
        self.tally.put({name: shares[name] for name in self.moved})

    def begin_capture(self, settings: CaptureSettings, dice: Callable[[], float] = random.random) -> None:
        """Of connections that are here, and that come. There is none yet."""
        self.capture = Taking(settings, self.ruleset, dice)
        for client in self._clients:
            self.capture.meet(client)

    async def end_capture(self) -> Taking | None:
        """What there is of it is written when it returns; it tells what became of it."""
        capture, self.capture = self.capture, None
        if capture is not None:
            for client in self._clients:
                client.listen_no_more()
            await capture.end()
        return capture

    def look_at_certificates(self) -> None:
        """Use those whose files have changed."""
        for listening in self.listening:
            listening.look_at_certificates()

    # -- for its connections ------------------------------------------------------------------------------------

    def on_client_made(self, client: ClientConnection) -> None:
        self.counting.connections += 1
        self.counting.open_connections += 1
        self._clients.add(client)
        self._no_clients.clear()
        self.clock.waiting.add(client)

    def admit(self, client: ClientConnection) -> Refusal | None:
        """Take a client in, or say why not: there are too many, of all or of its address. A trusted proxy and who
        comes by a Unix socket are many clients' connections: only all are counted.
        """
        if len(self._clients) > self.limits.connections:
            return Refusal.TOO_MANY_CONNECTIONS
        if client.peer.is_many:
            return None
        key = client.counted_as = rate_key(client.peer.address)
        self._by_client[key] += 1
        is_too_many = self._by_client[key] > self.limits.connections_per_client
        return Refusal.TOO_MANY_OF_CLIENT if is_too_many else None

    def on_client_lost(self, client: ClientConnection) -> None:
        self.counting.open_connections -= 1
        self._clients.discard(client)
        self.clock.waiting.discard(client)
        key = client.counted_as
        if key is not None:
            self._by_client[key] -= 1
            if not self._by_client[key]:
                del self._by_client[key]
        self._note_emptiness()

    def note_fall(self, fall: Fall, address: str) -> None:
        """Another backend is asked in the place of the first."""
        rule, agent = fall.plan.rule, fall.fields.values.get("user-agent", "")
        self.counting.fallbacks[rule, fall.reason] += 1
        template = self._templates.get(rule)
        self.ledger.add(
            *needed_once(fall.backend, rule, fall.reason, fall.path, template, address, agent, self.clock.wall())
        )

    def wait(self, planned: Planned, address: str) -> float:
        """Seconds until a rule with a rate takes a request of this client; 0.0: it takes this one, and counts it."""
        rate = None if planned.limits is None else planned.limits.rate
        if rate is None or planned.plan.rule is None or self.rates is None:
            return 0.0
        return self.rates.ask(planned.plan.rule, rate_key(address), rate, self.clock.now())

    def has_room(self) -> bool:
        """For one more handshake."""
        return len(self._clients) + self._opening() < self.limits.connections

    def on_opening(self) -> None:
        self._no_clients.clear()

    def on_opened(self) -> None:
        """A connection has become a client's, or has failed to."""
        self._note_emptiness()

    def _opening(self) -> int:
        return sum(listening.opening for listening in self.listening)

    def _note_emptiness(self) -> None:
        if not self._clients and not self._opening():
            self._no_clients.set()

    def write_record(self, record: Record) -> None:
        record.took = time.time() - record.began
        if self._access_log is not None:
            self._access_log.write(record)

    def _tend(self) -> None:
        self._tending = asyncio.get_running_loop().call_later(_TEND_EVERY, self._tend)  # whatever happens in this one
        if self._access_log is not None:
            self._access_log.flush()
        if self.capture is not None:
            self.capture.tend()
        self.look_at_certificates()
        if self.purge_token is not None:
            self.purge_token.look()
        if self.arm_token is not None:
            self.arm_token.look()
        if self.keeper is not None:
            self.keeper.tend()
            for planner in self.planners.values():
                planner.drop_ended()


def _token(file: Path | None, key: str, what_for: str) -> TokenFile | None:
    return None if file is None else TokenFile(file, key, what_for)


def _templates(ruleset: Ruleset) -> Mapping[str, PathTemplate]:
    """By the names of the rules that have one."""
    return {rule.name: rule.match.path for rule in ruleset.rules if isinstance(rule.match.path, PathTemplate)}
