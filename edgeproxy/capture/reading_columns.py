"""Records read from columns (`columns` has the form).

Law: what is read is as long as the head of its block has said, and no number points beyond its table. A record that is
none costs itself alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from edgeproxy.capture.columns import ENTRIES, KIND, LARGEST, LONGEST, MORE, ROW, UNKNOWN, moment, took_between
from edgeproxy.capture.record import LATEST, BadRecord, Captured, read_words

_LATEST: Final = 1e10  # seconds since the epoch
_NAMES: Final = [each.name for each in fields(Captured)]
_AT: Final = _NAMES.index("connection")
assert (_NAMES[0], _NAMES[_AT + 1], _NAMES[-3:]) == ("time", "client", ["head_ms", "ms", "count"]), "they come in order"
_BEFORE: Final = attrgetter(*_NAMES[1:_AT])
_BEHIND: Final = attrgetter(*_NAMES[_AT + 2 : -3])


def read_rows(words: Mapping[str, Any], rows: bytes, records: int) -> Iterator[Captured | BadRecord]:
    """`words`: of the line; `rows`: what is behind it. Raises BadRecord for what is none of this as a whole."""
    tables = {name: list_of(words.get(name), records) for name in KIND}
    kinds, connections, more = words.get("kinds"), words.get("connections"), words.get("more")
    if not isinstance(kinds, dict) or not isinstance(connections, dict):
        raise BadRecord("it has no kinds, or no connections")
    flat = ROW.iter_unpack(gathered(rows, records, ROW.size))
    return _read_rows(tables, kinds, connections, more if isinstance(more, dict) else {}, flat)


def _read_rows(
    tables: Mapping[str, Sequence[Any]],
    kinds: Mapping[str, Any],
    connections: Mapping[str, Any],
    more: Mapping[str, Any],
    flat: Iterator[tuple[Any, ...]],
) -> Iterator[Captured | BadRecord]:
    """PERF: what rows of one kind have in common is read once, and so is what those of one connection have: 5 µs a row,
    where all of it takes 35.
    """
    known: dict[int, tuple[Sequence[Any], Sequence[Any]]] = {}  # of kinds: what is before the connection, and behind it
    met: dict[int, Sequence[Any]] = {}
    for number, (kind, connection, began, ended) in enumerate(flat):
        told = more.get(str(number)) if more else None
        is_known = not told and kind in known and connection in met
        if is_known and 0 <= began <= LATEST and (0 <= ended <= LATEST or ended == UNKNOWN):
            took = took_between(began, ended)
            ms = None if took is None else took / 1_000
            before, behind = known[kind]
            values: Sequence[Any] = (moment(began), *before, *met[connection], *behind, ms, ms)
            yield Captured(*values)
            continue
        found = _read_row(tables, kinds.get(str(kind)), _found(connections, connection), (began, ended), told)
        if not told and isinstance(found, Captured):
            known[kind], met[connection] = (_BEFORE(found), _BEHIND(found)), (found.connection, found.client)
        yield found


def gathered(rows: bytes, records: int, octets: int) -> bytes:
    """One row after the other, each of so many octets. Raises BadRecord."""
    if len(rows) != records * octets:
        raise BadRecord("its rows are more or fewer than its head says")
    found = bytearray(len(rows))
    for place in range(octets):
        found[place::octets] = rows[place * records : (place + 1) * records]
    return bytes(found)


def _found(connections: Mapping[str, Any], number: int) -> Any:
    """None: it is not known."""
    return None if number == UNKNOWN else connections.get(str(number), ())


def _read_row(
    tables: Mapping[str, Sequence[Any]], kind: Any, connection: Any, times: Sequence[float], more: Any
) -> Captured | BadRecord:
    try:
        words = read_kind(tables, kind)
        words |= read_entry("connections", connection)
        told = more if isinstance(more, dict) else {}
        words |= {key: told[key] for key in MORE if key in told}
        began, ended = times
        if not all(0 <= each <= _LATEST or each == UNKNOWN for each in times):
            raise BadRecord("a time is none")
        if began != UNKNOWN:
            words["time"] = moment(began)
            took = _read_told(told, "took", took_between(began, ended))
            words["ms"], words["head_ms"] = (
                None if each is None else each / 1_000 for each in (took, _read_told(told, "head", took))
            )
        return read_words(words)
    except BadRecord as error:
        return error


def _read_told(more: Mapping[str, Any], key: str, otherwise: int | None) -> int | None:
    return number_of(more[key], LONGEST) if key in more else otherwise


def read_kind(tables: Mapping[str, Sequence[Any]], kind: Any) -> dict[str, Any]:
    if not isinstance(kind, list) or len(kind) != len(KIND):
        raise BadRecord(f"a kind is not {len(KIND)} numbers")
    words: dict[str, Any] = {}
    for table, number in zip(KIND, kind, strict=True):
        words |= read_entry(table, entry(tables, table, number_of(number, LARGEST)))
    return words


def read_entry(table: str, found: Any) -> Mapping[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRecord(f"an entry of {table} is no object")
    return {key: found[key] for key in ENTRIES[table] if key in found}


def list_of(value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadRecord("a table or column is no list, or longer than its head says")
    return value


def entry(tables: Mapping[str, Sequence[Any]], name: str, number: int | None) -> Any:
    if number is None:
        return None
    if number >= len(tables[name]):
        raise BadRecord(f"a number points beyond the table {name}")
    return tables[name][number]


def number_of(value: Any, most: int) -> int | None:
    if type(value) is not int or not UNKNOWN <= value <= most:
        raise BadRecord("what should be a number is none")
    return None if value == UNKNOWN else value
