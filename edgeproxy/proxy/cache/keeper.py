"""What one worker keeps and where: its memory, the disk that it shares, and the fetches that are on their way.

Laws of this module:
- no copy is found that a purge has taken: the log of purges is looked at before each look-up, and an answer is kept
  only if none has taken it since its fetch began;
- a disk that fails costs copies, and no client its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from edgeproxy.caching.coding import choose, is_compressible, may_be_coded
from edgeproxy.caching.eviction import MOST_HITS
from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.reuse import Use, decide, is_for_the_backend
from edgeproxy.caching.stored import Stored
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.checking import Content, KeptFile
from edgeproxy.proxy.cache.codings import Codings
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.elsewhere import Elsewhere
from edgeproxy.proxy.cache.fetches import Fetches
from edgeproxy.proxy.cache.file_reader import FileReader
from edgeproxy.proxy.cache.finding import newest, read_whole
from edgeproxy.proxy.cache.giving import Known
from edgeproxy.proxy.cache.index import DiskCopy
from edgeproxy.proxy.cache.intake import Budget, Intake
from edgeproxy.proxy.cache.memory import Copy, MemoryTier
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.requests import asked_by, wants_to_switch
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.loop_guard import LoopGuard
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.modifiers import Cache, Coding, Digest
from edgeproxy.telemetry.counters import Counters

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.fetch import Fetch

Found = Copy | DiskCopy

_SHARE_OF_FILLS: Final = 4  # of the memory of copies, what content on its way may take beside it
_AGAIN: Final = 2  # hits of a copy in memory that the disk is told of, once
_TOLD: Final = 500  # keys at a time, once a second. PERF: each costs some 10 µs in the writer's thread
_SMALL: Final = 1 << 20  # octets of content that are kept in memory, too, where there is a disk or a directory


class Keeper:
    def __init__(
        self,
        settings: CacheSettings,
        longest_body: int,
        clock: Clock,
        counters: Counters,
        guard: LoopGuard,
        purges: PurgeLog,
        disk: Disk | None,
    ) -> None:
        """`longest_body`: octets of a request's that may be a part of a key."""
        self.memory = MemoryTier(settings.memory)
        self.longest_body = longest_body
        self.fetches = Fetches(disk, purges, clock)
        self.lately = self.fetches.lately
        self.guard = guard
        self.purges = purges
        self.disk = disk
        self._disk_hits: dict[bytes, int] = {}  # of copies by key, since it was told
        self._small = self.memory.largest if disk is None else min(self.memory.largest, _SMALL)
        self._budget = Budget(self._small, settings.memory // _SHARE_OF_FILLS)
        self.largest = settings.largest if disk is not None else min(settings.largest, self._small)
        self._clock = clock
        self._counters = counters
        self.seen = purges.seq  # the last purge that was carried out here
        self.codings = Codings(self.memory)
        self.files = FileReader(min(self.memory.largest, _SMALL))

    def now(self) -> float:
        """POSIX seconds."""
        return self._clock.wall()

    @property
    def fills(self) -> Mapping[bytes, Fetch | Elsewhere]:
        """By primary key."""
        return self.fetches.running

    # -- looking up ---------------------------------------------------------------------------------------------

    @property
    def is_current(self) -> bool:
        """Whether every purge has been carried out here."""
        return self.purges.seq == self.seen

    def catch_up(self) -> None:
        """Carry out what was purged meanwhile."""
        seq = self.purges.seq  # first: what comes meanwhile may be carried out twice, and must not be missed
        purges, self.seen = self.purges.since(self.seen), seq
        news = (Purge(What.ALL, Mode.HARD),) if purges is None else purges
        for purge in news:
            self.memory.purge(purge)
        self.fetches.on_purged(news, seq)

    def find(self, key: Key, values: Mapping[str, str], policy: Cache) -> Found | None:
        """The newest copy that a request with these fields may have, fresh or not."""
        copy = self.find_in_memory(key, values, policy)
        if self.disk is None or (copy is not None and self.now() < copy.expires):
            return copy
        since = self.purges.seq
        other = newest(self.disk.find(key.primary), values, policy)
        if other is not None:
            other.since = since
        if copy is None or (other is not None and _rank(other) > _rank(copy)):
            return other
        return copy

    def find_in_memory(self, key: Key, values: Mapping[str, str], policy: Cache) -> Copy | None:
        """Likewise, without a look at the disk."""
        if not self.is_current:
            self.catch_up()
        return newest(self.memory.of(key.primary), values, policy)

    def known(self, plan: Pass | ServeFile, cache: CachePlan, fields: RequestFields) -> Known | None:
        """What a fresh copy in memory gives to a request that has no body."""
        if not cache.is_read or is_for_the_backend(fields.values) or wants_to_switch(plan, fields):
            return None
        values, now = asked_by(plan, fields), self.now()
        copy = self.find_in_memory(cache.key(values, None), values, cache.policy)
        if copy is None or now >= copy.expires:
            return None
        if cache.policy.heed_clients and decide(values, copy.stored.terms, None, now, cache.policy) is not Use.FRESH:
            return None
        if plan.fallback is not None and copy.stored.status in plan.fallback.statuses:
            return None
        coding = self.coding_for(copy, cache.policy, values)
        if coding is not None:
            copy = self.codings.find(copy, coding)
            if copy is None:
                return None
        if copy.hits < MOST_HITS:
            self.note_hit(copy)
        return Known(copy, plan, values, now)

    def coding_for(self, copy: Copy, policy: Cache, values: Mapping[str, str]) -> Coding | None:
        """The coding that a request gets a copy in; None: as it came. Parts are of what came."""
        if not policy.compress or "range" in values or not is_compressible(copy.stored.content_type, copy.stored.size):
            return None
        coding = choose(values.get("accept-encoding"), policy.compress)
        return coding if coding is not None and may_be_coded(copy.stored) else None

    def code(self, copy: Copy, coding: Coding, then: Callable[[Copy], None]) -> None:
        """`then` gets the copy in that coding: at once, or as soon as a thread has made it."""
        found = self.codings.find(copy, coding)
        if found is not None:
            then(found)
        else:
            self.codings.make(copy, coding, then)

    # -- keeping ------------------------------------------------------------------------------------------------

    def intake(self, verify: Digest | None) -> Intake:
        return Intake(self._budget, self.largest, None if self.disk is None else self.disk.spool, verify)

    def keep(self, fill: Fetch, stored: Stored, intake: Intake, then: Callable[[], None]) -> Copy | None:
        """The copy in memory, if it is one for it; `then`: the content is needed no more for keeping it."""
        key = fill.key
        if self.fetches.is_purged(key, stored.tags, fill.since):
            self.count_not_stored(NotStored.PURGED)
            self.fetches.give_up(fill)
            then()
            return None
        self.fetches.leave_to_disk(fill)
        self.lately.note_kept(key)
        content = intake.content() if intake.spool is None else intake.spool
        copy = self.memory.put(key, stored, content) if isinstance(content, bytes) else None
        if self.disk is None:
            then()
            return copy

        def on_put(_is_kept: bool) -> None:
            self.fetches.give_up(fill)
            then()

        self.disk.put(key, stored, content, fill.since, on_put)
        return copy

    def keep_here(self, key: Key, stored: Stored, content: bytes, since: int) -> Copy | NotStored:
        """In memory alone. `since`: the number of the log when it was looked for."""
        if self.fetches.is_purged(key, stored.tags, since):
            return NotStored.PURGED
        return self.memory.put(key, stored, content) or NotStored.TOO_LARGE

    def refresh(self, fill: Fetch, found: Found, stored: Stored) -> Found:
        """A copy that was asked for anew and is right, under its new head; nothing else comes of the fetch. Its claim
        is released when the disk has that head: other workers then find it there, and need not ask once more.
        """
        self.fetches.drop(fill)  # there is no content that others could read along
        self.fetches.leave_to_disk(fill)
        if not self._update_disk(found, stored, fill.since, lambda _is_kept: self.fetches.release(fill)):
            self.fetches.release(fill)
        if isinstance(found, DiskCopy):
            return replace(found, stored=stored)
        if self.fetches.is_purged(found.key, stored.tags, fill.since):
            self.memory.remove(found)
            return Copy(found.key, stored, found.body)
        return self.memory.replace(found, stored)

    def _update_disk(self, found: Found, stored: Stored, since: int, then: Callable[[bool], None]) -> bool:
        """Whether the disk has the copy, and will call `then`."""
        if self.disk is None:
            return False
        copies = (found,) if isinstance(found, DiskCopy) else self.disk.find(found.key.primary)
        same = [it for it in copies if it.variant == found.variant and it.stored.digest == found.stored.digest]
        for copy in same:
            self.disk.update(copy, stored, since, then if copy is same[-1] else None)
        return bool(same)

    def remove(self, found: Found) -> None:
        if isinstance(found, Copy):
            self.memory.remove(found)
        elif self.disk is not None:
            self.disk.remove(found)

    def read(self, found: DiskCopy, then: Callable[[Copy | KeptFile | None], None]) -> None:
        """A copy on the disk; small ones are in memory from then on. None: there is none that may be given."""
        assert self.disk is not None, "it was found there"

        def on_read(content: Content | None) -> None:
            if content is None or (isinstance(content, KeptFile) and content.size > self._small):
                then(content)
                return
            if isinstance(content, KeptFile):
                with closing(content):
                    content = read_whole(content)
            if self.fetches.is_purged(found.key, found.stored.tags, found.since) or len(content) != found.stored.size:
                then(None)
                return
            then(self.memory.put(found.key, found.stored, content) or Copy(found.key, found.stored, content))

        self._disk_hits.setdefault(found.key.primary, 1)
        self.disk.read(found, on_read)

    def note_hit(self, copy: Copy) -> None:
        """A copy in memory was given, and has fewer than MOST_HITS. What is given again is to stay on the disk, too:
        other workers look there, and this one when its memory has lost it.
        """
        copy.hits += 1
        if copy.hits == _AGAIN and self.disk is not None:
            self._disk_hits[copy.key.primary] = _AGAIN

    def tend(self) -> None:
        """Once a second: tell the disk what was asked for, and hear what was purged."""
        if not self.is_current:
            self.catch_up()
        if self.disk is not None and self._disk_hits:
            told = dict(islice(self._disk_hits.items(), _TOLD))
            for primary in told:
                del self._disk_hits[primary]
            self.disk.note_hits(told)

    def count_not_stored(self, why: NotStored) -> None:
        self._counters.not_stored[why] += 1

    def close(self) -> None:
        self.fetches.running.clear()
        self.files.close()
        if self.disk is not None:
            self.disk.close()

    def memory_numbers(self) -> dict[str, int]:
        memory = self.memory
        return {
            "octets": memory.octets,
            "copies": memory.count,
            "evictions": memory.evictions,
            "fills": len(self.fetches.running),
        }

    def disk_numbers(self) -> dict[str, int]:
        """Of all workers, but for what failed and went: that is of this one."""
        disk = self.disk
        if disk is None:
            return {}
        return {
            "octets": disk.octets,
            "copies": disk.count,
            "evictions": disk.evictions,
            "errors": disk.errors,
            "refused": disk.refused,
        }


def _rank(found: Found) -> tuple[bool, float]:
    """More for what is newer. What no purge has met came after what one has, though both be of the same second, which
    Date does not part.
    """
    return found.stored.purged is None, found.stored.terms.born
