"""The change log is told in pieces, each of which goes on where the one before ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from packages import LAUNCH

from backends.store import Store
from backends.store.rows import to_micros


def test_no_answer_has_more_than_50_000_changes(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        rows = [("a", "a", None, to_micros(LAUNCH) + number, "create") for number in range(50_010)]
        with store.exclusive():
            store.connection.executemany(
                "INSERT INTO change (project, normalized, version, moment, action) VALUES (?, ?, ?, ?, ?)", rows
            )
        first = store.changes_after(0)
        assert (len(first), first[0].serial, first[-1].serial) == (50_000, 1, 50_000)
        assert [change.serial for change in store.changes_after(50_000)] == list(range(50_001, 50_011))
        since = store.changes_since(LAUNCH - timedelta(days=1))
        assert (len(since), since[-1].serial) == (50_000, 50_000)
