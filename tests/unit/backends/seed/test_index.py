"""An index is imported from another one: all that it says, and nothing that is not so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from packages import LAUNCH, sdist, stored, wheel

from backends.modern.app import make_app
from backends.modern.site import Site
from backends.seed.index import CannotImport, Wanted, seed_index
from backends.seed.seeding import Tally
from backends.store import Store
from backends.store.checking import check


@pytest.fixture
def source(tmp_path: Path) -> Store:
    store = Store(tmp_path / "source")
    for version in ("1.0", "1.1", "2.0"):
        stored(store, wheel("Flask", version, {"Summary": "Micro"}), LAUNCH)
    stored(store, sdist("Flask", "2.0"), LAUNCH)
    stored(store, wheel("zope.interface", "5.0"), LAUNCH)
    store.yank("flask", "1.1", "it <breaks>", LAUNCH)
    store.set_status("zope-interface", "archived", "all done", LAUNCH)
    return store


@pytest.fixture
async def index(source: Store) -> AsyncIterator[str]:
    """The new site, with its files beside it."""
    files = web.Application()
    files.router.add_static("/", source.files_directory)
    async with TestServer(files) as content:
        site = Site(files_url=str(content.make_url("")).rstrip("/"))
        async with TestServer(make_app(source, site, lambda: LAUNCH)) as server:
            yield str(server.make_url("/simple/"))
    source.close()


def imported(directory: Path, url: str, wanted: Wanted | None = None) -> tuple[Tally, list[str]]:
    said: list[str] = []
    with Store(directory) as store:
        return seed_index(store, url, wanted or Wanted(), said.append, lambda: LAUNCH), said


async def test_all_that_an_index_says_comes_along(index: str, source: Store, tmp_path: Path) -> None:
    tally, _ = await asyncio.to_thread(imported, tmp_path / "copy", index)
    assert tally == Tally(added=5)
    with Store(tmp_path / "copy") as copy:
        assert list(check(copy)) == []
        for name in ("flask", "zope-interface"):
            assert copy.files(name) == source.files(name)
            found, original = copy.project(name), source.project(name)
            assert found is not None
            assert original is not None
            assert replace(found, serial=0) == replace(original, serial=0)
        serial = copy.last_serial()
    tally, _ = await asyncio.to_thread(imported, tmp_path / "copy", index)
    assert tally == Tally(same=5)
    with Store(tmp_path / "copy") as copy:
        assert copy.last_serial() == serial


async def test_only_what_is_wanted_is_imported(index: str, tmp_path: Path) -> None:
    tally, said = await asyncio.to_thread(imported, tmp_path / "copy", index, Wanted(["FLASK", "nothing"], newest=1))
    assert tally == Tally(added=2, skipped=1)
    assert any(line.startswith("skipped nothing: ") for line in said)
    with Store(tmp_path / "copy") as copy:
        assert {file.version for file in copy.files("flask")} == {"2.0"}


async def test_bytes_that_are_not_what_the_index_says_are_not_taken(index: str, source: Store, tmp_path: Path) -> None:
    [file] = source.files("zope-interface")
    (source.files_directory / file.path).write_bytes(wheel("zope.interface", "5.0", {"Summary": "changed"}).content)
    tally, said = await asyncio.to_thread(imported, tmp_path / "copy", index)
    assert tally == Tally(added=4, skipped=1)
    assert any("its bytes are not those that the index says" in line for line in said)


async def test_what_is_no_index_is_told(index: str, tmp_path: Path) -> None:
    for url in (index.replace("/simple/", "/project/"), "http://127.0.0.1:1/simple/"):
        with pytest.raises(CannotImport, match="cannot be read as an index in JSON"):
            await asyncio.to_thread(imported, tmp_path / "copy", url)
