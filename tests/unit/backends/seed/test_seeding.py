"""A directory of packages becomes a store, whatever else lies in it, however often it is imported."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import LAUNCH, sdist, wheel

from backends.seed import Tally, seed_directory
from backends.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def wheelhouse(directory: Path) -> Path:
    directory.mkdir()
    for package in (wheel("flask", "1.0"), sdist("flask", "1.0"), wheel("Zope.Interface", "5.0")):
        (directory / package.filename).write_bytes(package.content)
    (directory / "broken-1.0-py3-none-any.whl").write_bytes(b"not a zip file")
    (directory / "README.txt").write_text("not a package")
    return directory


def test_a_directory_is_imported_and_what_is_broken_is_reported(store: Store, tmp_path: Path) -> None:
    told: list[str] = []
    tally = seed_directory(store, wheelhouse(tmp_path / "house"), told.append, lambda: LAUNCH)
    assert tally == Tally(added=3, same=0, skipped=1)
    assert [project.name for project in store.projects()] == ["flask", "Zope.Interface"]
    assert {file.upload_time for file in store.files("flask")} == {LAUNCH}
    assert told[1] == "added flask-1.0-py3-none-any.whl"
    assert told[0].startswith("skipped ")
    assert "broken-1.0-py3-none-any.whl: it is not a readable zip file" in told[0]


def test_a_signature_beside_a_file_is_taken_with_it(store: Store, tmp_path: Path) -> None:
    house = wheelhouse(tmp_path / "house")
    (house / "flask-1.0.tar.gz.asc").write_bytes(b"-----BEGIN PGP SIGNATURE-----")
    seed_directory(store, house, lambda line: None)
    assert {file.filename: file.has_signature for file in store.files("flask")} == {
        "flask-1.0-py3-none-any.whl": False,
        "flask-1.0.tar.gz": True,
    }


def test_importing_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    house = wheelhouse(tmp_path / "house")
    seed_directory(store, house, lambda line: None)
    serial = store.last_serial()
    assert seed_directory(store, house, lambda line: None) == Tally(added=0, same=3, skipped=1)
    assert store.last_serial() == serial


def test_a_file_in_conflict_is_reported_with_the_reason(store: Store, tmp_path: Path) -> None:
    told: list[str] = []
    for number in (1, 2):
        house = tmp_path / str(number)
        house.mkdir()
        package = wheel("flask", "1.0", {"Summary": f"number {number}"})
        (house / package.filename).write_bytes(package.content)
        seed_directory(store, house, told.append)
    assert told[1].endswith("a file of this name is in the store, with other bytes")


def test_a_file_that_cannot_be_read_is_passed_over(store: Store, tmp_path: Path) -> None:
    house = wheelhouse(tmp_path / "house")
    (house / "gone-1.0.tar.gz").symlink_to(tmp_path / "nowhere")
    tally = seed_directory(store, house, lambda line: None)
    assert (tally.added, tally.skipped) == (3, 2)


async def run(*arguments: str | Path) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backends.seed", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_two_processes_may_seed_one_store_at_once(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    for number in range(12):
        package = wheel("flask", f"1.{number}")
        (house / package.filename).write_bytes(package.content)
    outcomes = await asyncio.gather(*(run("--store", tmp_path / "store", house) for _ in range(2)))
    assert [code for code, _, _ in outcomes] == [0, 0], outcomes
    said = "".join(out for _, out, _ in outcomes).splitlines()
    assert len([line for line in said if line.startswith("added ")]) == 12
    with Store(tmp_path / "store") as store:
        assert len(store.files("flask")) == 12
        # One creation, and a release and a file for each version: no serial lost, none given twice.
        assert [change.serial for change in store.changes_after(0)] == list(range(1, 26))


async def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    house = wheelhouse(tmp_path / "house")
    code, out, err = await run("--store", tmp_path / "store", house)
    assert (code, err) == (0, "")
    assert out.endswith("3 added, 0 there already, 1 skipped\n")


async def test_an_unusable_store_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    code, out, err = await run("--store", tmp_path / "store", tmp_path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "cannot be used as a store" in err


async def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    code, _, err = await run("--store", tmp_path / "store", tmp_path / "nowhere")
    assert code == 2
    assert "nowhere: there is no such file or directory" in err
    assert not (tmp_path / "store").exists()
