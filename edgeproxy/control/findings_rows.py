"""The rows of a file of findings. Everything here is inside of a transaction that `opened` has begun.

Law: what the file holds has the bounds that findings in memory have (comparing/grouping.py), whoever adds to it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from edgeproxy.migration.comparing.findings import Findings, Lesson, Lessons, Unjudged
from edgeproxy.migration.comparing.grouping import (
    MOST_EXAMPLES,
    MOST_EXAMPLES_IN_ALL,
    MOST_EXAMPLES_OF_RULE,
    MOST_GROUPS,
    MOST_GROUPS_OF_RULE,
    MOST_MARKS,
    OTHER,
    Group,
    Groups,
    Key,
    Tally,
)
from edgeproxy.migration.comparing.marks import Mark
from edgeproxy.migration.comparing.noise import Noise

_APPLICATION: Final = 0x66696E64  # "find"
_VERSION: Final = 1
_PATIENCE: Final = 5.0  # seconds for a lock
_KEY: Final = "rule = ? AND shape = ? AND family = ?"
_MARK: Final = f"{_KEY} AND kind = ? AND pattern = ?"
_SCHEMA: Final = """
CREATE TABLE since (moment REAL NOT NULL) STRICT;
CREATE TABLE groups (
    rule TEXT NOT NULL, shape TEXT NOT NULL, family TEXT NOT NULL,
    compared INTEGER NOT NULL, different INTEGER NOT NULL,
    PRIMARY KEY (rule, shape, family)
) STRICT, WITHOUT ROWID;
CREATE TABLE tallies (
    rule TEXT NOT NULL, shape TEXT NOT NULL, family TEXT NOT NULL, kind TEXT NOT NULL, pattern TEXT NOT NULL,
    count INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    PRIMARY KEY (rule, shape, family, kind, pattern)
) STRICT, WITHOUT ROWID;
CREATE TABLE examples (
    rule TEXT NOT NULL, shape TEXT NOT NULL, family TEXT NOT NULL, kind TEXT NOT NULL, pattern TEXT NOT NULL,
    words TEXT NOT NULL
) STRICT;
CREATE INDEX examples_of_mark ON examples (rule, shape, family, kind, pattern);
CREATE TABLE noise (rule TEXT PRIMARY KEY, terms TEXT NOT NULL, words TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE unjudged (
    rule TEXT NOT NULL, why TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (rule, why)
) STRICT, WITHOUT ROWID;
"""
_ADD_GROUP: Final = """
INSERT INTO groups VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET compared = compared + excluded.compared, different = different + excluded.different
"""
_ADD_TALLY: Final = """
INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)
"""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """In one transaction. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        with db:
            yield db
    finally:
        db.close()


def prepare(db: sqlite3.Connection) -> None:
    """Raises sqlite3.Error when the file is something else."""
    found = tuple(db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if found == (_APPLICATION, _VERSION):
        return
    if found != (0, 0) or _count(db, "sqlite_schema"):
        raise sqlite3.DatabaseError(f"it holds no findings of version {_VERSION}")
    for statement in filter(str.strip, _SCHEMA.split(";")):
        db.execute(statement)
    db.execute("INSERT INTO since VALUES (?)", (time.time(),))
    db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(f"PRAGMA user_version = {_VERSION}")


def clear(db: sqlite3.Connection, moment: float) -> None:
    """All but noise."""
    for table in ("groups", "tallies", "examples", "unjudged"):
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE since SET moment = ?", (moment,))


# -- adding -----------------------------------------------------------------------------------------------------------


def add(db: sqlite3.Connection, news: Findings) -> None:
    for key, group in news.groups:
        _add_group(db, _fitting(db, key), group)
    for (rule, why), count in news.unjudged.items():
        db.execute(
            "INSERT INTO unjudged VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (rule, why.value, count),
        )
    for rule, lesson in news.lessons.items():
        _add_lesson(db, rule, lesson)


def _fitting(db: sqlite3.Connection, key: Key) -> Key:
    """As which it is counted."""
    of_rule = "rule = ? AND shape <> ?"
    if not _count(db, "groups", _KEY, key) and _count(db, "groups", of_rule, (key.rule, OTHER)) >= MOST_GROUPS_OF_RULE:
        key = Key(key.rule, OTHER, OTHER)
    if not _count(db, "groups", _KEY, key) and _count(db, "groups") >= MOST_GROUPS:
        key = Key(OTHER, OTHER, OTHER)
    return key


def _add_group(db: sqlite3.Connection, key: Key, group: Group) -> None:
    db.execute(_ADD_GROUP, (*key, group.compared, group.different))
    for (kind, pattern), tally in group.tallies.items():
        known = _count(db, "tallies", _MARK, (*key, kind, pattern))
        mark = kind, pattern if known or _count(db, "tallies", _KEY, key) < MOST_MARKS else OTHER
        db.execute(_ADD_TALLY, (*key, *mark, tally.count, tally.first, tally.last))
        _add_examples(db, key, mark, tally)


def _add_examples(db: sqlite3.Connection, key: Key, mark: Mark, tally: Tally) -> None:
    for example in tally.examples:
        if (
            _count(db, "examples", _MARK, (*key, *mark)) < MOST_EXAMPLES
            and _count(db, "examples", "rule = ?", key[:1]) < MOST_EXAMPLES_OF_RULE
            and _count(db, "examples") < MOST_EXAMPLES_IN_ALL
        ):
            words = json.dumps(example.to_json())
            db.execute("INSERT INTO examples VALUES (?, ?, ?, ?, ?, ?)", (*key, *mark, words))


def _add_lesson(db: sqlite3.Connection, rule: str, lesson: Lesson) -> None:
    row = db.execute("SELECT terms, words FROM noise WHERE rule = ?", (rule,)).fetchone()
    is_more = row is not None and row[0] == lesson.terms
    noise = Noise.from_json(json.loads(row[1])).then(lesson.noise) if is_more else lesson.noise
    db.execute("REPLACE INTO noise VALUES (?, ?, ?)", (rule, lesson.terms, json.dumps(noise.to_json())))


def _count(db: sqlite3.Connection, table: str, where: str = "1", values: tuple[str, ...] = ()) -> int:
    found: int = db.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()[0]
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def read(db: sqlite3.Connection) -> tuple[float, Findings]:
    """And since when. Raises ValueError, TypeError for what this version does not write."""
    since: float = db.execute("SELECT moment FROM since").fetchone()[0]
    rows = db.execute("SELECT rule, why, count FROM unjudged")
    unjudged = Counter({(rule, Unjudged(why)): count for rule, why, count in rows})
    return since, Findings(Groups.from_json(_groups(db)), read_noise(db), {}, unjudged)


def read_noise(db: sqlite3.Connection) -> Lessons:
    rows = db.execute("SELECT rule, terms, words FROM noise")
    return {rule: Lesson(terms, Noise.from_json(json.loads(words))) for rule, terms, words in rows}


def _groups(db: sqlite3.Connection) -> dict[str, Any]:
    """As `Groups.to_json` has it."""
    groups: dict[Key, dict[str, Any]] = {}
    for *key, compared, different in db.execute("SELECT * FROM groups"):
        counts = {"compared": compared, "different": different, "differences": []}
        groups[Key(*key)] = {**Key(*key)._asdict(), **counts}
    tallies: dict[tuple[str, ...], dict[str, Any]] = {}
    for *mark, count, first, last in db.execute("SELECT * FROM tallies"):
        words = {"kind": mark[3], "pattern": mark[4], "count": count, "first": first, "last": last, "examples": []}
        tallies[tuple(mark)] = words
        groups[Key(*mark[:3])]["differences"].append(words)
    for *mark, example in db.execute("SELECT * FROM examples ORDER BY rowid"):
        tallies[tuple(mark)]["examples"].append(json.loads(example))
    return {"version": 1, "groups": list(groups.values())}
