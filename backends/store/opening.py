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

# A writer holds the index for one short transaction; who waits longer than this faces a stuck process.
_BUSY_SECONDS = 30.0


def open_index(directory: Path) -> sqlite3.Connection:
    try:
        for part in (f"{FILES}/packages", INCOMING):
            (directory / part).mkdir(parents=True, exist_ok=True)
        with _alone(directory / "lock"):
            return _connect(directory)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(directory, why, "give a directory that can be written to") from error
    except schema.NewerSchema as error:
        raise StoreError(directory, str(error), "use the program that wrote it, or a newer one") from error
    except sqlite3.Error as error:
        raise StoreError(directory, f"{INDEX}: {error}", "restore the file, or give another directory") from error


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
        connection.execute("PRAGMA foreign_keys = ON")
        schema.migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection
