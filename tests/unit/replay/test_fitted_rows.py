"""A million records are in memory as a fit sees them: what many of them say is there once."""

from __future__ import annotations

from collections import Counter

from captures import record

from edgeproxy.capture.safety import SafetyClass
from replay.model.fitting import rows_of


def test_what_many_rows_say_is_there_once() -> None:
    left: Counter[str] = Counter()
    records = [
        record(
            number,
            url=f"https://pypi.test/simple/p{number % 2}/?a={number % 2}",
            client="192.0.2.0",
            safety=SafetyClass.UNSAFE if number == 9 else SafetyClass.SAFE,
            headers={"user-agent": "pip/24.0"},
        )
        for number in range(10)
    ]
    rows = rows_of(reversed(records), left)
    assert [row.time for row in rows] == [each.time for each in records[:9]]
    assert left == Counter(unsafe=1)
    for name in ("client", "network", "route", "space", "host", "key"):
        assert len({id(getattr(row, name)) for row in rows}) == 1
    for name in ("thing", "item", "values"):
        assert len({id(getattr(row, name)) for row in rows}) <= 2
