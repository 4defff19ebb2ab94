"""A request that breaks off must not look whole: the backend's connection is reset, not ended in order (RFC 9112 §8).

Found with HAProxy: under `option http-buffer-request` it takes an orderly end within a chunk for the end of the body,
and answers a request that no client has sent.
"""

from __future__ import annotations

import asyncio

import pytest
from conformance.rules import rules_for
from harness import BackendPeer, backend, request, running_edge

CHUNKED = request("/", "Transfer-Encoding: chunked", method="POST") + b"9\r\nabc"
MEASURED = request("/", "Content-Length: 9", method="POST") + b"abc"


@pytest.mark.parametrize(
    "octets", [CHUNKED, MEASURED, CHUNKED + b"not a chunk's end"], ids=["chunk", "length", "refused"]
)
async def test_a_backend_sees_a_reset_where_a_body_breaks_off(octets: bytes) -> None:
    end: asyncio.Future[bytes | ConnectionError] = asyncio.get_running_loop().create_future()
    has_begun = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.readuntil(b"abc")
        has_begun.set()
        try:
            end.set_result(await peer.reader.read())
        except ConnectionError as error:
            end.set_result(error)

    async with backend(script) as origin, running_edge(rules_for("pass", origin.port)) as edge:
        async with edge.client() as client:
            head, begun, rest = octets.partition(b"abc")
            await client.send(head + begun)
            await has_begun.wait()
            await client.send(rest)
        assert isinstance(await asyncio.wait_for(end, 10), ConnectionError)
