"""The tables of the index, and how its file is opened.

Laws of this module:
- one row of `copies` is one copy; what belongs to it (tags, a small content) goes with it by triggers, and the file of
  a large content is written down as doomed in the same transaction: it is unlinked though who ends the row may die;
- `totals` is what all copies take, by queue: kept by triggers, never summed up over all rows;
- `followed` has one row: up to which number of which log of purges these were carried out here;
- every commit survives its process; one that a power cut takes away leaves the index whole (WAL, synchronous=NORMAL).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

_APPLICATION: Final = 0x65646765  # "edge"
VERSION: Final = 2

_SCHEMA: Final = """
CREATE TABLE copies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    key BLOB NOT NULL,
    variant BLOB NOT NULL,
    path BLOB NOT NULL,
    address BLOB NOT NULL,
    head BLOB NOT NULL,  -- Stored, with a checksum
    file TEXT,  -- NULL: the content is in `contents`
    cost INTEGER NOT NULL,  -- octets that it takes
    purged REAL,
    queue INTEGER NOT NULL,  -- 0 small, 1 main (S3-FIFO); 2 and 3: those of light copies
    position INTEGER NOT NULL,
    frequency INTEGER NOT NULL DEFAULT 0,
    UNIQUE (key, variant)
) STRICT;
CREATE INDEX copies_by_path ON copies (path);
CREATE INDEX copies_by_address ON copies (address);
CREATE INDEX copies_by_queue ON copies (queue, position);
CREATE INDEX copies_by_file ON copies (file) WHERE file IS NOT NULL;
CREATE TABLE contents (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE tags (tag BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tag, id)) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_id ON tags (id);
CREATE TABLE ghosts (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE doomed (file TEXT NOT NULL) STRICT;
CREATE TABLE followed (log BLOB NOT NULL, seq INTEGER NOT NULL) STRICT;
CREATE TABLE totals (queue INTEGER PRIMARY KEY, octets INTEGER NOT NULL, copies INTEGER NOT NULL) STRICT;
INSERT INTO totals VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0);
CREATE TRIGGER copy_comes AFTER INSERT ON copies BEGIN
    UPDATE totals SET octets = octets + new.cost, copies = copies + 1 WHERE queue = new.queue;
END;
CREATE TRIGGER copy_goes AFTER DELETE ON copies BEGIN
    UPDATE totals SET octets = octets - old.cost, copies = copies - 1 WHERE queue = old.queue;
    DELETE FROM contents WHERE id = old.id;
    DELETE FROM tags WHERE id = old.id;
    INSERT INTO doomed SELECT old.file WHERE old.file IS NOT NULL;
END;
CREATE TRIGGER copy_moves AFTER UPDATE OF queue ON copies WHEN old.queue <> new.queue BEGIN
    UPDATE totals SET octets = octets - old.cost, copies = copies - 1 WHERE queue = old.queue;
    UPDATE totals SET octets = octets + new.cost, copies = copies + 1 WHERE queue = new.queue;
END;
"""


class NotAnIndex(sqlite3.DatabaseError):
    """The file is another program's, or another version's."""


def create_index(path: Path) -> None:
    """Raises sqlite3.Error."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # what small contents had is given back to large ones
        db.execute("PRAGMA journal_mode = WAL")  # both are remembered in the file
        db.execute(f"PRAGMA application_id = {_APPLICATION}")
        db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
    finally:
        db.close()


def open_index(path: Path, patience: float, *, is_shared: bool = False) -> sqlite3.Connection:
    """`patience`: seconds that it waits for a lock. `is_shared`: threads take turns with it, which is theirs to see to;
    else it is the calling thread's. Raises sqlite3.Error, NotAnIndex among them.
    """
    db = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=not is_shared,
    )
    try:
        found = tuple(db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if found != (_APPLICATION, VERSION):
            raise NotAnIndex(f"{path} is no index of this version")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")  # it would fsync while everybody waits: see writer.py
        db.execute("PRAGMA journal_size_limit = 4194304")
        db.execute("PRAGMA trusted_schema = OFF")
    except sqlite3.Error:
        db.close()
        raise
    return db
