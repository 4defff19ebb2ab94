"""What is new, and is to be added to a SQLite file under `run --state DIR`: once a second, by whoever has the news.

Laws of this module:
- what is written is added to what is there, in one transaction: the edge of an upgrade and the one before it, or
  several edges of a machine, may share the directory, and nothing is counted twice or lost;
- a file that is something else is left as it is, and the edge does not start;
- a disk that takes nothing costs no client anything: what is new waits in memory, which bounds itself, and it is told.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Generic, Protocol, Self, TypeVar

from edgeproxy.control.aside import aside
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.private_file import make_private
from edgeproxy.control.state_file import opened
from edgeproxy.telemetry.stderr import tell

_EVERY: Final = 1.0  # seconds between two writings, at the least


class News(Protocol):
    def __bool__(self) -> bool: ...
    def merge(self, later: Self, /) -> None: ...


N = TypeVar("N", bound=News)
T = TypeVar("T")


class Backlog(Generic[N]):
    """Of one file."""

    def __init__(
        self, path: Path | None, what: str, none: Callable[[], N], save: Callable[[sqlite3.Connection, N], None]
    ) -> None:
        """`path`: None keeps all in memory. `what`: that is, in words. `none`: makes what has no news yet. `save`: adds
        some to the file, in a thread, and raises sqlite3.Error or ValueError.
        """
        self._path = path
        self._what = what
        self._none = none
        self._save = save
        self._news = none()  # what is not in the file
        self._is_new = asyncio.Event()
        self._is_failing = False

    @property
    def is_kept(self) -> bool:
        """Beyond this edge's end."""
        return self._path is not None

    def _begin(self, prepare: Callable[[sqlite3.Connection], T], use: str) -> T | None:
        """What `prepare` found in the file, if there is to be one. `use`: of it, in words. Raises CannotRun."""
        if self._path is None:
            return None
        try:
            make_private(self._path)
            with opened(self._path) as db:
                return prepare(db)
        except (OSError, sqlite3.Error, ValueError, TypeError) as error:
            remedy = "move it away to begin a new one, or name another directory"
            raise CannotRun(f"--state: {self._path} is not to be used {use}: {error}: {remedy}") from None

    def add(self, news: N) -> None:
        self._news.merge(news)
        self._is_new.set()

    async def keep(self) -> None:
        """Write what is new, for ever."""
        while True:
            await self._is_new.wait()
            await asyncio.sleep(_EVERY)
            self._is_new.clear()
            await self._write()

    async def _write(self) -> None:
        """What is new, now."""
        if self._path is not None and self._news:
            self._on_saved(*await aside(partial(self._saved, self._path, self._take())))

    def close(self) -> None:
        """Write what is not written yet."""
        if self._path is not None and self._news:
            self._on_saved(*self._saved(self._path, self._take()))

    def _take(self) -> N:
        news, self._news = self._news, self._none()
        return news

    def _saved(self, path: Path, news: N) -> tuple[N, str | None]:
        """And what is wrong, if it is not in the file."""
        try:
            with opened(path) as db:
                self._save(db, news)
        except (sqlite3.Error, ValueError) as error:
            return news, str(error)
        return news, None

    def _on_saved(self, news: N, problem: str | None) -> None:
        if problem is not None:
            news.merge(self._news)
            self._news = news
            if not self._is_failing:
                tell(f"{self._what} cannot be written to {self._path}: {problem}: it waits in memory")
        self._is_failing = problem is not None
