"""Connections that are captured, and their numbers in rows.

Law: a number is one connection's as long as a block may have rows of it, and there are no more numbers than that takes.
"""

from __future__ import annotations

from edgeproxy.capture.columns import UNKNOWN, entry_of
from edgeproxy.http.target import Scheme
from edgeproxy.migration.place import site_of


class Connection:
    """One that is captured, and one client by one scheme on it. `number`: in rows, once it was met."""

    __slots__ = ("address", "entry", "number", "scheme")

    def __init__(self, name: str, address: str, scheme: Scheme) -> None:
        """`name`: of the connection; `address`: of the client."""
        self.address = address
        self.scheme = scheme
        self.entry = entry_of("connections", {"connection": name, "client": _network(address)})
        self.number = UNKNOWN


class Connections:
    """`entries`: by number, of all that rows of the block at hand may have."""

    def __init__(self) -> None:
        self.entries: dict[int, bytes] = {}
        self._free: list[int] = []  # numbers below the highest that are nobody's
        self._left: list[int] = []  # numbers of those that are gone, but may be in the block

    @property
    def left(self) -> int:
        """How many are gone, and have their numbers still."""
        return len(self._left)

    def meet(self, connection: Connection) -> None:
        connection.number = number = self._free.pop() if self._free else len(self.entries)
        self.entries[number] = connection.entry

    def leave(self, connection: Connection) -> None:
        self._left.append(connection.number)

    def free(self) -> None:
        """No block has rows of those that are gone: their numbers are for others."""
        for number in self._left:
            del self.entries[number]
        self._free += self._left
        self._left.clear()


def _network(address: str) -> str | None:
    """The first address of a client's network; None for what has none."""
    network, slash, _ = site_of(address).partition("/")
    return network if slash else None
