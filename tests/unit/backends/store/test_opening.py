"""A store opens, is made, is brought up to date, or says in one line why it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from backends.store import Store, StoreError
from backends.store.schema import STEPS


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
