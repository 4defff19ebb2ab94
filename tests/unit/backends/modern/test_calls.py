"""XML-RPC of the new site: its limit, and what it keeps of the old one's caution."""

from __future__ import annotations

import io
import xmlrpc.client
from datetime import timedelta
from xml.etree.ElementTree import fromstring

import pytest
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH, stored, wheel

from backends.marshalling import LARGEST_CALL
from backends.modern.app import make_app
from backends.modern.era import Era
from backends.modern.limiting import Limit
from backends.modern.site import Site
from backends.store import Store

LAST = xmlrpc.client.dumps((), "changelog_last_serial").encode()


async def called(client: TestClient, body: bytes, address: str = "192.0.2.1") -> str:
    headers = {"Content-Type": "text/xml", "X-Forwarded-For": address}
    async with client.post("/pypi", data=io.BytesIO(body), headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/xml")
        return await answer.text()


async def test_who_calls_too_often_gets_a_fault_and_others_do_not(store: Store) -> None:
    async with TestClient(TestServer(make_app(store, Site(calls_an_hour=2), lambda: LAUNCH))) as client:
        for _ in range(2):
            assert "<int>0</int>" in await called(client, LAST)
        refused = await called(client, LAST)
        assert "-32500" in refused
        assert "HTTPTooManyRequests: The action could not be performed because" in refused
        assert "Limit may reset in 3600 seconds." in refused
        assert "<int>0</int>" in await called(client, LAST, "192.0.2.2")


def test_an_hour_later_a_client_may_call_again() -> None:
    limit = Limit(1)
    assert limit.wait("a", LAUNCH) is None
    assert limit.wait("a", LAUNCH + timedelta(minutes=59)) == 60
    assert limit.wait("a", LAUNCH + timedelta(minutes=60)) is None


async def test_what_is_no_call_is_a_fault(client: TestClient) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><methodCall><methodName>&a;</methodName></methodCall>'
    for body in (b"", b"nonsense", bomb, b"<x/>", b" " * LARGEST_CALL):
        assert "-32700" in await called(client, body)


async def test_more_arguments_than_there_are_is_a_fault(client: TestClient) -> None:
    assert "-32602" in await called(client, xmlrpc.client.dumps((1,), "changelog_last_serial").encode())
    assert "-32602" in await called(client, xmlrpc.client.dumps((True,), "changelog_since_serial").encode())


async def test_the_whole_change_log_is_told(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0"))
    ((rows,), _) = xmlrpc.client.loads(
        await called(client, xmlrpc.client.dumps((0,), "changelog_since_serial").encode())
    )
    assert isinstance(rows, list)
    assert [row[3] for row in rows] == ["create", "new release", "add py3 file flask-1.0-py3-none-any.whl"]
    assert rows[0][:2] == ["Flask", None]


async def test_one_upload_breaks_no_document_of_the_site(client: TestClient, store: Store) -> None:
    odd = {"Summary": "bad \uffff and \ufffe", "Author-email": "a\uffff@pypi.test"}
    stored(store, wheel("odd", "1.0", odd))
    for path in ("/rss/updates.xml", "/rss/packages.xml", "/rss/project/odd/releases.xml", "/sitemap/0.xml"):
        async with client.get(path) as answer:
            fromstring(await answer.read())


BIG = "<methodCall><methodName>{}</methodName><params><param><value><int>{}</int></value></param></params></methodCall>"


@pytest.mark.parametrize("number", [2**31, 2**63, 10**20, -(10**20)])
async def test_a_number_beyond_32_bits_is_a_fault(client: TestClient, number: int) -> None:
    text = await called(client, BIG.format("changelog_since_serial", number).encode())
    assert "-32602" in text
    assert "client error; serial: Input should be a valid integer" in text


async def test_a_list_may_be_as_long_as_a_call(client: TestClient, store: Store) -> None:
    stored(store, wheel("Flask", "1.0", {"Classifier": ["A", "B"]}))
    for classifiers, expected in ((["A", "B", "A"], [["Flask", "1.0"]]), (["A", *map(str, range(40_000))], [])):
        # As texts without a type, of which a call may have more than SQLite takes parameters.
        call = xmlrpc.client.dumps((classifiers,), "browse").replace("<string>", "").replace("</string>", "")
        assert xmlrpc.client.loads(await called(client, call.encode())) == ((expected,), None)


async def test_what_is_quarantined_is_in_no_call_s_list(client: TestClient, store: Store) -> None:
    stored(store, wheel("harm", "1.0", {"Classifier": "A"}))
    store.grant("harm", "Owner", "mallory", LAUNCH)
    store.set_status("harm", "quarantined", None, LAUNCH)
    for method, arguments in (("browse", (["A"],)), ("user_packages", ("mallory",))):
        body = await called(client, xmlrpc.client.dumps(arguments, method).encode())
        assert xmlrpc.client.loads(body) == (([],), None)
    async with TestClient(TestServer(make_app(store, Site(era=Era(LAUNCH.date())), lambda: LAUNCH))) as older:
        for sought, expected in (
            ({"name": "harm"}, "<data>\n</data>"),
            ({"name": ["x"] * 20_000}, "more than 200 values"),
        ):
            assert expected in await called(older, xmlrpc.client.dumps((sought,), "search").encode())


async def test_a_call_that_the_index_cannot_answer_is_a_fault(client: TestClient, store: Store) -> None:
    store.close()
    text = await called(client, LAST)
    assert "-32500" in text
    assert "server error; the call cannot be answered at the moment" in text
