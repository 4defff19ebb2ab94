"""Many records as one line of JSON, and the octets of their rows: what they share is there once, in tables; what each
has of its own is in its row.

    {"asked": [{"method": …, "url": …}, …], "fields": […], "outcomes": […], "contents": […], "connections":
     […], "kinds": {"17": [0, 0, 0, 0], …}, "more": {"2": {"sent": 12}}}

A kind is four numbers, of entries of the first four tables. A row is five: of its kind, of its connection, and times
in nanoseconds since the epoch: the beginning, the answer's head, the end. -1 is what is not known. Behind the line they
are integers of eight octets, little-endian: first the lowest octet of each row's first number, then the next one of
each, and so on. `more` is what few records have, by their number.

Laws of this module:
- what is written is read back as it was, but for times: those are read to the microsecond;
- what is read is as long as the head of its block has said, and no number points beyond its table. A record that is
  none costs itself alone.

PERF: octets that are alike lie side by side, and are made and compressed in a third of the time that numbers as JSON
took: 0.2 of 0.65 µs a row. In base64, as a part of the line, they cost half as much again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack
from typing import Any, Final

from edgeproxy.capture.record import BadRecord, Captured, read_words, words_of

# Which keys of a record are in an entry of each table. A kind points to the first four.
ENTRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "asked": ("method", "url", "safety", "rule", "shape"),
    "fields": ("headers", "credentials"),
    "outcomes": ("arm", "backend", "fallback", "cache", "why", "status", "whole"),
    "contents": ("octets", "digest"),
    "connections": ("connection", "client"),
}
KIND: Final = ("asked", "fields", "outcomes", "contents")
MORE: Final = ("sent", "body", "xmlrpc", "count")
UNKNOWN: Final = -1
NUMBERS: Final = 5  # of a row
_OCTETS: Final = 8 * NUMBERS  # of a row
_FIRST: Final = Struct(f"<q{_OCTETS - 8}x")  # of a row
_AT_ONCE: Final = 1 << 20  # octets of tables in one block
_ROWS: Final = 16_384  # in one block
_MOST: Final = (1 << 63) - 1
NOTHING: Final = b"{}"
_LATE: Final = b'"late '


Entries = tuple[bytes, bytes, bytes, bytes]  # of the tables in KIND


@dataclass(frozen=True, slots=True)
class Draft:
    """A block, before it is written. `line`: of JSON, its end included; `rows`: one after the other, as integers of
    eight octets; `late`: what stands in the place of entries that are not known yet, in the line's order.
    """

    line: bytes
    rows: bytes
    records: int
    late: tuple[bytes, ...] = ()

    def content(self, entries: Iterable[bytes] = ()) -> bytes:
        """As it is written. `entries`: for those that were not known."""
        if not self.late:
            return self.line + _spread(self.rows)
        parts, rest = list[bytes](), self.line
        for placeholder, each in zip(self.late, entries, strict=True):
            before, _, rest = rest.partition(placeholder)
            parts += (before, each)
        return b"".join((*parts, rest, _spread(self.rows)))


class Columns:
    """A block in the making. Entries of tables, and of `more`, are JSON, ready to be written. Who makes it numbers the
    kinds: those that its rows have are in `kinds`, and others may be.
    """

    def __init__(self, kinds: Mapping[int, Entries]) -> None:
        self.kinds = kinds
        self.own: dict[int, Entries] = {}  # kinds of this block alone
        self.connections: dict[bytes, int] = {}
        self._rows = bytearray()
        self._used: set[int] = set()  # kinds of rows
        self.more: dict[int, bytes] = {}
        self.octets = 0  # of connections and `more`

    def __len__(self) -> int:
        return len(self._rows) // _OCTETS

    def add_rows(self, flat: Sequence[int]) -> None:
        """NUMBERS for each."""
        self._rows += pack(f"<{len(flat)}q", *flat)
        self._used.update(flat[::NUMBERS])

    @property
    def count_of_kinds(self) -> int:
        """Of its rows."""
        return len(self._used)

    def connection(self, entry: bytes) -> int:
        """Its number; a new one is added."""
        if entry == NOTHING:
            return UNKNOWN
        number = self.connections.get(entry)
        if number is None:
            number = self.connections[entry] = len(self.connections)
            self.octets += len(entry)
        return number

    def tell(self, row: int, words: Mapping[str, object]) -> None:
        """More of a row."""
        more = self.more[row] = object_of(words)
        self.octets += len(more)

    def contents(self) -> Iterator[tuple[bytes, int]]:
        """Of blocks of which all is known, and how many rows are in each."""
        return ((each.content(), each.records) for each in self.blocks())

    def blocks(self) -> Iterator[Draft]:
        """What it comes to: in most cases one."""
        yield from self._blocks(0, len(self))

    def _blocks(self, first: int, end: int) -> Iterator[Draft]:
        if end - first > _ROWS:
            yield from self._halves(first, end)
            return
        rows = bytes(self._rows[first * _OCTETS : end * _OCTETS])
        is_whole = end - first == len(self)
        numbers = self._used if is_whole else {number for (number,) in _FIRST.iter_unpack(rows)}
        kinds = {number: self.own.get(number) or self.kinds[number] for number in numbers}
        more = [b'"%d":%b' % (row - first, each) for row, each in self.more.items() if first <= row < end]
        octets = sum(map(len, self.connections)) + sum(map(len, more))
        if end - first > 1 and octets + sum(sum(map(len, each)) for each in kinds.values()) > _AT_ONCE:
            yield from self._halves(first, end)
            return
        tables: dict[str, dict[bytes, int]] = {name: {} for name in KIND}
        listed = b",".join([b'"%d":%b' % (number, _kind(tables, each)) for number, each in kinds.items()])
        late = tuple(each for each in tables["contents"] if each.startswith(_LATE))
        # Contents come first: nothing that a client has said stands before a placeholder.
        lists = [b'"%b":[%b]' % (name.encode(), b",".join(tables[name])) for name in reversed(KIND)]
        lists.append(b'"connections":[%b]' % b",".join(self.connections))
        line = b'{%b,"kinds":{%b},"more":{%b}}\n' % (b",".join(lists), listed, b",".join(more))
        yield Draft(line, rows, end - first, late)

    def _halves(self, first: int, end: int) -> Iterator[Draft]:
        middle = (first + end) // 2
        yield from self._blocks(first, middle)
        yield from self._blocks(middle, end)


def _kind(tables: Mapping[str, dict[bytes, int]], entries: Entries) -> bytes:
    numbers = [
        UNKNOWN if entry == NOTHING else table.setdefault(entry, len(table))
        for table, entry in zip(tables.values(), entries, strict=True)
    ]
    return b"[%d,%d,%d,%d]" % tuple(numbers)


class Records(Columns):
    """Of any records; the edge itself adds many at once (`rows`)."""

    def __init__(self) -> None:
        self._numbers: dict[Entries, int] = {}
        self._entries: dict[int, Entries] = {}
        super().__init__(self._entries)

    def add(self, record: Captured) -> None:
        words = words_of(record)
        more: dict[str, object] = {key: words[key] for key in MORE if key in words}
        if more:
            self.tell(len(self), more)
        asked, fields, outcome, content = (entry_of(name, words) for name in KIND)
        entries = asked, fields, outcome, content
        kind = self._numbers.get(entries)
        if kind is None:
            kind = self._numbers[entries] = len(self._numbers)
            self._entries[kind] = entries
            self.octets += sum(map(len, entries))
        connection = self.connection(entry_of("connections", words))
        began = round(record.time * 1_000_000) * 1_000
        self.add_rows((kind, connection, began, _after(began, record.head_ms), _after(began, record.ms)))


def entry_of(table: str, words: Mapping[str, Any]) -> bytes:
    return object_of({key: words[key] for key in ENTRIES[table] if words.get(key) is not None})


def object_of(words: object) -> bytes:
    return json.dumps(words, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _after(began: int, milliseconds: float | None) -> int:
    return UNKNOWN if milliseconds is None else began + round(milliseconds * 1_000) * 1_000


def placeholder_of(number: int) -> bytes:
    """In the place of a content that is not known yet."""
    return b'%b%d"' % (_LATE, number)


def number_in(placeholder: bytes) -> int:
    return int(placeholder[len(_LATE) : -1])


def _spread(rows: bytes) -> bytes:
    """As they lie in the file: the lowest octet of each row's first number, then the next one of each, and so on."""
    return b"".join([rows[place::_OCTETS] for place in range(_OCTETS)])


# -- reading --------------------------------------------------------------------------------------------------------


def read_rows(words: Mapping[str, Any], rows: bytes, records: int) -> Iterator[Captured | BadRecord]:
    """`words`: of the line; `rows`: what is behind it. Raises BadRecord for what is none of this as a whole."""
    tables = {name: list_of(words.get(name), records) for name in ENTRIES}
    kinds = words.get("kinds")
    if not isinstance(kinds, dict):
        raise BadRecord("it has no kinds")
    flat = _unpacked(rows, records)
    more = words.get("more")
    more = more if isinstance(more, dict) else {}
    each = (flat[at : at + NUMBERS] for at in range(0, len(flat), NUMBERS))
    return (_read_row(tables, kinds, row, more.get(str(number))) for number, row in enumerate(each))


def _unpacked(rows: bytes, records: int) -> Sequence[int]:
    if len(rows) != records * _OCTETS:
        raise BadRecord("its rows are more or fewer than its head says")
    octets = bytearray(len(rows))
    for place in range(_OCTETS):
        octets[place::_OCTETS] = rows[place * records : (place + 1) * records]
    return unpack(f"<{records * NUMBERS}q", octets)


def _read_row(
    tables: Mapping[str, Sequence[Any]], kinds: Mapping[str, Any], row: Sequence[int], more: Any
) -> Captured | BadRecord:
    try:
        kind, connection, began, head, ended = (number_of(each, _MOST) for each in row)
        words = _read_kind(tables, kinds.get(str(kind)))
        words |= _read_entry("connections", entry(tables, "connections", connection))
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


def _read_kind(tables: Mapping[str, Sequence[Any]], kind: Any) -> dict[str, Any]:
    if not isinstance(kind, list) or len(kind) != len(KIND):
        raise BadRecord(f"a kind is not {len(KIND)} numbers")
    words: dict[str, Any] = {}
    for table, number in zip(KIND, kind, strict=True):
        words |= _read_entry(table, entry(tables, table, number_of(number, _MOST)))
    return words


def _read_entry(table: str, found: Any) -> Mapping[str, Any]:
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
