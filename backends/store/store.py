"""The store as its users see it: what is there, and the few ways to change it.

A `Store` belongs to the thread that opened it. Any number of processes and threads may have one open on the
same directory: writers take turns, readers never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from packaging.utils import canonicalize_version

from backends.store import opening, rows, substrings, words, writing
from backends.store.content import Content, Receiving, place, sweep
from backends.store.model import Added, Addition, Change, Conflict, File, NewFile, Project, Release, Role, Same, Status
from backends.store.versions import version_key

MOST_CHANGES = 50_000  # in one answer of the change log, as both sites have it

_STEPS_BETWEEN_LOOKS = 4_000  # of SQLite's machine: a fraction of a millisecond

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

    def count_projects(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM project").fetchone()[0])

    def sizes(self, limit: int) -> tuple[int, list[tuple[str, int]]]:
        """The bytes of all files, and the projects that have most of them."""
        total = int(self._db.execute("SELECT coalesce(sum(size), 0) FROM file").fetchone()[0])
        largest = self._db.execute(
            """SELECT project.name, sum(file.size) AS bytes FROM file JOIN release ON release.id = file.release_id
               JOIN project ON project.id = release.project_id WHERE project.status != 'quarantined'
               GROUP BY project.id ORDER BY bytes DESC, project.normalized LIMIT ?""",
            (limit,),
        )
        return total, [(row["name"], row["bytes"]) for row in largest]

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
        """The releases that were uploaded last, the newest first."""
        found = self._db.execute(f"{rows.RELEASES} ORDER BY release.uploaded DESC, release.id DESC LIMIT ?", (limit,))
        return [rows.release_of(row) for row in found]

    def releases_since(self, moment: datetime) -> list[Release]:
        """The releases that were uploaded later than a moment, the newest first."""
        later = f"{rows.RELEASES} WHERE release.uploaded > ? ORDER BY release.uploaded DESC, release.id DESC"
        return [rows.release_of(row) for row in self._db.execute(later, (rows.to_micros(moment),))]

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

    def provenance(self, filename: str) -> str | None:
        """The attestations that came with a file, as a JSON document."""
        row = self._db.execute("SELECT provenance FROM file WHERE filename = ?", (filename,)).fetchone()
        return None if row is None else row["provenance"]

    def newest_projects(self, limit: int) -> list[Project]:
        """The projects that were made last, the newest first."""
        found = self._db.execute(
            f"""{rows.PROJECTS} JOIN (SELECT normalized AS made, max(serial) AS born FROM change WHERE action = 'create'
                GROUP BY normalized ORDER BY born DESC LIMIT ?) ON made = normalized ORDER BY born DESC""",
            (limit,),
        )
        return [rows.project_of(row) for row in found]

    def roles(self, normalized: str) -> list[tuple[str, str]]:
        """Who has which role for a project: owners first, then maintainers, each by name."""
        found = self._db.execute(
            """SELECT role, user FROM role JOIN project ON project.id = project_id
               WHERE normalized = ? ORDER BY role DESC, user""",
            (normalized,),
        )
        return [(row["role"], row["user"]) for row in found]

    def projects_of(self, user: str) -> list[tuple[str, str]]:
        """What somebody has which role for: roles and names of projects."""
        found = self._db.execute(
            "SELECT role, name FROM role JOIN project ON project.id = project_id WHERE user = ? ORDER BY name, role",
            (user,),
        )
        return [(row["role"], row["name"]) for row in found]

    def hosting_mode(self, normalized: str) -> str | None:
        row = self._db.execute("SELECT hosting_mode FROM project WHERE normalized = ?", (normalized,)).fetchone()
        return None if row is None else str(row["hosting_mode"])

    def name_was_used(self, filename: str) -> bool:
        """Whether a file ever had this name, removed ones too."""
        return bool(self._db.execute("SELECT 1 FROM filename_log WHERE filename = ?", (filename,)).fetchone())

    # Search and classifiers

    def search(self, wanted: Mapping[str, Sequence[str]], operator: substrings.Operator = "and") -> list[Release]:
        """The releases whose fields contain these texts, by name and version (see `substrings`)."""
        where, parameters = substrings.condition(wanted, operator)
        grams = substrings.candidates(wanted, operator)
        if grams is not None:
            where = f"release.id IN (SELECT rowid FROM trigrams WHERE trigrams MATCH ?) AND ({where})"
            parameters = [grams, *parameters]
        return self._by_name(f"{rows.RELEASES} WHERE {where}", parameters)

    def find(self, typed: str, limit: int, offset: int = 0) -> words.Found:
        """The projects that fit what somebody typed, the best first."""
        return words.find(self._db, typed, limit, offset)

    def complete(self, typed: str, limit: int) -> list[str]:
        """Names of projects that fit what somebody has typed so far."""
        return words.complete(self._db, typed, limit)

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

    def names_changed_since(self, moment: datetime) -> list[str]:
        """The names of all projects that changed later than a moment, each once."""
        found = self._db.execute(
            "SELECT DISTINCT project FROM change WHERE moment > ? ORDER BY project", (rows.to_micros(moment),)
        )
        return [str(row[0]) for row in found]

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
