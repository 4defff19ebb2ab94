"""The schema, as numbered steps that are never edited once published: a new step is appended.

`PRAGMA user_version` holds the number of steps taken. A database is brought up to date in one transaction;
one written by a newer program is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

from backends.store.searchable import fill_searches

Step: TypeAlias = tuple[str | Callable[[sqlite3.Connection], None], ...]

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

# What the old site kept of projects and releases, statuses (PEP 792), provenance (PEP 740), and search.
_SECOND: Step = (
    "ALTER TABLE project ADD COLUMN hosting_mode TEXT NOT NULL DEFAULT 'pypi-explicit'",
    """
    ALTER TABLE project ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'archived', 'quarantined', 'deprecated'))
    """,
    "ALTER TABLE project ADD COLUMN status_reason TEXT",
    "ALTER TABLE release ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1))",
    "ALTER TABLE file ADD COLUMN provenance TEXT CHECK (provenance IS NULL OR json_valid(provenance))",
    """
    CREATE TABLE role (
        project_id INTEGER NOT NULL REFERENCES project (id) ON DELETE CASCADE,
        role       TEXT NOT NULL CHECK (role IN ('Owner', 'Maintainer')),
        user       TEXT NOT NULL,
        PRIMARY KEY (project_id, role, user)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX role_by_user ON role (user)",
    # What nobody could tell from another name.
    "ALTER TABLE project ADD COLUMN confusable TEXT NOT NULL DEFAULT ''",
    "UPDATE project SET confusable = confusable_form(normalized)",
    "CREATE INDEX project_by_confusable ON project (confusable)",
    "CREATE INDEX change_creates ON change (serial) WHERE action = 'create'",
    # By project: what its latest release says, for people who search.
    """
    CREATE VIRTUAL TABLE words USING fts5 (
        name, summary, keywords, author, description, version UNINDEXED,
        tokenize = 'porter unicode61', prefix = '1 2 3'
    )
    """,
    # By release: in which trigrams may be what a substring search looks for. The search itself looks again.
    "CREATE VIRTUAL TABLE trigrams USING fts5 (text, tokenize = 'trigram', detail = 'none')",
    # Filled from what is there; a later upload does it better, by the latest version.
    """
    INSERT INTO words (rowid, name, summary, keywords, author, description, version)
    SELECT project.id, project.name, json_extract(metadata, '$.summary'), json_extract(metadata, '$.keywords'),
           json_extract(metadata, '$.author'), json_extract(metadata, '$.description'), release.version
    FROM project JOIN release ON release.id =
         (SELECT id FROM release AS newest WHERE project_id = project.id ORDER BY uploaded DESC, id DESC LIMIT 1)
    """,
    """
    INSERT INTO trigrams (rowid, text)
    SELECT release.id, searched_text(project.name, release.version, release.metadata)
    FROM release JOIN project ON project.id = release.project_id
    """,
)

# Detached PGP signatures lie beside their files.
_THIRD: Step = ("ALTER TABLE file ADD COLUMN has_signature INTEGER NOT NULL DEFAULT 0 CHECK (has_signature IN (0, 1))",)

# Who may write to the old site.
_FOURTH: Step = (
    """
    CREATE TABLE account (
        name      TEXT PRIMARY KEY COLLATE NOCASE,
        email     TEXT NOT NULL UNIQUE COLLATE NOCASE,
        gpg_keyid TEXT NOT NULL,
        password  TEXT NOT NULL,  -- salt and scrypt hash
        key       TEXT UNIQUE     -- with which it is to be confirmed; NULL: it is
    ) STRICT, WITHOUT ROWID
    """,
)

# Searches: for people in short texts first; of the old site in what `substrings` has there, and in few pages.
_FIFTH: Step = (
    """
    CREATE TABLE brief (
        position    INTEGER PRIMARY KEY,        -- among all, in the order in which they are told
        line        TEXT NOT NULL,              -- what is told of it
        hidden      INTEGER NOT NULL,
        release_id  INTEGER NOT NULL UNIQUE REFERENCES release (id),
        ordering    INTEGER NOT NULL,           -- among its project's releases, by version
        sorted_name TEXT NOT NULL,              -- as it is told, in small letters
        -- What is looked in, in small letters; what may be long stands last.
        name TEXT NOT NULL, version TEXT NOT NULL, summary TEXT NOT NULL, author TEXT NOT NULL,
        author_email TEXT NOT NULL, maintainer TEXT NOT NULL, maintainer_email TEXT NOT NULL, home_page TEXT NOT NULL,
        download_url TEXT NOT NULL, keywords TEXT NOT NULL, platform TEXT NOT NULL, license TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX brief_by_name ON brief (sorted_name)",
    "DROP TABLE trigrams",
    """
    CREATE VIRTUAL TABLE trigrams USING fts5 (
        name, summary, others, tokenize = 'trigram', detail = 'column', content = ''
    )
    """,
    """
    CREATE VIRTUAL TABLE titles USING fts5 (
        name, summary, keywords, tokenize = 'porter unicode61', prefix = '1 2 3'
    )
    """,
    fill_searches,
)

# Where bytes were that are in the index no more: `sweep` tells them from what a killed process left.
_SIXTH: Step = (
    "ALTER TABLE filename_log ADD COLUMN blake2b_256 TEXT",
    "UPDATE filename_log SET blake2b_256 = file.blake2b_256 FROM file WHERE file.filename = filename_log.filename",
)

STEPS: Sequence[Step] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH)


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
                _take(connection, statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _take(connection: sqlite3.Connection, statement: str | Callable[[sqlite3.Connection], None]) -> None:
    if isinstance(statement, str):
        connection.execute(statement)
    else:
        statement(connection)
