"""XML-RPC of the new site: its limit, and what it keeps of the old one's caution."""

from __future__ import annotations

import io
import xmlrpc.client
from datetime import timedelta

from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH, stored, wheel

from backends.marshalling import LARGEST_CALL
from backends.modern.app import make_app
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
