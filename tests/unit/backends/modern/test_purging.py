"""What an upload changes is purged at the edge: after it is committed, before it is told of, and never at its cost."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from pathlib import Path

import pytest
from aiohttp import ClientTimeout, FormData
from aiohttp.test_utils import TestClient, TestServer
from harness import BackendPeer, backend
from packages import LAUNCH, sdist, stored, wheel
from site_under_test import Origin, ok

from backends import purging
from backends.modern.app import make_app
from backends.modern.site import Site
from backends.modern.staging import open_stage
from backends.purging import Edges, purge_at
from backends.store import Store

PACKAGE = wheel("Flask", "1.0")
TOKEN = "Basic " + b64encode(b"__token__:secret").decode()
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("the-token-of-the-edge\n")
    file.chmod(0o600)
    return file


@asynccontextmanager
async def site(store: Store, token: Path, *ports: int) -> AsyncIterator[TestClient]:
    """The new site, with these edges in front."""
    app = make_app(store, Site(upload_token="secret"), lambda: LAUNCH)
    purge_at(app, Edges(tuple(f"http://127.0.0.1:{port}" for port in ports), token))
    async with TestClient(TestServer(app)) as client:
        yield client


async def upload(client: TestClient) -> int:
    data = FormData(default_to_multipart=True)
    fields = {
        ":action": "file_upload",
        "metadata_version": "2.1",
        "name": "Flask",
        "version": "1.0",
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "md5_digest": md5(PACKAGE.content).hexdigest(),
    }
    for key, value in fields.items():
        data.add_field(key, value)
    data.add_field("content", PACKAGE.content, filename=PACKAGE.filename)
    async with client.post("/legacy/", data=data, headers={"Authorization": TOKEN}) as answer:
        return answer.status


async def test_the_edge_is_asked_when_the_upload_is_there_and_before_its_uploader_is_told(
    store: Store, token: Path
) -> None:
    edge = Origin()
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        uploading = asyncio.ensure_future(upload(client))
        asked = (await edge.asked.get()).decode()
        assert len(store.files("flask")) == 1
        assert not uploading.done()
        edge.will_say(ok(b'{"purged": true}'))
        assert await uploading == 200
    lines = asked.split("\r\n")
    assert lines[0] == "PURGE / HTTP/1.1"
    expected = {
        *("Host: pypi.test", "Authorization: Bearer the-token-of-the-edge"),
        *("Surrogate-Key: project/flask all-projects", "Purge-Mode: soft"),
    }
    assert expected <= set(lines)


async def test_an_upload_that_changes_nothing_purges_nothing(store: Store, token: Path) -> None:
    edge = Origin()
    edge.will_say(ok(), REFUSED)
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        assert [await upload(client), await upload(client)] == [200, 200]
    assert len(edge.seen) == 1


def purged(edge: Origin) -> list[str]:
    """The tags of each purge that an edge was asked for."""
    lines = [line for head in edge.seen for line in head.decode().split("\r\n")]
    return [line.removeprefix("Surrogate-Key: ") for line in lines if line.startswith("Surrogate-Key: ")]


async def test_a_file_of_an_old_release_changes_its_project_s_pages_only(store: Store, token: Path) -> None:
    stored(store, sdist("Flask", "1.0"))
    store.grant("flask", "Owner", "armin", LAUNCH)
    edge = Origin()
    edge.will_say(ok())
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        assert await upload(client) == 200
    assert purged(edge) == ["project/flask"]


async def test_a_release_and_how_it_stands_change_the_lists_and_its_people_s_pages(store: Store, token: Path) -> None:
    stored(store, sdist("Flask", "0.9"))
    store.grant("flask", "Owner", "armin r", LAUNCH)
    headers = {"Authorization": TOKEN}
    edge = Origin()
    edge.will_say(ok(), ok(), ok(), ok())
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        assert await upload(client) == 200
        for method, path in (("PUT", "releases/1.0/yank"), ("DELETE", "releases/1.0/yank"), ("PUT", "status")):
            url = f"/api/projects/flask/{path}"
            async with client.request(method, url, json={"status": "archived"}, headers=headers) as answer:
                assert answer.status == 200
    assert purged(edge) == ["project/flask all-projects user/arminr"] * 4
    async with TestClient(TestServer(make_app(store, Site(), lambda: LAUNCH))) as client:
        for path, tag in (
            ("/", "all-projects"),
            ("/rss/updates.xml", "all-projects"),
            ("/user/armin r/", "user/arminr"),
        ):
            async with client.get(path) as answer:
                assert answer.headers["Surrogate-Key"] == tag


async def test_a_published_stage_changes_what_its_releases_do(store: Store, token: Path) -> None:
    edge = Origin()
    edge.will_say(ok())
    headers = {"Authorization": TOKEN}
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        async with client.post("/api/stages/", headers=headers) as answer:
            stage = (await answer.json())["stage"]
        with open_stage(store.directory, stage) as opened:
            assert opened is not None
            stored(opened, PACKAGE)
            stored(opened, wheel("django", "1.0"))
        async with client.post(f"/api/stages/{stage}/publish", headers=headers) as answer:
            assert answer.status == 200
    assert set(purged(edge)[0].split()) == {"project/django", "project/flask", "all-projects"}


async def test_an_edge_that_refuses_is_asked_twice_again(
    store: Store, token: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert purging.AGAIN_AFTER == (0.0, 2.0)
    monkeypatch.setattr(purging, "AGAIN_AFTER", (0.0, 0.0))
    edge = Origin()
    edge.will_say(REFUSED, REFUSED)
    async with backend(edge.serve) as server, site(store, token, server.port) as client:
        assert await upload(client) == 200
        for _ in range(3):
            await edge.asked.get()
        edge.will_say(ok())
    assert caplog.records == []


async def test_an_edge_that_is_not_there_is_told_of_in_one_line(
    store: Store, token: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(purging, "AGAIN_AFTER", (0.0, 0.0))
    edge = Origin()
    edge.will_say(ok())
    async with backend(edge.serve) as server, backend(edge.serve) as gone:
        port = gone.port
    async with backend(edge.serve) as server, site(store, token, port, server.port) as client:
        assert await upload(client) == 200
        while not caplog.records:
            await asyncio.sleep(0)
    [record] = caplog.records
    assert record.getMessage().startswith(f"project/flask all-projects is not purged at http://127.0.0.1:{port}: ")
    assert len(edge.seen) == 1  # the other edge was asked


async def test_an_edge_that_hangs_keeps_nobody_waiting_for_long(
    store: Store, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PATIENCE", ClientTimeout(total=0.05))

    async def hang(peer: BackendPeer) -> None:
        await asyncio.Event().wait()

    async with backend(hang) as server, site(store, token, server.port) as client:
        assert await upload(client) == 200
    assert len(store.files("flask")) == 1


async def test_a_token_that_cannot_be_used_costs_no_upload(
    store: Store, token: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(purging, "AGAIN_AFTER", (0.0, 0.0))
    token.unlink()
    async with site(store, token, 9) as client:
        assert await upload(client) == 200
        while not caplog.records:
            await asyncio.sleep(0)
    assert f"{token} cannot be read: No such file or directory" in caplog.text
