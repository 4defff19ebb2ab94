"""What a write changed is purged at the edge, by the tags that the pages of either site have."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from harness import backend
from old_writes import multipart, posted, submission, upload_of
from packages import LAUNCH, sdist, stored
from site_under_test import Origin, ok

from backends.legacy.app import Settings, make_app
from backends.legacy.era import Era
from backends.purging import Edges, purge_at
from backends.store import Store
from backends.tally import HEADER, tell_writes


async def test_a_release_and_a_file_of_it_make_their_pages_old(store: Store, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("the-token-of-the-edge\n")
    token.chmod(0o600)
    edge = Origin()
    edge.will_say(ok(), ok())
    async with backend(edge.serve) as server:
        app = make_app(store, lambda: LAUNCH, Settings(Era(date(2017, 6, 27))))
        purge_at(app, Edges((f"http://127.0.0.1:{server.port}",), token))
        async with TestClient(TestServer(app)) as client:
            assert (await posted(client, multipart(submission())))[0] == 200
            assert (await posted(client, upload_of(sdist("Flask", "1.0"))))[0] == 200
            assert (await posted(client, upload_of(sdist("Flask", "1.0"))))[0] == 400
    lines = [line for head in edge.seen for line in head.decode().split("\r\n")]
    assert [line.split()[1:] for line in lines if line.startswith("Surrogate-Key:")] == [
        ["project/flask", "all-projects", "user/armin", "pkg~flask", "simple-index"],
        ["project/flask", "pkg~flask"],
    ]


async def test_what_the_new_site_asks_to_purge_is_purged_as_either_site_tags_it(store: Store, tmp_path: Path) -> None:
    stored(store, sdist("zope.interface", "4.4.3"))
    token = tmp_path / "token"
    token.write_text("the-token-of-the-edge\n")
    token.chmod(0o600)
    edge = Origin()
    edge.will_say(ok(), ok())
    async with backend(edge.serve) as server:
        app = make_app(store, lambda: LAUNCH)
        purge_at(app, Edges((f"http://127.0.0.1:{server.port}",), token))
        async with TestClient(TestServer(app)) as client:
            for query in ("&project=zope-interface&project=nothing", ""):
                async with client.get(f"/pypi?:action=purge{query}") as answer:
                    assert (answer.status, await answer.text()) == (200, "OK")
    [head] = edge.seen
    [tags] = [line for line in head.decode().split("\r\n") if line.startswith("Surrogate-Key:")]
    assert tags.split()[1:] == [
        *("project/zope-interface", "pkg~zope.interface", "project/nothing", "pkg~nothing", "simple-index"),
    ]


async def test_what_is_written_is_told_to_who_wants_to_know(store: Store) -> None:
    app = make_app(store, lambda: LAUNCH, Settings(Era(date(2017, 6, 27))))
    tell_writes(app)
    async with TestClient(TestServer(app)) as client:
        for form, is_written in ((submission(), True), (submission(__action="verify"), False)):
            headers = {"Authorization": "Basic YXJtaW46Y29ycmVjdCBob3JzZSAx"}
            async with client.post("/pypi", data=multipart(form), headers=headers) as answer:
                assert (answer.status, int(answer.headers[HEADER]) > 0) == (200, is_written)
