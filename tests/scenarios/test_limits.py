"""What one client may take of the edge: connections, requests, octets held for it, and waits. Others do not notice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from harness import QUICK, BackendPeer, RawClient, RunningEdge, backend, request, running_edge
from pools import until

from edgeproxy.proxy.phase import Phase
from edgeproxy.telemetry.counters import Refusal

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}, {{address: "unix:{socket}"}}]
trusted_proxies: [127.0.0.9]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 500ms, head: 20s, between: 20s}}}}
rules:
  - {{name: page, match: {{host: app, path: "/page"}}, respond: {{status: 200, body: page}}}}
  - {{name: three, match: {{host: app, path: "/three"}}, respond: {{status: 200}}, limits: {{rate: 2/h, burst: 3}}}}
  - {{name: one, match: {{host: app, path: "/one"}}, respond: {{status: 200}}, limits: {{rate: 1/s, burst: 1}}}}
  - {{name: socket, match: {{host: app, path: "/socket"}}, forward: {{backend: origin}}, upgrade: [websocket]}}
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
UPGRADE = request("/socket", "Connection: upgrade", "Upgrade: websocket")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    return RULES.format(port=1, socket=tmp_path / "edge")


def rules_before(port: int, tmp_path: Path) -> str:
    return RULES.format(port=port, socket=tmp_path / "edge")


async def is_served(client: RawClient) -> bool:
    return (await client.ask(request("/page"))).status == 200


async def is_turned_away(edge: RunningEdge, source: str = "127.0.0.1") -> bool:
    """Whether a new client is answered without having asked, and its connection ended."""
    async with edge.client(source) as client:
        answer = await asyncio.wait_for(client.answer(), 5)
        return answer.status == 503 and answer.field("Connection") == "close" and await client.is_closed()


# -- connections ------------------------------------------------------------------------------------------------


async def test_there_are_so_many_clients_and_no_more(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections=3)) as edge:
        counters = edge.edge.counters
        async with edge.client() as first, edge.client("127.0.0.2") as second:
            async with edge.client("127.0.0.9"):  # a proxy's connections are among all
                await until(lambda: counters.open_connections == 3)
                for times in (1, 2, 3):
                    assert await is_turned_away(edge, "127.0.0.3")
                    assert counters.refusals == {Refusal.TOO_MANY_CONNECTIONS: times}
                assert await is_served(first)
                assert await is_served(second)
            await until(lambda: counters.open_connections == 2)
            async with edge.client("127.0.0.3") as third:
                assert await is_served(third)
        assert counters.refusals == {Refusal.TOO_MANY_CONNECTIONS: 3}


async def test_one_address_has_so_many_connections_and_gets_them_back(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections_per_client=2)) as edge:
        counters = edge.edge.counters
        async with edge.client() as first:
            async with edge.client() as second:
                assert await is_served(first)
                assert await is_served(second)
                assert await is_turned_away(edge)
                async with edge.client("127.0.0.2") as other:
                    assert await is_served(other)
            await until(lambda: counters.open_connections == 1)
            async with edge.client() as third:
                assert await is_served(third)
        assert counters.refusals == {Refusal.TOO_MANY_OF_CLIENT: 1}
        await until(lambda: not counters.open_connections)
        assert not edge.edge._by_client  # nothing is kept of who has left


async def test_who_was_turned_away_does_not_count(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections_per_client=1)) as edge:
        async with edge.client() as client:
            assert await is_served(client)
            for _ in range(5):
                assert await is_turned_away(edge)
        await until(lambda: not edge.edge.counters.open_connections)
        async with edge.client() as client:
            assert await is_served(client)


async def test_a_trusted_proxy_has_as_many_connections_as_there_are(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections_per_client=1)) as edge:
        async with edge.client("127.0.0.9") as first, edge.client("127.0.0.9") as second:
            assert await is_served(first)
            assert await is_served(second)


async def test_who_comes_by_a_unix_socket_is_nobodys_address(rules: str, tmp_path: Path) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections_per_client=1)):
        clients = [RawClient(*await asyncio.open_unix_connection(tmp_path / "edge")) for _ in range(3)]
        for client in clients:
            assert await is_served(client)
            await client.close()


# -- requests ---------------------------------------------------------------------------------------------------


async def test_the_last_request_that_a_connection_may_have_is_told_so(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, requests=3)) as edge, edge.client() as client:
        await client.send(request("/page") * 4)
        said = [(await client.answer()).field("Connection") for _ in range(3)]
        assert said == [None, None, "close"]
        assert await client.is_closed()
        assert edge.edge.counters.requests == 3


async def test_a_client_that_asks_too_often_is_told_when_it_may_ask_again(rules: str) -> None:
    async with running_edge(rules) as edge, edge.client() as client:
        for _ in range(3):  # the burst
            assert (await client.ask(request("/three"))).status == 200
        for _ in range(3):  # who is refused loses nothing by it
            answer = await client.ask(request("/three"))
            assert (answer.status, answer.field("Connection")) == (429, None)
            assert 1750 < int(answer.field("Retry-After") or 0) <= 1800  # two an hour
        assert (await edge.ask(request("/three"))).status == 429  # it is the address that counts, not the connection
        assert await is_served(client)  # another rule
        assert (await edge.ask(request("/three"), source="127.0.0.2")).status == 200
        assert edge.edge.counters.refusals == {Refusal.RATE: 4}


async def test_what_retry_after_says_is_true(rules: str) -> None:
    async with running_edge(rules) as edge, edge.client() as client:
        assert (await client.ask(request("/one"))).status == 200
        answer = await client.ask(request("/one"))
        assert (answer.status, answer.field("Retry-After")) == (429, "1")
        await asyncio.sleep(1)  # what it was told to do
        assert (await client.ask(request("/one"))).status == 200


async def test_requests_behind_an_exchange_that_runs_are_held_up_to_a_bound(tmp_path: Path) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    limits = replace(QUICK, held=16_384)
    async with backend(script) as origin:
        async with running_edge(rules_before(origin.port, tmp_path), limits=limits) as edge, edge.client() as client:
            client.writer.write(request("/first") + request("/page") * 400_000)
            await until(lambda: edge.edge._clients)
            (connection,) = edge.edge._clients
            await until(lambda: connection._is_paused)
            assert 16_384 <= len(connection._buffer) < 16_384 + (256 << 10)  # no read is larger
            assert (await edge.ask(request("/page"))).status == 200
            assert edge.edge.counters.requests == 2
            client.writer.transport.abort()


async def test_a_flood_of_pipelined_requests_is_answered_in_turn_with_those_of_others(rules: str) -> None:
    limits = replace(QUICK, requests=1_000_000)
    async with running_edge(rules, limits=limits) as edge, edge.client() as flood, edge.client() as other:
        flood.writer.write(request("/page") * 100_000)
        answers = asyncio.ensure_future(count_answers(flood, 100_000))
        await until(lambda: edge.edge.counters.requests)
        asked = 0
        while not answers.done():
            assert await is_served(other)
            asked += 1
        assert (await answers, edge.edge.counters.requests) == (100_000, 100_000 + asked)
        assert asked > 20  # nobody waited for all of it


async def test_a_body_in_chunks_of_one_octet_is_read_in_turn_with_the_requests_of_others(tmp_path: Path) -> None:
    octets = 500_000

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        taken = 0
        while taken < octets:
            size = int(await peer.reader.readuntil(b"\r\n"), 16)
            assert await peer.reader.readexactly(size + 2) == b"a" * size + b"\r\n"
            taken += size
        await peer.reader.readuntil(b"0\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall")

    async with backend(script) as origin, running_edge(rules_before(origin.port, tmp_path)) as edge:
        async with edge.client() as flood, edge.client() as other:
            chunks = b"1\r\na\r\n" * octets + b"0\r\n\r\n"
            flood.writer.write(request("/flood", "Transfer-Encoding: chunked", method="PUT") + chunks)
            answer = asyncio.ensure_future(flood.answer())
            await until(lambda: origin.seen)
            asked = 0
            while not answer.done():
                assert await is_served(other)
                asked += 1
            assert (await answer).body == b"all"
            assert asked > 50  # nobody waited for all of it


async def test_empty_lines_by_the_megabyte_are_no_beginning_of_a_request(rules: str) -> None:
    async with running_edge(rules) as edge, edge.client() as client:
        assert (await client.ask(b"\r\n" + request("/page"))).status == 200
        assert (await client.ask(b"\r\n" * (1 << 19) + request("/page"))).status == 400
        assert edge.edge.counters.refusals == {Refusal.BAD_REQUEST: 1}


async def count_answers(client: RawClient, number: int) -> int:
    found, end = 0, b""
    while found < number:
        data = end + await client.reader.read(1 << 16)
        found += data.count(b"\r\n\r\npage")
        end = data[-7:]
    return found


# -- waits ------------------------------------------------------------------------------------------------------


async def test_a_head_has_its_time_from_the_first_octet_on_however_it_drips(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, head_time=0.2)) as edge, edge.client() as client:
        assert await is_served(client)

        async def drip() -> None:
            with suppress(ConnectionError):
                await client.send(b"GET / HTTP/1.1\r\nX: ")
                while True:
                    await client.send(b"a")
                    await asyncio.sleep(0.01)  # more often than the time

        dripping = asyncio.ensure_future(drip())
        assert (await asyncio.wait_for(client.answer(), 5)).status == 408
        assert edge.edge.counters.refusals == {Refusal.HEAD_TIMEOUT: 1}
        dripping.cancel()


@pytest.mark.parametrize("octets", [b"", b"\r\n\r\n"], ids=["nothing", "empty lines"])
async def test_an_idle_connection_ends_and_is_told_nothing(rules: str, octets: bytes) -> None:
    async with running_edge(rules, limits=replace(QUICK, idle=0.1, head_time=30)) as edge, edge.client() as client:
        assert await is_served(client)
        await client.send(octets)
        assert await asyncio.wait_for(client.reader.read(), 5) == b""
        assert not edge.edge.counters.refusals


async def test_a_client_that_takes_an_answer_too_slowly_is_given_up(tmp_path: Path) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        while True:
            await peer.send(bytes(1 << 16))

    limits = replace(QUICK, stall=0.2, take_rate=10_000_000)
    async with backend(script) as origin:
        async with running_edge(rules_before(origin.port, tmp_path), limits=limits) as edge, narrow(edge) as client:

            async def sip() -> None:
                with suppress(ConnectionError):
                    while await client.reader.read(1):
                        await asyncio.sleep(0.01)  # steadily, and too slowly

            await client.send(request("/long"))
            sipping = asyncio.ensure_future(sip())
            await until(lambda: edge.edge.counters.aborted)
            await until(lambda: not edge.edge.counters.open_connections)
            await asyncio.wait_for(origin.gone.wait(), 5)
            sipping.cancel()


@asynccontextmanager
async def narrow(edge: RunningEdge) -> AsyncIterator[RawClient]:
    """A client whose kernel takes little, from an edge whose kernel holds little for it."""
    for listening in edge.edge.listening:
        listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", edge.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=2048)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_tunnel_on_which_nobody_speaks_ends(tmp_path: Path) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(SWITCHED)
        while octets := await peer.reader.read(100):
            await peer.send(octets)

    limits = replace(QUICK, tunnel_idle=0.3)
    async with backend(script) as origin:
        async with running_edge(rules_before(origin.port, tmp_path), limits=limits) as edge, edge.client() as client:
            await client.send(UPGRADE)
            assert (await client.head()).status == 101
            (connection,) = edge.edge._clients
            assert connection._phase is Phase.TUNNEL
            until_then = asyncio.get_running_loop().time() + 0.5
            while asyncio.get_running_loop().time() < until_then:  # longer than a silent one has
                await client.send(b"hello")
                assert await client.reader.readexactly(5) == b"hello"
                await asyncio.sleep(0.02)  # the pace is what is tested
            assert await asyncio.wait_for(client.reader.read(), 5) == b""
            await asyncio.wait_for(origin.gone.wait(), 5)
            assert edge.edge.counters.aborted == 0


async def test_who_is_turned_away_and_sends_for_all_that_harms_nobody(rules: str) -> None:
    async with running_edge(rules, limits=replace(QUICK, connections=1)) as edge, edge.client() as first:
        assert await is_served(first)
        async with edge.client() as second:
            with suppress(ConnectionError):
                for _ in range(64):
                    await second.send(request("/page") * 1000)
        await until(lambda: edge.edge.counters.open_connections == 1)
        assert await is_served(first)
        assert edge.edge.counters.requests == 2
