"""Records in columns: read back as they were; what is none costs itself alone."""

from __future__ import annotations

import json
from dataclasses import replace
from struct import Struct
from typing import Any

import pytest
from captures import record

from edgeproxy.capture.blocks import MOST_OCTETS
from edgeproxy.capture.columns import Records
from edgeproxy.capture.reading_columns import read_rows
from edgeproxy.capture.record import BadRecord, Captured
from edgeproxy.capture.safety import SafetyClass

FULL = record(
    3,
    credentials=("authorization", "cookie"),
    xmlrpc="package_releases",
    sent=120,
    safety=SafetyClass.UNSAFE,
    arm="modern",
    fallback="status",
    cache="miss",
    why="head_timeout",
    count=7,
)
BARE = Captured(1.5, "PURGE", "http://pypi.test")
LATER = 1_523_890_900.5  # than what records have that do not say it
NO_TIMES = (-9.0, -0.5, 1e11, float("nan"), float("inf"), float("-inf"))


def made_of(*records: Captured) -> tuple[dict[str, Any], bytes, int]:
    """The words of the line, what is behind it, and how many they are."""
    columns = Records()
    for each in records:
        columns.add(each)
    ((content, number),) = columns.contents()
    return read(content, number)


def read(content: bytes, number: int) -> tuple[dict[str, Any], bytes, int]:
    line, _, rows = content.partition(b"\n")
    return json.loads(line), rows, number


ROW = Struct("<iidd")


def altered(rows: bytes, row: int, place: int, value: float) -> bytes:
    """With another number in a row."""
    number = len(rows) // ROW.size
    numbers = list(ROW.unpack(rows[row::number]))
    numbers[place] = value
    octets = bytearray(rows)
    octets[row::number] = ROW.pack(*numbers)
    return bytes(octets)


@pytest.mark.parametrize("records", [(FULL,), (BARE,), (FULL, BARE, FULL), tuple(record(n) for n in range(50))])
def test_what_is_written_is_read_back(records: tuple[Captured, ...]) -> None:
    assert list(read_rows(*made_of(*records))) == list(records)


def test_what_records_share_is_there_once() -> None:
    words, _, _ = made_of(*[record(number, octets=1, digest="0" * 64) for number in range(420)])
    assert [len(words[name]) for name in ("asked", "fields", "outcomes")] == [7, 3, 1]
    assert len(words["kinds"]) == 21


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("asked", {"method": 7, "url": "http://pypi.test/"}),
        ("asked", {"method": "GET"}),
        ("asked", {"method": "GET", "url": "gopher://pypi.test/"}),
        ("asked", {"method": "GET", "url": "http://pypi.test/", "safety": "perhaps"}),
        ("asked", []),
        ("fields", {"headers": ["accept"]}),
        ("fields", {"headers": {"accept": 1}}),
        ("fields", {"credentials": "cookie"}),
        ("outcomes", {"status": 1000}),
        ("outcomes", {"status": True}),
        ("outcomes", {"whole": 1}),
        ("connections", "1-1"),
        ("connections", {"connection": 7}),
        ("contents", [1]),
        ("contents", {"octets": -2}),
        ("contents", {"digest": "00"}),
        ("kinds", [0, 0, 0]),
        ("kinds", [9, 0, 0, 0]),
        ("kinds", [0, 0, 0, True]),
        ("kinds", None),
    ],
)
def test_a_record_that_is_none_costs_itself_alone(table: str, entry: object) -> None:
    other = record(1, connection="9", client="198.51.100.0", status=404, headers={"user-agent": "curl/8"})
    words, rows, _ = made_of(FULL, other)
    words[table]["0" if table in ("kinds", "connections") else 0] = entry
    first, second = read_rows(words, rows, 2)
    assert isinstance(first, BadRecord)
    assert second == other


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 9), (0, -2), (0, -1), (1, 9), (1, -2), *((2, value) for value in NO_TIMES), (2, -1.0)]
    + [(3, value) for value in NO_TIMES],
)
def test_a_number_that_is_none_costs_its_record_alone(place: int, value: float) -> None:
    words, rows, _ = made_of(FULL, BARE)
    first, second = read_rows(words, altered(rows, 0, place, value), 2)
    assert isinstance(first, BadRecord)
    assert second == BARE


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 9), (0, -2), (0, -1), (1, 9), (1, -2), *((2, value) for value in NO_TIMES), (2, -1.0)]
    + [(3, value) for value in NO_TIMES],
)
def test_so_it_does_where_others_of_its_kind_and_connection_were_read(place: int, value: float) -> None:
    """What those have in common is read once."""
    all_of_it = record(7, connection="9", client="198.51.100.0", status=404, time=LATER)
    words, rows, _ = made_of(all_of_it, all_of_it, all_of_it)
    before, found, behind = read_rows(words, altered(rows, 1, place, value), 3)
    assert isinstance(found, BadRecord)
    assert (before, behind) == (all_of_it, all_of_it)


def test_what_a_record_has_of_its_own_is_not_the_next_ones() -> None:
    plain = record(7, connection="9", client="198.51.100.0", head_ms=4.0, ms=4.0)
    records = [
        plain,
        replace(plain, sent=3, body="abc", xmlrpc="list_packages", count=2),
        replace(plain, connection="10", client=None),
        plain,
        replace(plain, head_ms=1.0, ms=None, time=LATER),
        replace(plain, connection=None, client=None, head_ms=None, ms=None),
        plain,
    ]
    assert list(read_rows(*made_of(*records))) == records


@pytest.mark.parametrize("value", [-2, 1 << 60, 1.5, "3", True, None, []])
@pytest.mark.parametrize("key", ["head", "took"])
def test_so_does_a_time_beside_it(key: str, value: object) -> None:
    words, rows, _ = made_of(FULL, BARE)
    words["more"]["0"][key] = value
    first, second = read_rows(words, rows, 2)
    assert isinstance(first, BadRecord)
    assert second == BARE


@pytest.mark.parametrize("ms", [None, 0.0, 0.001, 12_345.678, 9e10 + 0.001])
@pytest.mark.parametrize("head_ms", [None, 0.0, 0.001, 12_345.678, 9e10 + 0.001])
@pytest.mark.parametrize("time", [0.0, 1_523_890_800.123456, 8_999_999_999.999998])
def test_times_are_read_to_the_microsecond(time: float, head_ms: float | None, ms: float | None) -> None:
    """Also where two doubles cannot say them: after 2106, or of a hundred days."""
    written = record(time=time, head_ms=head_ms, ms=ms)
    (found,) = read_rows(*made_of(written))
    assert isinstance(found, Captured)
    assert (found.head_ms, found.ms) == (head_ms, ms)
    assert abs(found.time - time) <= 0.000_001


@pytest.mark.parametrize("spoil", ["asked", "kinds", "connections", "more"])
@pytest.mark.parametrize("value", [None, 3, "text", [0] * 9])
def test_what_is_no_block_as_a_whole_is_refused(spoil: str, value: object) -> None:
    words, rows, _ = made_of(FULL, BARE)
    words[spoil] = value
    if spoil == "more":  # of few: without it they are all the same
        assert len(list(read_rows(words, rows, 2))) == 2
        return
    with pytest.raises(BadRecord):
        read_rows(words, rows, 2)


def test_rows_are_as_many_as_the_head_says() -> None:
    words, rows, _ = made_of(FULL, BARE)
    for records in (0, 1, 3, 200):
        with pytest.raises(BadRecord):
            read_rows(words, rows, records)
    for other in (b"", rows[1:], rows + b"\0"):
        with pytest.raises(BadRecord):
            read_rows(words, other, 2)


def test_what_is_large_is_several_blocks() -> None:
    columns, records = (
        Records(),
        [record(number, url=f"http://pypi.test/{number}{'a' * 20_000}") for number in range(140)],
    )
    for each in records:
        columns.add(each)
    columns.tell(139, b'{"sent":7}')
    found: list[Captured] = []
    for content, number in columns.contents():
        assert len(content) < MOST_OCTETS / 2
        found += [each for each in read_rows(*read(content, number)) if isinstance(each, Captured)]
    assert [each.url for each in found] == [each.url for each in records]
    assert [each.sent for each in found] == [None] * 139 + [7]
