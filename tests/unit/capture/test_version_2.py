"""What an edge of version 2 wrote (tests/captured/version-2.capture) is read as what this one writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from captures import found_in

from edgeproxy.capture.blocks import Block, read_blocks
from edgeproxy.capture.record import BadRecord
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.version_2 import read_lists

SAMPLE = Path(__file__).parents[2] / "captured" / "version-2.capture"
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def words() -> dict[str, Any]:
    """Of the block with its records."""
    with SAMPLE.open("rb") as file:
        (block,) = [each for each in read_blocks(file) if isinstance(each, Block) and each.records]
    assert (block.version, block.records) == (2, 12)
    found: dict[str, Any] = json.loads(block.content)
    return found


def test_all_of_it_is_there() -> None:
    records, broken, notes = found_in(SAMPLE.read_bytes())
    assert (len(records), broken, [each.words["note"] for each in notes]) == (12, [], ["begin", "end"])
    first, call, head, other = records[0], records[6], records[7], records[10]
    assert (first.time, first.head_ms, first.ms) == (1_795_671_248.033524, 3.052, 3.059)
    assert (first.url, first.headers["user-agent"]) == ("http://pypi.test/simple/six/", "pip/9.0.3")
    assert (first.credentials, first.connection, first.client) == (("authorization",), "31895-1", "127.0.0.0")
    assert (first.octets, first.digest, first.whole) == (5, HELLO, True)
    assert (call.xmlrpc, call.sent, call.safety, call.body) == ("search", 94, SafetyClass.SAFE, None)
    assert (head.octets, head.digest, head.head_ms, head.ms) == (None, None, None, 0.28)
    assert (other.rule, other.safety, other.status) == (None, SafetyClass.UNKNOWN, 421)


@pytest.mark.parametrize("value", [10**18, -2, 1.5, "1", None, True])
@pytest.mark.parametrize("column", ["kinds", "connections", "contents", "time", "head", "took"])
def test_a_number_that_is_none_costs_its_record_alone(column: str, value: object) -> None:
    spoilt = words()
    spoilt["rows"][column][0] = value
    found = list(read_lists(spoilt, 12))
    assert [isinstance(each, BadRecord) for each in found] == [True] + [False] * 11


@pytest.mark.parametrize(
    ("table", "entry"),
    [("asked", []), ("clients", 7), ("connections", {}), ("contents", [1]), ("kinds", [0, 0, 0]), ("kinds", None)],
)
def test_so_does_an_entry(table: str, entry: object) -> None:
    spoilt = words()
    spoilt[table][0] = entry
    assert isinstance(next(iter(read_lists(spoilt, 12))), BadRecord)


@pytest.mark.parametrize("spoil", ["asked", "rows", "kinds"])
@pytest.mark.parametrize("value", [None, 3, "text", [0] * 99])
def test_what_is_no_block_as_a_whole_is_refused(spoil: str, value: object) -> None:
    with pytest.raises(BadRecord):
        read_lists(words() | {spoil: value}, 12)
    with pytest.raises(BadRecord):
        read_lists(words(), 11)
