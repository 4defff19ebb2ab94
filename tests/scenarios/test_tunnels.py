"""Upgraded connections: octets go both ways as they come, until one side closes or both are silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from harness import QUICK, RULES, BackendPeer, backend, impatient, request, running_edge
from pools import pool_of, until

RULES = RULES.replace("forward:", "upgrade: [websocket], forward:")
ASK = request("/socket", "Connection: upgrade", "Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


async def echo(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(SWITCH + b"hello ")
    while data := await peer.reader.read(65536):
        await peer.send(data)


async def test_octets_go_both_ways_as_they_come_in_a_tunnel() -> None:
    async with backend(echo) as origin, running_edge(RULES.format(port=origin.port)) as edge, edge.client() as client:
        await client.send(ASK + b"early ")
        assert (await client.head()).status == 101
        assert await client.reader.readexactly(12) == b"hello early "
        await client.send(b"\0\r\n\r\nGET")
        assert await client.reader.readexactly(8) == b"\0\r\n\r\nGET"


async def test_much_goes_through_a_tunnel_though_both_sides_are_slow_at_times() -> None:
    size = 32 << 20
    async with backend(echo) as origin, running_edge(RULES.format(port=origin.port)) as edge, edge.client() as client:
        await client.send(ASK)
        assert (await client.head()).status == 101
        await client.reader.readexactly(6)
        sending = asyncio.ensure_future(client.send(bytes(size)))
        assert await client.reader.readexactly(size) == bytes(size)
        await sending


async def test_a_backend_that_closes_ends_the_tunnel_after_its_last_octet() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(SWITCH + bytes(1 << 20))

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge, edge.client() as client:
        await client.send(ASK)
        await client.head()
        assert await client.reader.read(-1) == bytes(1 << 20)  # and no request after it
        await until(lambda: not pool_of(edge)._open)
        assert pool_of(edge).endpoints[0].outstanding == 0


async def test_what_a_client_sent_last_reaches_the_backend_after_it_left() -> None:
    may_read, received = asyncio.Event(), asyncio.get_running_loop().create_future()
    sent = 0

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await may_read.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        received.set_result(len(await peer.reader.read(-1)))

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client:
            await client.send(ASK)
            await client.head()
            while not any(each._transport.get_write_buffer_size() for each in pool_of(edge)._open):
                await client.send(bytes(16_384))  # until the kernel takes no more, and the edge holds a little
                sent += 16_384
                await asyncio.sleep(0.002)
            await client.close()
            await until(lambda: not edge.edge._clients)
            may_read.set()
            assert await received == sent


async def test_a_tunnel_on_which_both_sides_are_silent_ends_and_is_nobodys_failure() -> None:
    limits = replace(QUICK, tunnel_idle=0.2)
    rules = RULES
    async with backend(echo) as origin, running_edge(rules.format(port=origin.port), limits=limits) as edge:
        async with edge.client() as client:
            await client.send(ASK)
            assert (await client.head()).status == 101
            assert await client.reader.read(-1) == b"hello "
            assert not edge.edge.counters.backend_failures


async def test_a_tunnel_outlives_the_times_of_an_exchange() -> None:
    rules = impatient(RULES).replace("connect: 500ms", "connect: 500ms, total: 600ms")
    async with backend(echo) as origin, running_edge(rules.format(port=origin.port)) as edge, edge.client() as client:
        await client.send(ASK)
        assert (await client.head()).status == 101
        await asyncio.sleep(0.9)
        await client.send(b"still here")
        assert await client.reader.readexactly(16) == b"hello still here"
