"""The index as the event loop reads it.

Laws of this module:
- it never waits for a lock, and never raises: an index that cannot be read has nothing, which is counted and told;
- a row that was altered is no copy: it is handed to whoever removes it;
- it is always the generation that counts now that is read, whoever began it;
- what the log of purges has and the index has not carried out yet takes its copies all the same.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.caching.keys import Key
from edgeproxy.caching.purging import Mode, Purge
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.changes import followed
from edgeproxy.proxy.cache.directory import Directory, Generation, Stamp
from edgeproxy.proxy.cache.heads import Torn, read_head
from edgeproxy.proxy.cache.process_names import is_name
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.schema import NotAnIndex, open_index
from edgeproxy.proxy.cache.trouble import Trouble

_AGAIN: Final = 1.0  # seconds between attempts to open an index that cannot be opened
_NO_WAITING: Final = 0.0
_DAMAGED: Final = frozenset(
    (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # a table is missing
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
    )
)
# PERF: with the content in one go, 12 to 17 µs for 10 KiB; with a query of its own for that, 25.
_FIND: Final = """
SELECT copies.id, variant, path, address, head, file, purged, content
FROM copies LEFT JOIN contents ON contents.id = copies.id WHERE key = ?
"""
_TOTALS: Final = "SELECT sum(octets), sum(copies) FROM totals"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy is: a row of a generation, and its content, or the name of the content's file."""

    generation: Generation
    row: int
    file: str | None
    content: bytes


@dataclass(slots=True)
class DiskCopy:
    """One kept answer. PERF: not frozen, which makes one faster; nobody changes it but who found it."""

    key: Key
    variant: bytes
    stored: Stored
    place: Place
    since: int = 0  # the number of the log of purges when it was looked for


def is_damage(error: Exception, generation: Generation) -> bool:
    """Whether an index that fails like this is to be thrown away: not when the disk is full, or a lock is held."""
    if isinstance(error, NotAnIndex):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN:  # also when there are no descriptors left
        return not os.path.isfile(generation.index)
    return code in _DAMAGED or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class IndexReader:
    """For the thread that made it. `on_damage` hears of a generation to be thrown away, `on_torn` of a row."""

    __slots__ = (
        "_again", "_bad", "_db", "_directory", "_followed", "_generation", "_log", "_on_damage", "_on_torn", "trouble"
    )  # fmt: skip

    def __init__(
        self,
        directory: Directory,
        log: PurgeLog,
        on_damage: Callable[[Generation | None], None],
        on_torn: Callable[[Place, Torn], None],
    ) -> None:
        self._directory = directory
        self._log = log
        self._followed = -1  # the number of the log up to which the index has followed, or less
        self._on_damage = on_damage
        self._on_torn = on_torn
        self._db: sqlite3.Connection | None = None
        self._generation: Generation | None = None
        self._again = 0.0  # no attempt to open it before (monotonic), but of another generation
        self._bad: Stamp | None = None  # of the generation that could not be read
        self.trouble = Trouble(f"read the index in {directory.root}")

    def find(self, primary: bytes) -> tuple[DiskCopy, ...]:
        try:
            db = self._open()
            if db is None or self._generation is None:
                return ()
            missed = self._missed(db)  # first: what is carried out meanwhile may take a copy twice
            rows = db.execute(_FIND, (primary,)).fetchall()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return ()
        self.trouble.worked()
        if not rows:
            return ()
        copies = [self._copy(self._generation, primary, *row) for row in rows]
        return tuple([copy for copy in copies if copy is not None and (missed == () or _is_left(copy, missed))])

    def totals(self) -> tuple[int, int]:
        """Octets and number of all copies; none while it cannot be read."""
        try:
            db = self._open()
            octets, copies = (0, 0) if db is None else db.execute(_TOTALS).fetchone()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return 0, 0
        return (octets, copies) if isinstance(octets, int) and isinstance(copies, int) else (0, 0)

    def close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _copy(
        self,
        generation: Generation,
        primary: bytes,
        row: int,
        variant: bytes,
        path: bytes,
        address: bytes,
        head: bytes,
        file: str | None,
        purged: float | None,
        content: bytes | None,
    ) -> DiskCopy | None:
        key = Key(path, address, primary)
        place = Place(generation, row, file, content or b"")
        try:
            if file is not None and not is_name(file):
                raise Torn("the name of the content's file is none")
            return DiskCopy(key, variant, read_head(key, variant, file, head, purged), place)
        except Torn as torn:
            self._on_torn(place, torn)
        except TypeError:  # SQLite gives what it finds, and in a damaged page that may be of any type
            self._on_torn(place, Torn("the row is not of the types that it has"))
        return None

    def _missed(self, db: sqlite3.Connection) -> tuple[Purge, ...] | None:
        """What was purged and is not carried out in the index; None: more than is known. PERF: 0.2 µs, and 5 once after
        each purge.
        """
        seq = self._log.seq
        if self._followed == seq:
            return ()
        self._followed = followed(db, self._log)
        return self._log.since(self._followed)

    def _open(self) -> sqlite3.Connection | None:
        """The generation's that counts. None: not now. Raises sqlite3.Error and OSError."""
        if self._db is not None:
            assert self._generation is not None
            if self._directory.stamp() == self._generation.stamp:
                return self._db
            self.close()
        elif time.monotonic() < self._again and self._stamp() in (None, self._bad):
            return None
        self._generation = self._directory.current()
        if self._generation is None:
            raise FileNotFoundError("there is no index")
        self._db = open_index(self._generation.index, _NO_WAITING)
        self._followed = -1
        self._db.execute("PRAGMA query_only = ON")
        self._db.execute("PRAGMA cache_size = -8192")
        return self._db

    def _stamp(self) -> Stamp | None:
        try:
            return self._directory.stamp()
        except OSError:
            return None

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:  # somebody mends it after a crash
            self.trouble.failed(error)
            return
        self.close()
        self._again, self._bad = time.monotonic() + _AGAIN, self._stamp()
        self.trouble.failed(error)
        generation = self._generation
        if generation is None or isinstance(error, FileNotFoundError) or is_damage(error, generation):
            self._on_damage(generation)


def _is_left(copy: DiskCopy, missed: tuple[Purge, ...] | None) -> bool:
    """Whether purges that the index has not heard of leave a copy; what they make stale is so from now on."""
    if missed is None:
        return False
    for purge in missed:
        if purge.takes(copy.key, copy.stored.tags):
            if purge.mode is Mode.HARD:
                return False
            if copy.stored.purged is None:
                copy.stored = replace(copy.stored, purged=purge.at)
    return True
