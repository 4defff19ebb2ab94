"""Many records as one JSON object: what they share is there once, in tables; what each has of its own is in columns.

    {"asked": [{"method": …, "url": …}, …], "fields": […], "outcomes": […], "clients": […], "connections": […],
     "contents": [[1024, "9f86…"], …], "kinds": [[0, 0, 0, 0], …],
     "rows": {"kinds": [0, 0, 1, …], "connections": […], "contents": […], "time": […], "head": […], "took": […]},
     "more": {"2": {"sent": 12}}}

A kind is four numbers, of entries of the first four tables; the first three columns are numbers of entries, too. Times
are whole microseconds. -1 is what is not known. `more` is what few records have, by their number.

Laws of this module:
- what is written is read back as it was, but for times: those are kept to the microsecond;
- what is read is as long as the head of its block has said, and no number points beyond its table. A record that is
  none costs itself alone.

PERF: a row costs a few appends, and numbers that the JSON encoder writes in C. One JSON object for each exchange cost
three times as much, and four times that to compress.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgeproxy.capture.record import BadRecord, Captured, read_words, words_of

# The tables that a kind points to, and which keys of a record are in an entry; one key alone is the entry itself.
KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "asked": ("method", "url", "safety", "rule", "shape"),
    "fields": ("headers", "credentials"),
    "outcomes": ("arm", "backend", "fallback", "cache", "why", "status", "whole"),
    "clients": ("client",),
}
_TABLES: Final = (*KIND, "connections", "contents", "kinds")
_COLUMNS: Final = ("kinds", "connections", "contents", "time", "head", "took")
_MORE: Final = ("sent", "xmlrpc", "count")
UNKNOWN: Final = -1
_LATEST: Final = 10**17
_NULL: Final = b"null"


class Columns:
    """A block in the making. Entries of tables are JSON, ready to be written."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, int]] = {name: {} for name in _TABLES}
        self.rows: dict[str, list[int]] = {name: [] for name in _COLUMNS}
        self.more: dict[int, Mapping[str, object]] = {}
        self.octets = 0  # of tables

    def __len__(self) -> int:
        return len(self.rows["time"])

    def number(self, table: str, entry: bytes) -> int:
        """Of the entry; a new one is added."""
        entries = self.tables[table]
        number = entries.get(entry)
        if number is None:
            number = entries[entry] = len(entries)
            self.octets += len(entry)
        return number

    def kind(self, entries: Mapping[str, bytes]) -> int:
        """The number of a kind, of entries by table."""
        numbers = [self.number(name, entries[name]) if entries[name] != _NULL else UNKNOWN for name in KIND]
        return self.number("kinds", b"[%d,%d,%d,%d]" % tuple(numbers))

    def add(self, record: Captured) -> None:
        """Any record; the edge itself adds many at once (`rows`)."""
        words = words_of(record)
        has_content = record.octets is not None or record.digest is not None
        content = object_of([UNKNOWN if record.octets is None else record.octets, record.digest])
        more: dict[str, object] = {key: words[key] for key in _MORE if key in words}
        if more:
            self.more[len(self)] = more
        rows = self.rows
        rows["kinds"].append(self.kind({name: entry_of(name, words) for name in KIND}))
        rows["connections"].append(
            UNKNOWN if record.connection is None else self.number("connections", object_of(record.connection))
        )
        rows["contents"].append(self.number("contents", content) if has_content else UNKNOWN)
        rows["head"].append(_micro(record.head_ms, 1_000))
        rows["took"].append(_micro(record.ms, 1_000))
        rows["time"].append(_micro(record.time, 1_000_000))

    def content(self) -> bytes:
        tables = [b'"%b":[%b]' % (name.encode(), b",".join(self.tables[name])) for name in _TABLES]
        rest = json.dumps({"rows": self.rows, "more": self.more}, separators=(",", ":")).encode("ascii")
        return b"{%b,%b\n" % (b",".join(tables), rest[1:])


def entry_of(table: str, words: Mapping[str, Any]) -> bytes:
    """Of a table that a kind points to; null where there is nothing."""
    keys = KIND[table]
    if len(keys) == 1:
        return object_of(words.get(keys[0]))
    return object_of({key: words[key] for key in keys if words.get(key) is not None})


def object_of(words: object) -> bytes:
    return json.dumps(words, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _micro(value: float | None, factor: int) -> int:
    return UNKNOWN if value is None else round(value * factor)


# -- reading --------------------------------------------------------------------------------------------------------


def read_rows(words: Mapping[str, Any], records: int) -> Iterator[Captured | BadRecord]:
    """Raises BadRecord for what is none of this as a whole."""
    tables = {name: _list(words.get(name), records) for name in _TABLES}
    rows = words.get("rows")
    if not isinstance(rows, dict):
        raise BadRecord("it has no rows")
    columns = [_list(rows.get(name), records) for name in _COLUMNS]
    if any(len(column) != records for column in columns):
        raise BadRecord("its columns are of other lengths than its head says")
    more = words.get("more")
    more = more if isinstance(more, dict) else {}
    return (_read_row(tables, row, more.get(str(number))) for number, row in enumerate(zip(*columns, strict=True)))


def _read_row(tables: Mapping[str, Sequence[Any]], row: Sequence[Any], more: Any) -> Captured | BadRecord:
    try:
        kind, connection, content, time, head, took = (_number(each) for each in row)
        words = _read_kind(tables, _entry(tables, "kinds", kind))
        if isinstance(more, dict):
            words |= {key: more[key] for key in _MORE if key in more}
        words["connection"] = _entry(tables, "connections", connection)
        words["octets"], words["digest"] = _read_content(_entry(tables, "contents", content))
        words["time"] = None if time is None else time / 1_000_000
        words["head_ms"], words["ms"] = (None if each is None else each / 1_000 for each in (head, took))
        return read_words(words)
    except BadRecord as error:
        return error


def _read_kind(tables: Mapping[str, Sequence[Any]], kind: Any) -> dict[str, Any]:
    if not isinstance(kind, list) or len(kind) != len(KIND):
        raise BadRecord(f"a kind is not {len(KIND)} numbers")
    words: dict[str, Any] = {}
    for (table, keys), number in zip(KIND.items(), kind, strict=True):
        entry = _entry(tables, table, _number(number))
        if len(keys) == 1:
            words[keys[0]] = entry
        elif entry is not None:
            if not isinstance(entry, dict):
                raise BadRecord(f"an entry of {table} is no object")
            words |= {key: entry[key] for key in keys if key in entry}
    return words


def _read_content(entry: Any) -> tuple[Any, Any]:
    if entry is None:
        return None, None
    if not isinstance(entry, list) or len(entry) != 2:
        raise BadRecord("a content is not its octets and its digest")
    return _number(entry[0]), entry[1]


def _list(value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadRecord("a table or column is no list, or longer than its head says")
    return value


def _entry(tables: Mapping[str, Sequence[Any]], name: str, number: int | None) -> Any:
    if number is None:
        return None
    if number >= len(tables[name]):
        raise BadRecord(f"a number points beyond the table {name}")
    return tables[name][number]


def _number(value: Any) -> int | None:
    if type(value) is not int or not UNKNOWN <= value <= _LATEST:
        raise BadRecord("what should be a number is none")
    return None if value == UNKNOWN else value
