"""What version 3 of the format has in a block: as in `columns`, but for its connections, a list, and its rows.

A row is five integers of eight octets: of its kind, of its connection, and times in nanoseconds since the epoch: the
beginning, the answer's head, the end. -1 is what is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from edgeproxy.capture.columns import ENTRIES, MORE
from edgeproxy.capture.reading_columns import entry, gathered, list_of, number_of, read_entry, read_kind
from edgeproxy.capture.record import BadRecord, Captured, read_words

_ROW: Final = Struct("<5q")
_MOST: Final = (1 << 63) - 1


def read_nanoseconds(words: Mapping[str, Any], rows: bytes, records: int) -> Iterator[Captured | BadRecord]:
    """Raises BadRecord for what is none of this as a whole."""
    tables = {name: list_of(words.get(name), records) for name in ENTRIES}
    kinds, more = words.get("kinds"), words.get("more")
    if not isinstance(kinds, dict):
        raise BadRecord("it has no kinds")
    more = more if isinstance(more, dict) else {}
    flat = _ROW.iter_unpack(gathered(rows, records, _ROW.size))
    return (_read_row(tables, kinds, row, more.get(str(number))) for number, row in enumerate(flat))


def _read_row(
    tables: Mapping[str, Sequence[Any]], kinds: Mapping[str, Any], row: Sequence[int], more: Any
) -> Captured | BadRecord:
    try:
        kind, connection, began, head, ended = (number_of(each, _MOST) for each in row)
        words = read_kind(tables, kinds.get(str(kind)))
        words |= read_entry("connections", entry(tables, "connections", connection))
        if isinstance(more, dict):
            words |= {key: more[key] for key in MORE if key in more}
        if began is not None:
            words["time"] = (began + 500) // 1_000 / 1_000_000
            words["head_ms"], words["ms"] = (None if each is None else _between(began, each) for each in (head, ended))
        return read_words(words)
    except BadRecord as error:
        return error


def _between(began: int, ended: int) -> float:
    """In milliseconds. A clock that went back has made no time below nothing."""
    return max(0, (ended - began + 500) // 1_000) / 1_000
