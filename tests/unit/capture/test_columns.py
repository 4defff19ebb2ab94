"""Records in columns: read back as they were; what is none costs itself alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from captures import record

from edgeproxy.capture.columns import Columns, read_rows
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


def words_of(*records: Captured) -> dict[str, Any]:
    columns = Columns()
    for each in records:
        columns.add(each)
    words: dict[str, Any] = json.loads(columns.content())
    return words


@pytest.mark.parametrize("records", [(FULL,), (BARE,), (FULL, BARE, FULL), tuple(record(n) for n in range(50))])
def test_what_is_written_is_read_back(records: tuple[Captured, ...]) -> None:
    assert list(read_rows(words_of(*records), len(records))) == list(records)


def test_what_records_share_is_there_once() -> None:
    words = words_of(*[record(number) for number in range(420)])
    assert [len(words[name]) for name in ("asked", "fields", "outcomes", "clients")] == [7, 3, 1, 1]
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
        ("clients", 7),
        ("connections", {}),
        ("contents", [1]),
        ("contents", [-2, None]),
        ("contents", [1, "00"]),
        ("kinds", [0, 0, 0]),
        ("kinds", [9, 0, 0, 0]),
        ("kinds", [0, 0, 0, True]),
        ("kinds", None),
    ],
)
def test_a_record_that_is_none_costs_itself_alone(table: str, entry: object) -> None:
    other = record(1, connection="9", client="198.51.100.0", status=404, headers={"user-agent": "curl/8"})
    words = words_of(FULL, other)
    words[table][0] = entry
    first, second = read_rows(words, 2)
    assert isinstance(first, BadRecord)
    assert second == other


@pytest.mark.parametrize("value", [10**18, -2, 1.5, "1", None, True])
@pytest.mark.parametrize("column", ["kinds", "connections", "contents", "time", "head", "took"])
def test_a_number_that_is_none_costs_its_record_alone(column: str, value: object) -> None:
    words = words_of(FULL, BARE)
    words["rows"][column][0] = value
    first, second = read_rows(words, 2)
    assert isinstance(first, BadRecord)
    assert second == BARE


@pytest.mark.parametrize("spoil", ["asked", "rows", "kinds", "more"])
@pytest.mark.parametrize("value", [None, 3, "text", [0] * 9])
def test_what_is_no_block_as_a_whole_is_refused(spoil: str, value: object) -> None:
    words = words_of(FULL, BARE)
    words[spoil] = value
    if spoil == "more":  # of few: without it they are all the same
        assert len(list(read_rows(words, 2))) == 2
        return
    with pytest.raises(BadRecord):
        read_rows(words, 2)


def test_columns_are_as_long_as_the_head_says() -> None:
    for records in (1, 3):
        with pytest.raises(BadRecord):
            read_rows(words_of(FULL, BARE), records)
