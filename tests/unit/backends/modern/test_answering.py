"""What all answers of the new site have: an ETag and its 304, and a 500 of the site's own."""

from __future__ import annotations

from datetime import datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict
from packages import LAUNCH, stored, wheel

from backends.modern.app import make_app
from backends.modern.site import Site
from backends.store import Store

BUFFERED = [
    "/", "/simple/", "/simple/flask/", "/pypi/flask/json", "/rss/updates.xml", "/project/Flask/", "/search/?q=flask", "/stats/",
    "/sitemap.xml", "/classifiers/", "/robots.txt", "/_health/",
]  # fmt: skip


@pytest.mark.parametrize("path", BUFFERED)
async def test_who_has_an_answer_is_not_sent_it_again(client: TestClient, store: Store, path: str) -> None:
    stored(store, wheel("Flask", "1.0"))
    async with client.get(path) as got, client.head(path) as asked:
        tag = got.headers["ETag"]
        assert (got.status, asked.headers["ETag"]) == (200, tag)
    for lines in (["*"], [f'W/{tag}, "x"'], ['"x"', tag]):
        headers = CIMultiDict(("If-None-Match", line) for line in lines)
        for method in ("GET", "HEAD"):
            async with client.request(method, path, headers=headers) as answer:
                assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, tag, b"")
                assert answer.headers.get("Vary") == got.headers.get("Vary")
    async with client.get(path, headers={"If-None-Match": '"x"'}) as answer:
        assert answer.status == 200


async def test_what_is_no_200_to_a_get_has_no_etag(client: TestClient) -> None:
    for path in ("/nothing", "/simple", "/_force-status/503/"):
        async with client.get(path, allow_redirects=False, headers={"If-None-Match": "*"}) as answer:
            assert answer.status in (301, 404, 503)
            assert "ETag" not in answer.headers
    body = "<methodCall><methodName>changelog_last_serial</methodName></methodCall>"
    headers = {"Content-Type": "text/xml", "If-None-Match": "*"}
    async with client.post("/pypi", data=body, headers=headers) as answer:
        assert answer.status == 200
        assert "ETag" not in answer.headers


async def test_what_nobody_foresaw_is_a_500_of_the_site_s_own(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def clock() -> datetime:
        raise OverflowError("the end of time")

    async with TestClient(TestServer(make_app(store, Site(), clock))) as client, client.get("/simple/") as answer:
        assert (answer.status, await answer.text()) == (500, "500 Internal Server Error")
    assert [record.getMessage() for record in caplog.records] == ["GET /simple/"]


async def test_an_answer_that_is_on_its_way_is_broken_off(store: Store) -> None:
    async def begin(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 10
        await response.prepare(request)
        await response.write(b"half")
        raise OverflowError

    app = make_app(store, Site(), lambda: LAUNCH)
    app.router.add_get("/half/done", begin)
    async with TestClient(TestServer(app)) as client, client.get("/half/done") as answer:
        assert answer.status == 200
        with pytest.raises(Exception, match="payload is not completed"):
            await answer.read()
