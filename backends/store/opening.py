"""Opening the index: made if it is not there, brought up to date, and refused with a reason if unusable."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.store import names, schema, substrings
from backends.store.errors import StoreError

INDEX = "index.sqlite3"
FILES = "files"
INCOMING = "incoming"
DOCUMENTATION = "docs"

_PRIMARY = 0xFF  # of a result code (SQLite, "Result and Error Codes"); the bits above say more of it

# A writer holds the index for one short transaction; who waits longer than this faces a stuck process.
_BUSY_SECONDS = 30.0

# Octets of the index that are read without being copied: a search for a frequent word looks at most of its pages.
_MAPPED = 1 << 30


def open_index(directory: Path) -> sqlite3.Connection:
    try:
        for part in (f"{FILES}/packages", INCOMING, DOCUMENTATION):
            (directory / part).mkdir(parents=True, exist_ok=True)
        with _alone(directory / "lock"):
            return _connect(directory)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(directory, why, "give a directory that can be written to") from error
    except schema.NewerSchema as error:
        raise StoreError(directory, str(error), "use the program that wrote it, or a newer one") from error
    except sqlite3.Error as error:
        raise StoreError(directory, f"{INDEX}: {error}", _remedy(error)) from error


def _remedy(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return "restore the file, or give another directory"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "end the program that writes to it, or wait for it"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return "give a directory whose files can be written to"
        case sqlite3.SQLITE_FULL:
            return "nothing was changed: make room on its disk"
        case sqlite3.SQLITE_IOERR:
            return "look at its disk, or give another directory"
        case _:  # in the transaction that brings it up to date
            return "nothing was changed: use the program that wrote it, and report this"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other openers out: SQLite's busy timeout does not cover the switch to WAL."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(directory: Path) -> sqlite3.Connection:
    # Transactions are begun by hand: the module's own would begin too late, at the first write.
    connection = sqlite3.connect(directory / INDEX, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        connection.create_function("confusable_form", 1, names.confusable_form, deterministic=True)
        connection.create_function("searched_text", 3, substrings.text_of, deterministic=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        connection.execute("PRAGMA foreign_keys = ON")
        schema.migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection
