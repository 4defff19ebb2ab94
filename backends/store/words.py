"""Search for people: words of names, summaries, keywords, authors and descriptions, by project.

Laws of this module:
- the index is changed in the transaction that changes what is searched, so who uploads finds it at once;
- a project is found by its latest release, and not at all while it is quarantined;
- whatever is typed is a search: what means something to FTS5 is taken for a character that separates words.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from packaging.utils import canonicalize_name

from backends.store import rows
from backends.store.latest import latest
from backends.store.model import MetadataValue

MOST_WORDS: Final = 12  # of what is typed
_WORD: Final = re.compile(r"\w+")

# How much a match in each column weighs (bm25), in their order: a name says more than a description.
_WEIGHTS: Final = {"words": "10.0, 4.0, 3.0, 3.0, 0.5", "titles": "10.0, 4.0, 3.0"}

# Ranking reads each match. Of a word that half of the index has, so many are ranked: first those whose name has it,
# then those whose summary or keywords have it, then the others; of each the oldest, which are those that people know.
# bm25 counts all of a word's matches first: `titles` has no descriptions, where a frequent word is in every one.
MOST_RANKED: Final = 4000
_NO_BOUND: Final = 2**63 - 1
_NEAREST_FIRST: Final = (("titles", "name : ({})"), ("titles", "{}"), ("words", "{}"))

# What is told at once of many projects has this share of SQLite's longest text, a billion octets, at most, in
# characters, each of which has up to four of them.
_SHARE: Final = 64

Entry: TypeAlias = tuple[int, int]  # a project's number, and that of the release by which it is found


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
    more = _bound(db, "words", query) is not None
    ranked = _nearest(db, query, offset + limit) if more else _best(db, "words", query)
    if exact is not None and _is_found(db, exact["id"]):
        ranked = [exact["id"], *(found for found in ranked if found != exact["id"])]
    count = MOST_RANKED if more else len(ranked)
    return Found([_hit(db, found) for found in ranked[offset : min(offset + limit, count)]], count, more)


def _nearest(db: sqlite3.Connection, query: str, wanted: int) -> list[int]:
    """So many of those that fit, the nearest first. Each kind is looked for only if those before are too few."""
    ranked: dict[int, None] = {}
    for table, columns in _NEAREST_FIRST:
        if len(ranked) < wanted:
            ranked |= dict.fromkeys(_best(db, table, columns.format(query)))
    return list(ranked)


def _best(db: sqlite3.Connection, table: str, query: str) -> list[int]:
    """The row numbers of what fits, up to the bound, the best first."""
    bound = _bound(db, table, query)
    found = db.execute(
        f"SELECT rowid FROM {table} WHERE {table} MATCH ? AND rowid <= ? ORDER BY bm25({table}, {_WEIGHTS[table]})",
        (query, _NO_BOUND if bound is None else bound),
    )
    return [int(row[0]) for row in found]


def _bound(db: sqlite3.Connection, table: str, query: str) -> int | None:
    """The last row number that is ranked, if there are more. FTS5 walks to it; it would look up a list one by one."""
    row = db.execute(
        f"SELECT rowid FROM {table} WHERE {table} MATCH ? ORDER BY rowid LIMIT 1 OFFSET {MOST_RANKED - 1}", (query,)
    ).fetchone()
    return None if row is None else int(row[0])


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
        others = db.execute("SELECT name FROM titles WHERE titles MATCH ? LIMIT ?", (f"name : ({query})", limit))
        names.extend(str(row[0]) for row in others)
    return list(dict.fromkeys(names))[:limit]


def entry_of(db: sqlite3.Connection, project_id: int, releases: Sequence[rows.ReleaseVersion]) -> Entry | None:
    """By what a project is found, if at all; its releases are given lowest version first."""
    (status,) = db.execute("SELECT status FROM project WHERE id = ?", (project_id,)).fetchone()
    chosen = latest(releases)
    return None if chosen is None or status == "quarantined" else (project_id, chosen.id)


def replace(db: sqlite3.Connection, projects: Sequence[int], entries: Sequence[Entry]) -> None:
    """What is found of these projects is these entries, and nothing else."""
    for table in ("words", "titles"):
        db.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT value FROM json_each(?))", (json.dumps(projects),))
    for told in _told(db, entries):
        db.execute(
            f"""INSERT INTO words (rowid, name, summary, keywords, author, description, version)
                SELECT {_members(7)} FROM json_each(?)""",
            (told,),
        )
        db.execute(
            f"INSERT INTO titles (rowid, name, summary, keywords) SELECT {_members(4)} FROM json_each(?)", (told,)
        )


def _told(db: sqlite3.Connection, entries: Sequence[Entry]) -> Iterator[str]:
    """As JSON, many in one text: FTS5 writes out what it has gathered at every statement.

    All of a store's descriptions can be longer than SQLite's longest text, so one is a small share of that.
    """
    most = db.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) // _SHARE
    gathered: list[str] = []
    length = 0
    for entry in entries:
        told = json.dumps(_columns(db, *entry), ensure_ascii=False)
        if length + len(told) > most:
            yield f"[{','.join(gathered)}]"
            gathered, length = [], 0
        gathered.append(told)
        length += len(told)
    yield f"[{','.join(gathered)}]"


def _columns(db: sqlite3.Connection, project_id: int, release_id: int) -> tuple[int, str, str, str, str, str, str]:
    """The row number, and the columns of `words`."""
    row = db.execute(
        "SELECT name, version, metadata FROM release JOIN project ON project.id = project_id WHERE release.id = ?",
        (release_id,),
    ).fetchone()
    metadata = rows.to_metadata(row["metadata"])
    author = _text(metadata.get("author", "")) + " " + _text(metadata.get("maintainer", ""))
    summary, keywords, description = (_text(metadata.get(key, "")) for key in ("summary", "keywords", "description"))
    return project_id, row["name"], summary, keywords, author, description, row["version"]


def _members(count: int) -> str:
    return ", ".join(f"value ->> {at}" for at in range(count))


def _is_found(db: sqlite3.Connection, project_id: int) -> bool:
    return db.execute("SELECT 1 FROM words WHERE rowid = ?", (project_id,)).fetchone() is not None


def hit_of(db: sqlite3.Connection, normalized: str) -> Hit | None:
    row = db.execute("SELECT id FROM project WHERE normalized = ?", (normalized,)).fetchone()
    return _hit(db, row["id"]) if row is not None and _is_found(db, row["id"]) else None


def _hit(db: sqlite3.Connection, project_id: int) -> Hit:
    row = db.execute("SELECT name, version, summary FROM words WHERE rowid = ?", (project_id,)).fetchone()
    return Hit(row["name"], row["version"], row["summary"] or "")


def _text(value: MetadataValue) -> str:
    return value if isinstance(value, str) else " ".join(value)
