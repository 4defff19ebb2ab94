"""Substring search over releases, as the old site's XML-RPC `search` does it.

Laws of this module:
- values of one field are alternatives; fields are joined by the operator; letter case does not matter;
- a description is long and is only looked through; all other fields have their trigrams indexed, by release.
  These leave few candidates, and the condition is held against each: the index decides how fast, never what;
- what is looked in, and what is told of what is found, is in `brief`, a row of some 300 octets for a release, whose
  metadata may be as long as anybody likes. Of a frequent word there are 24,000, which are told as one text;
- its rows stand in the order in which they are told (`positions`), so nothing is sorted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal, TypeAlias

from backends.marshalling import printable
from backends.store import positions, rows
from backends.store.model import Brief, Metadata

Operator: TypeAlias = Literal["and", "or"]

# The field's name in a search against its name in metadata.
_METADATA: Final = {
    "author": "author",
    "author_email": "author_email",
    "maintainer": "maintainer",
    "maintainer_email": "maintainer_email",
    "home_page": "home_page",
    "license": "license",
    "summary": "summary",
    "description": "description",
    "keywords": "keywords",
    "platform": "platforms",
    "download_url": "download_url",
}

SEARCHABLE: Final = frozenset(("name", "version", *_METADATA))

# Values in one search. Each is an expression to SQLite, whose depth of these has a limit (1,000).
MOST_SOUGHT: Final = 200

DESCRIPTIONS_AT_ONCE: Final = 250  # looked through in one step

_NOT_INDEXED: Final = frozenset({"description"})
_IN_BRIEF: Final = ("name", "version", *(field for field in _METADATA if field not in _NOT_INDEXED))
_OWN_GRAMS: Final = ("name", "summary")  # what is mostly searched has a column of its own in the trigrams
_OTHERS: Final = tuple(field for field in _IN_BRIEF if field not in _OWN_GRAMS)
_GRAM: Final = 3  # characters; what is shorter cannot be looked up

# Between the values of a field, and between the parts of a line: no text here has them (`printable`).
_BETWEEN: Final = "\x1c"
LINE_END, BEFORE_ORDERING, BEFORE_VERSION, BEFORE_SUMMARY = "\x1c", "\x1d", "\x1e", "\x1f"


Window: TypeAlias = tuple[int, int]  # the position before the first, and the last one
EVERYWHERE: Final[Window] = (0, 1 << 62)


def search(
    db: sqlite3.Connection,
    wanted: Mapping[str, Sequence[str]],
    operator: Operator,
    hidden_too: bool,
    within: Window = EVERYWHERE,
) -> list[str]:
    """A line for each release that fits, by name and version."""
    where, parameters = _condition(wanted, operator)
    if within != EVERYWHERE:
        where, parameters = f"position > {within[0]} AND position <= {within[1]} AND {where}", parameters
    grams = _candidates(wanted, operator)
    source = "brief"
    if grams is not None:
        # CROSS: in the order that it is written in.
        source = "trigrams CROSS JOIN brief ON position = trigrams.rowid"
        where, parameters = f"trigrams MATCH ? AND ({where})", [grams, *parameters]
    shown = "TRUE" if hidden_too else "NOT hidden"
    # One text: 24,000 rows of one column each take longer to fetch than to find. Both FTS5 and a walk through the table
    # give rows by number, which is their order; to say so (ORDER BY in a subquery) takes a tenth longer.
    found = db.execute(f"SELECT group_concat(line, char(28)) FROM {source} WHERE {where} AND {shown}", parameters)
    text = found.fetchone()[0]
    return [] if text is None else text.split(LINE_END)


def windows(db: sqlite3.Connection, wanted: Mapping[str, Sequence[str]], operator: Operator) -> Iterator[Window]:
    """In which parts to search: all is one, unless descriptions are to be looked through and no trigram says which."""
    if _NOT_INDEXED.isdisjoint(wanted) or _candidates(wanted, operator) is not None:
        yield EVERYWHERE
        return
    before = 0
    place = "SELECT position FROM brief WHERE position > ? ORDER BY position LIMIT 1 OFFSET ?"
    while row := db.execute(place, (before, DESCRIPTIONS_AT_ONCE - 1)).fetchone():
        yield before, row["position"]
        before = row["position"]
    yield before, EVERYWHERE[1]


def brief_of(line: str) -> Brief:
    name, _, rest = line.partition(BEFORE_ORDERING)
    ordering, _, rest = rest.partition(BEFORE_VERSION)
    version, _, summary = rest.partition(BEFORE_SUMMARY)
    return Brief(name, version, summary, int(ordering))


class Placing:
    """Releases on their way into what searches look in: `index` ends it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._not_indexed: dict[int, None] = {}

    def place(self, name: str, releases: Sequence[rows.ReleaseVersion]) -> None:
        """All releases of a project, lowest version first: those that are new to it, and all in their order."""
        changed = [(at, at, release.id) for at, release in enumerate(releases) if release.ordering not in (at, None)]
        self._db.executemany(_ORDER, changed)
        sorted_name, at = printable(name).lower(), 0
        for is_new, together in groupby(releases, key=lambda release: release.ordering is None):
            members = list(together)
            if is_new:
                before = self._position(releases[at - 1]) if at else positions.last_before(self._db, sorted_name)
                free = positions.free_after(self._db, before, len(members), self._move)
                for ordering, (release, position) in enumerate(zip(members, free, strict=True), at):
                    self._add(release, (position, ordering, sorted_name), name)
            at += len(members)

    def index(self) -> None:
        """The trigrams of all that came or moved. In one statement: after each, FTS5 writes what it has."""
        if self._not_indexed:
            self._db.execute(f"{_INDEX} IN (SELECT value FROM json_each(?))", (json.dumps([*self._not_indexed]),))

    def _add(self, release: rows.ReleaseVersion, place: tuple[int, int, str], name: str) -> None:
        row = self._db.execute("SELECT metadata, hidden FROM release WHERE id = ?", (release.id,)).fetchone()
        position, ordering, sorted_name = place
        texts = _texts_of(name, release.version, rows.to_metadata(row["metadata"]))
        line = _line_of(name, ordering, release.version, texts)
        columns = (position, line, row["hidden"], release.id, ordering, sorted_name, *_folded(texts))
        self._db.execute(_INSERT, columns)
        self._not_indexed[release.id] = None

    def _move(self, found: Sequence[sqlite3.Row]) -> None:
        indexed = [row for row in found if row["release_id"] not in self._not_indexed]
        self._db.executemany(_FORGET, [(row["release_id"],) for row in indexed])
        self._not_indexed |= dict.fromkeys(row["release_id"] for row in indexed)

    def _position(self, release: rows.ReleaseVersion) -> int:
        found = self._db.execute("SELECT position FROM brief WHERE release_id = ?", (release.id,))
        return int(found.fetchone()[0])


def change_release(db: sqlite3.Connection, release_id: int, metadata: Metadata) -> None:
    """It says something else now."""
    row = db.execute(
        """SELECT project.name, release.version, ordering FROM brief JOIN release ON release.id = release_id
           JOIN project ON project.id = project_id WHERE release_id = ?""",
        (release_id,),
    ).fetchone()
    texts = _texts_of(row["name"], row["version"], metadata)
    db.execute(_FORGET, (release_id,))
    line = _line_of(row["name"], row["ordering"], row["version"], texts)
    db.execute(_CHANGE, (line, *_folded(texts), release_id))
    db.execute(f"{_INDEX} = ?", (release_id,))


def _texts_of(name: str, version: str, metadata: Metadata) -> dict[str, str]:
    texts = {"name": name, "version": version}
    for field, key in _METADATA.items():
        value = metadata.get(key, "")
        texts[field] = value if isinstance(value, str) else _BETWEEN.join(value)
    return texts


def _line_of(name: str, ordering: int, version: str, texts: Mapping[str, str]) -> str:
    told = f"{printable(name)}{BEFORE_ORDERING}{ordering}{BEFORE_VERSION}{printable(version)}"
    return f"{told}{BEFORE_SUMMARY}{printable(texts['summary'])}"


def _folded(texts: Mapping[str, str]) -> list[str]:
    """The columns in `_IN_BRIEF`."""
    return [texts[field].replace("\0", " ").casefold() for field in _IN_BRIEF]  # at a NUL the tokenizer ends


_INSERT: Final = f"""
    INSERT INTO brief (position, line, hidden, release_id, ordering, sorted_name, {", ".join(_IN_BRIEF)})
    VALUES (?, ?, ?, ?, ?, ?, {", ".join("?" * len(_IN_BRIEF))})
"""
_CHANGE: Final = f"UPDATE brief SET line = ?, {', '.join(f'{field} = ?' for field in _IN_BRIEF)} WHERE release_id = ?"
_GRAMS: Final = f"{', '.join(_OWN_GRAMS)}, {' || char(28) || '.join(_OTHERS)}"
_INDEX: Final = f"""
    INSERT INTO trigrams (rowid, {", ".join(_OWN_GRAMS)}, others)
    SELECT position, {_GRAMS} FROM brief WHERE release_id"""
# What was indexed has to be said again (FTS5, "The 'delete' Command": the table has no content of its own).
_FORGET: Final = f"""
    INSERT INTO trigrams (trigrams, rowid, {", ".join(_OWN_GRAMS)}, others)
    SELECT 'delete', position, {_GRAMS} FROM brief WHERE release_id = ?
"""
_ORDER: Final = """
    UPDATE brief SET line = substr(line, 1, instr(line, char(29))) || ? || substr(line, instr(line, char(30))),
                     ordering = ? WHERE release_id = ?
"""


def _condition(wanted: Mapping[str, Sequence[str]], operator: Operator) -> tuple[str, list[str]]:
    """The WHERE clause of a search and its parameters. Fields that cannot be searched are passed over."""
    clauses: list[str] = []
    needles: list[str] = []
    # Of a frequent word it is mostly the summary that has it: with that first, `pip search` looks at one text of two.
    for field, values in sorted(wanted.items(), key=lambda pair: pair[0] != "summary"):
        if field not in SEARCHABLE:
            continue
        clauses.append("(" + " OR ".join([_contains(field)] * len(values) or ["FALSE"]) + ")")
        needles.extend(value.casefold() for value in values)
    # No field at all is no restriction, whichever the operator.
    return "(" + (f" {operator.upper()} ".join(clauses) or "TRUE") + ")", needles


def _contains(field: str) -> str:
    if field in _IN_BRIEF:
        return f"instr(brief.{field}, ?)"
    metadata = "(SELECT metadata FROM release WHERE release.id = brief.release_id)"
    return f"instr(folded(coalesce(json_extract({metadata}, '$.{_METADATA[field]}'), '')), ?)"


def text_of(name: str, version: str, metadata: str) -> str:
    """What the second step of the schema indexed of a release. The fifth does it otherwise."""
    fields: dict[str, object] = json.loads(metadata)
    values: list[str] = [name, version]
    for field, key in _METADATA.items():
        if field not in _NOT_INDEXED:
            value = fields.get(key, ())
            values.extend(map(str, value if isinstance(value, list) else [value]))
    return "\n".join(values).replace("\0", " ").casefold()  # at a NUL the tokenizer ends


def _candidates(wanted: Mapping[str, Sequence[str]], operator: Operator) -> str | None:
    """An FTS5 query for the releases that may fit; None if only a look at each can tell."""
    columns: dict[tuple[str, str], dict[str, None]] = {}
    for field, values in wanted.items():
        if field not in SEARCHABLE:
            continue
        alternatives = [_grams(value.casefold()) for value in values]
        if field in _NOT_INDEXED or "" in alternatives or not alternatives:
            if operator == "or":
                return None
            continue
        sought = "(" + " OR ".join(alternatives) + ")"
        column = field if field in _OWN_GRAMS else "others"
        # The same in either of two columns is looked up once.
        columns.setdefault((sought, column if operator == "and" else ""), {})[column] = None
    parts = (f"{{{' '.join(names)}}} : {sought}" for (sought, _), names in columns.items())
    return f" {operator.upper()} ".join(parts) or None


def _grams(needle: str) -> str:
    """Trigrams of the needle that have all of its characters, each of them necessary. More would only cost time."""
    last = len(needle) - _GRAM
    grams = dict.fromkeys(needle[at : at + _GRAM] for at in (*range(0, last, _GRAM), last) if at >= 0)
    quoted = ['"' + gram.replace('"', '""') + '"' for gram in grams if "\0" not in gram]
    return "(" + " AND ".join(quoted) + ")" if quoted else ""
