"""Answers kept in a worker's memory.

Laws of this module:
- what is kept costs no more memory than the limit: content, field lines and all that is around them are counted;
- `expires` of a copy is 0.0 as soon as it may no longer be given without a thought: it is removed, replaced or purged,
  or must be asked for anew each time. So who holds one sees it, without asking the tier;
- a copy that is gone does not come back: `replace` changes only what is there;
- a copy in a coding is over when the one that it is made of is another, or is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, assert_never

from edgeproxy.caching.eviction import Entry, S3Fifo
from edgeproxy.caching.keys import Key, tag_digest, variant_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.stored import Stored

_VARIANTS: Final = 32  # of one key
# What Python keeps around one answer, in octets: the copy, its terms and digests, its places in five tables and a name
# that is remembered. Measured: 2,000 to 2,500 once what is kept has changed many times, 1,240 to 1,500 before
# (python -m loadtests.eviction --memory).
OVERHEAD: Final = 2_176
_OVERHEAD_OF_TEXT: Final = 320  # of each tag, and of each field that it was chosen by
_GAPS: Final = 8  # one part in so many: what the heap loses between contents of many sizes that come and go
_HEAD: Final = 4_096


class Copy(Entry):
    """One answer. PERF: a hit is `of()`, a comparison with `expires`, and `hits` counted up to MOST_HITS."""

    __slots__ = ("body", "expires", "key", "stored", "variant")

    def __init__(self, key: Key, stored: Stored, body: bytes) -> None:
        self.key = key
        self.variant = variant_digest(stored.selecting, stored.coding)
        self.stored = stored
        self.body = body
        self.expires = _expiry(stored)
        super().__init__(key.primary + self.variant, _cost(stored, body))


class MemoryTier:
    """What one worker keeps. `limit` in octets."""

    __slots__ = ("_copies", "_named", "_queue", "evictions")

    def __init__(self, limit: int) -> None:
        self._copies: dict[bytes, tuple[Copy, ...]] = {}
        self._named = _Named()
        self._queue: S3Fifo[Copy] = S3Fifo(limit)
        self.evictions = 0

    @property
    def limit(self) -> int:
        return self._queue.limit

    @property
    def largest(self) -> int:
        """Octets of content that a copy may have, if its head is small."""
        return max(0, (self._queue.largest - OVERHEAD - _HEAD) * _GAPS // (_GAPS + 1))

    @property
    def octets(self) -> int:
        return self._queue.octets

    @property
    def count(self) -> int:
        return len(self._queue)

    def of(self, primary: bytes) -> tuple[Copy, ...]:
        """Every variant that is kept under a key."""
        return self._copies.get(primary, ())

    def put(self, key: Key, stored: Stored, body: bytes) -> Copy | None:
        """Instead of what is kept of this variant. None: it is too large for this tier, and what was kept is gone."""
        copy = Copy(key, stored, body)
        old = self._same(copy)
        if not self._queue.takes(copy.size):
            if old is not None:
                self.remove(old)
            return None
        self._keep(copy, old)
        return copy

    def replace(self, copy: Copy, stored: Stored) -> Copy:
        """The copy with another head, in its place. When it is gone, or gets too large, the new one is not kept."""
        new = Copy(copy.key, stored, copy.body)
        if self._same(copy) is copy and self._queue.takes(new.size):
            if new.variant != copy.variant:
                self.remove(copy)
                new.hits = copy.hits
            self._keep(new, self._same(new))
        else:
            self.remove(copy)
            new.expires = 0.0
        return new

    def remove(self, copy: Copy) -> None:
        if self._same(copy) is copy:
            self._queue.remove(copy)
        self._forget(copy)
        if not copy.stored.coding:
            self._remove_coded(copy, None)

    def purge(self, purge: Purge) -> int:
        """How many copies it took."""
        taken = tuple(self._taken_by(purge))
        for copy in taken:
            match purge.mode:
                case Mode.SOFT:
                    _make_stale(copy, purge.at)
                case Mode.HARD:
                    self.remove(copy)
                case _:
                    assert_never(purge.mode)
        return len(taken)

    def _taken_by(self, purge: Purge) -> Iterable[Copy]:
        if purge.what is What.ALL:
            return (copy for copies in self._copies.values() for copy in copies)
        return self._named.by(purge.digest)

    def _same(self, copy: Copy) -> Copy | None:
        """What is kept of the same variant under the same key."""
        for one in self.of(copy.key.primary):
            if one.variant == copy.variant:
                return one
        return None

    def _keep(self, copy: Copy, old: Copy | None) -> None:
        gone = self._queue.insert(copy)
        if old is not None:
            self._forget(old)
        for one in gone:
            self._forget(one)
        self.evictions += len(gone)
        others = self.of(copy.key.primary)
        if len(others) >= _VARIANTS:
            others = self._with_room(others)
        self._copies[copy.key.primary] = (*others, copy)
        self._named.add(copy)
        if not copy.stored.coding:
            self._remove_coded(copy, copy.stored)

    def _remove_coded(self, copy: Copy, current: Stored | None) -> None:
        """What was made of it, or of who had its place, and is not made of `current`."""
        for one in self.of(copy.key.primary):
            its = one.stored
            if its.coding and its.selecting == copy.stored.selecting and not _is_made_of(its, current):
                self.remove(one)

    def _with_room(self, copies: tuple[Copy, ...]) -> tuple[Copy, ...]:
        """Without the oldest. A hit buys a copy another round: made-up variants do not drive out used ones."""
        while copies[0].hits:
            copies[0].hits -= 1
            copies = (*copies[1:], copies[0])
        self.remove(copies[0])
        self.evictions += 1
        return copies[1:]

    def _forget(self, copy: Copy) -> None:
        """It is in the queue no more."""
        copy.expires = 0.0
        copies = self.of(copy.key.primary)
        others = tuple(one for one in copies if one is not copy)
        if len(others) == len(copies):
            return
        self._named.discard(copy)
        if others:
            self._copies[copy.key.primary] = others
        else:
            del self._copies[copy.key.primary]


class _Named:
    """Copies by what a purge may name them by. PERF: most names are of one copy, which needs no set (216 octets)."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[bytes, Copy | set[Copy]] = {}

    def by(self, digest: bytes) -> Iterable[Copy]:
        found = self._by_name.get(digest, ())
        return (found,) if isinstance(found, Copy) else found

    def add(self, copy: Copy) -> None:
        for name in _names(copy):
            there = self._by_name.setdefault(name, copy)
            if isinstance(there, set):
                there.add(copy)
            elif there is not copy:
                self._by_name[name] = {there, copy}

    def discard(self, copy: Copy) -> None:
        for name in _names(copy):
            there = self._by_name.get(name)
            if isinstance(there, set):
                there.discard(copy)
            if there is copy or there == set():
                del self._by_name[name]


def _names(copy: Copy) -> Iterable[bytes]:
    """Digests of different kinds are never the same (keys.py): one table holds them all."""
    return (copy.key.path, copy.key.address, *map(tag_digest, copy.stored.tags))


def _is_made_of(coded: Stored, stored: Stored | None) -> bool:
    return stored is not None and (coded.origin, coded.terms) == (stored.digest, stored.terms)


def _make_stale(copy: Copy, at: float) -> None:
    """It stays where it is. What was stale before is so since then."""
    if copy.stored.purged is None:
        copy.stored = replace(copy.stored, purged=at)
    copy.expires = 0.0


def _expiry(stored: Stored) -> float:
    return 0.0 if stored.purged is not None or stored.terms.no_cache else stored.terms.expires


def _cost(stored: Stored, body: bytes) -> int:
    """Octets of memory, about."""
    held = len(body) + len(stored.lines)
    texts = len(stored.content_type) + (len(stored.etag.opaque) if stored.etag else 0)
    texts += sum(len(name) + len(value or "") + _OVERHEAD_OF_TEXT for name, value in stored.selecting)
    texts += sum(len(tag) + _OVERHEAD_OF_TEXT for tag in stored.tags)
    return OVERHEAD + held + held // _GAPS + texts
