"""What shadows have found, and the file that it lives on in: DIR/findings.sqlite, under `run --state DIR`.

Laws of this module:
- what is written is added to what is there, in one transaction: the edge of an upgrade and the one before it, or
  several edges of a machine, may share the directory, and nothing is counted twice or lost;
- noise is kept, so that a new worker judges at once what its predecessors had learned to. Of a rule whose shadow is
  another one by now it begins anew;
- a file that is something else is left as it is, and the edge does not start. A disk that takes nothing costs no
  client anything: findings wait in memory, which bounds them, and it is told.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.aside import aside
from edgeproxy.control.control_socket import Refused
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.findings_rows import add, clear, prepare, read, read_noise
from edgeproxy.control.private_file import make_private
from edgeproxy.control.state_file import opened
from edgeproxy.migration.comparing.findings import Findings, Lessons, joined, lessons_json
from edgeproxy.telemetry.stderr import tell

NAME: Final = "findings.sqlite"
_EVERY: Final = 1.0  # seconds between two writings, at the least


class FindingsFile:
    """`directory`: None keeps findings for this edge's life only. `terms`: of the rules in use (`Shadowed.terms`)."""

    def __init__(self, directory: Path | None, terms: Callable[[], Mapping[str, str]]) -> None:
        """Raises CannotRun."""
        self._path = None if directory is None else directory / NAME
        self._terms = terms
        self._since = time.time()
        self._news = Findings()  # what is not in the file
        self._lessons: Lessons = {}  # all that is known
        self._is_new = asyncio.Event()
        self._is_failing = False
        if self._path is not None:
            self._begin(self._path)

    @property
    def lessons(self) -> str:
        """For a worker that starts."""
        return json.dumps(lessons_json(self._lessons))

    @property
    def is_kept(self) -> bool:
        """Beyond this edge's end."""
        return self._path is not None

    def add(self, findings: Findings) -> None:
        terms = self._terms()
        findings.periods.clear()  # they are for gates, which have them already
        findings.lessons = {rule: each for rule, each in findings.lessons.items() if terms.get(rule) == each.terms}
        self._lessons = joined(self._lessons, findings.lessons)
        self._news.merge(findings)
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
        if self._path is not None and self._news:
            self._on_saved(*_save(self._path, self._take()))

    async def all(self) -> tuple[float, Findings]:
        """And since when. Raises Refused."""
        if self._path is None:
            since, findings = self._since, Findings()
        else:
            await self._write()
            since, findings = await aside(partial(_read, self._path))
        findings.merge(self._news)
        return since, findings

    async def clear(self) -> float:
        """Forget all but noise; returns since when it counts again. Raises Refused."""
        moment = time.time()
        if self._path is not None:
            await aside(partial(_clear, self._path, moment))
        lessons, self._news = self._news.lessons, Findings()
        self._news.lessons = lessons
        self._since = moment
        return moment

    def _take(self) -> Findings:
        news, self._news = self._news, Findings()
        return news

    async def _write(self) -> None:
        path = self._path
        if path is not None and self._news:
            self._on_saved(*await aside(partial(_save, path, self._take())))

    def _on_saved(self, news: Findings, problem: str | None) -> None:
        if problem is not None:
            news.merge(self._news)
            self._news = news
            if not self._is_failing:
                tell(f"what shadows found cannot be written to {self._path}: {problem}: it waits in memory")
        self._is_failing = problem is not None

    def _begin(self, path: Path) -> None:
        try:
            make_private(path)
            with opened(path) as db:
                prepare(db)
                self._lessons = read_noise(db)
        except (OSError, sqlite3.Error, ValueError, TypeError) as error:
            remedy = "move it away to begin a new one, or name another directory"
            raise CannotRun(f"--state: {path} is not to be used for what shadows find: {error}: {remedy}") from None


def _save(path: Path, news: Findings) -> tuple[Findings, str | None]:
    """And what is wrong, if it is not in the file."""
    try:
        with opened(path) as db:
            add(db, news)
    except (sqlite3.Error, ValueError) as error:
        return news, str(error)
    return news, None


def _read(path: Path) -> tuple[float, Findings]:
    try:
        with opened(path) as db:
            return read(db)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise Refused(f"shadow: {path} cannot be read: {error}") from None


def _clear(path: Path, moment: float) -> None:
    try:
        with opened(path) as db:
            clear(db, moment)
    except sqlite3.Error as error:
        raise Refused(f"shadow: {path} cannot be written: {error}: nothing is forgotten") from None
