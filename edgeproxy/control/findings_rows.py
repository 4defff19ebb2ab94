"""The rows of a file of findings. Everything here is inside of a transaction that `opened` has begun.

Laws of this module:
- what the file holds has the bounds that findings in memory have, whoever adds to it: what is there is read, and what
  is new is merged into it by the code that does so in memory (comparing/grouping.py);
- only rows that are others then are written.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.control.state_file import begin_if_new
from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.examples_kept import Tally
from edgeproxy.migration.comparing.findings import Findings, Lesson, Lessons, Unjudged
from edgeproxy.migration.comparing.grouping import Group, Groups, Key
from edgeproxy.migration.comparing.noise import Noise

_APPLICATION: Final = 0x66696E64  # "find"
_VERSION: Final = 1

Names = tuple[str, ...]
Values = tuple[Any, ...]
Rows = Mapping[Names, Values]

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
_OF_GROUP: Final = ("rule", "shape", "family")
_OF_MARK: Final = (*_OF_GROUP, "kind", "pattern")


def prepare(db: sqlite3.Connection) -> None:
    """Raises sqlite3.Error when the file is something else."""
    if begin_if_new(db, (_APPLICATION, _VERSION), _SCHEMA, "it holds no findings"):
        db.execute("INSERT INTO since VALUES (?)", (time.time(),))


def clear(db: sqlite3.Connection, moment: float) -> None:
    """All but noise."""
    for table in ("groups", "tallies", "examples", "unjudged"):
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE since SET moment = ?", (moment,))


# -- adding -----------------------------------------------------------------------------------------------------------


def add(db: sqlite3.Connection, news: Findings) -> None:
    """Raises ValueError for what this version does not write."""
    if news.groups.compared:
        there, groups = _read_groups(db)
        groups.merge(news.groups)
        there.change_to(db, groups)
    for (rule, why), count in news.unjudged.items():
        db.execute(
            "INSERT INTO unjudged VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (rule, why.value, count),
        )
    for rule, lesson in news.lessons.items():
        _add_lesson(db, rule, lesson)


def _add_lesson(db: sqlite3.Connection, rule: str, lesson: Lesson) -> None:
    row = db.execute("SELECT terms, words FROM noise WHERE rule = ?", (rule,)).fetchone()
    is_more = row is not None and row[0] == lesson.terms
    noise = Noise.from_json(json.loads(row[1])).then(lesson.noise) if is_more else lesson.noise
    db.execute("REPLACE INTO noise VALUES (?, ?, ?)", (rule, lesson.terms, json.dumps(noise.to_json())))


# -- reading ----------------------------------------------------------------------------------------------------------


def read(db: sqlite3.Connection) -> tuple[float, Findings]:
    """And since when. Raises ValueError, TypeError for what this version does not write."""
    since: float = db.execute("SELECT moment FROM since").fetchone()[0]
    rows = db.execute("SELECT rule, why, count FROM unjudged")
    unjudged = Counter({(rule, Unjudged(why)): count for rule, why, count in rows})
    return since, Findings(_read_groups(db)[1], read_noise(db), {}, unjudged)


def read_noise(db: sqlite3.Connection) -> Lessons:
    rows = db.execute("SELECT rule, terms, words FROM noise")
    return {rule: Lesson(terms, Noise.from_json(json.loads(words))) for rule, terms, words in rows}


# -- groups -----------------------------------------------------------------------------------------------------------


def _read_groups(db: sqlite3.Connection) -> tuple[_There, Groups]:
    """Raises ValueError."""
    try:
        there = _There.read(db)
        return there, there.groups()
    except (KeyError, TypeError) as error:
        raise ValueError(f"these are no groups of version {_VERSION}: {error!r}") from None


@dataclass(slots=True)
class _There:
    """The groups in the file, by rows: what they are named by, and what is said of it."""

    counts: dict[Names, Values]
    tallies: dict[Names, Values]
    examples: dict[int, tuple[Names, Example]]  # by rowid

    @classmethod
    def read(cls, db: sqlite3.Connection) -> _There:
        """Raises KeyError, TypeError, ValueError."""
        rows = db.execute("SELECT rowid, * FROM examples ORDER BY rowid")
        return cls(
            {tuple(row[:3]): tuple(row[3:]) for row in db.execute("SELECT * FROM groups")},
            {tuple(row[:5]): tuple(row[5:]) for row in db.execute("SELECT * FROM tallies")},
            {row: (tuple(names), Example.from_json(json.loads(words))) for row, *names, words in rows},
        )

    def groups(self) -> Groups:
        """With these very examples. Raises KeyError, TypeError, ValueError."""
        found = {Key(*names): Group(*counts) for names, counts in self.counts.items()}
        for (*names, kind, pattern), counts in self.tallies.items():
            found[Key(*names)].tallies[Kind(kind), pattern] = Tally(*counts)
        for (*names, kind, pattern), example in self.examples.values():
            found[Key(*names)].tallies[Kind(kind), pattern].examples.append(example)
        groups = Groups()
        for key, group in found.items():
            groups.merge_group(key, group)
        return groups

    def change_to(self, db: sqlite3.Connection, groups: Groups) -> None:
        """Examples that stay are known by their identity."""
        rows = {id(example): (row, names) for row, (names, example) in self.examples.items()}
        counts: dict[Names, Values] = {}
        tallies: dict[Names, Values] = {}
        kept, new = set(), []
        for key, group in groups:
            counts[key] = group.compared, group.different
            for (kind, pattern), tally in group.tallies.items():
                names = (*key, kind.value, pattern)
                tallies[names] = tally.count, tally.first, tally.last
                for example in tally.examples:
                    row, before = rows.get(id(example), (0, ()))
                    if before == names:
                        kept.add(row)
                    else:
                        new.append((*names, json.dumps(example.to_json())))
        _write(db, "groups", _OF_GROUP, self.counts, counts)
        _write(db, "tallies", _OF_MARK, self.tallies, tallies)
        db.executemany("DELETE FROM examples WHERE rowid = ?", ((row,) for row in self.examples.keys() - kept))
        db.executemany("INSERT INTO examples VALUES (?, ?, ?, ?, ?, ?)", new)


def _write(
    db: sqlite3.Connection,
    table: str,
    named: Sequence[str],
    before: Mapping[Names, Values],
    now: Mapping[Names, Values],
) -> None:
    where = " AND ".join(f"{name} = ?" for name in named)
    db.executemany(f"DELETE FROM {table} WHERE {where}", before.keys() - now.keys())
    for names, values in now.items():
        if before.get(names) != values:
            row = (*names, *values)
            db.execute(f"REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
