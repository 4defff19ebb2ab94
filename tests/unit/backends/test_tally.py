"""Both bundled sites tell in each answer how much was written for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from harness import always, backend
from packages import LAUNCH, stored, wheel
from site_under_test import ok
from uploads import FLASK, TOKEN, form

from backends.legacy.app import make_app as make_legacy
from backends.modern.app import make_app as make_modern
from backends.modern.site import Site
from backends.purging import Edges, purge_at
from backends.store import Store
from backends.tally import tell_writes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        stored(opened, wheel("six", "1.0"))
        yield opened


@pytest.fixture
async def modern(store: Store) -> AsyncIterator[TestClient]:
    app = make_modern(store, Site(upload_token="secret"), lambda: LAUNCH)
    tell_writes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def told(client: TestClient, method: str, path: str, **more: object) -> tuple[int, str]:
    async with client.request(method, path, **more) as answer:  # type: ignore[arg-type]
        return answer.status, answer.headers["Backend-Writes"]


async def test_what_only_reads_has_written_nothing(modern: TestClient) -> None:
    for path in ("/simple/six/", "/simple/", "/pypi/six/json", "/search/?q=six", "/nothing/here", "/static/site.css"):
        assert (await told(modern, "GET", path))[1] == "0", path


async def test_what_changes_the_index_says_so_and_what_is_refused_does_not(modern: TestClient) -> None:
    yank = "/api/projects/six/releases/1.0/yank"
    headers = {"Authorization": TOKEN}
    assert await told(modern, "PUT", yank, json={}, headers=headers) != (200, "0")
    assert await told(modern, "PUT", yank, json={}) == (403, "0")
    status, writes = await told(modern, "POST", "/api/stages/", headers=headers)
    assert (status, writes) == (201, "1")
    async with modern.post("/legacy/", data=form(FLASK), headers=headers) as answer:
        assert answer.status == 200
        assert int(answer.headers["Backend-Writes"]) > 0
    async with modern.post("/legacy/", data=form(FLASK), headers=headers) as answer:
        assert answer.headers["Backend-Writes"] == "0"  # the same once more, which is no change


async def test_a_write_counts_for_its_own_request_whatever_is_answered_meanwhile(modern: TestClient) -> None:
    headers = {"Authorization": TOKEN}
    stages = [told(modern, "POST", "/api/stages/", headers=headers) for _ in range(4)]
    pages = [told(modern, "GET", "/simple/six/") for _ in range(20)]
    answers = await asyncio.gather(*stages, *pages)
    assert [writes for _, writes in answers] == ["1"] * 4 + ["0"] * 20


async def test_a_get_by_which_the_old_site_purges_edges_is_a_write(store: Store, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("the-token-of-the-edge\n")
    token.chmod(0o600)
    async with backend(always(ok(b"{}"))) as edge:
        app: web.Application = make_legacy(store, lambda: LAUNCH)
        purge_at(app, Edges((f"http://127.0.0.1:{edge.port}",), token))
        tell_writes(app)
        async with TestClient(TestServer(app)) as client:
            assert (await told(client, "GET", "/pypi?:action=purge&project=six"))[1] == "1"
            assert (await told(client, "GET", "/pypi?:action=display&name=six"))[1] == "0"
            assert (await told(client, "GET", "/serial"))[1] == "0"
