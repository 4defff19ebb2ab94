"""What version 2 of the format has in a block: as in `columns`, but for these.

    {"asked": …, "fields": …, "outcomes": …, "clients": […], "connections": ["1-1", …],
     "contents": [[1024, "9f86…"], …],
     "kinds": [[0, 0, 0, 0], …],
     "rows": {"kinds": [0, 0, 1, …], "connections": […], "contents": […], "time": […], "head": […], "took": […]}}

The last number of a kind is of a client; contents are a row's own. Times are whole microseconds: since the epoch, and
since that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgeproxy.capture.columns import ENTRIES, MORE
from edgeproxy.capture.reading_columns import entry, list_of, number_of
from edgeproxy.capture.record import BadRecord, Captured, read_words

_KIND: Final = ("asked", "fields", "outcomes", "clients")
_TABLES: Final = (*_KIND, "connections", "contents", "kinds")
_COLUMNS: Final = ("kinds", "connections", "contents", "time", "head", "took")
_LATEST: Final = 10**17


def read_lists(words: Mapping[str, Any], records: int) -> Iterator[Captured | BadRecord]:
    """Raises BadRecord for what is none of this as a whole."""
    tables = {name: list_of(words.get(name), records) for name in _TABLES}
    rows = words.get("rows")
    if not isinstance(rows, dict):
        raise BadRecord("it has no rows")
    columns = [list_of(rows.get(name), records) for name in _COLUMNS]
    if any(len(column) != records for column in columns):
        raise BadRecord("its columns are of other lengths than its head says")
    more = words.get("more")
    more = more if isinstance(more, dict) else {}
    return (_read_row(tables, row, more.get(str(number))) for number, row in enumerate(zip(*columns, strict=True)))


def _read_row(tables: Mapping[str, Sequence[Any]], row: Sequence[Any], more: Any) -> Captured | BadRecord:
    try:
        kind, connection, content, time, head, took = (number_of(each, _LATEST) for each in row)
        words = _read_kind(tables, entry(tables, "kinds", kind))
        if isinstance(more, dict):
            words |= {key: more[key] for key in MORE if key in more}
        words["connection"] = entry(tables, "connections", connection)
        words["octets"], words["digest"] = _read_content(entry(tables, "contents", content))
        words["time"] = None if time is None else time / 1_000_000
        words["head_ms"], words["ms"] = (None if each is None else each / 1_000 for each in (head, took))
        return read_words(words)
    except BadRecord as error:
        return error


def _read_kind(tables: Mapping[str, Sequence[Any]], kind: Any) -> dict[str, Any]:
    if not isinstance(kind, list) or len(kind) != len(_KIND):
        raise BadRecord(f"a kind is not {len(_KIND)} numbers")
    words: dict[str, Any] = {}
    for table, number in zip(_KIND, kind, strict=True):
        found = entry(tables, table, number_of(number, _LATEST))
        if table == "clients":
            words["client"] = found
        elif found is not None:
            if not isinstance(found, dict):
                raise BadRecord(f"an entry of {table} is no object")
            words |= {key: found[key] for key in ENTRIES[table] if key in found}
    return words


def _read_content(found: Any) -> tuple[Any, Any]:
    if found is None:
        return None, None
    if not isinstance(found, list) or len(found) != 2:
        raise BadRecord("a content is not its octets and its digest")
    return number_of(found[0], _LATEST), found[1]
