"""What a store can be asked. Each answer is of one state of the index, several of them only within `Store.snapshot`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from packaging.utils import canonicalize_version

from backends.store import rows, substrings, words
from backends.store.model import Change, File, Project, Release
from backends.store.names import confusable_form
from backends.store.versions import version_key

MOST_CHANGES = 50_000  # in one answer of the change log, as both sites have it


class Reader:
    _db: sqlite3.Connection

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

    def confusable(self, name: str) -> Project | None:
        """A project whose name could be taken for this one."""
        row = self._db.execute(f"{rows.PROJECTS} WHERE confusable = ? LIMIT 1", (confusable_form(name),)).fetchone()
        return None if row is None else rows.project_of(row)

    def size_of(self, normalized: str) -> int:
        """The bytes of all of a project's files."""
        row = self._db.execute(
            """SELECT coalesce(sum(size), 0) FROM file JOIN release ON release.id = release_id
               JOIN project ON project.id = project_id WHERE normalized = ?""",
            (normalized,),
        ).fetchone()
        return int(row[0])

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

    def all_files(self) -> list[File]:
        return [rows.file_of(row) for row in self._db.execute(f"{rows.FILES} ORDER BY file.id")]

    def unsearchable(self) -> list[str]:
        """Projects and releases that the indexes of searches and the index itself do not agree on."""
        found = self._db.execute(
            """SELECT name FROM project WHERE (id IN (SELECT rowid FROM words)) !=
                   (status != 'quarantined' AND id IN (SELECT project_id FROM release))
               UNION ALL SELECT 'words ' || rowid FROM words WHERE rowid NOT IN (SELECT id FROM project)
               UNION ALL SELECT name || ' ' || version FROM release JOIN project ON project.id = project_id
                         WHERE release.id NOT IN (SELECT rowid FROM trigrams)"""
        )
        return [str(row[0]) for row in found]

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
