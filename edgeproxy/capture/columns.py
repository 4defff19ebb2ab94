"""Many records as one line of JSON, and the octets of their rows: what they share is there once, in tables; what each
has of its own is in its row.

    {"asked": [{"method": …, "url": …}, …], "fields": […], "outcomes": […], "contents": […], "connections":
     {"5": {"connection": …, "client": …}, …}, "kinds": {"17": [0, 0, 0, 0], …}, "more": {"2": {"sent": 12}}}

A kind is four numbers, of entries of the first four tables. A row is four: of its kind and of its connection, integers
of four octets, then the times of its beginning and its end, in seconds since the epoch, doubles (IEEE 754); -1 is what
is not known. Behind the line they are little-endian: first the lowest octet of each row's first number, then the next
one of each, and so on. `more` is what few records have, by their number; there are microseconds, too, after the
beginning: `head` is when the answer's head went out, if not at the end, and `took` the end, if a double cannot say it.

Law: what is written is read back as it was (`reading_columns`), but for times: those are read to the microsecond.

PERF: octets that are alike lie side by side, and are made and compressed in a third of the time that numbers as JSON
took: 0.2 of 0.65 µs a row. In base64, as a part of the line, they cost half as much again. Doubles are made by the
clock, and packed, in half the time that large integers take.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from struct import Struct
from sys import byteorder
from typing import Any, Final

from edgeproxy.capture.record import Captured, words_of

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
NUMBERS: Final = 4  # of a row
AT_ONCE: Final = 30  # rows, at most, that become octets at once. PERF: the tuple of their numbers that is passed then
# has 1,000 octets. Of what is larger than 1,032, malloc (of glibc) keeps none at hand
LARGEST: Final = (1 << 31) - 1  # number of a kind or a connection
_ORDER: Final = "@" if byteorder == "little" else "<"  # PERF: the same without gaps, but the numbers are only copied
ROW: Final = Struct("<iidd")
_OCTETS: Final = ROW.size
_TABLES: Final = 1 << 20  # octets of tables in one block
_ROWS: Final = 16_384  # in one block
LONGEST: Final = 10**14  # microseconds that an exchange takes
NOTHING: Final = b"{}"
_LATE: Final = b'"late '


Entries = tuple[bytes, bytes, bytes, bytes]  # of the tables in KIND


@dataclass(frozen=True, slots=True)
class Draft:
    """A block, before it is written. `line`: of JSON, its end included; `rows`: one after the other; `late`: what is in
    the place of entries that are not known yet, in the line's order.
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
    kinds and the connections: those that its rows have are in `kinds` and `connections`, and others may be.
    """

    def __init__(
        self, kinds: Mapping[int, Entries], connections: Mapping[int, bytes], room: bytearray | None = None
    ) -> None:
        """`room`: for rows, of a block that is no more. PERF: new memory costs a fault for each of its pages."""
        self.kinds = kinds
        self.own: dict[int, Entries] = {}  # kinds of this block alone
        self.connections = connections
        self._rows = bytearray() if room is None else room  # with room behind them
        self.octets_of_rows = 0
        self.used: set[int] = set()  # kinds of rows
        self._connections: set[int] = set()  # of rows
        self.more: dict[int, bytes] = {}
        self.octets = 0  # of `more`

    def __len__(self) -> int:
        return self.octets_of_rows // _OCTETS

    def add_rows(self, flat: Sequence[float]) -> None:
        """NUMBERS for each, of AT_ONCE rows at most."""
        at, packing = self.octets_of_rows, _FULL if len(flat) == _MOST else _packing(len(flat) // NUMBERS)
        self.octets_of_rows = end = at + packing.size
        if end > len(self._rows):
            self._rows.extend(bytes(end))
        packing.pack_into(self._rows, at, *flat)
        self.used.update(flat[::NUMBERS])  # type: ignore[arg-type]  # these are integers
        self._connections.update(flat[1::NUMBERS])  # type: ignore[arg-type]

    def let_go(self) -> bytearray:
        """Its room, once it is written: it has no rows any more."""
        self.octets_of_rows, room, self._rows = 0, self._rows, bytearray()
        return room

    def keep_connections(self) -> None:
        """From now on its own are those that its rows have: numbers may come to mean others."""
        self.connections = {number: self.connections[number] for number in self._connections if number != UNKNOWN}

    def tell(self, row: int, more: bytes) -> None:
        """More of a row: an object."""
        self.more[row] = more
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
        rows = bytes(memoryview(self._rows)[first * _OCTETS : end * _OCTETS])
        numbers, met = self.used, self._connections
        if end - first < len(self):
            numbers, met = (set(column) for column in list(zip(*ROW.iter_unpack(rows), strict=True))[:2])
        kinds = {number: self.own.get(number) or self.kinds[number] for number in numbers}
        connections = [b'"%d":%b' % (number, self.connections[number]) for number in met if number != UNKNOWN]
        more = [b'"%d":%b' % (row - first, each) for row, each in self.more.items() if first <= row < end]
        octets = sum(map(len, connections)) + sum(map(len, more))
        if end - first > 1 and octets + sum(sum(map(len, each)) for each in kinds.values()) > _TABLES:
            yield from self._halves(first, end)
            return
        tables: dict[str, dict[bytes, int]] = {name: {} for name in KIND}
        listed = b",".join([b'"%d":%b' % (number, _kind(tables, each)) for number, each in kinds.items()])
        late = tuple(each for each in tables["contents"] if each.startswith(_LATE))
        # Contents come first: nothing that a client has said stands before a placeholder.
        parts = [b'"%b":[%b]' % (name.encode(), b",".join(tables[name])) for name in reversed(KIND)]
        parts += [
            b'"%b":{%b}' % (name, b",".join(each))
            for name, each in ((b"connections", connections), (b"kinds", [listed]), (b"more", more))
        ]
        yield Draft(b"{%b}\n" % b",".join(parts), rows, end - first, late)

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
        self._met: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        super().__init__(self._entries, self._names)

    def add(self, record: Captured) -> None:
        words = words_of(record)
        asked, fields, outcome, content = (entry_of(name, words) for name in KIND)
        entries = asked, fields, outcome, content
        kind = self._numbers.get(entries)
        if kind is None:
            kind = self._numbers[entries] = len(self._numbers)
            self._entries[kind] = entries
            self.octets += sum(map(len, entries))
        began = moment(record.time)
        ended: float = UNKNOWN if record.ms is None else began + record.ms / 1_000
        more: dict[str, object] = {key: words[key] for key in MORE if key in words}
        more |= _told(began, ended, record)
        if more:
            self.tell(len(self), object_of(more))
        self.add_rows((kind, self._connection(entry_of("connections", words)), began, ended))

    def _connection(self, entry: bytes) -> int:
        """Its number; a new one is added."""
        if entry == NOTHING:
            return UNKNOWN
        number = self._met.get(entry)
        if number is None:
            number = self._met[entry] = len(self._met)
            self._names[number] = entry
            self.octets += len(entry)
        return number


def _told(began: float, ended: float, record: Captured) -> dict[str, int]:
    """Microseconds after the beginning, where the row's times do not say them."""
    took, head = (None if each is None else round(each * 1_000) for each in (record.ms, record.head_ms))
    told = {}
    if took != took_between(began, ended):
        told["took"] = UNKNOWN if took is None else took
    if head != took:
        told["head"] = UNKNOWN if head is None else head
    return told


@cache
def _packing(rows: int) -> Struct:
    assert rows <= AT_ONCE, "there are few of these"
    return Struct(_ORDER + "iidd" * rows)


_FULL: Final = _packing(AT_ONCE)
_MOST: Final = AT_ONCE * NUMBERS


def entry_of(table: str, words: Mapping[str, Any]) -> bytes:
    return object_of({key: words[key] for key in ENTRIES[table] if words.get(key) is not None})


def object_of(words: object) -> bytes:
    return json.dumps(words, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def head_after(microseconds: int | None) -> bytes:
    """In `more`: when the answer's head went out; None: not through the edge's own hands."""
    return b'"head":%d' % (UNKNOWN if microseconds is None else microseconds)


def placeholder_of(number: int) -> bytes:
    """In the place of a content that is not known yet."""
    return b'%b%d"' % (_LATE, number)


def number_in(placeholder: bytes) -> int:
    return int(placeholder[len(_LATE) : -1])


def _spread(rows: bytes) -> bytes:
    """As they lie in the file: the lowest octet of each row's first number, then the next one of each, and so on."""
    return b"".join([rows[place::_OCTETS] for place in range(_OCTETS)])


def moment(seconds: float) -> float:
    """To the microsecond."""
    return round(seconds * 1_000_000) / 1_000_000


def took_between(began: float, ended: float) -> int | None:
    """In microseconds. A clock that went back has made no time below nothing; one that was set forward by years, none
    that is known.
    """
    if ended == UNKNOWN:
        return None
    took = max(0, round((ended - began) * 1_000_000))
    return took if took <= LONGEST else None
