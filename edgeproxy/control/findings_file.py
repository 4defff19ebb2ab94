"""What shadows have found, and the file that it lives on in: DIR/findings.sqlite, under `run --state DIR`.

Laws of this module:
- what is written is added to what is there, and waits in memory while the disk takes nothing (`backlog`);
- noise is kept, so that a new worker judges at once what its predecessors had learned to. Of a rule whose shadow is
  another one by now it begins anew.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from edgeproxy.control.aside import aside
from edgeproxy.control.backlog import Backlog
from edgeproxy.control.control_socket import Refused
from edgeproxy.control.findings_rows import add, clear, prepare, read, read_noise
from edgeproxy.control.state_file import opened
from edgeproxy.migration.comparing.findings import Findings, Lessons, joined, lessons_json

NAME: Final = "findings.sqlite"


class FindingsFile(Backlog[Findings]):
    """`directory`: None keeps findings for this edge's life only. `terms`: of the rules in use (`Shadowed.terms`)."""

    def __init__(self, directory: Path | None, terms: Callable[[], Mapping[str, str]]) -> None:
        """Raises CannotRun."""
        super().__init__(None if directory is None else directory / NAME, "what shadows found", Findings, add)
        self._terms = terms
        self._since = time.time()
        self._lessons: Lessons = self._begin(_prepare, "for what shadows find") or {}  # all that is known

    @property
    def lessons(self) -> str:
        """For a worker that starts."""
        return json.dumps(lessons_json(self._lessons))

    def add(self, findings: Findings) -> None:
        terms = self._terms()
        findings.periods.clear()  # they are for gates, which have them already
        findings.lessons = {rule: each for rule, each in findings.lessons.items() if terms.get(rule) == each.terms}
        self._lessons = joined(self._lessons, findings.lessons)
        super().add(findings)

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


def _prepare(db: sqlite3.Connection) -> Lessons:
    prepare(db)
    return read_noise(db)


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
