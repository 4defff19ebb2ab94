"""Names to addresses, for as long as their records say.

Laws:
- no answer is kept for longer than its lifetime: the least TTL on the way to it, CNAMEs included, within `least` and
  `most`. A backend that moves is found where it is;
- when the name servers do not answer, the old addresses serve on, for a bounded time (RFC 8767): an outage of DNS is
  not one of the edge. A name server's clear no (no such name, no address) is an answer (§4 there), and ends them: an
  address that its name was taken from may be a stranger's by now;
- look-ups of one name at one time are one look-up, and it takes at most `timeout`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, assert_never

import aiodns
import pycares  # aiodns passes its results and its AresError on

from edgeproxy.proxy.clock import NEVER


class CannotResolve(Exception):
    """A name has no address, or none that can be found now (`is_temporary`)."""

    def __init__(self, host: str, why: str, is_temporary: bool) -> None:
        remedy = "look at the name servers" if is_temporary else "look at the backend's name in the rule file"
        super().__init__(f"cannot resolve {host}: {why}: {remedy}")
        self.host = host
        self.why = why
        self.is_temporary = is_temporary


@dataclass(frozen=True, slots=True)
class Resolved:
    """Addresses in the order in which to try them, at least one, good until `expires` (loop time)."""

    addresses: tuple[str, ...]
    expires: float
    is_stale: bool = False  # the records' lifetime is over, and the name servers do not answer


@dataclass(frozen=True, slots=True)
class ResolveLimits:
    """Seconds."""

    least: float = 1.0  # an answer is kept, even with a TTL of 0; a failure, too
    most: float = 300.0  # an answer is kept, even with a TTL of a day
    untimed: float = 30.0  # what has no TTL is kept: the hosts file
    timeout: float = 3.0  # a look-up takes
    recheck: float = 30.0  # between look-ups while old addresses serve on (RFC 8767 §5 advises it)
    stale: float = 3600.0  # old addresses serve on


@dataclass(slots=True)
class ResolveCounts:
    look_ups: int = 0
    failures: int = 0  # look-ups without an address
    stale: int = 0  # look-ups that failed, after which old addresses served on


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up found; `lifetime` is the least TTL, None when there was none."""

    addresses: tuple[str, ...]
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a name, until it is to be looked up `again`; its addresses may serve on until `gone`."""

    outcome: Resolved | CannotResolve
    again: float
    gone: float


def learn(known: Known | None, outcome: Found | CannotResolve, now: float, limits: ResolveLimits) -> Known:
    """What is known after a look-up, from what was known before it."""
    match outcome:
        case Found(addresses=addresses, lifetime=lifetime):
            kept = limits.untimed if lifetime is None else max(lifetime, limits.least)
            expires = now + min(kept, limits.most)
            return Known(Resolved(addresses, expires), expires, expires + limits.stale)
        case CannotResolve():
            if outcome.is_temporary and known is not None and isinstance(known.outcome, Resolved) and now < known.gone:
                again = min(now + limits.recheck, known.gone)
                return Known(Resolved(known.outcome.addresses, again, is_stale=True), again, known.gone)
            return Known(outcome, now + limits.least, now)
        case _:
            assert_never(outcome)


class Resolver:
    """One worker's resolver. It remembers every name it was asked for: those of the rule file, so not many.

    Why a channel of c-ares for each look-up: a channel has a cache of its own, keeps answers in it for their whole TTL
    whatever `most` says, and cannot be told not to (pycares 5.2 has no option for it). Making and closing one takes
    0.5 ms, and it reads resolv.conf anew.
    """

    def __init__(
        self,
        limits: ResolveLimits | None = None,
        now: Callable[[], float] | None = None,
        servers: Sequence[str] = (),
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        """Inside a running loop. `servers` as `address:port`; none: those of resolv.conf."""
        self.counts = ResolveCounts()
        self._limits = limits or ResolveLimits()
        self._now = now or asyncio.get_running_loop().time
        self._servers = tuple(servers)
        self._hosts = hosts
        self._known: dict[str, Known] = {}
        self._running: dict[str, asyncio.Task[Known]] = {}
        self._is_closed = False

    async def resolve(self, host: str) -> Resolved:
        """The addresses of a name, or the IP address that it is. Raises CannotResolve."""
        known = self._known.get(host) or _read_literal(host)
        if known is None or known.again <= self._now():
            known = await self._known_anew(host)
        match known.outcome:
            case Resolved():
                return known.outcome
            case CannotResolve(host=host, why=why, is_temporary=is_temporary):
                raise CannotResolve(host, why, is_temporary)  # a new one: its traceback is its raiser's
            case _:
                assert_never(known.outcome)

    async def close(self) -> None:
        """Give up what is being looked up; who waits for it gets CannotResolve."""
        self._is_closed = True
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _known_anew(self, host: str) -> Known:
        task = self._running.get(host)
        if task is None and not self._is_closed:
            task = asyncio.get_running_loop().create_task(self._look_up(host), name=f"resolve {host}")
            self._running[host] = task
            task.add_done_callback(lambda _: self._running.pop(host))
        if task is not None:
            await asyncio.wait((task,))  # who asks may be cancelled; the look-up goes on for the others
        if task is None or task.cancelled():
            raise CannotResolve(host, "the edge is stopping", is_temporary=True)
        return task.result()

    async def _look_up(self, host: str) -> Known:
        self.counts.look_ups += 1
        outcome = await self._ask(host)
        known = learn(self._known.get(host), outcome, self._now(), self._limits)
        self._known[host] = known
        if isinstance(outcome, CannotResolve):
            self.counts.failures += 1
            self.counts.stale += isinstance(known.outcome, Resolved)
        return known

    async def _ask(self, host: str) -> Found | CannotResolve:
        """Look into the hosts file, then ask for A and AAAA records at once."""
        listed = _read_hosts(self._hosts, host)
        if listed is not None:
            return listed
        timeout = self._limits.timeout
        try:
            # c-ares tries twice and waits twice as long the second time: both fit into the timeout.
            channel = aiodns.DNSResolver(self._servers or None, timeout=timeout / 4, tries=2)
        except pycares.AresError as error:
            return CannotResolve(host, f"c-ares does not start: {error}", is_temporary=True)
        try:
            async with asyncio.timeout(timeout):
                found = await channel.getaddrinfo(host, type=socket.SOCK_STREAM)
        except TimeoutError:
            return CannotResolve(host, f"no answer within {timeout:g} s", is_temporary=True)
        except aiodns.error.DNSError as error:
            return _explain(host, error)
        finally:
            await channel.close()
        return _read_found(host, found)


_NO: Final = {
    aiodns.error.ARES_ENOTFOUND: "there is no such name",
    aiodns.error.ARES_ENODATA: "the name has no address",
    aiodns.error.ARES_EBADNAME: "it cannot be a name",
}


def _explain(host: str, error: aiodns.error.DNSError) -> CannotResolve:
    number, text = error.args
    why = _NO.get(number)
    return CannotResolve(host, text if why is None else why, is_temporary=why is None)


def _read_literal(host: str) -> Known | None:
    address = _read_address(host)
    return None if address is None else Known(Resolved((str(address),), NEVER), NEVER, NEVER)


def _read_found(host: str, found: pycares.AddrInfoResult) -> Found | CannotResolve:
    nodes = [(node.family, node.addr[0].decode("ascii")) for node in found.nodes]
    if not nodes:
        return CannotResolve(host, _NO[aiodns.error.ARES_ENODATA], is_temporary=False)
    lifetime = min([node.ttl for node in found.nodes] + [alias.ttl for alias in found.cnames])
    is_untimed = host == "localhost" or host.endswith(".localhost")  # c-ares knows it without asking (RFC 6761 §6.3)
    return Found(interleave(nodes), None if is_untimed else lifetime)


def interleave(nodes: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """The addresses of (family, address) pairs, one family and the other by turns (RFC 8305 §4), the first one's first.
    c-ares has sorted them by RFC 6724: those of a family without a route come last.
    """
    first = [address for family, address in nodes if family == nodes[0][0]]
    others = [address for family, address in nodes if family != nodes[0][0]]
    turns = chain.from_iterable(zip_longest(first, others))
    return tuple(dict.fromkeys(address for address in turns if address is not None))


def _read_hosts(file: Path, host: str) -> Found | None:
    """What a hosts file says (hosts(5)). It is read for every look-up, so a change is seen; c-ares would read it, too,
    but give what it finds there the TTL of 0 that a record may have as well.
    """
    name = host.lower().removesuffix(".")
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return None  # a machine may have none
    entries = [line.partition("#")[0].lower().split() for line in lines]
    literals = [_read_address(entry[0]) for entry in entries if name in entry[1:]]
    nodes = [(address.version, str(address)) for address in literals if address is not None]
    return Found(interleave(nodes), None) if nodes else None


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)  # a zone (%eth0) may be meant here
    except ValueError:
        return None
