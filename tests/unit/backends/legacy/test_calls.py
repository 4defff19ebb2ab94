"""A client has no more calls open than it may; another one is in nobody's way."""

from __future__ import annotations

import asyncio
import xmlrpc.client

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from packages import LAUNCH

from backends.legacy.app import Settings, make_app
from backends.store import Store

CALL = xmlrpc.client.dumps((), "changelog_last_serial").encode()


async def test_one_call_too_many_of_a_client_is_a_fault(store: Store) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> object:
        yield CALL[:10]
        begun.set()
        await go_on.wait()
        yield CALL[10:]

    async with (
        TestServer(make_app(store, lambda: LAUNCH, Settings(most_calls=1))) as server,
        ClientSession() as session,
    ):

        async def call(client: str, body: object = CALL) -> object:
            headers = {"Content-Type": "text/xml", "X-Forwarded-For": f"{client}, 127.0.0.1"}
            async with session.post(server.make_url("/pypi"), data=body, headers=headers) as answer:
                assert answer.status == 200
                try:
                    return xmlrpc.client.loads(await answer.text())[0][0]
                except xmlrpc.client.Fault as fault:
                    return fault.faultCode, fault.faultString

        first = asyncio.create_task(call("192.0.2.1", slowly()))
        await begun.wait()
        while (
            told := await call("192.0.2.1")
        ) == store.last_serial():  # until the site has begun to read the first one
            await asyncio.sleep(0)
        assert told == (429, "max concurrent requests exceeded")
        assert await call("192.0.2.2") == store.last_serial()
        go_on.set()
        assert await first == store.last_serial()
        assert await call("192.0.2.1") == store.last_serial()
