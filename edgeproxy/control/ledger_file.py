"""The ledger of a running edge, and the file that it lives on in: DIR/ledger.sqlite, under `run --state DIR`.

Laws of this module:
- what is written is added to what is there, in one transaction: the edge of an upgrade and the one before it, or
  several edges of a machine, may share the directory, and nothing is counted twice or lost;
- a file that is no ledger is left as it is, and the edge does not start: whoever counts the days of an empty ledger
  would be misled by a new one. A disk that takes nothing costs no client anything: uses wait in memory, and it is told.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.aside import aside
from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.private_file import make_private
from edgeproxy.control.state_file import begin_if_new, opened
from edgeproxy.migration.ledger import MOST_USES_OF_RULE, Ledger, Needed, Use, beyond
from edgeproxy.telemetry.stderr import tell

NAME: Final = "ledger.sqlite"
_APPLICATION: Final = 0x6C656467  # "ledg"
_VERSION: Final = 1
_EVERY: Final = 1.0  # seconds between two writings, at the least
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


class LedgerFile:
    """`directory`: None keeps the ledger for this edge's life only."""

    def __init__(self, directory: Path | None) -> None:
        """Raises CannotRun."""
        self._path = None if directory is None else directory / NAME
        self._since = time.time()
        self._news = Ledger()  # what is not in the file
        self._is_new = asyncio.Event()
        self._is_failing = False
        if self._path is not None:
            self._begin(self._path)

    def add(self, uses: Ledger) -> None:
        for use, needed in uses:
            self._news.add(use, needed)
        self._is_new.set()

    async def keep(self) -> None:
        """Write what is new, for ever."""
        while True:
            await self._is_new.wait()
            await asyncio.sleep(_EVERY)
            self._is_new.clear()
            await self._write()

    def close(self) -> None:
        """Write what is not written yet."""
        if self._path is not None and len(self._news):
            self._on_saved(*_save(self._path, self._news.take()))

    async def _write(self) -> None:
        path = self._path
        if path is not None and len(self._news):
            self._on_saved(*await aside(partial(_save, path, self._news.take())))

    def _on_saved(self, news: Ledger, problem: str | None) -> None:
        if problem is not None:
            for use, needed in news:
                self._news.add(use, needed)
            if not self._is_failing:
                tell(f"the ledger cannot be written to {self._path}: {problem}: it waits in memory")
        self._is_failing = problem is not None

    async def show(self, words: Words) -> Words:
        """The command of the control socket. Raises Refused."""
        if words:
            raise Refused(f"ledger: unknown key {min(words)!r}: it has none")
        since, ledger = self._since, Ledger()
        if self._path is not None:
            await self._write()
            since, ledger = await aside(self._read)
        for use, needed in self._news:
            ledger.add(use, needed)
        return {"since": since, "uses": ledger.words(), "kept": self._path is not None}

    # -- the file -----------------------------------------------------------------------------------------------

    def _begin(self, path: Path) -> None:
        try:
            make_private(path)
            with opened(path) as db:
                _prepare(db)
        except (OSError, sqlite3.Error) as error:
            remedy = "move it away to begin a new one, or name another directory"
            raise CannotRun(f"--state: {path} is not to be used as the ledger: {error}: {remedy}") from None

    def _read(self) -> tuple[float, Ledger]:
        assert self._path is not None, "there is a file"
        try:
            with opened(self._path) as db:
                since: float = db.execute("SELECT moment FROM since").fetchone()[0]
                rows = db.execute("SELECT * FROM uses").fetchall()
        except sqlite3.Error as error:
            raise Refused(f"ledger: {self._path} cannot be read: {error}") from None
        return since, Ledger((Use(*row[:5]), Needed(*row[5:])) for row in rows)


def _save(path: Path, news: Ledger) -> tuple[Ledger, str | None]:
    """And what is wrong, if it is not in the file."""
    try:
        with opened(path) as db:
            _add(db, news)
    except sqlite3.Error as error:
        return news, str(error)
    return news, None


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
