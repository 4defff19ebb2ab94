"""Whether a store is whole is told truly, and only what was abandoned is swept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packages import LAUNCH, stored, wheel

from backends.store import File, Store
from backends.store.__main__ import main
from backends.store.checking import check, sweep_unnamed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        for name in ("flask", "django"):
            stored(opened, wheel(name, "1.0"))
        stored(opened, wheel("gone", "1.0"))
        opened.remove_file("gone-1.0-py3-none-any.whl", LAUNCH)
        yield opened


def faults(store: Store) -> list[str]:
    return [each.fault.name for each in check(store)]


def flask(store: Store) -> Path:
    file = store.file_named("flask-1.0-py3-none-any.whl")
    assert isinstance(file, File)
    return store.files_directory / file.path


def test_what_the_store_wrote_is_whole(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults(store) == []
    assert main(["check", str(store.directory)]) == 0
    assert capsys.readouterr().out == "whole\n"


def test_each_fault_is_told(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    path = flask(store)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert faults(store) == ["WRONG_BYTES"]
    path.unlink()
    assert faults(store) == ["MISSING"]
    path.write_bytes(content)
    path.with_name(path.name + ".metadata").write_bytes(b"")
    assert faults(store) == ["NO_METADATA"]
    assert main(["check", str(store.directory)]) == 1
    assert "has not the metadata beside it" in capsys.readouterr().out


def test_what_searches_do_not_find_is_told(store: Store) -> None:
    with closing(sqlite3.connect(store.directory / "index.sqlite3", isolation_level=None)) as raw:
        raw.execute("DELETE FROM words WHERE name = 'flask'")
        raw.execute("INSERT INTO trigrams (trigrams) VALUES ('delete-all')")
    assert faults(store) == ["NOT_FOUND"] * 5


def test_a_sweep_takes_what_no_index_ever_named_and_is_old(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = (flask(store).with_name(f"{age}-1.0-py3-none-any.whl") for age in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"left by a killed process")
    os.utime(old, (0, datetime(2018, 4, 16, tzinfo=UTC).timestamp()))
    assert faults(store) == ["UNNAMED"] * 2
    assert main(["sweep", str(store.directory)]) == 0
    assert capsys.readouterr().out == "1 deleted\n"
    assert (old.exists(), new.exists(), flask(store).exists()) == (False, True, True)


def test_bytes_are_known_by_their_place_and_not_by_their_name_alone(store: Store) -> None:
    lost = store.files_directory / "packages" / "aa" / "bb" / ("c" * 60) / flask(store).name
    lost.parent.mkdir(parents=True)
    for path in (lost, lost.with_name(f"{lost.name}.metadata")):
        path.write_bytes(b"of an upload that was killed, before another one of its name")
    assert faults(store) == ["UNNAMED"] * 2
    assert sweep_unnamed(store, datetime(2999, 1, 1, tzinfo=UTC)) == 2
    assert (lost.exists(), faults(store)) == (False, [])


def test_bytes_of_a_removed_file_s_name_are_known_by_their_place_too(store: Store) -> None:
    lost = store.files_directory / "packages" / "aa" / "bb" / ("c" * 60) / "gone-1.0-py3-none-any.whl"
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"of an upload that was killed, before the one that was removed")
    assert faults(store) == ["UNNAMED"]
    assert sweep_unnamed(store, datetime(2999, 1, 1, tzinfo=UTC)) == 1
    assert (lost.exists(), faults(store)) == (False, [])


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["check", str(tmp_path / "nowhere")])
    assert not (tmp_path / "nowhere").exists()
