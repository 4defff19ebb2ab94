"""The addresses that an endpoint's name has at the moment.

Law: connections go where the name is now. Its addresses are asked for again when they expire: before a connection is
opened, and while connections stand. How long they are good is the resolver's word.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.resolve import CannotResolve, Resolver


def is_name(host: str) -> bool:
    """Whether a host is not an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


class Name:
    """One name, and the addresses that it had when last asked. Its `deadline` is when they expire: see `Waiting`."""

    __slots__ = ("_resolver", "_turn", "addresses", "deadline", "host", "on_changed", "on_expired")

    def __init__(self, host: str, resolver: Resolver) -> None:
        self.host = host
        self._resolver = resolver
        self._turn = 0
        self.addresses: tuple[str, ...] = ()
        self.deadline = NEVER
        self.on_expired: Callable[[], None] = lambda: None
        self.on_changed: Callable[[], None] = lambda: None

    def on_deadline(self) -> None:
        self.on_expired()

    async def in_turn(self) -> tuple[str, ...]:
        """Its addresses, each time beginning with the next. Raises CannotResolve."""
        addresses = await self.look_up()
        first = self._turn % len(addresses)
        self._turn += 1
        return addresses[first:] + addresses[:first]

    async def look_up(self) -> tuple[str, ...]:
        """Its addresses; the resolver remembers them. Raises CannotResolve."""
        try:
            found = await self._resolver.resolve(self.host)
        except CannotResolve:
            self._set(())
            raise
        self.deadline = found.expires
        self._set(found.addresses)
        return found.addresses

    def _set(self, addresses: tuple[str, ...]) -> None:
        if set(addresses) != set(self.addresses):
            self.addresses = addresses
            self.on_changed()
