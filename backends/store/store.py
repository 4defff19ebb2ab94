"""The store as its users see it: what is there, and the few ways to change it.

A `Store` belongs to the thread that opened it. Any number of processes and threads may have one open on the
same directory: writers take turns, readers never wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from backends.store import opening, writing
from backends.store.content import METADATA_SUFFIX, SIGNATURE_SUFFIX, Content, Hashed, Receiving, place, sweep
from backends.store.kept import Kept
from backends.store.model import Added, Addition, Conflict, Metadata, NewFile, Role, Same, Status
from backends.store.reading import Reader
from backends.tally import note_writes

_STEPS_BETWEEN_LOOKS = 4_000  # of SQLite's machine: a fraction of a millisecond

# A write that began as a read could find its snapshot outdated half-way, so writers announce themselves.
_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"


class Store(Reader):
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files_directory = directory / opening.FILES
        self.documentation_directory = directory / opening.DOCUMENTATION  # by project
        self._incoming = directory / opening.INCOMING
        self._db = opening.open_index(directory)
        self._begun: str | None = None
        self.kept = Kept()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For other modules of this package."""
        return self._db

    def close(self) -> None:
        self._db.close()

    # Transactions

    @contextmanager
    def giving_up(self, is_enough: Callable[[], bool]) -> Iterator[None]:
        """What is read inside fails with SQLITE_INTERRUPT when it takes longer than somebody wants to wait."""
        self._db.set_progress_handler(is_enough, _STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            self._db.set_progress_handler(None, 0)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside belongs to one state of the index, whatever others write meanwhile."""
        with self._transaction(_READ):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else writes inside, so what was checked still holds when it is acted on."""
        with self._transaction(_WRITE):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        if self._begun is not None:
            if begin == _WRITE and self._begun != _WRITE:
                raise RuntimeError("a snapshot cannot be written to: open exclusive() around it instead")
            yield  # part of the transaction that is open
            return
        self._db.execute(begin)
        self._begun, changes = begin, self._db.total_changes
        try:
            yield
            self._db.commit()
            note_writes(self._db.total_changes - changes)
        except BaseException:
            self._db.rollback()
            raise
        finally:
            self._begun = None

    # Changes

    def receive(self) -> Receiving:
        """Start to receive the bytes of a file; `with` takes them away again unless they are added."""
        return Receiving(self._incoming)

    def sweep(self, before: datetime) -> None:
        """Delete what a killed process was receiving and nobody has written to since."""
        sweep(self._incoming, before)

    def objection(self, filename: str, content: Hashed) -> Same | Conflict | None:
        """What stands against adding these bytes under this name; None if nothing does."""
        return writing.judge(
            content,
            self.file_named(filename),
            self.file_with_blake2b(content.blake2b_256),
            self.name_was_used(filename),
        )

    def add_file(self, new: NewFile, content: Content, now: datetime) -> Addition:
        """Add received bytes under a name; their first file makes the project and the release."""
        with self.exclusive():
            objection = self.objection(new.filename, content)
            if objection is not None:
                return objection
            beside = {METADATA_SUFFIX: new.wheel_metadata, SIGNATURE_SUFFIX: new.signature}
            place(self.files_directory, content, new.filename, beside)
            writing.insert_file(self._db, new, content, now)
            added = self.file_named(new.filename)
        assert added is not None  # the row was just written
        return Added(added)

    def store_release(self, metadata: Metadata, now: datetime) -> list[str]:
        """Register a release before its files, or say more of it: which fields are others now, none if it is new.

        A field that is given empty is taken away.
        """
        with self.exclusive():
            return writing.store_release(self._db, metadata, now)

    def log_documentation(self, normalized: str, now: datetime) -> None:
        """Say in the change log that a project has other documentation."""
        with self.exclusive():
            project_id = writing.project_id_of(self._db, normalized)
            if project_id is not None:
                writing.log_documentation(self._db, project_id, now)

    def remove_file(self, filename: str, now: datetime) -> bool:
        """Take a file out of the index for good: its name can never be used again. False if there is none."""
        with self.exclusive():
            return writing.delete_file(self._db, filename, now)

    def set_provenance(self, filename: str, document: str) -> bool:
        """Keep the attestations of a file. False if there is no such file."""
        with self.exclusive():
            return writing.set_provenance(self._db, filename, document)

    def set_status(self, normalized: str, status: Status, reason: str | None, now: datetime) -> bool:
        """Say how a project stands (PEP 792). False if there is none."""
        with self.exclusive():
            project_id = writing.project_id_of(self._db, normalized)
            if project_id is None:
                return False
            writing.set_status(self._db, project_id, status, reason, now)
            return True

    def set_hosting_mode(self, normalized: str, mode: str, now: datetime) -> bool:
        """Where installers were to look for a project's files (PEP 438). False if there is none."""
        with self.exclusive():
            project_id = writing.project_id_of(self._db, normalized)
            if project_id is None:
                return False
            writing.set_hosting_mode(self._db, project_id, mode, now)
            return True

    def grant(self, normalized: str, role: Role, user: str, now: datetime) -> bool:
        """Give somebody a role for a project. False if there is no such project, or the role is given already."""
        with self.exclusive():
            project_id = writing.project_id_of(self._db, normalized)
            return project_id is not None and writing.add_role(self._db, project_id, role, user, now)

    def revoke(self, normalized: str, role: Role, user: str, now: datetime) -> bool:
        with self.exclusive():
            project_id = writing.project_id_of(self._db, normalized)
            return project_id is not None and writing.remove_role(self._db, project_id, role, user, now)

    def set_hidden(self, normalized: str, version: str, hidden: bool, now: datetime) -> bool:
        """Hide a release from the old site's lists and search, or show it again. False if there is none."""
        with self.exclusive():
            release_id = writing.release_id_of(self._db, normalized, version)
            if release_id is None:
                return False
            writing.set_hidden(self._db, release_id, hidden, now)
            return True

    def yank(self, normalized: str, version: str, reason: str | None, now: datetime) -> bool:
        """Mark a whole release as one that nobody should newly choose (PEP 592). False if there is none."""
        return self._set_yanked((normalized, version), True, reason, now)

    def unyank(self, normalized: str, version: str, now: datetime) -> bool:
        return self._set_yanked((normalized, version), False, None, now)

    def _set_yanked(self, release: tuple[str, str], yanked: bool, reason: str | None, now: datetime) -> bool:
        with self.exclusive():
            release_id = writing.release_id_of(self._db, *release)
            if release_id is None:
                return False
            writing.set_yanked(self._db, release_id, yanked, reason, now)
            return True
