"""The schema, as numbered steps that are never edited once published: a new step is appended.

`PRAGMA user_version` holds the number of steps taken. A database is brought up to date in one transaction;
one written by a newer program is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

Step: TypeAlias = tuple[str, ...]

# Times are microseconds since 1970 in UTC: exact, sortable, and as fine as PEP 700 asks for.
_FIRST: Step = (
    """
    CREATE TABLE change (
        serial     INTEGER PRIMARY KEY AUTOINCREMENT,  -- AUTOINCREMENT: a serial is never given out twice
        project    TEXT NOT NULL,                      -- by name, so that the log outlives the project
        normalized TEXT NOT NULL,
        version    TEXT,
        moment     INTEGER NOT NULL,
        action     TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX change_by_moment ON change (moment)",
    """
    CREATE TABLE project (
        id         INTEGER PRIMARY KEY,
        name       TEXT NOT NULL,
        normalized TEXT NOT NULL UNIQUE,
        serial     INTEGER NOT NULL REFERENCES change (serial)
    ) STRICT
    """,
    """
    CREATE TABLE release (
        id            INTEGER PRIMARY KEY,
        project_id    INTEGER NOT NULL REFERENCES project (id),
        version       TEXT NOT NULL,
        canonical     TEXT NOT NULL,  -- 1.0 and 1.0.0 are one release (PEP 440)
        metadata      TEXT NOT NULL CHECK (json_valid(metadata)),
        uploaded      INTEGER NOT NULL,
        yanked        INTEGER NOT NULL DEFAULT 0 CHECK (yanked IN (0, 1)),
        yanked_reason TEXT,
        UNIQUE (project_id, canonical)
    ) STRICT
    """,
    "CREATE INDEX release_by_time ON release (uploaded)",
    """
    CREATE TABLE file (
        id              INTEGER PRIMARY KEY,
        release_id      INTEGER NOT NULL REFERENCES release (id),
        filename        TEXT NOT NULL UNIQUE,
        packagetype     TEXT NOT NULL CHECK (packagetype IN ('sdist', 'bdist_wheel')),
        python_version  TEXT NOT NULL,
        requires_python TEXT,
        comment         TEXT NOT NULL,
        size            INTEGER NOT NULL,
        md5             TEXT NOT NULL,
        sha256          TEXT NOT NULL,
        blake2b_256     TEXT NOT NULL UNIQUE,
        upload_time     INTEGER NOT NULL,
        metadata_sha256 TEXT
    ) STRICT
    """,
    "CREATE INDEX file_by_release ON file (release_id)",
    "CREATE INDEX file_by_md5 ON file (md5)",
    "CREATE TABLE filename_log (filename TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    # A classifier's number is part of URLs (`?:action=browse&c=`), so it stays with it for ever.
    "CREATE TABLE classifier (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """
    CREATE TABLE release_classifier (
        release_id    INTEGER NOT NULL REFERENCES release (id) ON DELETE CASCADE,
        classifier_id INTEGER NOT NULL REFERENCES classifier (id),
        PRIMARY KEY (release_id, classifier_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX release_by_classifier ON release_classifier (classifier_id)",
)

STEPS: Sequence[Step] = (_FIRST,)


class NewerSchema(Exception):
    def __init__(self, found: int) -> None:
        super().__init__(f"its schema is number {found}, this program knows {len(STEPS)}")


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing. The caller keeps other processes out meanwhile."""
    taken = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if taken > len(STEPS):
        raise NewerSchema(taken)
    if taken == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[taken:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
