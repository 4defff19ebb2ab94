"""Two processes of the new site on one store, and uploads to both at once that cannot all be taken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from packages import Package, wheel
from uploads import TOKEN, form

from backends.store import Store
from backends.store.checking import check
from edgeproxy.cli.demo_processes import Processes


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[list[str]]:
    arguments = ("--store", tmp_path / "store", "--upload-token", "secret")
    with Processes() as processes:
        yield [processes.start(name, "backends.modern", *arguments) for name in ("one", "other")]


async def at_once(sites: list[str], packages: list[tuple[str, str, Package]]) -> list[tuple[int, str]]:
    """Name, version and file of each; every other one goes to the other process."""

    async def sent(number: int, name: str, version: str, package: Package) -> tuple[int, str]:
        url, data = f"{sites[number % 2]}/legacy/", form(package, name=name, version=version)
        async with session.post(url, data=data, headers={"Authorization": TOKEN}) as answer:
            return answer.status, await answer.text()

    async with ClientSession() as session:
        return await asyncio.gather(*(sent(number, *each) for number, each in enumerate(packages)))


async def test_of_many_files_of_one_name_one_is_taken(sites: list[str], tmp_path: Path) -> None:
    files = [("thing", "1.0", wheel("thing", "1.0", {"Summary": str(number)})) for number in range(8)]
    answers = await at_once(sites, files)
    assert Counter(status for status, _ in answers) == {200: 1, 400: 7}
    assert all(text.startswith("File already exists") for status, text in answers if status == 400)
    with Store(tmp_path / "store") as store:
        assert len(store.files("thing")) == 1
        assert list(check(store)) == []
    assert list((tmp_path / "store" / "incoming").iterdir()) == []


async def test_the_same_file_many_times_is_taken_once_and_refused_to_nobody(sites: list[str], tmp_path: Path) -> None:
    answers = await at_once(sites, [("thing", "1.0", wheel("thing", "1.0"))] * 8)
    assert answers == [(200, "")] * 8
    with Store(tmp_path / "store") as store:
        assert [change.action for change in store.changes_after(0)] == [
            "create",
            "new release",
            "add py3 file thing-1.0-py3-none-any.whl",
        ]


async def test_of_two_names_that_look_alike_one_is_taken(sites: list[str], tmp_path: Path) -> None:
    files = [(name, f"1.{number}", wheel(name, f"1.{number}")) for number in range(4) for name in ("c0lor", "color")]
    answers = await at_once(sites, files)
    assert Counter(status for status, _ in answers) == {200: 4, 400: 4}
    assert all("is too similar to an existing project" in text for status, text in answers if status == 400)
    with Store(tmp_path / "store") as store:
        [project] = store.projects()
        assert len(store.files(project.normalized)) == 4
