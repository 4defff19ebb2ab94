"""How much of the disk a capture takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.capture.settings import Kept, Settings, files_of, least_of, name_of, superfluous

SETTINGS = Settings("20180416T150000Z", "/captures", 1.0, 1_000, 2)


@given(st.lists(st.integers(0, 300), max_size=30))
def test_the_oldest_go_until_the_others_leave_a_quarter(sizes: list[int]) -> None:
    files = [Kept(SETTINGS.file_name(7, number), size, number) for number, size in enumerate(sizes)]
    gone = list(superfluous(files, SETTINGS))
    assert gone == [each.name for each in files[: len(gone)]]
    left = [each.octets for each in files[len(gone) :]]
    assert sum(left) <= 750
    if gone:
        assert sum(left) + files[len(gone) - 1].octets > 750


def test_files_of_others_stay() -> None:
    names = ("notes.txt", "20180417T150000Z-7-000001.capture", "20180416T150000Z-7-1.capture")
    assert list(superfluous([Kept(name, 10_000, 0.0) for name in names], SETTINGS)) == []


def test_a_file_has_its_share_of_the_quarter() -> None:
    assert SETTINGS.file_limit == 125
    assert Settings("", "", 1.0, least_of(8), 8).file_limit == 1 << 20


def test_a_directory_stands_for_its_captures(tmp_path: Path) -> None:
    for name in ("b.capture", "a.capture", "c.txt"):
        (tmp_path / name).touch()
    assert files_of([tmp_path, tmp_path / "c.txt"]) == [
        tmp_path / "a.capture",
        tmp_path / "b.capture",
        tmp_path / "c.txt",
    ]


@pytest.mark.parametrize(
    ("last", "name"),
    [
        (None, "20180416T235959Z"),
        ("20180416T235958Z", "20180416T235959Z"),
        ("20180416T235959Z", "20180417T000000Z"),
        ("20180417T000000Z", "20180417T000001Z"),
    ],
)
def test_captures_that_begin_within_one_second_have_their_own_names(last: str | None, name: str) -> None:
    assert name_of(datetime(2018, 4, 16, 23, 59, 59, 900_000, UTC), last) == name
