"""What one worker keeps and where: its memory, the disk that it shares, and the fetches that are on their way.

Laws of this module:
- no copy is found that a purge has taken: the log of purges is looked at before each look-up, and an answer is kept
  only if none has taken it since its fetch began;
- a disk that fails costs copies, and no client its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgeproxy.caching.coding import choose, is_compressible, may_be_coded
from edgeproxy.caching.eviction import MOST_HITS
from edgeproxy.caching.failing import Failing
from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.reuse import Use, decide, is_for_the_backend, may_be_joined
from edgeproxy.caching.stored import Stored
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.checking import Content, KeptFile
from edgeproxy.proxy.cache.codings import Codings
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.elsewhere import Elsewhere
from edgeproxy.proxy.cache.file_reader import FileReader
from edgeproxy.proxy.cache.finding import newest, read_whole
from edgeproxy.proxy.cache.giving import Known
from edgeproxy.proxy.cache.index import DiskCopy
from edgeproxy.proxy.cache.intake import Budget, Intake
from edgeproxy.proxy.cache.memory import Copy, MemoryTier
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.requests import asked_by, wants_to_switch
from edgeproxy.proxy.cache.spool import Spool
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.loop_guard import LoopGuard
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.modifiers import Cache, Coding, Digest
from edgeproxy.telemetry.counters import Counters

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.fill import Fill

Found = Copy | DiskCopy

_SHARE_OF_FILLS: Final = 4  # of the memory of copies, what content on its way may take beside it
_SMALL: Final = 1 << 20  # octets of content that are kept in memory, too, where there is a disk or a directory
_UNCACHEABLE: Final = 10.0  # seconds in which nobody waits for an answer that the last time was for one client only
_REMEMBERED: Final = 8_192  # keys
_HANGS: Final = 1.0  # seconds after which a failure is not the key's but the backend's
_ALONE: Final = 60.0  # seconds in which nobody waits for another worker that said nothing for long


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
        self.fills: dict[bytes, Fill | Elsewhere] = {}
        self.guard = guard
        self.purges = purges
        self.disk = disk
        self._disk_hits: set[bytes] = set()  # keys of copies that were given, since it was told
        self._fetching: set[bytes] = set()  # keys to which a fetch of this worker has the claim, while content comes
        self._small = self.memory.largest if disk is None else min(self.memory.largest, _SMALL)
        self._budget = Budget(self._small, settings.memory // _SHARE_OF_FILLS)
        self.largest = settings.largest if disk is not None else min(settings.largest, self._small)
        self._clock = clock
        self._counters = counters
        self._seen = purges.seq
        self.codings = Codings(self.memory)
        self.files = FileReader(min(self.memory.largest, _SMALL))
        self._uncacheable: dict[bytes, float] = {}  # by primary key: until when, in POSIX seconds
        self._unheard: dict[bytes, float] = {}
        self._failing: Failing[bytes] = Failing()  # by primary key
        self._hanging: Failing[str] = Failing()  # by backend

    def now(self) -> float:
        """POSIX seconds."""
        return self._clock.wall()

    # -- looking up ---------------------------------------------------------------------------------------------

    @property
    def is_current(self) -> bool:
        """Whether every purge has been carried out here. PERF: asked for each hit; 0.1 µs."""
        return self.purges.seq == self._seen

    def catch_up(self) -> None:
        """Carry out what was purged meanwhile."""
        seq = self.purges.seq  # first: what comes meanwhile may be carried out twice, and must not be missed
        purges, self._seen = self.purges.since(self._seen), seq
        news = (Purge(What.ALL, Mode.HARD),) if purges is None else purges
        for purge in news:
            self.memory.purge(purge)
        for fill in tuple(self.fills.values()):  # nobody waits for what is out of date, in other workers neither
            if (
                not isinstance(fill, Elsewhere)
                and fill.since < seq
                and _is_taken(news, fill.key, fill.tags, knows_tags=fill.stored is not None)
            ):
                self.give_up(fill)

    def find(self, key: Key, values: Mapping[str, str], policy: Cache) -> Found | None:
        """The newest copy that a request with these fields may have, fresh or not."""
        copy = self.find_in_memory(key, values, policy)
        if self.disk is None or (copy is not None and self.now() < copy.expires):
            return copy
        since = self.purges.seq
        other = newest(self.disk.find(key.primary), values, policy)
        if other is not None:
            other.since = since
        if copy is None or (other is not None and other.stored.terms.born > copy.stored.terms.born):
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
        coding = self.coding_for(copy, cache.policy, values)
        if coding is not None:
            copy = self.codings.find(copy, coding)
            if copy is None:
                return None
        if copy.hits < MOST_HITS:
            self.note_hit(copy)
        return Known(copy, plan, values, now)

    def fill_for(self, key: Key, values: Mapping[str, str], policy: Cache) -> Fill | Elsewhere | None:
        """A fetch that may answer a request with these fields, too: of this worker, or of another one."""
        fill = self.fills.get(key.primary)
        if fill is None or (isinstance(fill, Elsewhere) and fill.is_lost()):
            return None
        if self.is_purged(key, fill.tags, fill.since, knows_tags=fill.stored is not None):
            if not isinstance(fill, Elsewhere):
                self.give_up(fill)  # nothing of it is kept, so who asks now need not wait for its end
            return None
        if fill.stored is not None and not may_be_joined(fill.stored, values, self.now(), policy):
            return None
        return fill

    def elsewhere(self, key: Key, policy: Cache) -> Elsewhere | None:
        """The fetch of another worker, which has the claim. None: it is this worker's own, and not for who asks, who
        then fetches, too: another variant, or what is out of date, may come slowly. Nor is one waited for of which
        nothing was heard for long.
        """
        if self.disk is None or key.primary in self._fetching or self._is_until(self._unheard, key):
            return None
        self.fills[key.primary] = other = Elsewhere(self, self.disk, key, policy)
        return other

    def may_fetch(self, key: Key) -> bool:
        """Whether nobody else does. Who fetches has the claim until the fetch is over."""
        if self.disk is None:
            return True
        may = self.disk.claim(key.primary)
        if may:
            self._fetching.add(key.primary)
        return may

    def may_renew(self, key: Key, values: Mapping[str, str], policy: Cache) -> bool:
        """Whether to ask for another copy, while this one is given; then with the claim, as in `may_fetch`."""
        if not self._failing.may_ask(key.primary, self.now()):
            return False
        may = self.fill_for(key, values, policy) is None and self.may_fetch(key)
        if not may:
            self._failing.note_still_asked(key.primary, self.now())
        return may

    def is_uncacheable(self, key: Key) -> bool:
        return self._is_until(self._uncacheable, key)

    def is_failing(self, key: Key, backend: str) -> bool:
        """Whether a copy may stand in for an answer that nobody waited for now."""
        now = self.now()
        return self._failing.is_known(key.primary, now) or self._hanging.is_known(backend, now)

    def is_purged(self, key: Key, tags: Iterable[str], since: int, *, knows_tags: bool = True) -> bool:
        """Whether an answer that was asked for at that number of the log is out of date. `knows_tags`: it can have no
        others.
        """
        if self.purges.seq == since:
            return False
        purges = self.purges.since(since)
        return purges is None or _is_taken(purges, key, tags, knows_tags=knows_tags)

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

    def begin(self, fill: Fill) -> None:
        """Others may join it from now on."""
        self.fills[fill.key.primary] = fill

    def drop(self, fill: Fill | Elsewhere) -> None:
        """Nobody else joins it."""
        if self.fills.get(fill.key.primary) is fill:
            del self.fills[fill.key.primary]

    def give_up(self, fill: Fill) -> None:
        """Nothing of it is kept: somebody else may fetch it."""
        self.drop(fill)
        self._release(fill)

    def announce(self, fill: Fill, stored: Stored, spool: Spool) -> None:
        """A large content begins to come: other workers may read it as it does."""
        if self.disk is not None and fill.has_claim:
            self.disk.announce(fill.key, stored, spool, fill.since)

    def keep(self, fill: Fill, stored: Stored, intake: Intake, then: Callable[[], None]) -> Copy | None:
        """The copy in memory, if it is one for it; `then`: the content is needed no more for keeping it."""
        key = fill.key
        if self.is_purged(key, stored.tags, fill.since):
            self.count_not_stored(NotStored.PURGED)
            intake.end()
            self._release(fill)
            then()
            return None
        self._uncacheable.pop(key.primary, None)
        content = intake.content() if intake.spool is None else intake.spool
        copy = self.memory.put(key, stored, content) if isinstance(content, bytes) else None
        if self.disk is None:
            then()
            return copy

        def on_put(_is_kept: bool) -> None:
            self._release(fill)
            then()

        if fill.has_claim:
            self._fetching.discard(key.primary)  # who asks now waits for the disk, which takes no time to speak of
        self.disk.put(key, stored, content, fill.since, on_put)
        return copy

    def keep_here(self, key: Key, stored: Stored, content: bytes, since: int) -> Copy | NotStored:
        """In memory alone. `since`: the number of the log when it was looked for."""
        if self.is_purged(key, stored.tags, since):
            return NotStored.PURGED
        return self.memory.put(key, stored, content) or NotStored.TOO_LARGE

    def refresh(self, fill: Fill, found: Found, stored: Stored) -> Found:
        """A copy that was asked for anew and is right, under its new head."""
        if self.disk is not None:
            for copy in (found,) if isinstance(found, DiskCopy) else self.disk.find(found.key.primary):
                if copy.variant == found.variant and copy.stored.digest == found.stored.digest:
                    self.disk.update(copy, stored, fill.since)
        if isinstance(found, DiskCopy):
            return replace(found, stored=stored)
        if self.is_purged(found.key, stored.tags, fill.since):
            self.memory.remove(found)
            return Copy(found.key, stored, found.body)
        return self.memory.replace(found, stored)

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
            if self.is_purged(found.key, found.stored.tags, found.since) or len(content) != found.stored.size:
                then(None)
                return
            then(self.memory.put(found.key, found.stored, content) or Copy(found.key, found.stored, content))

        self._disk_hits.add(found.key.primary)
        self.disk.read(found, on_read)

    def note_hit(self, copy: Copy) -> None:
        """A copy in memory was given, and has fewer than MOST_HITS. What is asked for is to stay on the disk, too: other
        workers look there, and this one when its memory has lost it.
        """
        copy.hits += 1
        if self.disk is not None:
            self._disk_hits.add(copy.key.primary)

    def tend(self) -> None:
        """Once a second: tell the disk what was asked for, and hear what was purged."""
        if not self.is_current:
            self.catch_up()
        if self.disk is not None and self._disk_hits:
            hits, self._disk_hits = self._disk_hits, set()
            self.disk.note_hits(hits)

    def note_uncacheable(self, key: Key) -> None:
        self._note_until(self._uncacheable, key, _UNCACHEABLE)

    def note_unheard(self, key: Key) -> None:
        """Who fetches it elsewhere lets everybody wait."""
        self._note_until(self._unheard, key, _ALONE)

    def note_failing(self, key: Key, backend: str, asked: float) -> None:
        """A fetch that was asked for at that time. A backend that let it wait lets others wait, too."""
        now = self.now()
        self._failing.note(key.primary, asked, now)
        if now - asked >= _HANGS:
            self._hanging.note(backend, asked, now)

    def note_answered(self, key: Key, backend: str) -> None:
        self._failing.end(key.primary)
        self._hanging.end(backend)

    def count_not_stored(self, why: NotStored) -> None:
        self._counters.not_stored[why] += 1

    def close(self) -> None:
        self.fills.clear()
        self.files.close()
        if self.disk is not None:
            self.disk.close()

    def _release(self, fill: Fill) -> None:
        if self.disk is not None and fill.has_claim:
            fill.has_claim = False
            self._fetching.discard(fill.key.primary)
            self.disk.release(fill.key.primary)

    def memory_numbers(self) -> dict[str, int]:
        memory = self.memory
        return {
            "octets": memory.octets,
            "copies": memory.count,
            "evictions": memory.evictions,
            "fills": len(self.fills),
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

    def _is_until(self, times: dict[bytes, float], key: Key) -> bool:
        until = times.get(key.primary)
        return until is not None and self.now() < until

    def _note_until(self, times: dict[bytes, float], key: Key, seconds: float) -> None:
        if len(times) >= _REMEMBERED:
            times.clear()
        times[key.primary] = self.now() + seconds


def _is_taken(purges: Iterable[Purge], key: Key, tags: Iterable[str], *, knows_tags: bool) -> bool:
    return any(purge.takes(key, tags) or (purge.what is What.TAG and not knows_tags) for purge in purges)
