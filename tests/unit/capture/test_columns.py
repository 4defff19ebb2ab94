"""Records in columns: read back as they were; what is none costs itself alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from captures import record

from edgeproxy.capture.blocks import MOST_OCTETS
from edgeproxy.capture.columns import NUMBERS, Records, read_rows
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


def altered(rows: bytes, row: int, place: int, value: int) -> bytes:
    """With another number in a row."""
    octets, number = bytearray(rows), len(rows) // (8 * NUMBERS)
    for at, octet in enumerate(value.to_bytes(8, "little", signed=True)):
        octets[(8 * place + at) * number + row] = octet
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
    words[table]["0" if table == "kinds" else 0] = entry
    first, second = read_rows(words, rows, 2)
    assert isinstance(first, BadRecord)
    assert second == other


@pytest.mark.parametrize(
    ("place", "value"), [(0, 9), (0, -2), (0, -1), (1, 9), (1, -2), (2, -1), (2, -9), (3, -2), (4, -2)]
)
def test_a_number_that_is_none_costs_its_record_alone(place: int, value: int) -> None:
    words, rows, _ = made_of(FULL, BARE)
    first, second = read_rows(words, altered(rows, 0, place, value), 2)
    assert isinstance(first, BadRecord)
    assert second == BARE


@pytest.mark.parametrize("spoil", ["asked", "kinds", "more"])
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
    columns.tell(139, {"sent": 7})
    found: list[Captured] = []
    for content, number in columns.contents():
        assert len(content) < MOST_OCTETS / 2
        found += [each for each in read_rows(*read(content, number)) if isinstance(each, Captured)]
    assert [each.url for each in found] == [each.url for each in records]
    assert [each.sent for each in found] == [None] * 139 + [7]
