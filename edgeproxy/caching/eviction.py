"""What goes when there is no more room: S3-FIFO (Yang et al., SOSP '23), with sizes in octets.

What comes is put in a small queue, a tenth of the room. What is hit there again and again moves to the main queue, the
rest goes at its end and only its name is remembered: so what a scan brings in passes through the small queue and
leaves the main one alone. Who comes back while its name is remembered goes to the main queue at once. At the end of
the main queue, each hit since then buys another way through.

Laws of this module:
- there is never more in the queues than fits, and nothing that is larger than an eighth of it;
- a hit moves nothing: it counts, up to 3. Who finds the entry counts, in its `hits`;
- no more names are remembered than there are entries, and none of more octets than the main queue has;
- an insertion spares a bounded number of entries: also when all that is kept was hit, it does not hold up the caller.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

MOST_HITS: Final = 3
_SMALL: Final = 10  # the small queue's part of the room is one of so many
_LARGEST: Final = 8  # and the largest entry's
_PATIENCE: Final = 1_000  # entries spared for one insertion; then the next goes though it was hit


class Entry:
    """What the queues hold. Whoever finds it of use adds one to `hits`, up to MOST_HITS."""

    __slots__ = ("hits", "name", "size")

    def __init__(self, name: Hashable, size: int) -> None:
        self.name = name
        self.size = size
        self.hits = 0

    def note_hit(self) -> None:
        if self.hits < MOST_HITS:
            self.hits += 1


E = TypeVar("E", bound=Entry)


class S3Fifo(Generic[E]):
    """The order in which entries go. `limit` and `octets` are of their sizes."""

    __slots__ = ("_ghost", "_ghost_octets", "_main", "_small", "_small_octets", "limit", "octets")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.octets = 0
        self._small: OrderedDict[Hashable, E] = OrderedDict()  # the next to go is the first
        self._small_octets = 0
        self._main: OrderedDict[Hashable, E] = OrderedDict()
        self._ghost: OrderedDict[Hashable, int] = OrderedDict()  # names of what went from the small queue, and sizes
        self._ghost_octets = 0

    def __contains__(self, name: Hashable) -> bool:
        return name in self._small or name in self._main

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    @property
    def largest(self) -> int:
        return self.limit // _LARGEST

    def takes(self, size: int) -> bool:
        return size <= self.largest

    def insert(self, entry: E) -> list[E]:
        """What went for it. An entry of the same name, if still there, gives it its place and hits, and is not named.
        An entry that is too large goes itself.
        """
        if not self.takes(entry.size):
            return [entry]
        gone = self._make_room(entry)
        if entry.name in self._main:
            self._take_place(entry, self._main)
        elif entry.name in self._small:
            self._small_octets += self._take_place(entry, self._small)
        elif entry.name in self._ghost:
            self._ghost_octets -= self._ghost.pop(entry.name)
            self._main[entry.name] = entry
            self.octets += entry.size
        else:
            self._small[entry.name] = entry
            self._small_octets += entry.size
            self.octets += entry.size
        return gone

    def remove(self, entry: E) -> None:
        """It is there, and is not remembered."""
        if self._small.pop(entry.name, None) is None:
            del self._main[entry.name]
        else:
            self._small_octets -= entry.size
        self.octets -= entry.size
        self._trim_ghost()

    def _take_place(self, entry: E, queue: OrderedDict[Hashable, E]) -> int:
        """By how much the queue grows."""
        old = queue[entry.name]
        entry.hits = old.hits
        queue[entry.name] = entry
        self.octets += entry.size - old.size
        return entry.size - old.size

    def _make_room(self, entry: E) -> list[E]:
        gone: list[E] = []
        patience = _PATIENCE
        while self.octets - self._size_of(entry.name) + entry.size > self.limit:
            one, patience = self._evict(patience)
            gone.append(one)
        return gone

    def _size_of(self, name: Hashable) -> int:
        old = self._small.get(name) or self._main.get(name)
        return 0 if old is None else old.size

    def _evict(self, patience: int) -> tuple[E, int]:
        """What goes, and the patience that is left."""
        while True:
            if self._small and (not self._main or self._small_octets >= self.limit // _SMALL):
                name, entry = self._small.popitem(last=False)
                self._small_octets -= entry.size
                if entry.hits < 2 or not patience:
                    self.octets -= entry.size
                    self._remember(entry)
                    return entry, patience
                entry.hits = 0
            else:
                name, entry = self._main.popitem(last=False)
                if not entry.hits or not patience:
                    self.octets -= entry.size
                    return entry, patience
                entry.hits -= 1
            self._main[name] = entry
            patience -= 1

    def _remember(self, entry: E) -> None:
        self._ghost[entry.name] = entry.size
        self._ghost_octets += entry.size
        self._trim_ghost()

    def _trim_ghost(self) -> None:
        most = self.limit - self.limit // _SMALL
        while self._ghost and (self._ghost_octets > most or len(self._ghost) > len(self)):
            self._ghost_octets -= self._ghost.popitem(last=False)[1]
