"""The file of the SQLite store: how it is made and opened, and what is said of one that cannot be used.

Laws of this module:
- a file is there with its table or not at all: it is made aside and linked into place, by whoever is first;
- a file that is damaged, another program's or a newer version's is refused as it is;
- a commit is on the disk when it returns (WAL, synchronous=FULL);
- no statement of anybody changes or removes an entry: triggers see to that.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edgeproxy.state.store import CannotOpen

_APPLICATION: Final = 0x65646773  # "edgs"
_VERSION: Final = 1
_PATIENCE: Final = 5.0  # seconds that it waits for another process's transaction

_SCHEMA: Final = """
CREATE TABLE entries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- of the audit log
    cutover TEXT NOT NULL,
    number INTEGER NOT NULL,
    entry TEXT NOT NULL,  -- as migration/journal.py writes it
    node TEXT NOT NULL,
    recorded REAL NOT NULL,
    UNIQUE (cutover, number)
) STRICT;
CREATE TRIGGER entries_stay AFTER DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;
CREATE TRIGGER entries_are_final AFTER UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """Made when it is not there. Threads take turns with the connection. Raises CannotOpen."""
    try:
        if not path.exists():
            _check_alone(path)
            _make(path)
        return _open(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise CannotOpen(unusable(path, error)) from None


def _make(path: Path) -> None:
    """Raises OSError and sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")  # remembered in the file
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
        with suppress(FileExistsError):  # another process was faster, and its file is as good
            os.link(aside, path)
        _sync(path.parent)
    finally:
        aside.unlink()


def _check_alone(path: Path) -> None:
    """A WAL without its file may hold what was committed, and SQLite would take it for that of a new file. Raises
    CannotOpen.
    """
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        raise CannotOpen(
            f"there is {wal}, and no {path.name} that it belongs to: the state file was moved or removed while it was "
            "in use: put it back beside it, or move both away together to begin with no journal"
        )


def _open(path: Path) -> sqlite3.Connection:
    """Raises CannotOpen and sqlite3.OperationalError."""
    uri = f"file:{quote(str(path))}?mode=rw"
    db = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _check(db, path)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Raises CannotOpen and sqlite3.OperationalError."""
    try:
        application, version = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if application != _APPLICATION:
            raise CannotOpen(f"{path} is no state file of edgeproxy, and was left as it is: name another file")
        if version > _VERSION:
            raise CannotOpen(
                f"{path} is a newer edgeproxy's (version {version}; this one knows {_VERSION}), and was left as it is: "
                "run that one, or name another file"
            )
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise CannotOpen(damaged(path, error)) from None
    if found != "ok":
        raise CannotOpen(damaged(path, found.splitlines()[-1]))


def damaged(path: Path, why: object) -> str:
    """What is said of a file that is not what was written."""
    return (
        f"the state file {path} is damaged ({why}), and was left as it is: put a copy of it back, or move it away to "
        "begin with no journal, and then `set` each cutover to the share that it had"
    )


def unusable(path: Path, error: Exception) -> str:
    """What is said of a file that cannot be read or written at the moment."""
    return f"the state file {path} cannot be used: {error}: look at the disk and at who may read and write there"


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
