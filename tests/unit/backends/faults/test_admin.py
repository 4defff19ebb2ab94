"""Who may tell a site its faults, what is said back, and that there is nothing without a token."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from faulty_site import FaultySite
from packages import LAUNCH

from backends.faults import FaultyStore
from backends.faults.planted import MOST
from backends.legacy.app import make_app as make_legacy
from backends.modern.app import make_app as make_modern
from backends.modern.site import Site


async def test_faults_are_planted_listed_and_cleared(site: FaultySite) -> None:
    got = await site.tell("POST", said={"fault": " simple/Flask   missing ", "for": "5m"})
    assert got.status == 201
    assert json.loads(got.body) == {"number": 1, "fault": "simple/Flask missing", "left": 300.0, "hits": 0}
    await site.plant("json error")
    await site.get("/simple/flask/")
    site.time.now += 10
    assert await site.listed() == [
        {"number": 1, "fault": "simple/Flask missing", "left": 290.0, "hits": 1},
        {"number": 2, "fault": "json error", "left": 590.0, "hits": 0},
    ]
    assert json.loads((await site.tell("DELETE", "/_faults/1")).body) == {"cleared": 1}
    assert (await site.tell("DELETE", "/_faults/1")).status == 404
    assert json.loads((await site.tell("DELETE")).body) == {"cleared": 1}
    assert await site.listed() == []
    assert (await site.get("/simple/flask/")).status == 200


@pytest.mark.parametrize("token", ["", "a-token-of-the-test", "a-token-of-the-tests2", "\u00e9" * 20])
async def test_a_stranger_can_do_nothing(site: FaultySite, token: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        got = await site.tell(method, said={"fault": "* error"}, token=token)
        assert (got.status, got.headers["Cache-Control"]) == (403, "no-store")
        assert "Backend-Token is not the token of this site" in got.text
    got = await site.get("/simple/flask/", headers={"Backend-Fault": "error", "Backend-Token": token})
    assert (got.status, got.headers["Cache-Control"]) == (403, "no-store")
    assert await site.listed() == []


async def test_a_stranger_learns_nothing_of_the_language(site: FaultySite) -> None:
    got = await site.get("/simple/flask/", headers={"Backend-Fault": "nonsense"})
    assert got.status == 403


async def test_a_token_alone_asks_for_nothing(site: FaultySite) -> None:
    assert (await site.tell("GET", "/simple/flask/")).status == 200


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"fault": "simple mising"}, "'mising' is no fault"),
        ({"fault": "simple hang", "for": "25h"}, "'25h' is not between 0 and 86400 seconds"),
        ({"fault": "simple hang", "for": 10}, "fault and for are texts"),
        ({"fault": "simple hang", "until": "10m"}, "not an object with the keys fault and for"),
        ({}, "fault and for are texts"),
        ([], "not an object"),
        ({"fault": "x" * 5000}, "longer than 4096 octets"),
    ],
)
async def test_what_cannot_be_planted_is_said(site: FaultySite, said: object, why: str) -> None:
    got = await site.tell("POST", said=said)
    assert got.status == 400
    assert why in got.text
    assert got.text.count("\n") == 1


async def test_what_cannot_be_asked_for_by_a_header_is_said(site: FaultySite) -> None:
    got = await site.get("/simple/flask/", "slow=soon")
    assert (got.status, got.headers["Cache-Control"]) == (400, "no-store")
    assert got.text == "'soon' is not a time: give one like 300ms, 2s, 10m or 1h\n"


async def test_other_methods_and_other_paths_are_none_of_its_business(site: FaultySite) -> None:
    assert (await site.tell("PUT", said={})).status == 405
    assert (await site.tell("POST", "/_faults/1", said={})).status == 405
    assert (await site.tell("GET", "/_faults/x")).status == 404
    assert (await site.tell("GET", "/_faults")).status in (301, 404)  # as the site has it


async def test_the_number_of_faults_is_bounded(site: FaultySite) -> None:
    for _ in range(MOST):
        await site.plant("json hang")
    got = await site.tell("POST", said={"fault": "json hang"})
    assert got.status == 409
    assert "64 faults are planted, and no more can be" in got.text


@pytest.mark.parametrize("site", ["modern"], indirect=True)
async def test_a_site_without_files_takes_no_untruths_about_them(site: FaultySite) -> None:
    got = await site.tell("POST", said={"fault": "files/six missing"})
    assert got.status == 400
    assert "this site has no files" in got.text


async def test_what_a_style_sheet_looks_like_is_no_fault(site: FaultySite) -> None:
    true = await site.get("/static/site.css")
    await site.plant("* error")
    assert (await site.get("/static/site.css")).status == true.status
    assert (await site.get("/_health/")).status == 500


@pytest.mark.parametrize("name", ["legacy", "modern"])
async def test_without_a_token_there_are_no_faults(name: str, store: FaultyStore) -> None:
    app = make_legacy(store, lambda: LAUNCH) if name == "legacy" else make_modern(store, Site(), lambda: LAUNCH)
    async with TestServer(app) as server, ClientSession(str(server.make_url(""))) as session:
        for token in ("", "None", "null"):
            headers = {"Backend-Fault": "error", "Backend-Token": token}
            async with session.get("/simple/flask/", headers=headers) as answer:
                assert answer.status == 200
            for method in ("GET", "POST", "DELETE"):
                async with session.request(method, "/_faults/", headers={"Backend-Token": token}) as answer:
                    assert answer.status in (404, 405)
