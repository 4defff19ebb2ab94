"""Purging the index, from whichever thread has the log's lock.

Law: when `purge` returns, nobody finds what was purged. An index that cannot be changed is thrown away whole; when even
that cannot be done, whoever purges is told.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.changes import purge_copies, transaction
from edgeproxy.proxy.cache.directory import Directory, Generation
from edgeproxy.proxy.cache.schema import open_index
from edgeproxy.telemetry.stderr import tell

_PATIENCE: Final = 5.0  # seconds that it waits for others' transactions


class CannotPurge(OSError):
    """The disk still has what should be purged; the message says why, and what to do."""


def purge_disk(directory: Directory, purge: Purge) -> int:
    """How many copies it took. Raises CannotPurge."""
    try:
        generation = directory.current()
        if generation is None:
            return 0
        with closing(open_index(generation.index, _PATIENCE)) as db:
            if purge.what is What.ALL and purge.mode is Mode.HARD:
                return _begin_anew(directory, generation, db)
            with transaction(db):
                return purge_copies(db, purge)
    except (sqlite3.Error, OSError) as error:
        _throw_away(directory, error)
        return 0


def _begin_anew(directory: Directory, old: Generation, db: sqlite3.Connection) -> int:
    """PERF: 20 ms, however much there was. To delete 4,500 rows took 300, in which nobody could keep anything."""
    copies: int = db.execute("SELECT sum(copies) FROM totals").fetchone()[0]
    directory.renew(old)
    return copies


def _throw_away(directory: Directory, why: Exception) -> None:
    tell(f"cache: cannot purge in the index in {directory.root}: {why}: all copies on disk are thrown away instead")
    try:
        directory.drop()
    except OSError as error:
        raise CannotPurge(
            f"cannot purge the disk: {why}; nor throw all away: {error}: stop the edge, delete {directory.root}, and "
            "start it again"
        ) from error
