"""Purging the index, from whichever thread has the log's lock.

Law: an index that cannot be changed is thrown away whole; when even that cannot be done, whoever purges is told: what
is purged would be found again when this log is no more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from edgeproxy.caching.purging import Mode, What
from edgeproxy.proxy.cache.changes import follow, followed, transaction
from edgeproxy.proxy.cache.directory import Directory, Generation
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.schema import open_index
from edgeproxy.telemetry.stderr import tell

_PATIENCE: Final = 5.0  # seconds that it waits for others' transactions


class CannotPurge(OSError):
    """The disk still has what should be purged; the message says why, and what to do."""


def catch_up(directory: Directory, log: PurgeLog) -> int:
    """Carry out what the directory has not heard of yet. Returns how many copies that took. Raises CannotPurge."""
    try:
        generation = directory.current()
        if generation is None:
            return 0
        with closing(open_index(generation.index, _PATIENCE)) as db:
            if is_void(db, log):
                return _begin_anew(directory, generation, db)
            with transaction(db):
                return follow(db, log)
    except (sqlite3.Error, OSError) as error:
        _throw_away(directory, error)
        return 0


def is_void(db: sqlite3.Connection, log: PurgeLog) -> bool:
    """Whether there are copies and none counts: everything was removed since, or more was purged than the log has."""
    missed = log.since(followed(db, log))
    if missed is not None and not any(each.what is What.ALL and each.mode is Mode.HARD for each in missed):
        return False
    return _copies(db) > 0


def _begin_anew(directory: Directory, old: Generation, db: sqlite3.Connection) -> int:
    """PERF: 20 ms, however much there was. To delete 4,500 rows took 300, in which nobody could keep anything."""
    copies = _copies(db)
    directory.renew(old)
    return copies


def _copies(db: sqlite3.Connection) -> int:
    found: int = db.execute("SELECT sum(copies) FROM totals").fetchone()[0]
    return found


def _throw_away(directory: Directory, why: Exception) -> None:
    tell(f"cache: cannot purge in the index in {directory.root}: {why}: all copies on disk are thrown away instead")
    try:
        directory.drop()
    except OSError as error:
        raise CannotPurge(
            f"cannot purge the disk: {why}; nor throw all away: {error}: stop the edge, delete {directory.root}, and "
            "start it again"
        ) from error
