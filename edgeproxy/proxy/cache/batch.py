"""One batch of jobs: prepared, then committed in one transaction, then answered.

Law: whatever is not kept leaves no file. `end` is called however far it came.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import assert_never

from edgeproxy.caching.keys import Key
from edgeproxy.proxy.cache.changes import (
    INLINE,
    Row,
    change_head,
    cost_of,
    follow,
    insert,
    note_hits,
    remove,
    transaction,
)
from edgeproxy.proxy.cache.directory import Generation
from edgeproxy.proxy.cache.jobs import Hits, Job, Put, Remove, Renew, Stop, Sweep, Update
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.spool import Spool, Taken


class _Ready:
    """A put whose content is on the disk, or small."""

    __slots__ = ("file", "is_kept", "moved", "put", "row")

    def __init__(self, put: Put, row: Row, file: Taken | None) -> None:
        self.put = put
        self.row = row
        self.file = file  # of a content that goes to a file
        self.moved = ""  # where it was moved to
        self.is_kept = False

    def end(self) -> None:
        if self.moved and not self.is_kept:
            with suppress(OSError):
                os.unlink(self.moved)
        if self.file is not None and self.file is not self.put.content:
            self.file.unlink()
            self.file.close()


class Batch:
    """`failures`: what became of puts whose content could not be written."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._ready: dict[int, _Ready] = {}  # by the put's place among the jobs
        self._is_committed = False
        self.failures: list[OSError] = []

    @property
    def is_empty(self) -> bool:
        """Nothing of it changes the index."""
        return all(isinstance(job, Renew | Sweep | Stop) for job in self._jobs)

    @property
    def coming(self) -> int:
        """Octets that it would keep."""
        return sum(cost_of(ready.row.stored) for ready in self._ready.values())

    @property
    def small(self) -> int:
        """Octets of contents that go into the index."""
        return sum(len(ready.row.content or b"") for ready in self._ready.values())

    @property
    def has_swept(self) -> bool:
        """Somebody purged: nobody knows how much that has written."""
        return any(isinstance(job, Sweep) for job in self._jobs)

    @property
    def has_kept(self) -> bool:
        return any(ready.is_kept for ready in self._ready.values())

    def prepare(self, spool: Path, limit: int) -> None:
        """Bring contents where they are to be: what is slow about keeping."""
        for number, job in enumerate(self._jobs):
            if isinstance(job, Put) and cost_of(job.stored) <= limit:
                try:
                    self._ready[number] = _prepare(job, spool)
                except OSError as error:
                    self.failures.append(error)

    def commit(self, db: sqlite3.Connection, generation: Generation, log: PurgeLog) -> None:
        """Raises sqlite3.Error and OSError; then nothing of it was done."""
        kept: list[_Ready] = []
        with log.lock(), transaction(db):
            follow(db, log)  # first: what comes now was asked for later
            for number, job in enumerate(self._jobs):
                if isinstance(job, Put):
                    ready = self._ready.get(number)
                    if ready is not None and not _is_purged(log, job.since, job.key, job.stored.tags):
                        _keep(db, generation, ready)
                        kept.append(ready)
                else:
                    _do(job, db, generation, log)
        self._is_committed = True
        for ready in kept:
            ready.is_kept = True

    def end(self) -> None:
        """Let go of files, and answer."""
        for number, job in enumerate(self._jobs):
            if isinstance(job, Put):
                ready = self._ready.get(number)
                if ready is not None:
                    ready.end()
                job.end(ready is not None and ready.is_kept)
            elif isinstance(job, Update):
                job.end(self._is_committed)


def _prepare(put: Put, spool: Path) -> _Ready:
    file, content = None, None
    if put.stored.size <= INLINE:
        content = put.content.read() if isinstance(put.content, Taken) else put.content
    else:
        file = put.content if isinstance(put.content, Taken) else _write(put.content, spool)
        try:
            file.sync()
        except OSError:
            if file is not put.content:
                file.unlink()
                file.close()
            raise
    name = None if file is None else file.path.name
    return _Ready(put, Row(put.key, put.variant, put.stored, name, content), file)


def _write(content: bytes, spool: Path) -> Taken:
    aside = Spool(spool)
    try:
        aside.write(content)
        return aside.take()
    finally:
        aside.discard()


def _keep(db: sqlite3.Connection, generation: Generation, ready: _Ready) -> None:
    if ready.file is not None:
        ready.moved = generation.object(ready.file.path.name)
        _move(ready.file.path, ready.moved)
    insert(db, ready.row)


def _move(path: Path, to: str) -> None:
    try:
        os.rename(path, to)
    except FileNotFoundError:  # it is the first in its folder
        os.makedirs(os.path.dirname(to), mode=0o700, exist_ok=True)
        os.rename(path, to)


def _do(
    job: Update | Remove | Hits | Renew | Sweep | Stop, db: sqlite3.Connection, at: Generation, log: PurgeLog
) -> None:
    match job:
        case Update(copy=copy, stored=stored, since=since):
            place = copy.place
            tags = (*copy.stored.tags, *stored.tags)
            if place.generation == at and not _is_purged(log, since, copy.key, tags):
                change_head(db, place.row, Row(copy.key, copy.variant, stored, place.file, None))
        case Remove(place=place):
            if place.generation == at:
                remove(db, place.row)
        case Hits(times=times):
            for primary, count in times:
                note_hits(db, primary, count)
        case Renew() | Sweep() | Stop():
            pass
        case _:
            assert_never(job)


def _is_purged(log: PurgeLog, since: int, key: Key, tags: Iterable[str]) -> bool:
    """Whether a purge that came after that number takes it; more purges than are known take everything."""
    purges = log.since(since)
    return purges is None or any(purge.takes(key, tags) for purge in purges)
