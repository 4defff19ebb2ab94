"""The ledger of a running edge, and the file that it lives on in: DIR/ledger.sqlite, under `run --state DIR`.

Laws of this module:
- what is written is added to what is there, and waits in memory while the disk takes nothing (`backlog`);
- a file that is no ledger is left as it is, and the edge does not start: whoever counts the days of an empty ledger
  would be misled by a new one.
"""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.aside import aside
from edgeproxy.control.backlog import Backlog
from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.state_file import begin_if_new, opened
from edgeproxy.migration.ledger import MOST_USES_OF_RULE, Ledger, Needed, Use, beyond

NAME: Final = "ledger.sqlite"
_APPLICATION: Final = 0x6C656467  # "ledg"
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE since (moment REAL NOT NULL) STRICT;
CREATE TABLE uses (
    rule TEXT NOT NULL, backend TEXT NOT NULL, reason TEXT NOT NULL, shape TEXT NOT NULL, family TEXT NOT NULL,
    count INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    path TEXT NOT NULL, network TEXT NOT NULL, user_agent TEXT NOT NULL,
    PRIMARY KEY (rule, backend, reason, shape, family)
) STRICT, WITHOUT ROWID;
"""
_ADD: Final = """
INSERT INTO uses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last),
    path = iif(excluded.last >= last, excluded.path, path),
    network = iif(excluded.last >= last, excluded.network, network),
    user_agent = iif(excluded.last >= last, excluded.user_agent, user_agent)
"""


class LedgerFile(Backlog[Ledger]):
    """`directory`: None keeps the ledger for this edge's life only."""

    def __init__(self, directory: Path | None) -> None:
        """Raises CannotRun."""
        super().__init__(None if directory is None else directory / NAME, "the ledger", Ledger, _add)
        self._since = time.time()
        self._begin(_prepare, "as the ledger")

    async def show(self, words: Words) -> Words:
        """The command of the control socket. Raises Refused."""
        if words:
            raise Refused(f"ledger: unknown key {min(words)!r}: it has none")
        since, ledger = self._since, Ledger()
        if self._path is not None:
            await self._write()
            since, ledger = await aside(partial(_read, self._path))
        ledger.merge(self._news)
        return {"since": since, "uses": ledger.words(), "kept": self.is_kept}


def _read(path: Path) -> tuple[float, Ledger]:
    try:
        with opened(path) as db:
            since: float = db.execute("SELECT moment FROM since").fetchone()[0]
            rows = db.execute("SELECT * FROM uses").fetchall()
    except sqlite3.Error as error:
        raise Refused(f"ledger: {path} cannot be read: {error}") from None
    return since, Ledger((Use(*row[:5]), Needed(*row[5:])) for row in rows)


def _prepare(db: sqlite3.Connection) -> None:
    """Raises sqlite3.Error when the file is something else."""
    if begin_if_new(db, (_APPLICATION, _VERSION), _SCHEMA, "it is no ledger"):
        db.execute("INSERT INTO since VALUES (?)", (time.time(),))


def _add(db: sqlite3.Connection, news: Ledger) -> None:
    for use, needed in news:
        its = use if _has_room(db, use) else beyond(use)
        db.execute(_ADD, (*its, *(getattr(needed, name) for name in Needed.__slots__)))


def _has_room(db: sqlite3.Connection, use: Use) -> bool:
    where = "rule = ? AND backend = ? AND reason = ? AND shape = ? AND family = ?"
    if db.execute(f"SELECT 1 FROM uses WHERE {where}", use).fetchone() is not None:
        return True
    (count,) = db.execute("SELECT count(*) FROM uses WHERE rule = ?", (use.rule,)).fetchone()
    return bool(count < MOST_USES_OF_RULE)
