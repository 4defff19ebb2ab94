"""Two hundred slow clients at once, of three kinds: each is given up in time, and nobody else notices.

`python -m loadtests.slow` does the same with a thousand of each, and measures.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
from harness import QUICK, BackendPeer, RunningEdge, backend, request, running_edge
from pools import until

from edgeproxy.telemetry.counters import Refusal

ATTACKERS = 200
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OPENINGS = {
    "slow head": b"GET / HTTP/1.1\r\nHost: pypi.test\r\n",
    "slow body": request("/upload", "Content-Length: 8192", method="POST"),
    "slow read": request("/large"),
}
DRIPS = {"slow head": b"X-a: b\r\n", "slow body": b"a", "slow read": b""}
SHORT = replace(QUICK, requests=1 << 30, head_time=1.0, body_time=1.0, stall=1.0, linger=0.5, linger_time=1.0)


async def answers(peer: BackendPeer) -> None:
    while True:
        head = await peer.head()
        if head.startswith(b"POST"):
            await peer.reader.read()
        await peer.send(LARGE if b" /large " in head else SMALL)


async def attack(edge: RunningEdge, kind: str, held: ExitStack) -> None:
    """Hold one connection until the edge ends it."""
    loop = asyncio.get_running_loop()
    sock = held.enter_context(socket.socket())
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    await loop.sock_connect(sock, ("127.0.0.1", edge.port))
    await loop.sock_sendall(sock, OPENINGS[kind])
    with suppress(ConnectionError):
        while True:
            await asyncio.sleep(0.1)  # the pace of the attack
            await loop.sock_sendall(sock, DRIPS[kind])


@pytest.mark.parametrize("kind", OPENINGS)
async def test_slow_clients_are_given_up_and_good_ones_served(kind: str) -> None:
    async with backend(answers) as origin, running_edge(origin.rules, limits=SHORT) as edge:
        counters = edge.edge.counters
        for listening in edge.edge.listening:  # the kernel is to hold little, as it does on a long way
            listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def given_up() -> int:
            refused = counters.refusals[Refusal.HEAD_TIMEOUT] + counters.refusals[Refusal.BODY_TIMEOUT]
            return counters.aborted if kind == "slow read" else refused

        with ExitStack() as held:
            attacking = [asyncio.ensure_future(attack(edge, kind, held)) for _ in range(ATTACKERS)]
            async with edge.client() as client, asyncio.timeout(60):
                await until(lambda: counters.open_connections == ATTACKERS + 1 or given_up())
                good = 0
                while given_up() < ATTACKERS:
                    assert (await client.ask(request("/good"))).status == 200
                    good += 1
                assert good > 10
                await until(lambda: counters.open_connections == 1)  # their connections are free again
                assert (await client.ask(request("/good"))).status == 200
            for one in attacking:
                one.cancel()
            await asyncio.gather(*attacking, return_exceptions=True)
        assert (given_up(), counters.unexpected) == (ATTACKERS, 0)
        expected = {"slow head": {Refusal.HEAD_TIMEOUT: ATTACKERS}, "slow body": {Refusal.BODY_TIMEOUT: ATTACKERS}}
        assert counters.refusals == expected.get(kind, {})


async def test_by_default_one_address_cannot_take_all_connections() -> None:
    limits = replace(SHORT, connections_per_client=50, head_time=30.0)
    async with backend(answers) as origin, running_edge(origin.rules, limits=limits) as edge:
        with ExitStack() as held:
            attacking = [asyncio.ensure_future(attack(edge, "slow head", held)) for _ in range(ATTACKERS)]
            await until(lambda: edge.edge.counters.refusals[Refusal.TOO_MANY_OF_CLIENT] == ATTACKERS - 50)
            assert (await edge.ask(request("/good"), source="127.0.0.2")).status == 200
            await until(lambda: edge.edge.counters.open_connections == 50)
            for one in attacking:
                one.cancel()
            await asyncio.gather(*attacking, return_exceptions=True)
