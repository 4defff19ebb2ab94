"""What an edge of version 3 wrote (tests/captured/version-3.capture) is read as what this one writes."""

from __future__ import annotations

import json
from pathlib import Path
from struct import Struct
from typing import Any

import pytest
from captures import found_in

from edgeproxy.capture.blocks import Block, read_blocks
from edgeproxy.capture.record import BadRecord
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.version_3 import read_nanoseconds

SAMPLE = Path(__file__).parents[2] / "captured" / "version-3.capture"
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
ROW = Struct("<5q")


def block() -> tuple[dict[str, Any], bytes]:
    """Words and rows of the one with its records."""
    with SAMPLE.open("rb") as file:
        (found,) = [each for each in read_blocks(file) if isinstance(each, Block) and each.records]
    assert (found.version, found.records) == (3, 9)
    line, _, rows = found.content.partition(b"\n")
    words: dict[str, Any] = json.loads(line)
    return words, rows


def test_all_of_it_is_there() -> None:
    records, broken, notes = found_in(SAMPLE.read_bytes())
    assert (len(records), broken, [each.words["note"] for each in notes]) == (9, [], ["begin", "end"])
    first, second, large, call, other = records[0], records[1], records[5], records[6], records[8]
    assert (first.time, first.head_ms, first.ms) == (1_795_726_594.678186, 1.676, 1.676)
    assert (second.head_ms, second.ms, second.connection) == (0.376, 47.373, first.connection)
    assert (first.url, first.headers["user-agent"]) == ("http://pypi.test:9870/simple/six/", "pip/9.0.3")
    assert (first.credentials, first.connection, first.client) == (("authorization",), "18578-1", "127.0.0.0")
    assert (first.octets, first.digest, first.whole) == (5, HELLO, True)
    assert (large.octets, large.shape) == (100_000, "/{name}/{name}")
    assert (call.sent, call.safety, (call.body or "")[:12]) == (75, SafetyClass.SAFE, "<methodCall>")
    assert (other.rule, other.safety, other.status) == (None, SafetyClass.UNKNOWN, 421)


@pytest.mark.parametrize(
    ("place", "value"), [(0, 99), (0, -2), (0, -1), (1, 99), (1, -2), (2, -1), (2, -9), (3, -2), (4, -2)]
)
def test_a_number_that_is_none_costs_its_record_alone(place: int, value: int) -> None:
    words, rows = block()
    numbers = list(ROW.unpack(rows[0::9]))
    numbers[place] = value
    octets = bytearray(rows)
    octets[0::9] = ROW.pack(*numbers)
    found = list(read_nanoseconds(words, bytes(octets), 9))
    assert [isinstance(each, BadRecord) for each in found] == [True] + [False] * 8


@pytest.mark.parametrize(
    ("table", "entry"), [("asked", []), ("connections", 7), ("contents", [1]), ("kinds", [0, 0, 0]), ("kinds", None)]
)
def test_so_does_an_entry(table: str, entry: object) -> None:
    words, rows = block()
    words[table][min(words[table], key=int) if table == "kinds" else 0] = entry
    assert isinstance(next(iter(read_nanoseconds(words, rows, 9))), BadRecord)


@pytest.mark.parametrize("spoil", ["asked", "kinds", "connections"])
def test_what_is_no_block_as_a_whole_is_refused(spoil: str) -> None:
    words, rows = block()
    words[spoil] = None
    with pytest.raises(BadRecord):
        read_nanoseconds(words, rows, 9)


def test_rows_are_as_many_as_the_head_says() -> None:
    words, rows = block()
    for records in (0, 8, 10):
        with pytest.raises(BadRecord):
            read_nanoseconds(words, rows, records)
