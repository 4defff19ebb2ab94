"""The one thread of a process that writes to the disk.

Laws of this module:
- jobs come in batches, a batch is one transaction, and a file is on the disk before the row that names it;
- what a purge took while it was on its way is not kept: it is looked at and committed under the log's lock. Nothing
  slow is done under that: contents were written and synced before, room was made before, the WAL is copied back after;
- a job that fails costs that job, a disk that fails costs what was to be kept: the thread goes on;
- every Put and Update is answered exactly once, whatever happens.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final

from edgeproxy.proxy.cache.batch import Batch
from edgeproxy.proxy.cache.changes import cost_of
from edgeproxy.proxy.cache.cleaning import clean, copy_back, unlink_doomed
from edgeproxy.proxy.cache.directory import Directory, Generation, Stamp
from edgeproxy.proxy.cache.disk_purges import is_void
from edgeproxy.proxy.cache.evicting import make_room
from edgeproxy.proxy.cache.index import is_damage
from edgeproxy.proxy.cache.jobs import Job, Put, Renew, Stop, Update
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.schema import open_index
from edgeproxy.proxy.cache.trouble import Trouble
from edgeproxy.telemetry.stderr import tell

_AT_ONCE: Final = 16  # a batch brings one part of the limit in so many, and what goes beyond that with its last copy
_MOST_JOBS: Final = 256  # of a batch: the log's lock is held for some 100 µs each
_MOST_WAITING: Final = 64 << 20  # octets of contents that wait in memory, beyond which puts are refused
_AGAIN: Final = 5.0  # seconds between attempts to begin a generation
_PATIENCE: Final = 5.0  # seconds that it waits for other processes' transactions
_CHECKPOINT: Final = 4 << 20  # octets that were written to the WAL, about
_PAGE: Final = 4_096  # octets that a changed row writes there, about


class Writer:
    """`post` from any thread; `close` waits until all is done that was posted before."""

    def __init__(self, directory: Directory, limit: int, log: PurgeLog) -> None:
        self.evictions = 0
        self.dropped = 0  # puts that were refused because too much waited
        self.trouble = Trouble(f"write to {directory.root}")
        self._directory = directory
        self._limit = limit
        self._log = log
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._waiting = 0  # octets
        self._counting = Lock()
        self._db: sqlite3.Connection | None = None
        self._generation: Generation | None = None
        self._again = 0.0  # no attempt to open it before (monotonic)
        self._renewed = -_AGAIN  # when a damaged one was replaced (monotonic)
        self._written = 0  # octets, since the WAL was copied back
        self._chores: Iterator[None] = iter(())  # what is done while there is nothing else to do
        self._has_chores = False
        self._is_closed = False
        self._was_tried = Event()
        self._thread = Thread(target=self._run, name="edgeproxy cache", daemon=True)
        self._thread.start()

    def post(self, job: Job) -> None:
        if isinstance(job, Put) and (self._is_closed or not self._admit(job)):
            self.dropped += 1
            job.end(False)
            return
        if isinstance(job, Update) and self._is_closed:
            job.end(False)
            return
        self._jobs.put(job)

    def wait_until_open(self) -> None:
        """Until it was tried, whatever came of it."""
        self._was_tried.wait(_PATIENCE)

    def close(self, patience: float) -> None:
        self._is_closed = True
        self._jobs.put(Stop())
        self._thread.join(patience)

    def _admit(self, put: Put) -> bool:
        with self._counting:
            if self._waiting + put.weight > _MOST_WAITING:
                return False
            self._waiting += put.weight
        return True

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_stopped = False
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            self._failed(error)
        self._was_tried.set()
        while not is_stopped:
            jobs = self._take()
            is_stopped = any(isinstance(job, Stop) for job in jobs)
            batch = Batch(jobs)
            try:
                self._work(batch, jobs)
            except Exception as error:  # noqa: BLE001  # this is the supervisor: the thread goes on
                self._failed(error)
            finally:
                batch.end()
                self._forget(jobs)
        self._let_go()

    def _take(self) -> Sequence[Job]:
        """What there is to do; it may be nothing while there are chores."""
        jobs: list[Job] = []
        room = self._limit // _AT_ONCE
        with suppress(Empty):
            jobs.append(self._jobs.get(block=not self._has_chores))
            while len(jobs) < _MOST_JOBS and not isinstance(jobs[-1], Stop):
                if isinstance(jobs[-1], Put):
                    room -= cost_of(jobs[-1].stored)
                    if room <= 0:
                        break
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _forget(self, jobs: Sequence[Job]) -> None:
        with self._counting:
            self._waiting -= sum(job.weight for job in jobs if isinstance(job, Put))

    def _work(self, batch: Batch, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if isinstance(job, Renew) and job.damaged is not None:
                self._renew(job.damaged, "it cannot be read")
        db, generation = self._open()
        if is_void(db, self._log):
            tell(
                f"cache: all that {self._directory.root} has was purged while it was out of use: it begins anew, empty"
            )
            self._directory.renew(generation)
            db, generation = self._open()
        changes = db.total_changes
        if not batch.is_empty:
            batch.prepare(self._directory.spool, self._limit)
            self.evictions += make_room(db, self._limit, batch.coming)
            batch.commit(db, generation, self._log)
        for error in batch.failures:
            self.trouble.failed(error)
        if batch.has_kept and not batch.failures:
            self.trouble.worked()
        self._tidy(db, generation)
        self._written += batch.small + _PAGE * (db.total_changes - changes)
        if self._written >= _CHECKPOINT or batch.has_swept:
            self._written = 0
            copy_back(db)

    def _tidy(self, db: sqlite3.Connection, generation: Generation) -> None:
        if unlink_doomed(db, generation):  # there are more
            self._has_chores = True
        elif self._has_chores:
            try:
                self._has_chores = next(self._chores, self._chores) is None
            except FileNotFoundError:  # another process began a new generation
                self._has_chores = False

    def _open(self) -> tuple[sqlite3.Connection, Generation]:
        """The generation that counts, a new one if there is none that can be used. Raises OSError and sqlite3.Error."""
        if self._db is not None and self._generation is not None:
            if self._stamp() == self._generation.stamp:
                return self._db, self._generation
            self._close()
        elif time.monotonic() < self._again:
            raise FileNotFoundError("there is no index")
        self._again = time.monotonic() + _AGAIN
        self._directory.create()
        generation = self._directory.current() or self._directory.renew(None)
        try:
            db = open_index(generation.index, _PATIENCE)
        except sqlite3.Error as error:
            if not is_damage(error, generation):
                raise
            generation = self._replace(generation, error)
            db = open_index(generation.index, _PATIENCE)
        self._again = 0.0
        self._db, self._generation = db, generation
        self._chores, self._has_chores = clean(self._directory, generation, db), True
        return db, generation

    def _stamp(self) -> Stamp | None:
        try:
            return self._directory.stamp()
        except OSError:
            return None

    def _renew(self, damaged: Generation, why: Exception | str) -> None:
        """Raises OSError and sqlite3.Error."""
        if damaged.stamp == self._stamp() and time.monotonic() - self._renewed >= _AGAIN:
            self._close()
            self._replace(damaged, why)

    def _replace(self, damaged: Generation, why: Exception | str) -> Generation:
        self._renewed = time.monotonic()
        tell(f"cache: the index in {damaged.path} is damaged: {why}: a new one begins, empty")
        return self._directory.renew(damaged)

    def _failed(self, error: Exception) -> None:
        self.trouble.failed(error)
        self._has_chores = False  # until it is opened again, or is told to
        if self._generation is not None and is_damage(error, self._generation):
            try:
                self._renew(self._generation, error)
            except (OSError, sqlite3.Error) as again:
                self.trouble.failed(again)

    def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _let_go(self) -> None:
        self._close()
        with suppress(Empty):
            while True:
                job = self._jobs.get_nowait()
                if isinstance(job, Put | Update):
                    job.end(False)
