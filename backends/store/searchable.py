"""What searches find of projects, made anew when one changes, in the transaction that changes it.

FTS5 writes out what it has gathered at every statement of a transaction, so many projects are one statement.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from backends.store import rows, substrings, words


def follow_projects(db: sqlite3.Connection, projects: Sequence[int]) -> None:
    """Their releases or what stands for them have changed."""
    entries: list[words.Entry] = []
    placing = substrings.Placing(db)
    for project_id, name in _in_order(db, projects):
        found = db.execute(f"{rows.RELEASE_VERSIONS} WHERE project_id = ?", (project_id,))
        releases = sorted(map(rows.version_of, found), key=lambda release: release.key)
        placing.place(name, releases)
        entry = words.entry_of(db, project_id, releases)
        if entry is not None:
            entries.append(entry)
    placing.index()
    words.replace(db, projects, entries)


def _in_order(db: sqlite3.Connection, projects: Sequence[int]) -> list[tuple[int, str]]:
    """By name: each of many then finds its place after the one before."""
    found = db.execute(
        "SELECT id, name FROM project WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(projects)]
    )
    return sorted(((row["id"], row["name"]) for row in found), key=lambda project: project[1].lower())


def fill_searches(db: sqlite3.Connection) -> None:
    """For an index that was made before there were these."""
    follow_projects(db, [row["id"] for row in db.execute("SELECT id FROM project")])
