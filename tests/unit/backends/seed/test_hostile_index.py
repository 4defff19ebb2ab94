"""An index that sends anything: what cannot be taken is said and passed over, and the rest is imported all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from packages import LAUNCH, Package, stored, wheel

from backends.seed.__main__ import main
from backends.seed.index import CannotImport, Wanted, seed_index
from backends.seed.seeding import Tally
from backends.store import Store

EVIL, GOOD, VICTIM = wheel("evil", "1.0"), wheel("good", "1.0"), wheel("victim", "99.0")
URLS = {EVIL.filename: EVIL, GOOD.filename: GOOD, VICTIM.filename: VICTIM}


def entry(package: Package, **changes: object) -> dict[str, object]:
    hashes = {"sha256": sha256(package.content).hexdigest()}
    return {"filename": package.filename, "url": f"/files/{package.filename}", "hashes": hashes, **changes}


def page(*files: object, **changes: object) -> bytes:
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "x", "files": files, **changes}).encode()


class Index:
    """Whatever it is told to send of `evil`, beside an honest `good`."""

    def __init__(self, evil: bytes, projects: object = None) -> None:
        self._pages = {
            "": json.dumps({"projects": projects or [{"name": "evil"}, {"name": "good"}]}).encode(),
            "evil/": evil,
            "good/": page(entry(GOOD)),
        }

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(body=self._pages[request.match_info["name"]])

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["name"] == "elsewhere":
            raise web.HTTPFound("file:///etc/hostname")
        return web.Response(body=URLS[request.match_info["name"]].content)

    async def imported(self, directory: Path, wanted: Wanted | None = None) -> tuple[Tally, list[str]]:
        app = web.Application()
        app.add_routes([web.get("/simple/{name:.*}", self._page), web.get("/files/{name}", self._file)])
        async with TestServer(app) as server:
            return await asyncio.to_thread(_seed, directory, str(server.make_url("/simple/")), wanted or Wanted())


def _seed(directory: Path, url: str, wanted: Wanted) -> tuple[Tally, list[str]]:
    said: list[str] = []
    with Store(directory) as store:
        return seed_index(store, url, wanted, said.append, lambda: LAUNCH), said


@pytest.mark.parametrize(
    ("evil", "reason"),
    [
        (b"[" * 200_000, "recursion"),
        (b"[1]", "the page is of another type"),
        (b"null", "the page is of another type"),
        (b'{"files": 5}', "files is of another type"),
        (b"{}", "'files'"),
        (page(entry(EVIL), meta={"api-version": "2.0"}), "its API is of version '2.0'"),
        (page(entry(EVIL, filename="\ud800.whl")), "surrogates not allowed"),
        (page(entry(EVIL, hashes={"sha256": 5})), "its sha256 is of another type"),
        (page(entry(EVIL, hashes={})), "its sha256 is of another type"),
        (page(entry(EVIL, hashes=None)), "hashes is of another type"),
        (page(entry(EVIL, url=5)), "its url is of another type"),
        (page(entry(EVIL, url="http://[::1")), "Invalid IPv6 URL"),
        (page(entry(EVIL, url="http://127.0.0.1:abc/")), "nonnumeric port"),
        (page(entry(EVIL, url="http://127.0.0.1:1/\n")), "refused"),
        (page(entry(EVIL, url="file:///etc/hostname")), "unknown url type: file"),
        (page(entry(EVIL, url="ftp://127.0.0.1/")), "unknown url type: ftp"),
        (page(entry(EVIL, url="/files/elsewhere")), "not allowed"),
        (page(entry(VICTIM)), "it is of the project victim, and on the page of evil"),
    ],
)
async def test_what_cannot_be_taken_is_passed_over(tmp_path: Path, evil: bytes, reason: str) -> None:
    tally, said = await Index(evil).imported(tmp_path)
    assert tally == Tally(added=1, skipped=1)
    assert [line for line in said if line.startswith("skipped ") and reason in line], said
    with Store(tmp_path) as store:
        assert [project.name for project in store.projects()] == ["good"]


@pytest.mark.parametrize(
    "changes",
    [
        {"upload-time": "9999-12-31T23:59:59-14:00"},
        {"upload-time": "0001-01-01T00:00:00+14:00"},
        {"upload-time": "2999-01-01T00:00:00Z"},
        {"upload-time": 5},
        {"upload-time": None},
    ],
)
async def test_a_moment_that_cannot_be_is_now(tmp_path: Path, changes: Mapping[str, Any]) -> None:
    assert (await Index(page(entry(EVIL, **changes))).imported(tmp_path))[0] == Tally(added=2)
    with Store(tmp_path) as store:
        assert [file.upload_time for file in store.files("evil")] == [LAUNCH]


async def test_texts_and_entries_of_odd_types_harm_nothing(tmp_path: Path) -> None:
    status = {"status": "quarantined", "reason": 5}
    evil = page(1, {"filename": 5}, entry(EVIL, yanked="\ud800 bad"), **{"project-status": status})
    assert (await Index(evil).imported(tmp_path))[0] == Tally(added=2)
    with Store(tmp_path) as store:
        [release], project = store.releases("evil"), store.project("evil")
        assert (release.yanked, release.yanked_reason) == (True, "? bad")
        assert project is not None
        assert (project.status, project.status_reason) == ("quarantined", None)


async def test_versions_that_are_no_list_are_told_when_they_matter(tmp_path: Path) -> None:
    index = Index(page(entry(EVIL), versions=5))
    assert (await index.imported(tmp_path, Wanted(["evil"], newest=1)))[0] == Tally(skipped=1)
    assert (await index.imported(tmp_path, Wanted(["evil"])))[0] == Tally(added=1)


async def test_a_page_changes_nothing_of_another_project(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        stored(store, VICTIM)
        stored(store, wheel("evil", "99.0"))
    tally, _ = await Index(page(entry(VICTIM, yanked="gone"))).imported(tmp_path, Wanted(["evil"]))
    assert tally == Tally(skipped=1)
    with Store(tmp_path) as store:
        assert [file.yanked for file in store.all_files()] == [False, False]


@pytest.mark.parametrize("projects", [5, [1], [{"name": 5}], [{}]])
async def test_a_list_of_projects_that_is_none_is_told(tmp_path: Path, projects: object) -> None:
    with pytest.raises(CannotImport, match="cannot be read as an index in JSON"):
        await Index(b"", projects).imported(tmp_path)


def test_what_is_printed_is_one_line_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "\x1b[2J\nx\u202e.whl").write_bytes(b"")
    (tmp_path / "größe.whl").write_bytes(b"")
    assert main(["--store", str(tmp_path / "store"), str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "\\x1b[2J\\nx\\u202e.whl" in out
    assert "größe.whl" in out
    assert len(out.splitlines()) == 3
    assert all(line.isprintable() for line in out.splitlines())
