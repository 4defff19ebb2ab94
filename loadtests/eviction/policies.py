"""Policies of eviction, one like the other: ask for an object, and it is there or brought in.

Laws of this module:
- sizes are in octets, and none keeps more of them than its limit;
- none keeps an object larger than an eighth of the limit: the edge does not, and its rule is given to all.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Final, Protocol

from edgeproxy.caching.eviction import MOST_HITS, Entry, S3Fifo

_LARGEST: Final = 8  # one of so many parts of the limit
_WINDOW: Final = 100  # W-TinyLFU's window for what is new
_PROTECTED: Final = 0.8  # of the rest of it
_SAMPLE: Final = 10  # requests for each object kept, until its counts are halved


class Policy(Protocol):
    def ask(self, name: int, size: int) -> bool:
        """Whether it was there."""


class S3FifoPolicy:
    """The queues of the edge itself."""

    def __init__(self, limit: int) -> None:
        self._queue: S3Fifo[Entry] = S3Fifo(limit)
        self._there: dict[int, Entry] = {}

    def ask(self, name: int, size: int) -> bool:
        entry = self._there.get(name)
        if entry is not None:
            if entry.hits < MOST_HITS:
                entry.hits += 1
            return True
        if self._queue.takes(size):
            entry = self._there[name] = Entry(name, size)
            for gone in self._queue.insert(entry):
                del self._there[int(str(gone.name))]
        return False


class Fifo:
    """What came first goes first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._octets = 0
        self._there: OrderedDict[int, int] = OrderedDict()

    def ask(self, name: int, size: int) -> bool:
        if name in self._there:
            self._on_hit(name)
            return True
        if size <= self._limit // _LARGEST:
            self._there[name] = size
            self._octets += size
            while self._octets > self._limit:
                self._octets -= self._there.popitem(last=False)[1]
        return False

    def _on_hit(self, name: int) -> None:
        """It stays where it is."""


class Lru(Fifo):
    """What was not asked for longest goes first."""

    def _on_hit(self, name: int) -> None:
        self._there.move_to_end(name)


class WTinyLfu:
    """Einziger et al. 2017, as Caffeine weighs it: what leaves the window must have been asked for more often than
    what would have to go for it. Its counts are exact, where a sketch errs: this one is a little better than real ones.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window: OrderedDict[int, int] = OrderedDict()
        self._probation: OrderedDict[int, int] = OrderedDict()
        self._protected: OrderedDict[int, int] = OrderedDict()
        self._octets = {id(queue): 0 for queue in (self._window, self._probation, self._protected)}
        self._counts: Counter[int] = Counter()
        self._counted = 0

    def ask(self, name: int, size: int) -> bool:
        self._count(name)
        if name in self._protected:
            self._protected.move_to_end(name)
        elif name in self._probation:
            self._take(self._probation, name)
            self._add(self._protected, name, size)
            self._demote()
        elif name in self._window:
            self._window.move_to_end(name)
        else:
            if size <= self._limit // _LARGEST:
                self._add(self._window, name, size)
                self._shrink_window()
            return False
        return True

    def _count(self, name: int) -> None:
        self._counts[name] += 1
        self._counted += 1
        kept = len(self._window) + len(self._probation) + len(self._protected)
        if self._counted > _SAMPLE * max(kept, 100):
            self._counts = Counter({one: count // 2 for one, count in self._counts.items() if count > 1})
            self._counted //= 2

    def _shrink_window(self) -> None:
        while self._octets[id(self._window)] > self._limit // _WINDOW:
            name = next(iter(self._window))
            self._admit(name, self._take(self._window, name))

    def _admit(self, name: int, size: int) -> None:
        main = self._limit - self._limit // _WINDOW
        while self._octets[id(self._probation)] + self._octets[id(self._protected)] + size > main:
            queue = self._probation or self._protected
            victim = next(iter(queue))
            if self._counts[name] <= self._counts[victim]:
                return
            self._take(queue, victim)
        self._add(self._probation, name, size)

    def _demote(self) -> None:
        while self._octets[id(self._protected)] > _PROTECTED * self._limit:
            name = next(iter(self._protected))
            self._add(self._probation, name, self._take(self._protected, name))

    def _add(self, queue: OrderedDict[int, int], name: int, size: int) -> None:
        queue[name] = size
        self._octets[id(queue)] += size

    def _take(self, queue: OrderedDict[int, int], name: int) -> int:
        size = queue.pop(name)
        self._octets[id(queue)] -= size
        return size


class Belady:
    """Knows what comes: what is asked for again last goes first, the new one itself if it is that. No policy has more
    hits where all sizes are the same (Belady 1966, with bypass); where they differ it is a yardstick, not a bound.
    """

    def __init__(self, limit: int, names: Sequence[int]) -> None:
        self._limit = limit
        self._octets = 0
        self._next = iter(next_uses(names))
        self._there: dict[int, tuple[int, int]] = {}  # next use, size
        self._order: list[tuple[int, int]] = []  # -next use, name: also of what is no longer so

    def ask(self, name: int, size: int) -> bool:
        after = next(self._next)
        known = self._there.get(name)
        if known is None and size > self._limit // _LARGEST:
            return False
        if known is None:
            self._octets += size
        self._there[name] = after, size
        heappush(self._order, (-after, name))
        while self._octets > self._limit:
            self._drop_last()
        return known is not None

    def _drop_last(self) -> None:
        after, name = heappop(self._order)
        known = self._there.get(name)
        if known is not None and known[0] == -after:
            self._octets -= known[1]
            del self._there[name]


def next_uses(names: Sequence[int]) -> list[int]:
    """For each request, the place of the next one for the same; of the last ones, a place beyond all."""
    seen: dict[int, int] = {}
    uses = [len(names)] * len(names)
    for place in range(len(names) - 1, -1, -1):
        uses[place] = seen.get(names[place], len(names))
        seen[names[place]] = place
    return uses


SUBJECT: Final = "S3-FIFO"
POLICIES: Final[dict[str, Callable[[int, Sequence[int]], Policy]]] = {
    SUBJECT: lambda limit, _: S3FifoPolicy(limit),
    "LRU": lambda limit, _: Lru(limit),
    "FIFO": lambda limit, _: Fifo(limit),
    "W-TinyLFU": lambda limit, _: WTinyLfu(limit),
    "Belady": Belady,
}
