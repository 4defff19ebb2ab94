"""README.md explains every field of the access log and every counter, and none that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Set
from dataclasses import fields
from pathlib import Path

import pytest

from edgeproxy.telemetry.access_log import Record, format_record
from edgeproxy.telemetry.counters import Counters, EndpointNow, PoolCounts, PoolNow

README = Path(__file__).parents[3].joinpath("README.md").read_text()
COUNTERS = Counters(
    pools={"modern": PoolCounts()},
    pools_now={"modern": lambda: PoolNow(1, 2, {"http://127.0.0.1:1": EndpointNow(False, True, 3)})},
)
NUMBERS = COUNTERS.numbers()


def names_of(value: object) -> Set[str]:
    assert isinstance(value, dict)
    return value.keys()


def explained(start: str, end: str) -> Set[str]:
    """The first column of the table between two texts."""
    part = README[README.index(start) :]
    return set(re.findall(r"(?m)^\| `(\w+)` \|", part[: part.index(end)]))


TABLES = {
    "the access log": ("### The access log", "### The counters", set(json.loads(format_record(Record(0, "", ""))))),
    "the counters": ("### The counters", "`pools/BACKEND`", {name for name in NUMBERS if "/" not in name}),
    "pools": ("`pools/BACKEND`", "`endpoints/BACKEND/URL`", names_of(NUMBERS["pools/modern"])),
    "endpoints": ("`endpoints/BACKEND/URL`", "## What", names_of(NUMBERS["endpoints/modern/http://127.0.0.1:1"])),
}


@pytest.mark.parametrize("table", TABLES)
def test_each_name_is_explained_and_there_is_no_other(table: str) -> None:
    start, end, names = TABLES[table]
    assert explained(start, end) == names


def test_a_pool_and_its_endpoints_are_told_as_they_are_now() -> None:
    assert names_of(NUMBERS["pools/modern"]) == {each.name for each in fields(PoolCounts)} | {"open", "waiting"}
    assert NUMBERS["endpoints/modern/http://127.0.0.1:1"] == {"is_down": False, "ejected": True, "outstanding": 3}
