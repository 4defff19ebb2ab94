"""The disk tier: answers in a directory that all workers of a machine share, and that outlives them.

Laws of this module:
- a content is given only if it has the digest it was kept with; a torn or altered one is removed, counted and told;
- nothing here raises because a disk is full, slow or broken (but `spool`, whose user has to know): what cannot be read
  is not there, what cannot be written is not kept, and both are told once;
- the loop never waits for a lock or for a sync.

PERF, with both cores busy: to find nothing takes 10 µs, a copy of 10 KiB 45, to read and check it 15 to 30 more (its
digest takes 14). To keep one takes 300 to 400 µs of CPU in the thread: 2,000 to 3,000 in a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from errno import ELOOP, ENOENT
from pathlib import Path
from typing import Final, Self

from edgeproxy.caching.keys import Key, variant_digest
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.arriving import Announcement, Arriving, read_announcement
from edgeproxy.proxy.cache.aside import Aside
from edgeproxy.proxy.cache.checking import Checker, Content, KeptFile, is_content, kept_as
from edgeproxy.proxy.cache.claims import Claims
from edgeproxy.proxy.cache.directory import Directory, Generation
from edgeproxy.proxy.cache.disk_purges import catch_up
from edgeproxy.proxy.cache.heads import Torn
from edgeproxy.proxy.cache.index import DiskCopy, IndexReader, Place
from edgeproxy.proxy.cache.jobs import Hits, Listener, Put, Remove, Renew, Sweep, Update
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.spool import Spool
from edgeproxy.proxy.cache.trouble import Trouble
from edgeproxy.proxy.cache.writer import Writer

_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Disk:
    """One process's way to the directory. All but `catch_up` is for the thread that opened it, the loop's."""

    def __init__(self, directory: Directory, limit: int, largest: int, log: PurgeLog) -> None:
        self._directory = directory
        self._largest = largest
        self._log = log
        self._claims: Claims | None = None
        self._writer = Writer(directory, limit, log)
        self._index = IndexReader(directory, log, self._on_damage, self._on_torn)
        self._aside = Aside("edgeproxy cache check")
        self._checker = Checker(self._aside)
        self._torn = Trouble("")
        self._files = Trouble(f"read files in {directory.root}")
        self._spooling = Trouble(f"write to {directory.spool}")
        self._telling = Trouble(f"announce in {directory.root}")

    @classmethod
    def open(cls, directory: Path, limit: int, largest: int, log: PurgeLog) -> Self:
        """Make what is missing. It never fails: what cannot be made is told, and tried again later."""
        opened = cls(Directory(directory.absolute()), limit, largest, log)
        opened._writer.wait_until_open()
        return opened

    def close(self, patience: float = 5.0) -> None:
        """What was put before is kept, if the disk is no slower than `patience` seconds."""
        self._writer.close(patience)
        self._aside.close()
        self._index.close()
        if self._claims is not None:
            self._claims.close()

    # -- copies -------------------------------------------------------------------------------------------------------

    def find(self, primary: bytes) -> tuple[DiskCopy, ...]:
        """All variants under a key, in no order."""
        return self._index.find(primary)

    def read(self, copy: DiskCopy, then: Callable[[Content | None], None]) -> None:
        """`then` gets the content, which it has to close if it is a file; None: there is none that may be given. It is
        called at once, or, for a large file that this process did not give yet, later on the loop.
        """
        place, stored = copy.place, copy.stored
        if place.file is None:
            if is_content(place.content, stored):
                then(place.content)
            else:
                self._on_torn(place, Torn("the content does not have its digest"))
                then(None)
            return
        fd = self._open(place)
        if fd < 0:
            then(None)
        else:
            self._read_file(copy, place.file, KeptFile(fd, stored.size), then)

    def put(
        self,
        key: Key,
        stored: Stored,
        content: bytes | Spool,
        since: int,
        then: Callable[[bool], None] | None = None,
    ) -> None:
        """Keep an answer, unless a purge that came after `since`, the log's number when its fetch began, takes it.
        `then` hears on the loop whether it is kept. A spool still has to be discarded by who made it.
        """
        size = len(content) if isinstance(content, bytes) else content.size
        if size != stored.size:
            raise ValueError(f"a content of {size} octets is put, and its head says {stored.size}")
        listener = None if then is None else Listener(asyncio.get_running_loop(), then)
        if size > self._largest:
            if listener is not None:
                listener.loop.call_soon(listener.then, False)
            return
        try:
            taken = content if isinstance(content, bytes) else content.take()
        except OSError as error:  # there are no descriptors left
            self._files.failed(error)
            if listener is not None:
                listener.loop.call_soon(listener.then, False)
            return
        variant = variant_digest(stored.selecting, stored.coding)
        self._writer.post(Put(key, variant, stored, taken, since, listener))

    def update(self, copy: DiskCopy, stored: Stored, since: int, then: Callable[[bool], None] | None = None) -> None:
        """Another head for the same content, as a 304 brought it; unless a purge that came after `since` takes it.
        `then` hears on the loop whether it was tried.
        """
        listener = None if then is None else Listener(asyncio.get_running_loop(), then)
        self._writer.post(Update(copy, stored, since, listener))

    def remove(self, copy: DiskCopy) -> None:
        self._writer.post(Remove(copy.place))

    def note_hits(self, hits: Mapping[bytes, int]) -> None:
        """How often these keys were asked for. One transaction for all: let them add up for a second or so."""
        self._writer.post(Hits(tuple(hits.items())))

    def catch_up(self) -> int:
        """Carry out what the log has: how many copies that took. From any thread, which has the log's lock
        (purges.carry_out); it waits for the disk. Raises CannotPurge.
        """
        try:
            return catch_up(self._directory, self._log)
        finally:
            self._writer.post(Sweep())

    # -- on their way -------------------------------------------------------------------------------------------------

    def spool(self) -> Spool:
        """Raises OSError, which is told."""
        try:
            return Spool(self._directory.spool, self._spooling)
        except OSError as error:
            self._spooling.failed(error)
            raise

    def claim(self, primary: bytes) -> bool:
        """Whether this process may fetch it, and no other, until `release`."""
        if self._claims is None:
            try:
                self._claims = Claims(self._directory.lock)
            except OSError as error:
                self._telling.failed(error)
                return True
        return self._claims.claim(primary)

    def release(self, primary: bytes) -> None:
        if self._claims is not None:
            self._claims.release(primary)

    def announce(self, key: Key, stored: Stored, spool: Spool, since: int) -> None:
        """Let other workers read what comes into the spool, until it is put or discarded; for who has the claim. Of
        `stored`, size and digest are not looked at. `since` as for `put`.
        """
        variant = variant_digest(stored.selecting, stored.coding)
        try:
            spool.announcement = Announcement(self._directory.arriving, key, variant, stored, spool, since)
        except OSError as error:
            self._telling.failed(error)
        else:
            self._telling.worked()

    def announced(self, primary: bytes) -> Arriving | None:
        """What another worker fetches, and may be given to who asks for it now; whoever gets it closes it."""
        try:
            arriving = read_announcement(self._directory.arriving, self._directory.spool, primary)
        except OSError as error:
            self._telling.failed(error)
            return None
        if arriving is not None:
            purges = self._log.since(arriving.since)
            if purges is None or any(purge.takes(arriving.key, arriving.stored.tags) for purge in purges):
                arriving.close()
                return None
        return arriving

    # -- numbers ------------------------------------------------------------------------------------------------------

    @property
    def octets(self) -> int:
        return self._index.totals()[0]

    @property
    def count(self) -> int:
        return self._index.totals()[1]

    @property
    def evictions(self) -> int:
        return self._writer.evictions

    @property
    def errors(self) -> int:
        """Reads and writes that failed, and puts for which there was no time."""
        troubles = (self._index.trouble, self._writer.trouble, self._files, self._spooling, self._telling)
        return self._writer.dropped + sum(trouble.count for trouble in troubles)

    @property
    def refused(self) -> int:
        """Copies that were torn or altered."""
        return self._torn.count

    # -- files --------------------------------------------------------------------------------------------------------

    def _open(self, place: Place) -> int:
        """A descriptor, or -1."""
        assert place.file is not None
        try:
            return os.open(place.generation.object(place.file), _READ)
        except OSError as error:
            if error.errno not in (ENOENT, ELOOP):
                self._files.failed(error)
            else:  # mostly it was replaced just now; its row may be gone already
                self._writer.post(Remove(place))
            return -1

    def _read_file(self, copy: DiskCopy, name: str, file: KeptFile, then: Callable[[Content | None], None]) -> None:
        def on_checked(found: bool | OSError) -> None:
            if found is True:
                self._files.worked()
                then(file)
                return
            file.close()
            if found is False:
                self._on_torn(copy.place, Torn("the content does not have its digest"))
            elif not isinstance(found, InterruptedError):
                self._files.failed(found)
            then(None)

        self._checker.check(file.fd, kept_as(name, copy.stored), on_checked)

    def _on_torn(self, place: Place, torn: Torn) -> None:
        which = place.file or f"row {place.row}"
        self._torn.happened(f"a copy in {self._directory.root} ({which}) is torn or altered: {torn}: it is removed")
        self._writer.post(Remove(place))

    def _on_damage(self, generation: Generation | None) -> None:
        self._writer.post(Renew(generation))
