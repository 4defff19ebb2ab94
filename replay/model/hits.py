"""What part of a sequence of requests a cache would answer, by how much it keeps: for a cache, that is what traffic is.

All things count as of one size: how sizes lie over things, a model knows by route alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from edgeproxy.caching.eviction import Entry, S3Fifo

CAPACITIES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # of the things that the capture has
_FEWEST: Final = 10  # things: a smaller queue of S3-FIFO takes nothing

Ratio = Callable[[Sequence[Hashable], int], float]


def lru(items: Sequence[Hashable], capacity: int) -> float:
    kept: OrderedDict[Hashable, None] = OrderedDict()
    hits = 0
    for item in items:
        if item in kept:
            hits += 1
            kept.move_to_end(item)
            continue
        kept[item] = None
        if len(kept) > capacity:
            kept.popitem(last=False)
    return hits / max(len(items), 1)


def s3fifo(items: Sequence[Hashable], capacity: int) -> float:
    """By the edge's own queues."""
    queues: S3Fifo[Entry] = S3Fifo(capacity)
    kept: dict[Hashable, Entry] = {}
    hits = 0
    for item in items:
        entry = kept.get(item)
        if entry is not None:
            hits += 1
            entry.note_hit()
            continue
        kept[item] = entry = Entry(item, 1)
        for gone in queues.insert(entry):
            del kept[gone.name]
    return hits / max(len(items), 1)


POLICIES: Final[dict[str, Ratio]] = {"LRU": lru, "S3-FIFO": s3fifo}


def capacities_of(things: int) -> tuple[int, ...]:
    return tuple(max(round(share * things), _FEWEST) for share in CAPACITIES)
