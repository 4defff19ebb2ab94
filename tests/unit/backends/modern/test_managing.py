"""Yanking, statuses and staged releases by the authenticated API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from attestations import Authority
from packages import LAUNCH, sdist, stored, wheel
from uploads import FLASK, TOKEN, basic, form, upload

from backends.store import Store
from backends.store.checking import check


async def ask(client: TestClient, method: str, path: str, said: object = None, token: str = TOKEN) -> tuple[int, Any]:
    data = None if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = {"Authorization": token, "Host": "upload.pypi.test"}
    async with client.request(method, path, data=data, headers=headers) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, json.loads(await answer.text())


async def test_a_release_is_yanked_and_taken_back(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    path = "/api/projects/flask/releases/1.0/yank"
    expected = {"version": "1.0", "yanked": True, "yanked_reason": "leaks"}
    assert await ask(client, "PUT", path, {"reason": "leaks"}) == (200, expected)
    async with client.get("/simple/flask/") as answer:
        assert 'data-yanked="leaks"' in await answer.text()
    assert (await ask(client, "PUT", path))[1]["yanked_reason"] is None
    assert (await ask(client, "DELETE", path))[1]["yanked"] is False
    async with client.get("/simple/flask/") as answer:
        assert "data-yanked" not in await answer.text()
    assert [change.action for change in store.changes_after(3)] == ["yank release", "yank release", "unyank release"]


async def test_a_project_says_how_it_stands(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    said = {"status": "archived", "reason": "all done"}
    assert await ask(client, "PUT", "/api/projects/Flask/status", said) == (200, said)
    async with client.get("/simple/flask/") as answer:
        assert 'content="archived"' in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "said", "status"),
    [
        ("PUT", "/api/projects/flask/releases/9/yank", {}, 404),
        ("PUT", "/api/projects/nothing/releases/1.0/yank", {}, 404),
        ("PUT", "/api/projects/flask/releases/1.0/yank", {"reason": 1}, 400),
        ("PUT", "/api/projects/flask/releases/1.0/yank", [], 400),
        ("PUT", "/api/projects/flask/releases/1.0/yank", b"nonsense", 400),
        ("PUT", "/api/projects/flask/status", {}, 400),
        ("PUT", "/api/projects/flask/status", {"status": "gone"}, 400),
        ("PUT", "/api/projects/nothing/status", {"status": "archived"}, 404),
        ("GET", "/api/stages/nothing", None, 404),
        ("GET", "/api/stages/AAAAAAAAAAAAAAAAAAAAAA", None, 404),
        ("DELETE", "/api/stages/..", None, 404),
        ("POST", "/api/stages/AAAAAAAAAAAAAAAAAAAAAA/publish", None, 404),
    ],
)
async def test_what_cannot_be_done_is_told(
    client: TestClient, store: Store, method: str, path: str, said: object, status: int
) -> None:
    stored(store, wheel("Flask", "1.0"))
    serial = store.last_serial()
    if path.endswith(".."):
        path = path.replace("..", "%2e%2e%2f")
    got = await client.request(method, path, headers={"Authorization": TOKEN}, data=_data(said))
    assert got.status == status
    assert store.last_serial() == serial


def _data(said: object) -> bytes | None:
    return None if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()


async def test_nobody_without_the_token_changes_anything(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    for token in ("", basic("__token__", "wrong")):
        for method, path in (
            ("PUT", "/api/projects/flask/releases/1.0/yank"),
            ("PUT", "/api/projects/flask/status"),
            ("POST", "/api/stages/"),
            ("DELETE", "/api/stages/AAAAAAAAAAAAAAAAAAAAAA"),
            ("POST", "/api/stages/AAAAAAAAAAAAAAAAAAAAAA/publish"),
        ):
            assert (await ask(client, method, path, {"status": "archived"}, token))[0] == 403
    assert not store.releases("flask")[0].yanked
    assert not (store.directory / "stages").exists()


async def staged(client: TestClient) -> str:
    status, said = await ask(client, "POST", "/api/stages/")
    assert (status, said["upload"]) == (201, f"http://upload.pypi.test/stages/{said['stage']}/legacy/")
    return str(said["stage"])


async def test_a_release_is_staged_looked_at_and_published_at_once(client: TestClient, store: Store) -> None:
    stage = await staged(client)
    authority = Authority("issuer")
    files = (FLASK, sdist("Flask", "1.0"))
    for package in files:
        attested = json.dumps([authority.attest(package)])
        assert await upload(client, form(package, attestations=attested), path=f"/stages/{stage}/legacy/") == (200, "")
    assert store.projects() == []
    async with client.get("/simple/flask/") as answer:
        assert answer.status == 404
    headers = {"Accept": "application/vnd.pypi.simple.v1+json", "Host": "pypi.test"}
    async with client.get(f"/stages/{stage}/simple/flask/", headers=headers) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        page = json.loads(await answer.text())
    [url] = [file["url"] for file in page["files"] if file["filename"] == FLASK.filename]
    async with client.get(url.removeprefix("http://pypi.test")) as answer:
        assert (await answer.read(), answer.content_type) == (FLASK.content, "application/octet-stream")
        assert answer.headers["Content-Disposition"] == "attachment"
    async with client.get(f"{url.removeprefix('http://pypi.test')}.metadata") as answer:
        assert b"Name: Flask" in await answer.read()
    assert [file["filename"] for file in (await ask(client, "GET", f"/api/stages/{stage}"))[1]["files"]] == [
        package.filename for package in files
    ]
    status, said = await ask(client, "POST", f"/api/stages/{stage}/publish")
    assert (status, said) == (200, {"published": [package.filename for package in files]})
    assert {file.filename for file in store.files("flask")} == {package.filename for package in files}
    assert store.provenance(FLASK.filename) is not None
    assert list(check(store)) == []
    assert (await ask(client, "GET", f"/api/stages/{stage}"))[1] == {"files": []}
    assert (await ask(client, "DELETE", f"/api/stages/{stage}"))[0] == 200
    assert (await ask(client, "GET", f"/api/stages/{stage}"))[0] == 404


async def test_what_is_refused_keeps_all_of_a_stage_from_being_published(client: TestClient, store: Store) -> None:
    stage = await staged(client)
    for package, name in ((FLASK, "Flask"), (wheel("l1b", "1.0"), "l1b")):
        assert (await upload(client, form(package, name=name), path=f"/stages/{stage}/legacy/"))[0] == 200
    stored(store, wheel("lib", "1.0"), LAUNCH)
    serial = store.last_serial()
    status, said = await ask(client, "POST", f"/api/stages/{stage}/publish")
    assert status == 409
    assert said["refused"] == [
        {"filename": "l1b-1.0-py3-none-any.whl", "message": "The name 'l1b' is too similar to an existing project."}
    ]
    assert (store.last_serial(), store.project("flask")) == (serial, None)
    assert len((await ask(client, "GET", f"/api/stages/{stage}"))[1]["files"]) == 2


async def test_two_that_publish_at_once_publish_once(client: TestClient, store: Store) -> None:
    stage = await staged(client)
    await upload(client, form(FLASK), path=f"/stages/{stage}/legacy/")
    outcomes = await asyncio.gather(*(ask(client, "POST", f"/api/stages/{stage}/publish") for _ in range(3)))
    assert sorted(len(said["published"]) for _, said in outcomes) == [0, 0, 1]
    assert len(store.files("flask")) == 1


async def test_a_stage_is_no_way_to_other_files(client: TestClient, store: Store) -> None:
    from yarl import URL

    stage = await staged(client)
    stored(store, wheel("Flask", "1.0"))
    for path in (
        "%2e%2e/%2e%2e/index.sqlite3",
        "..%2f..%2findex.sqlite3",
        "%2fetc%2fpasswd",
        "aa/bb/cc",
        "%00",
        "a" * 5000,
    ):
        async with client.get(URL(f"/stages/{stage}/packages/{path}", encoded=True)) as answer:
            assert answer.status in (400, 404), path


@pytest.mark.parametrize(
    ("status", "taken"), [("active", True), ("deprecated", True), ("archived", False), ("quarantined", False)]
)
async def test_a_stage_is_published_as_its_project_s_status_allows(
    client: TestClient, store: Store, status: str, taken: bool
) -> None:
    stage = await staged(client)
    await upload(client, form(FLASK), path=f"/stages/{stage}/legacy/")
    stored(store, sdist("Flask", "1.0"))
    assert (await ask(client, "PUT", "/api/projects/flask/status", {"status": status}))[0] == 200
    got, said = await ask(client, "POST", f"/api/stages/{stage}/publish")
    assert got == (200 if taken else 409)
    refused = [each["message"] for each in said.get("refused", ())]
    assert refused == ([] if taken else [f"Project 'Flask' is {status} and takes no new files."])
    assert len(store.files("flask")) == 1 + taken


async def test_half_of_a_surrogate_pair_is_no_reason(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    for path, said in (("releases/1.0/yank", {}), ("status", {"status": "archived"})):
        got = await ask(client, "PUT", f"/api/projects/flask/{path}", {**said, "reason": "\ud800"})
        assert got == (400, {"message": "reason holds half of a surrogate pair, which is no text."})
