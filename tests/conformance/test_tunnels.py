"""A switch of protocols where a rule allows it (RFC 9110 §7.8): behind the 101 the edge carries octets both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conformance.peers import read_head
from conformance.rules import rules_for
from harness import BackendPeer, RawClient, Script, backend, running_edge

ASK = (
    b"GET /case HTTP/1.1\r\nHost: pypi.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
)


@asynccontextmanager
async def tunnel(script: Script, ask: bytes = ASK) -> AsyncIterator[RawClient]:
    """A client whose request was sent; its answer is still to be read."""
    async with (
        backend(script) as origin,
        running_edge(rules_for("upgrade", origin.port)) as edge,
        edge.client() as client,
        asyncio.timeout(5),
    ):
        await client.send(ask)
        yield client


async def expect_switch(client: RawClient) -> None:
    line, fields = await read_head(client.reader)
    assert line.startswith("HTTP/1.1 101 ")
    assert {"connection: upgrade", "upgrade: websocket", "sec-websocket-accept: x"} <= {text.lower() for text in fields}
    names = [text.partition(":")[0].lower() for text in fields]
    assert not {"content-length", "transfer-encoding"} & set(names)
    assert names.count("connection") == names.count("upgrade") == 1


async def test_octets_pass_both_ways_until_the_backend_ends() -> None:
    async def script(peer: BackendPeer) -> None:
        _, fields = await read_head(peer.reader)
        assert [text.lower() for text in fields if text.lower().startswith("connection:")] == ["connection: upgrade"]
        await peer.send(SWITCH)
        for _ in range(3):
            await peer.send(b"<" + await peer.reader.readexactly(4) + b">")

    async with tunnel(script) as client:
        await expect_switch(client)
        for octets in (b"GET ", b"\r\n\r\n", b"\0\xff\n\r"):  # nothing of it is read as HTTP
            await client.send(octets)
            assert await client.reader.readexactly(6) == b"<" + octets + b">"
        assert await client.is_closed()


async def test_octets_right_behind_the_heads_are_the_tunnels() -> None:
    async def script(peer: BackendPeer) -> None:
        await read_head(peer.reader)
        await peer.send(SWITCH + b"hello")
        assert await peer.reader.readexactly(36) == b"GET /x HTTP/1.1\r\nHost: pypi.test\r\n\r\n"
        await peer.send(b"bye")

    async with tunnel(script, ASK + b"GET /x HTTP/1.1\r\nHost: pypi.test\r\n\r\n") as client:
        await expect_switch(client)
        assert await client.reader.readexactly(8) == b"hellobye"
        assert await client.is_closed()


async def test_a_client_that_leaves_takes_the_backends_connection_along() -> None:
    has_ended = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await read_head(peer.reader)
        await peer.send(SWITCH)
        assert await peer.reader.read() == b"last words"
        has_ended.set()

    async with tunnel(script) as client:
        await expect_switch(client)
        await client.send(b"last words")
        await client.close()
        await has_ended.wait()


async def test_where_the_backend_does_not_switch_http_goes_on() -> None:
    async def script(peer: BackendPeer) -> None:
        while True:
            line, fields = await read_head(peer.reader)
            content = f"{line.split(' ')[1]} {sum(text.lower().startswith('upgrade:') for text in fields)}".encode()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    async with tunnel(script, ASK + b"GET /next HTTP/1.1\r\nHost: pypi.test\r\n\r\n") as client:
        assert (await client.answer()).body == b"/case 1"
        assert (await client.answer()).body == b"/next 0"
