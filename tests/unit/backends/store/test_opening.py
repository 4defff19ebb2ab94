"""A store opens, is made, is brought up to date, or says in one line why it cannot be used."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from backends.store import Brief, Store, StoreError, opening, schema
from backends.store.checking import check
from backends.store.schema import STEPS
from backends.store.substrings import brief_of
from backends.store.words import Hit


def version_of(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "index.sqlite3")) as raw:
        return int(raw.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_store_has_the_newest_schema_and_is_in_wal_mode(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b").close()
    assert version_of(tmp_path / "a" / "b") == len(STEPS)
    with closing(sqlite3.connect(tmp_path / "a" / "b" / "index.sqlite3")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    ready = threading.Barrier(8)
    failures: list[BaseException] = []

    def open_it() -> None:
        ready.wait()
        try:
            Store(tmp_path / "store").close()
        except (StoreError, sqlite3.Error) as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(ready.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite3")) as raw:
        raw.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StoreError, match=f"its schema is number {len(STEPS) + 1}.*use the program"):
        Store(tmp_path)


def test_an_index_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite3").write_bytes(b"not a database, by any reading of it " * 100)
    with pytest.raises(StoreError, match=r"index\.sqlite3: file is not a database; restore"):
        Store(tmp_path)


def test_a_directory_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError, match=r"cannot be used as a store: .*give a directory") as caught:
        Store(tmp_path / "store")
    assert "\n" not in str(caught.value)


def test_what_an_older_program_has_stored_is_found_by_the_searches_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", STEPS[:3])
        opening.open_index(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite3")) as raw, raw:
        raw.execute("INSERT INTO change VALUES (1, 'Flask', 'flask', NULL, 0, 'create')")
        raw.execute("INSERT INTO project (id, name, normalized, serial) VALUES (1, 'Flask', 'flask', 1)")
        for number, version in enumerate(("1.10", "1.9"), 1):
            metadata = f'{{"name": "Flask", "version": "{version}", "summary": "Micro {version}", "keywords": ["web"]}}'
            made = (number, 1, version, version, metadata, number)
            raw.execute(
                "INSERT INTO release (id, project_id, version, canonical, metadata, uploaded) VALUES (?, ?, ?, ?, ?, ?)",
                made,
            )
        raw.execute("UPDATE release SET hidden = 1 WHERE id = 2")
        raw.execute("INSERT INTO filename_log VALUES ('Flask-1.9.tar.gz')")
    with Store(tmp_path) as store:
        assert [brief_of(line) for line in store.search({"keywords": ["we"]}, hidden_too=True)] == [
            Brief("Flask", "1.9", "Micro 1.9", 0),
            Brief("Flask", "1.10", "Micro 1.10", 1),
        ]
        assert [brief_of(line).version for line in store.search({"name": ["las"]})] == ["1.10"]
        assert store.find("micro", 5).hits == [Hit("Flask", "1.10", "Micro 1.10")]
        assert store.paths_ever() == {"Flask-1.9.tar.gz": None}
        assert list(check(store)) == []


SHORTEST = 200_000  # octets: SQLite's longest text has a billion, and stores have more than that


class Narrow(sqlite3.Connection):
    """For which that is the longest text."""

    longest = SHORTEST

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self.longest)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> type[Narrow]:
    monkeypatch.setattr(Narrow, "longest", SHORTEST)
    monkeypatch.setattr(opening.sqlite3, "connect", partial(sqlite3.connect, factory=Narrow))
    return Narrow


def fill_older(directory: Path, monkeypatch: pytest.MonkeyPatch, descriptions: Iterable[str]) -> None:
    """A store as the program before these searches has left it."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", STEPS[:4])
        opening.open_index(directory).close()
    with closing(sqlite3.connect(directory / "index.sqlite3")) as raw, raw:
        for number, description in enumerate(descriptions, 1):
            name = f"p{number}"
            raw.execute("INSERT INTO change VALUES (?, ?, ?, NULL, 0, 'create')", (number, name, name))
            raw.execute(
                "INSERT INTO project (id, name, normalized, serial) VALUES (?, ?, ?, ?)", (number, name, name, 1)
            )
            metadata = json.dumps({"name": name, "version": "1", "description": description})
            raw.execute(
                """INSERT INTO release (id, project_id, version, canonical, metadata, uploaded)
                   VALUES (?, ?, '1', '1', ?, 0)""",
                (number, number, metadata),
            )


def test_an_older_store_may_have_more_text_than_is_sqlites_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrow: type[Narrow]
) -> None:
    fill_older(tmp_path, monkeypatch, [f"all of them, {number}; " + "x" * 10_000 for number in range(30)])
    with Store(tmp_path) as store:
        assert store.find("all of them", 50).count == 30
        assert [hit.name for hit in store.find("them 29", 5).hits] == ["p30"]
        assert list(check(store)) == []


def test_an_older_store_that_cannot_be_brought_up_to_date_stays_as_it_was_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrow: type[Narrow]
) -> None:
    fill_older(tmp_path, monkeypatch, ["x" * 10_000])
    narrow.longest = 5_000
    with pytest.raises(StoreError, match="too big; nothing was changed: use the program that wrote it"):
        Store(tmp_path)
    assert version_of(tmp_path) == 4


def test_an_index_that_somebody_writes_to_is_no_broken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.0)
    fill_older(tmp_path, monkeypatch, [])
    with closing(sqlite3.connect(tmp_path / "index.sqlite3", isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked; end the program that writes to it"):
            Store(tmp_path)
