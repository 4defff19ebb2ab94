"""What is kept under `run --state DIR` is for the user that runs the edge alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeproxy.control import findings_file, ledger_file, rehearsal_file
from edgeproxy.migration.rehearsal import Rehearsal

ONE = Rehearsal(1_000.0, "rules-1", {"modern": "http://127.0.0.1:8082"}, "di@edge-1", True, 12, 9, 0, 1)


@pytest.fixture(params=[0o000, 0o022, 0o077], autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(place: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in place.iterdir()}


def make_all(place: Path) -> None:
    findings_file.FindingsFile(place, dict)
    ledger_file.LedgerFile(place)
    rehearsal_file.add(place, ONE, [])


def test_files_of_a_directory_that_everybody_may_look_into_are_for_their_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_all(tmp_path)
    assert modes(tmp_path) == dict.fromkeys(("findings.sqlite", "ledger.sqlite", "rehearsals.sqlite"), 0o600)


def test_a_directory_that_is_made_is_too(tmp_path: Path) -> None:
    make_all(tmp_path / "state")
    assert modes(tmp_path) == {"state": 0o700}


def test_an_owner_who_lets_a_group_read_them_still_does(tmp_path: Path) -> None:
    make_all(tmp_path)
    for path in tmp_path.iterdir():
        path.chmod(0o640)
    make_all(tmp_path)
    assert set(modes(tmp_path).values()) == {0o640}
