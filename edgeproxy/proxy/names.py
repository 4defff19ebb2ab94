"""The addresses that an endpoint's name has at the moment.

Law: no answer of the DNS is used for ever. One that expired is asked for again before a connection is opened, and
while connections stand; when the DNS does not answer, the last addresses serve `limits.name_most` seconds longer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from edgeproxy.proxy.clock import NEVER
from edgeproxy.ruleset.limits import Limits


class CannotResolve(Exception):
    """A name has no address, or the DNS gave no answer; the message says which."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """`expires` is in loop time."""

    addresses: tuple[str, ...]
    expires: float


class Resolve(Protocol):
    """What a pool needs of a resolver."""

    async def resolve(self, host: str) -> Resolved:
        """Raises CannotResolve."""
        ...


class SystemResolver:
    """The system's getaddrinfo. It tells no TTL, so each answer is used for the least time, `limits.name_least`."""

    def __init__(self, least: float) -> None:
        self._least = least

    async def resolve(self, host: str) -> Resolved:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise CannotResolve(f"the name {host} is not resolved: {error.strerror or error}") from None
        addresses = tuple(dict.fromkeys(str(info[4][0]) for info in found))
        return Resolved(addresses, loop.time() + self._least)


def is_name(host: str) -> bool:
    """Whether a host is not an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


class Name:
    """One name, and the addresses that it had when last asked. Its `deadline` is when they expire: see `Waiting`."""

    __slots__ = ("_limits", "_resolver", "_turn", "addresses", "deadline", "expires", "host", "on_expired", "on_found")

    def __init__(self, host: str, resolver: Resolve, limits: Limits) -> None:
        self.host = host
        self._resolver = resolver
        self._limits = limits
        self._turn = 0
        self.addresses: tuple[str, ...] = ()
        self.expires = 0.0
        self.deadline = NEVER
        self.on_expired: Callable[[], None] = lambda: None
        self.on_found: Callable[[], None] = lambda: None  # there may be other addresses now

    def on_deadline(self) -> None:
        self.on_expired()

    async def current(self, now: float) -> tuple[str, ...]:
        """Its addresses, each time beginning with the next. Raises CannotResolve."""
        if now >= self.expires:
            await self.refresh(now)
        first = self._turn % len(self.addresses)
        self._turn += 1
        return self.addresses[first:] + self.addresses[:first]

    async def refresh(self, now: float) -> None:
        """Raises CannotResolve when there is no answer and the last one is too old."""
        try:
            found = await self._resolver.resolve(self.host)
        except CannotResolve:
            if not self.addresses or now >= self.expires + self._limits.name_most:
                raise
            self.deadline = now + self._limits.name_least  # when to try again
            return
        if not found.addresses:
            raise CannotResolve(f"the name {self.host} has no address")
        self.addresses = found.addresses
        self.expires = self.deadline = found.expires
        self.on_found()
