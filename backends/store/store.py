"""The store as its users see it: what is there, and the few ways to change it.

A `Store` belongs to the thread that opened it. Any number of processes and threads may have one open on the
same directory: writers take turns, readers never wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from packaging.utils import canonicalize_version

from backends.store import opening, rows, searching, writing
from backends.store.content import Content, Receiving, place, sweep
from backends.store.model import Added, Addition, Change, Conflict, File, NewFile, Project, Release, Same
from backends.store.versions import version_key

MOST_CHANGES = 50_000  # in one answer of the change log, as both sites have it

# A write that began as a read could find its snapshot outdated half-way, so writers announce themselves.
_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"


class Store:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files_directory = directory / opening.FILES
        self._incoming = directory / opening.INCOMING
        self._db = opening.open_index(directory)
        self._begun: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    # Projects, releases, files

    def projects(self) -> list[Project]:
        """All projects, by normalised name."""
        return [rows.project_of(row) for row in self._db.execute(f"{rows.PROJECTS} ORDER BY normalized")]

    def project(self, normalized: str) -> Project | None:
        row = self._db.execute(f"{rows.PROJECTS} WHERE normalized = ?", (normalized,)).fetchone()
        return None if row is None else rows.project_of(row)

    def releases(self, normalized: str) -> list[Release]:
        """A project's releases, oldest version first."""
        found = self._db.execute(f"{rows.RELEASES} WHERE project.normalized = ?", (normalized,))
        return sorted(map(rows.release_of, found), key=lambda release: version_key(release.version))

    def release(self, normalized: str, version: str) -> Release | None:
        """One release, whatever the spelling of its version."""
        row = self._db.execute(
            f"{rows.RELEASES} WHERE project.normalized = ? AND release.canonical = ?",
            (normalized, canonicalize_version(version)),
        ).fetchone()
        return None if row is None else rows.release_of(row)

    def newest_releases(self, limit: int) -> list[Release]:
        found = self._db.execute(f"{rows.RELEASES} ORDER BY release.uploaded DESC, release.id DESC LIMIT ?", (limit,))
        return [rows.release_of(row) for row in found]

    def files(self, normalized: str, version: str | None = None) -> list[File]:
        """The files of a project or of one release, by version, then by file name."""
        where, parameters = "project.normalized = ?", [normalized]
        if version is not None:
            where += " AND release.canonical = ?"
            parameters.append(canonicalize_version(version))
        found = self._db.execute(f"{rows.FILES} WHERE {where}", parameters)
        return sorted(map(rows.file_of, found), key=lambda file: (version_key(file.version), file.filename))

    def file_named(self, filename: str) -> File | None:
        return self._file("file.filename = ?", filename)

    def file_with_blake2b(self, blake2b_256: str) -> File | None:
        return self._file("file.blake2b_256 = ?", blake2b_256)

    def file_with_md5(self, md5: str) -> File | None:
        return self._file("file.md5 = ?", md5)

    def _file(self, where: str, value: str) -> File | None:
        row = self._db.execute(f"{rows.FILES} WHERE {where}", (value,)).fetchone()
        return None if row is None else rows.file_of(row)

    def name_was_used(self, filename: str) -> bool:
        """Whether a file ever had this name, removed ones too."""
        return bool(self._db.execute("SELECT 1 FROM filename_log WHERE filename = ?", (filename,)).fetchone())

    # Search and classifiers

    def search(self, wanted: Mapping[str, Sequence[str]], operator: searching.Operator = "and") -> list[Release]:
        """The releases whose fields contain these words, by name and version (see `searching`)."""
        where, parameters = searching.condition(wanted, operator)
        return self._by_name(f"{rows.RELEASES} WHERE {where}", parameters)

    def classifiers(self) -> dict[int, str]:
        """Every classifier a release ever had, by its lasting number, in the order of names."""
        return {row["id"]: row["name"] for row in self._db.execute("SELECT * FROM classifier ORDER BY name")}

    def classified(self, classifiers: Sequence[str]) -> list[Release]:
        """The releases that have every one of these classifiers."""
        has = """release.id IN (SELECT release_id FROM release_classifier
                 JOIN classifier ON classifier.id = classifier_id WHERE classifier.name = ?)"""
        where = " AND ".join([has] * len(classifiers)) or "TRUE"
        return self._by_name(f"{rows.RELEASES} WHERE {where}", classifiers)

    def _by_name(self, query: str, parameters: Sequence[str]) -> list[Release]:
        found = self._db.execute(f"{query} ORDER BY project.normalized", parameters)
        releases = [(row["normalized"], rows.release_of(row)) for row in found]
        releases.sort(key=lambda pair: (pair[0], version_key(pair[1].version)))
        return [release for _, release in releases]

    # The change log

    def last_serial(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(serial), 0) FROM change").fetchone()[0])

    def changes_after(self, serial: int, limit: int = MOST_CHANGES) -> list[Change]:
        """The changes with a higher serial, oldest first."""
        found = self._db.execute(f"{rows.CHANGES} WHERE serial > ? ORDER BY serial LIMIT ?", (max(serial, -1), limit))
        return [rows.change_of(row) for row in found]

    def changes_since(self, moment: datetime, limit: int = MOST_CHANGES) -> list[Change]:
        """The changes later than a moment, oldest first."""
        later = f"{rows.CHANGES} WHERE moment > ? ORDER BY moment, serial LIMIT ?"
        found = self._db.execute(later, (rows.to_micros(moment), limit))
        return [rows.change_of(row) for row in found]

    # Transactions

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
        self._begun = begin
        try:
            yield
            self._db.commit()
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

    def objection(self, filename: str, content: Content) -> Same | Conflict | None:
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
            place(self.files_directory, content, new.filename, new.wheel_metadata)
            writing.insert_file(self._db, new, content, now)
            added = self.file_named(new.filename)
        assert added is not None  # the row was just written
        return Added(added)

    def remove_file(self, filename: str, now: datetime) -> bool:
        """Take a file out of the index for good: its name can never be used again. False if there is none."""
        with self.exclusive():
            return writing.delete_file(self._db, filename, now)

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
