"""The rehearsals that were done, and the redirects that they saw: DIR/rehearsals.sqlite, under `--state DIR`.

Laws of this module:
- `edgeproxy rehearse` writes, in one transaction, and a running edge reads when a cutover asks: neither waits for the
  other longer than a moment;
- a file that is something else is left as it is; one of version 1, which knew of no `unwalked`, is read, and brought up
  to date by whoever writes;
- bounded: the newest rehearsals, and the redirects that were seen last.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.aside import aside
from edgeproxy.control.private_file import make_private
from edgeproxy.control.state_file import begin_if_new, identity, opened
from edgeproxy.migration.rehearsal import HeldRedirect, Rehearsal

NAME: Final = "rehearsals.sqlite"
_APPLICATION: Final = 0x72656873  # "rehs"
_VERSION: Final = 2
_MOST: Final = 1_000
_MOST_REDIRECTS: Final = 20_000
_SCHEMA: Final = """
CREATE TABLE rehearsals (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, ruleset TEXT NOT NULL, places TEXT NOT NULL, who TEXT NOT NULL,
    passed INTEGER NOT NULL, walks INTEGER NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    warnings INTEGER NOT NULL, unwalked TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE redirects (
    url TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL, since REAL NOT NULL, until REAL,
    by TEXT NOT NULL, seen REAL NOT NULL, PRIMARY KEY (url, target)
) STRICT, WITHOUT ROWID;
"""
_UPDATE: Final = "ALTER TABLE rehearsals ADD COLUMN unwalked TEXT NOT NULL DEFAULT '[]'"  # from version 1
_ADD: Final = "INSERT INTO rehearsals VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIM: Final = f"DELETE FROM rehearsals WHERE number <= (SELECT max(number) FROM rehearsals) - {_MOST}"
_HOLD: Final = """
INSERT INTO redirects VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET status = excluded.status, by = excluded.by, seen = excluded.seen,
    until = iif(until IS NULL OR excluded.until IS NULL, NULL, max(until, excluded.until))
"""
_FORGET: Final = "DELETE FROM redirects WHERE until < ?"
_TRIM_REDIRECTS: Final = f"""
DELETE FROM redirects WHERE (url, target) IN
    (SELECT url, target FROM redirects ORDER BY seen DESC LIMIT -1 OFFSET {_MOST_REDIRECTS})
"""
_NEWEST: Final = "SELECT at, ruleset, places, who, passed, walks, requests, errors, warnings, {} FROM rehearsals"


class Unusable(Exception):
    """The file cannot be used; the message says why, and what to do."""


def add(directory: Path, rehearsal: Rehearsal, redirects: Iterable[HeldRedirect]) -> None:
    """Raises Unusable."""
    path = directory / NAME
    try:
        make_private(path)
    except OSError as error:
        raise Unusable(f"{directory}: {error.strerror}: name another directory") from None
    with _opened(path) as db:
        _prepare(db)
        each = rehearsal
        places = json.dumps(dict(each.places), sort_keys=True)
        counts = (each.walks, each.requests, each.errors, each.warnings)
        db.execute(
            _ADD, (each.at, each.ruleset, places, each.who, int(each.passed), *counts, json.dumps(each.unwalked))
        )
        db.execute(_TRIM)
        db.execute(_FORGET, (each.at,))
        rows = ((one.url, one.to, one.status, one.since, one.until, one.by, each.at) for one in redirects)
        db.executemany(_HOLD, rows)
        db.execute(_TRIM_REDIRECTS)


def rehearsals(directory: Path) -> Sequence[Rehearsal]:
    """The newest first; none where there is no file. Raises Unusable."""
    if not (directory / NAME).exists():
        return ()
    with _opened(directory / NAME, "DEFERRED") as db:
        newest = _NEWEST.format("'[]'" if identity(db) == (_APPLICATION, 1) else "unwalked")
        rows = db.execute(f"{newest} ORDER BY number DESC").fetchall()
    return [
        Rehearsal(
            at, rules, json.loads(places), who, bool(ok), walks, asked, errors, warnings, tuple(json.loads(names))
        )
        for at, rules, places, who, ok, walks, asked, errors, warnings, names in rows
    ]


def redirects(directory: Path) -> Sequence[HeldRedirect]:
    """Those that were seen last first. Raises Unusable."""
    if not (directory / NAME).exists():
        return ()
    with _opened(directory / NAME, "DEFERRED") as db:
        found = db.execute("SELECT url, target, status, since, until, by FROM redirects ORDER BY seen DESC").fetchall()
    return [HeldRedirect(*row) for row in found]


class Known:
    """For an edge that is asked again and again: the file is read when it has changed."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._stamp: tuple[int, int, int] | None = None
        self._done: Sequence[Rehearsal] = ()

    async def now(self) -> Sequence[Rehearsal]:
        """Raises Unusable."""
        directory = self._directory
        if directory is None:
            return ()
        stamp = _stamp(directory / NAME)
        if stamp != self._stamp:
            self._done, self._stamp = await aside(partial(rehearsals, directory)), stamp
        return self._done


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _opened(path: Path, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """In one transaction. Raises Unusable."""
    try:
        with opened(path, kind) as db:
            yield db
    except sqlite3.Error as error:
        raise Unusable(
            f"{path} is not to be used for rehearsals: {error}: move it away, or name another directory"
        ) from None


def _prepare(db: sqlite3.Connection) -> None:
    """Raises sqlite3.Error when the file is something else."""
    if identity(db) == (_APPLICATION, 1):
        db.execute(_UPDATE)
        db.execute(f"PRAGMA user_version = {_VERSION}")
    else:
        begin_if_new(db, (_APPLICATION, _VERSION), _SCHEMA, "it holds no rehearsals")
