"""Search for people: words of names, summaries, keywords, authors and descriptions, by project.

Laws of this module:
- the index is changed in the transaction that changes what is searched, so who uploads finds it at once;
- a project is found by its latest release, and not at all while it is quarantined;
- whatever is typed is a search: what means something to FTS5 is taken for a character that separates words.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from backends.store import rows
from backends.store.latest import latest
from backends.store.model import MetadataValue

MOST_WORDS: Final = 12  # of what is typed
_WORD: Final = re.compile(r"\w+")

# How much a match in each column weighs (bm25), in their order: a name says more than a description.
_WEIGHTS: Final = "10.0, 4.0, 3.0, 3.0, 0.5"

# Ranking reads each match: of a word that half of the index has, the newest projects so many are ranked.
MOST_RANKED: Final = 4000


@dataclass(frozen=True, slots=True)
class Hit:
    name: str
    version: str
    summary: str


@dataclass(frozen=True, slots=True)
class Found:
    """`count`: of all that fit; with `more` there are at least so many."""

    hits: list[Hit]
    count: int
    more: bool


def query_of(typed: str) -> str | None:
    """An FTS5 query: every word, and the last one may be the beginning of one."""
    words = _WORD.findall(typed)[:MOST_WORDS]
    return " AND ".join([f'"{word}"' for word in words[:-1]] + [f'"{words[-1]}" *']) if words else None


def find(db: sqlite3.Connection, typed: str, limit: int, offset: int) -> Found:
    """The projects that fit, the best first; the one of exactly this name before all others."""
    query = query_of(typed)
    if query is None:
        return Found([], 0, False)
    normalized = str(canonicalize_name(typed.strip()))
    exact = db.execute("SELECT id FROM project WHERE normalized = ?", (normalized,)).fetchone()
    # A bound on row numbers, which FTS5 walks to; a list of them it would look up one by one.
    oldest = db.execute(
        f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET {MOST_RANKED - 1}", (query,)
    ).fetchone()
    found = db.execute(
        f"SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? ORDER BY bm25(words, {_WEIGHTS})",
        (query, 0 if oldest is None else oldest[0]),
    )
    ranked = [int(row[0]) for row in found]
    if exact is not None and _is_found(db, exact["id"]):
        ranked = [exact["id"], *(found for found in ranked if found != exact["id"])]
    hits = [_hit(db, found) for found in ranked[offset : offset + limit]]
    return Found(hits, len(ranked), len(ranked) >= MOST_RANKED)


def complete(db: sqlite3.Connection, typed: str, limit: int) -> list[str]:
    """Names that begin with what is typed, shortest first, then those that have a word that does."""
    normalized = str(canonicalize_name(typed.strip()))
    if not normalized:
        return []
    begin = db.execute(
        """SELECT name FROM project WHERE normalized >= ? AND normalized < ? AND status != 'quarantined'
           ORDER BY length(normalized), normalized LIMIT ?""",
        (normalized, normalized + "\U0010ffff", limit),
    )
    names = [str(row[0]) for row in begin]
    query = query_of(typed)
    if query is not None and len(names) < limit:
        others = db.execute("SELECT name FROM words WHERE words MATCH ? LIMIT ?", (f"name : ({query})", limit))
        names.extend(str(row[0]) for row in others)
    return list(dict.fromkeys(names))[:limit]


def index_project(db: sqlite3.Connection, project_id: int) -> None:
    """What is found of a project now, by what its latest release says."""
    db.execute("DELETE FROM words WHERE rowid = ?", (project_id,))
    project = db.execute("SELECT name, status FROM project WHERE id = ?", (project_id,)).fetchone()
    found = db.execute(f"{rows.RELEASE_VERSIONS} WHERE project_id = ?", (project_id,))
    chosen = latest(sorted(map(rows.version_of, found), key=lambda version: version.key))
    if chosen is None or project["status"] == "quarantined":
        return
    row = db.execute("SELECT metadata FROM release WHERE id = ?", (chosen.id,)).fetchone()
    metadata = rows.to_metadata(row["metadata"])
    author = _text(metadata.get("author", "")) + " " + _text(metadata.get("maintainer", ""))
    texts = [_text(metadata.get(key, "")) for key in ("summary", "keywords")]
    values = (project["name"], *texts, author, _text(metadata.get("description", "")), chosen.version)
    db.execute(
        """INSERT INTO words (rowid, name, summary, keywords, author, description, version)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (project_id, *values),
    )


def _is_found(db: sqlite3.Connection, project_id: int) -> bool:
    return db.execute("SELECT 1 FROM words WHERE rowid = ?", (project_id,)).fetchone() is not None


def _hit(db: sqlite3.Connection, project_id: int) -> Hit:
    row = db.execute("SELECT name, version, summary FROM words WHERE rowid = ?", (project_id,)).fetchone()
    return Hit(row["name"], row["version"], row["summary"] or "")


def _text(value: MetadataValue) -> str:
    return value if isinstance(value, str) else " ".join(value)
