"""Who fetches what: the fetches of this worker that others may join, and its claims among all workers of the machine.

Laws of this module:
- nobody joins a fetch that a purge has taken since it began;
- who has the claim to a key gives it up once: when nothing will be kept, or when the disk has what is;
- a HEAD has no claim, and is joined by nobody: its answer is none for a GET.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from edgeproxy.caching.keys import Key
from edgeproxy.caching.lately import Lately
from edgeproxy.caching.purging import Purge, is_taken
from edgeproxy.caching.reuse import may_be_joined
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.elsewhere import Elsewhere
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.spool import Spool
from edgeproxy.proxy.clock import Clock
from edgeproxy.ruleset.modifiers import Cache

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.fetch import Fetch


class Fetches:
    """Of one worker. `running`: by primary key, what may be joined."""

    def __init__(self, disk: Disk | None, purges: PurgeLog, clock: Clock) -> None:
        self.running: dict[bytes, Fetch | Elsewhere] = {}
        self.lately = Lately()
        self.purges = purges
        self._disk = disk
        self._clock = clock
        self._claimed: set[bytes] = set()  # keys to which a fetch of this worker has the claim, while content comes

    def now(self) -> float:
        """POSIX seconds."""
        return self._clock.wall()

    # -- joining ------------------------------------------------------------------------------------------------

    def find(self, key: Key, values: Mapping[str, str], policy: Cache) -> Fetch | Elsewhere | None:
        """A fetch that may answer a request with these fields, too: of this worker, or of another one."""
        fetch = self.running.get(key.primary)
        if fetch is None or (isinstance(fetch, Elsewhere) and fetch.is_lost()):
            return None
        if self.is_purged(key, fetch.tags, fetch.since, knows_tags=fetch.stored is not None):
            if not isinstance(fetch, Elsewhere):
                self.give_up(fetch)  # nothing of it is kept, so who asks now need not wait for its end
            return None
        if fetch.stored is not None and not may_be_joined(fetch.stored, values, self.now(), policy):
            return None
        return fetch

    def elsewhere(self, key: Key, policy: Cache) -> Elsewhere | None:
        """The fetch of another worker, which has the claim. None: it is this worker's own, and not for who asks, who
        then fetches, too: another variant, or what is out of date, may come slowly.
        """
        if self._disk is None or key.primary in self._claimed:
            return None
        self.running[key.primary] = other = Elsewhere(self, self._disk, key, policy)
        return other

    def is_purged(self, key: Key, tags: Iterable[str], since: int, *, knows_tags: bool = True) -> bool:
        """Whether an answer that was asked for at that number of the log is out of date. `knows_tags`: it can have no
        others.
        """
        if self.purges.seq == since:
            return False
        return is_taken(self.purges.since(since), key, tags, knows_tags=knows_tags)

    # -- fetching -----------------------------------------------------------------------------------------------

    def may_fetch(self, key: Key) -> bool:
        """Whether nobody else does. Who fetches has the claim until the fetch is over."""
        if self._disk is None:
            return True
        may = self._disk.claim(key.primary)
        if may:
            self._claimed.add(key.primary)
        return may

    def may_renew(self, key: Key, values: Mapping[str, str], policy: Cache) -> bool:
        """Whether to ask for another copy, while this one is given; then with the claim, as in `may_fetch`."""
        if not self.lately.may_renew(key, self.now()):
            return False
        may = self.find(key, values, policy) is None and self.may_fetch(key)
        if not may:
            self.lately.note_still_asked(key, self.now())
        return may

    def begin(self, fill: Fetch) -> None:
        """Others may join it from now on."""
        self.running[fill.key.primary] = fill

    def announce(self, fill: Fetch, stored: Stored, spool: Spool) -> None:
        """A large content begins to come: other workers may read it as it does."""
        if self._disk is not None and fill.has_claim:
            self._disk.announce(fill.key, stored, spool, fill.since)

    # -- ending -------------------------------------------------------------------------------------------------

    def drop(self, fetch: Fetch | Elsewhere) -> None:
        """Nobody else joins it."""
        if self.running.get(fetch.key.primary) is fetch:
            del self.running[fetch.key.primary]

    def give_up(self, fill: Fetch) -> None:
        """Nothing of it is kept: somebody else may fetch it."""
        self.drop(fill)
        self.release(fill)

    def leave_to_disk(self, fill: Fetch) -> None:
        """All has come, and the disk is about to take it: who asks now waits for that, which takes no time to speak of.
        The claim is released when it has. Where there is none to wait for, it is joined until then.
        """
        if fill.has_claim or self._disk is None:
            self.drop(fill)
            self._claimed.discard(fill.key.primary)

    def release(self, fill: Fetch) -> None:
        """Of the claim, if it has one."""
        if self._disk is not None and fill.has_claim:
            fill.has_claim = False
            self._claimed.discard(fill.key.primary)
            self._disk.release(fill.key.primary)

    def on_purged(self, purges: Iterable[Purge], seq: int) -> None:
        """Nobody waits for what is out of date, in other workers neither. `seq`: the log's number by now."""
        for fetch in tuple(self.running.values()):
            if (
                not isinstance(fetch, Elsewhere)
                and fetch.since < seq
                and is_taken(purges, fetch.key, fetch.tags, knows_tags=fetch.stored is not None)
            ):
                self.give_up(fetch)
