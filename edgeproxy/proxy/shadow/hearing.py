"""What came of one answer, as it will be compared: held, or hashed as it comes.

Laws of this module:
- of one answer no more is held than `MOST` octets, and of all that a worker's shadows hold together no more than their
  `Room`: an answer that finds none says so, and whoever hears it gives up;
- files are hashed and not held, unless they are coded: how much is read of them is bounded, too.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from edgeproxy.http.framing import NO_BODY, Length
from edgeproxy.http.response import ResponseHead
from edgeproxy.migration.specimen import Part
from edgeproxy.ruleset.modifiers import Comparison

if TYPE_CHECKING:
    from hashlib import _Hash

MOST: Final = 4 << 20  # octets of one answer that are held
LARGEST: Final = 1 << 30  # octets of one file that are hashed
_SHOWN: Final = 16_384  # octets that are kept of an answer that is cut: it cannot be compared, only shown
_CODING: Final = b"\r\ncontent-encoding:"


class Full(Enum):
    """Why no more of an answer is heard."""

    LARGE = "large"  # it goes beyond its bound
    ROOM = "room"  # there is no room for more


class Room:
    """Octets that all shadows of a worker hold together."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    @property
    def is_full(self) -> bool:
        return self.used >= self.limit


class Hold:
    """What one shadow holds of the room, until it is closed."""

    __slots__ = ("_room", "octets")

    def __init__(self, room: Room) -> None:
        self._room = room
        self.octets = 0

    def take(self, octets: int) -> bool:
        room = self._room
        if room.used + octets > room.limit:
            return False
        room.used += octets
        self.octets += octets
        return True

    def give_back(self, octets: int) -> None:
        self._room.used -= octets
        self.octets -= octets

    def close(self) -> None:
        self.give_back(self.octets)


class Hearing:
    """Of one answer."""

    __slots__ = ("_hash", "_head", "_hold", "_is_cut", "_most", "_pieces", "size")

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._head: ResponseHead | None = None
        self._hash: _Hash | None = None  # of what is not held
        self._most = MOST
        self._pieces: list[bytes] = []
        self._is_cut = False
        self.size = 0

    def on_head(self, head: ResponseHead, compare: Comparison, most: int = LARGEST) -> Full | None:
        """`most`: octets of a file that is hashed."""
        self._head = head
        if compare is Comparison.FILE and head.framing is not NO_BODY and _CODING not in head.octets.lower():
            self._hash, self._most = sha256(), most
        elif isinstance(head.framing, Length) and head.framing.octets > MOST:
            self._is_cut = True
            return Full.LARGE
        return None

    def on_content(self, content: bytes) -> Full | None:
        self.size += len(content)
        if self.size > self._most:
            self._cut()
            return Full.LARGE
        if self._hash is not None:
            self._hash.update(content)
            return None
        if not self._hold.take(len(content)):
            return Full.ROOM
        self._pieces.append(content)
        return None

    def part(self) -> Part:
        """Once all is there, or no more of it is heard."""
        head = self._head
        assert head is not None, "its head is known"
        lines = head.octets.partition(b"\r\n")[2]
        if self._hash is not None:
            return Part(head.status, lines, is_cut=self._is_cut, digest=self._hash.hexdigest(), size=self.size)
        content = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        return Part(head.status, lines, content, self._is_cut)

    def _cut(self) -> None:
        self._is_cut = True
        held = b"".join(self._pieces)
        begin = held[:_SHOWN]
        self._hold.give_back(len(held) - len(begin))
        self._pieces = [begin]
