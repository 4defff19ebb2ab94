"""The store of one machine: a SQLite file.

Laws of this module:
- one thread of its own has the connection; nothing here blocks the event loop;
- several processes may have the file open: a number is given in a transaction that holds the write lock;
- who watches hears of this process's entries at once, and of another's within `look_every`;
- a file that can be read and not written is lost, too, and is not found again by reading it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from edgeproxy.migration.journal import BrokenJournal, Entry, UnreadableEntry, read_entry, written
from edgeproxy.migration.phases import State
from edgeproxy.state.known import Known
from edgeproxy.state.sqlite_file import damaged, open_file, unusable
from edgeproxy.state.store import Audited, CannotOpen, StateLost
from edgeproxy.state.watching import Changed, Found, Lost, Watch, Watchers

T = TypeVar("T")
LOOK_EVERY: Final = 0.1  # seconds
_WRITES_AGAIN: Final = 10.0  # seconds without a failed write after which a file that is read counts as found
_SINCE: Final = "SELECT position, cutover, entry FROM entries WHERE position > ? ORDER BY position"
_AUDIT: Final = "SELECT position, recorded, node, entry FROM entries WHERE position > ? ORDER BY position LIMIT ?"
_LAST: Final = "SELECT coalesce(max(number), 0) FROM entries WHERE cutover = ?"
_AT: Final = "SELECT entry FROM entries WHERE cutover = ? AND number = ?"
_INSERT: Final = "INSERT INTO entries (cutover, number, entry, node, recorded) VALUES (?, ?, ?, ?, ?)"


class SqliteStore:
    """Open it with `open`."""

    def __init__(self, path: Path, db: sqlite3.Connection, thread: ThreadPoolExecutor, node: str) -> None:
        self.lost: str | None = None
        self._path = path
        self._inode = os.stat(path).st_ino
        self._db = db
        self._thread = thread
        self._node = node
        self._known = Known()
        self._position = 0  # of the last entry that is known
        self._unwritable_until = 0.0  # in loop time, as far as is known
        self._watchers = Watchers()
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, node: str, look_every: float = LOOK_EVERY) -> Self:
        """Raises CannotOpen."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="edgeproxy state")
        try:
            db = await asyncio.wrap_future(thread.submit(open_file, path))
        except CannotOpen:
            thread.shutdown()
            raise
        store = cls(path, db, thread, node)
        try:
            await store._look()
        except StateLost as error:
            await store.close()
            raise CannotOpen(str(error)) from None
        store._looking = asyncio.create_task(store._keep_looking(look_every), name="edgeproxy state")
        return store

    async def read(self, name: str) -> State:
        await self._look_now()
        return self._known.state(name)

    async def journal(self, name: str, since: int = 0) -> tuple[Entry, ...]:
        await self._look_now()
        return self._known.entries(name, since)

    async def names(self) -> tuple[str, ...]:
        await self._look_now()
        return self._known.names()

    async def append(self, entry: Entry) -> bool:
        if not self._known.is_next(entry):
            await self._look()
        is_taken = self._known.is_there(entry)
        if is_taken is None:
            try:
                is_taken = await self._in_thread(lambda: self._append(entry))
            except StateLost:
                self._unwritable_until = asyncio.get_running_loop().time() + _WRITES_AGAIN
                raise
            self._unwritable_until = 0.0
            await self._look_now()
        return is_taken

    async def audit(self, after: str = "", most: int = 1_000) -> tuple[Audited, ...]:
        rows = await self._in_thread(lambda: self._db.execute(_AUDIT, (int(after or 0), most)).fetchall())
        try:
            return tuple(Audited(str(position), at, node, read_entry(text)) for position, at, node, text in rows)
        except UnreadableEntry as error:
            raise self._lose(damaged(self._path, error)) from None

    def watch(self) -> Watch:
        return self._watchers.add()

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
            self._looking = None
        self._watchers.close()
        await asyncio.wrap_future(self._thread.submit(self._db.close))
        self._thread.shutdown()

    # -- on the event loop --------------------------------------------------------------------------------------------

    async def _keep_looking(self, every: float) -> None:
        """For another process's entries, while anybody watches."""
        while True:
            await self._watchers.wait_for_one()
            await self._look_now()
            await asyncio.sleep(every)

    async def _look_now(self) -> None:
        """What is new; or that the file is lost, and then what was known still counts."""
        with suppress(StateLost):
            await self._look()

    async def _look(self) -> None:
        """Raises StateLost."""
        rows = await self._in_thread(lambda: self._db.execute(_SINCE, (self._position,)).fetchall())
        try:
            for position, name, text in rows:
                if self._known.take(name, (read_entry(text),)):
                    self._watchers.tell(Changed(name, self._known.state(name).number))
                self._position = max(self._position, position)
        except (UnreadableEntry, BrokenJournal) as error:
            raise self._lose(damaged(self._path, error)) from None
        self._find()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Raises StateLost."""
        try:
            return await asyncio.wrap_future(self._thread.submit(self._checked, work))
        except (sqlite3.Error, OSError) as error:
            raise self._lose(_why(self._path, error)) from None

    def _lose(self, why: str) -> StateLost:
        if self.lost != why:
            self.lost = why
            self._watchers.tell(Lost(why))
        return StateLost(why)

    def _find(self) -> None:
        if self.lost is not None and asyncio.get_running_loop().time() >= self._unwritable_until:
            self.lost = None
            self._watchers.tell(Found())

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _checked(self, work: Callable[[], T]) -> T:
        if os.stat(self._path).st_ino != self._inode:
            raise FileNotFoundError("another file has taken its place")
        return work()

    def _append(self, entry: Entry) -> bool:
        """Raises sqlite3.Error; then it is not taken."""
        db, text = self._db, written(entry)
        db.execute("BEGIN IMMEDIATE")
        try:
            (last,) = db.execute(_LAST, (entry.cutover,)).fetchone()
            is_next = last == entry.number - 1
            if is_next:
                db.execute(_INSERT, (entry.cutover, entry.number, text, self._node, time.time()))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return is_next or bool(db.execute(_AT, (entry.cutover, entry.number)).fetchone() == (text,))


def _why(path: Path, error: Exception) -> str:
    match error:
        case sqlite3.OperationalError() | OSError():
            return unusable(path, error)
        case _:
            return damaged(path, error)
