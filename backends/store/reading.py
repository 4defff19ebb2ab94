"""What a store can be asked. Each answer is of one state of the index, several of them only within `Store.snapshot`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from heapq import nsmallest
from operator import itemgetter
from typing import Any

from backends.steps import Steps
from backends.store import rows, substrings, words
from backends.store.kept import Kept
from backends.store.model import Brief, Change, File, Project, Release, content_path
from backends.store.names import confusable_form
from backends.store.versions import canonical, version_key

PROJECTS_AT_ONCE = 1_000
RELEASES_AT_ONCE = 1_000
CHANGES_AT_ONCE = 5_000
FILES_AT_ONCE = 250
MOST_CHANGES = 50_000  # in one answer of the change log, as both sites have it


_NEVER = 1 << 62  # in microseconds: later than any moment


def _listed(listed_only: bool) -> str:
    """The condition on projects: whether lists leave out what is quarantined (`Project.is_listed`)."""
    return "project.status != 'quarantined'" if listed_only else "TRUE"


def _briefs(listed_only: bool) -> str:
    """Of these releases those that have so many of these classifiers. The new site lists what the old one hides."""
    shown = _listed(True) if listed_only else "NOT brief.hidden"
    return f"""
        SELECT brief.position, brief.release_id, brief.line FROM brief
        JOIN release ON release.id = brief.release_id JOIN project ON project.id = release.project_id
        WHERE brief.release_id IN (SELECT value FROM json_each(?)) AND {shown} AND
              (SELECT count(*) FROM release_classifier WHERE release_id = brief.release_id AND
                      classifier_id IN (SELECT value FROM json_each(?))) = ?"""


def _ordered_files(found: Sequence[sqlite3.Row]) -> Steps[list[File]]:
    """By version, then by file name. PERF: keys are made in steps, too; what is sorted in parts is sorted sooner."""
    keyed: list[tuple[Any, str, File]] = []
    for begin in range(0, len(found), FILES_AT_ONCE):
        if begin:
            yield
        files = map(rows.file_of, found[begin : begin + FILES_AT_ONCE])
        keyed += sorted(((version_key(file.version), file.filename, file) for file in files), key=itemgetter(0, 1))
    keyed.sort(key=itemgetter(0, 1))
    return [file for *_, file in keyed]


class Reader:
    _db: sqlite3.Connection
    kept: Kept

    # Projects, releases, files

    def projects(self) -> list[Project]:
        """All projects, by normalised name."""
        return [project for page in self.project_pages() for project in page]

    def project_pages(self) -> Iterator[list[Project]]:
        """The same, not all at once: what is made meanwhile is told or not."""
        page = f"{rows.PROJECTS} WHERE normalized > ? ORDER BY normalized LIMIT {PROJECTS_AT_ONCE}"
        last = ""
        while found := self._db.execute(page, (last,)).fetchall():
            last = found[-1]["normalized"]
            yield [rows.project_of(row) for row in found]

    def count_projects(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM project").fetchone()[0])

    def sizes(self, limit: int) -> Steps[tuple[int, list[tuple[str, int]]]]:
        """The bytes of all files, and the projects that have most of them; of some projects in each step."""
        total = 0
        largest: list[tuple[int, str, str]] = []
        of_some = f"""SELECT name, normalized, {_listed(True)} AS is_listed, sum(size) AS bytes FROM project
                      JOIN release ON project_id = project.id JOIN file ON release_id = release.id
                      WHERE project.id > ? AND project.id <= ? GROUP BY project.id"""
        count = int(self._db.execute("SELECT coalesce(max(id), 0) FROM project").fetchone()[0])
        for first in range(0, count, PROJECTS_AT_ONCE):
            found = self._db.execute(of_some, (first, first + PROJECTS_AT_ONCE)).fetchall()
            total += sum(row["bytes"] for row in found)
            listed = [(-row["bytes"], row["normalized"], row["name"]) for row in found if row["is_listed"]]
            largest = nsmallest(limit, [*largest, *listed])
            yield
        return total, [(name, -negative) for negative, _, name in largest]

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

    def releases(self, normalized: str, described: bool = True) -> list[Release]:
        """A project's releases, oldest version first; with their descriptions, which may be long, or without."""
        return self._releases(rows.RELEASES if described else rows.RELEASES_BRIEFLY, normalized)

    def bare_releases(self, normalized: str) -> list[Release]:
        """The same without any metadata, which is most of the work where there are many."""
        return self._releases(rows.RELEASES_BARE, normalized)

    def _releases(self, query: str, normalized: str) -> list[Release]:
        found = self._db.execute(f"{query} WHERE project.normalized = ?", (normalized,))
        return sorted(map(rows.release_of, found), key=lambda release: version_key(release.version))

    def release(self, normalized: str, version: str) -> Release | None:
        """One release, whatever the spelling of its version."""
        row = self._db.execute(
            f"{rows.RELEASES} WHERE project.normalized = ? AND release.canonical = ?",
            (normalized, canonical(version)),
        ).fetchone()
        return None if row is None else rows.release_of(row)

    def newest_releases(self, limit: int, listed_only: bool = False) -> list[Release]:
        """The releases that were uploaded last, the newest first; without their descriptions."""
        newest = f"WHERE {_listed(listed_only)} ORDER BY release.uploaded DESC, release.id DESC LIMIT ?"
        found = self._db.execute(f"{rows.RELEASES_BRIEFLY} {newest}", (limit,))
        return [rows.release_of(row) for row in found]

    def releases_since(self, moment: datetime) -> Iterator[list[Release]]:
        """Those that were uploaded later than a moment, the newest first, some at a time; without any metadata."""
        page = f"""{rows.RELEASES_BARE.replace("SELECT", "SELECT release.id,", 1)} WHERE release.uploaded > ? AND
                   (release.uploaded, release.id) < (?, ?)
                   ORDER BY release.uploaded DESC, release.id DESC LIMIT {RELEASES_AT_ONCE}"""
        since, before = rows.to_micros(moment), (_NEVER, 0)
        while found := self._db.execute(page, (since, *before)).fetchall():
            before = found[-1]["uploaded"], found[-1]["id"]
            yield list(map(rows.release_of, found))

    def files(self, normalized: str, version: str | None = None) -> list[File]:
        """The files of a project or of one release, by version, then by file name."""
        where, parameters = "project.normalized = ?", [normalized]
        if version is not None:
            where += " AND release.canonical = ?"
            parameters.append(canonical(version))
        found = self._db.execute(f"{rows.FILES} WHERE {where}", parameters)
        return sorted(map(rows.file_of, found), key=lambda file: (version_key(file.version), file.filename))

    def files_in_steps(self, normalized: str) -> Steps[list[File]]:
        """Those of a project, as `files` has them. They are read when this is called, so that they are of one state
        with what is read beside them; to make them of what was read takes longer.
        """
        found = self._db.execute(f"{rows.FILES} WHERE project.normalized = ?", (normalized,)).fetchall()
        return _ordered_files(found)

    def all_files(self) -> list[File]:
        return [rows.file_of(row) for row in self._db.execute(f"{rows.FILES} ORDER BY file.id")]

    def unsearchable(self) -> list[str]:
        """Projects and releases that the indexes of searches and the index itself do not agree on."""
        found = self._db.execute(
            """SELECT name FROM project WHERE (id IN (SELECT rowid FROM words)) !=
                   (status != 'quarantined' AND id IN (SELECT project_id FROM release))
               UNION ALL SELECT 'words ' || rowid FROM words WHERE rowid NOT IN (SELECT id FROM project)
               UNION ALL SELECT 'titles ' || id FROM (SELECT rowid AS id FROM words UNION ALL SELECT rowid FROM titles)
                         GROUP BY id HAVING count(*) != 2
               UNION ALL SELECT name || ' ' || version FROM release JOIN project ON project.id = project_id
                         WHERE release.id NOT IN
                             (SELECT release_id FROM brief WHERE position IN (SELECT rowid FROM trigrams))
               UNION ALL SELECT 'position ' || position FROM
                         (SELECT position, sorted_name, ordering, lag(sorted_name) OVER told AS name_before,
                                 lag(ordering) OVER told AS ordering_before
                          FROM brief WINDOW told AS (ORDER BY position))
                         WHERE (sorted_name, ordering) <= (name_before, ordering_before)"""
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
            f"""{rows.PROJECTS} JOIN (SELECT normalized AS made, serial AS born FROM change WHERE action = 'create'
                ORDER BY serial DESC LIMIT ?) ON made = normalized ORDER BY born DESC""",
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

    def projects_of(self, user: str, listed_only: bool = False) -> list[tuple[str, str]]:
        """What somebody has which role for: roles and names of projects."""
        found = self._db.execute(
            f"""SELECT role, name FROM role JOIN project ON project.id = project_id
                WHERE user = ? AND {_listed(listed_only)} ORDER BY name, role""",
            (user,),
        )
        return [(row["role"], row["name"]) for row in found]

    def hosting_mode(self, normalized: str) -> str | None:
        row = self._db.execute("SELECT hosting_mode FROM project WHERE normalized = ?", (normalized,)).fetchone()
        return None if row is None else str(row["hosting_mode"])

    def name_was_used(self, filename: str) -> bool:
        """Whether a file ever had this name, removed ones too."""
        return bool(self._db.execute("SELECT 1 FROM filename_log WHERE filename = ?", (filename,)).fetchone())

    def paths_ever(self) -> dict[str, str | None]:
        """Where the bytes of every file are, removed ones too, by name; None if that was not kept in its time."""
        found = self._db.execute("SELECT filename, blake2b_256 AS digest FROM filename_log")
        return {name: content_path(digest, name) if digest is not None else None for name, digest in found}

    # Search and classifiers

    def search(
        self, wanted: Mapping[str, Sequence[str]], operator: substrings.Operator = "and", hidden_too: bool = False
    ) -> list[str]:
        """A line (see `substrings.brief_of`) for each release whose fields contain these texts, by name and version."""
        search = partial(substrings.search, self._db, wanted, operator, hidden_too)
        if self._db.in_transaction:  # whose serials may yet be taken back
            return search()
        asked = tuple((field, tuple(values)) for field, values in wanted.items()), operator, hidden_too
        return self.kept.found(self.last_serial(), asked, search)

    def search_pages(
        self, wanted: Mapping[str, Sequence[str]], operator: substrings.Operator = "and", hidden_too: bool = False
    ) -> Iterator[list[str]]:
        """The same, not all at once where descriptions are to be looked through, of which none is indexed."""
        for within in substrings.windows(self._db, wanted, operator):
            if within == substrings.EVERYWHERE:
                yield self.search(wanted, operator, hidden_too)
            else:
                yield substrings.search(self._db, wanted, operator, hidden_too, within)

    def hit(self, normalized: str) -> words.Hit | None:
        """What people who search are told of a project; None if they are not told of it."""
        return words.hit_of(self._db, normalized)

    def find(self, typed: str, limit: int, offset: int = 0) -> words.Found:
        """The projects that fit what somebody typed, the best first."""
        return words.find(self._db, typed, limit, offset)

    def complete(self, typed: str, limit: int) -> list[str]:
        """Names of projects that fit what somebody has typed so far."""
        return words.complete(self._db, typed, limit)

    def classifiers(self) -> dict[int, str]:
        """Every classifier a release ever had, by its lasting number, in the order of names."""
        return {row["id"]: row["name"] for row in self._db.execute("SELECT * FROM classifier ORDER BY name")}

    def classified(self, classifiers: Sequence[str], listed_only: bool = False) -> Steps[dict[int, Brief]]:
        """The releases that have every one of these classifiers, by name and version; some are read in each step.

        By numbers, which `narrowing` takes. Of hidden ones the new site is told, which knows no such thing: those that
        are `listed_only`.
        """
        numbers = self._numbers(classifiers)
        found: list[tuple[int, int, Brief]] = []
        before = 0
        while numbers and (page := self._having(numbers[0], before)):
            before = page[-1]
            fitting = self._db.execute(_briefs(listed_only), (json.dumps(page), json.dumps(numbers), len(numbers)))
            found += [(row["position"], row["release_id"], substrings.brief_of(row["line"])) for row in fitting]
            yield
        found.sort(key=itemgetter(0))
        return {number: brief for _, number, brief in found}

    def _numbers(self, classifiers: Sequence[str]) -> list[int]:
        """None if one of them is unknown, which no release has."""
        wanted = sorted(set(classifiers))
        found = self._db.execute(
            "SELECT id FROM classifier WHERE name IN (SELECT value FROM json_each(?))", [json.dumps(wanted)]
        ).fetchall()
        return [row["id"] for row in found] if len(found) == len(wanted) else []

    def _having(self, classifier: int, before: int) -> list[int]:
        """The next releases that have it."""
        found = self._db.execute(
            f"""SELECT release_id FROM release_classifier WHERE classifier_id = ? AND release_id > ?
                ORDER BY release_id LIMIT {RELEASES_AT_ONCE}""",
            (classifier, before),
        )
        return [row["release_id"] for row in found]

    def narrowing(self, releases: Sequence[int]) -> set[int]:
        """The numbers of all classifiers that some of these have."""
        found = self._db.execute(
            """SELECT DISTINCT classifier_id FROM release_classifier
               WHERE release_id IN (SELECT value FROM json_each(?))""",
            [json.dumps(releases)],
        )
        return {row["classifier_id"] for row in found}

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

    def changes_next_to(self, last: Change, limit: int) -> list[Change]:
        """Those that are told after this one where they are told by their moments."""
        later = f"{rows.CHANGES} WHERE (moment, serial) > (?, ?) ORDER BY moment, serial LIMIT ?"
        found = self._db.execute(later, (rows.to_micros(last.moment), last.serial, limit))
        return [rows.change_of(row) for row in found]

    def names_changed_since(self, moment: datetime) -> Iterator[list[str]]:
        """The names of projects that changed later than a moment, some at a time, and some of them again and again."""
        page = f"""SELECT moment, serial, project FROM change WHERE (moment, serial) > (?, ?)
                   ORDER BY moment, serial LIMIT {CHANGES_AT_ONCE}"""
        last = rows.to_micros(moment), _NEVER
        while found := self._db.execute(page, last).fetchall():
            last = found[-1]["moment"], found[-1]["serial"]
            yield [row["project"] for row in found]
