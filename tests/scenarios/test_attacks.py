"""Clients and backends that mean harm, and slow ones that do not: what an attack found once never works again."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from harness import QUICK, RULES, BackendPeer, RawClient, RunningEdge, always, backend, impatient, request, running_edge

from edgeproxy.proxy.backend import BackendConnection
from edgeproxy.proxy.pool import Pool
from edgeproxy.telemetry.access_log import AccessLog
from edgeproxy.telemetry.counters import BackendFailure

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
OWN = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app: {names: [pypi.test]}
rules:
  - {name: page, match: {host: app, path: "/page"}, respond: {status: 200, body: "BODY"}}
  - {name: files, match: {host: app, path: "/files/{file}"}, files: {directory: ., path: "/{file}"}}
"""


def narrow(edge: RunningEdge) -> None:
    """Let the kernel hold little for the clients to come, as it does on a long way."""
    for listening in edge.edge.listening:
        listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def held_for_backends(edge: RunningEdge) -> int:
    """Octets that the edge itself, not the kernel, holds for its backends."""
    open_connections = [connection for pool in edge.edge.pools.values() for connection in pool._open]
    return sum([connection._transport.get_write_buffer_size() for connection in open_connections])


@asynccontextmanager
async def unread_client(edge: RunningEdge) -> AsyncIterator[RawClient]:
    """A client that takes nothing but what it reads: neither its kernel nor its stream reads ahead."""
    narrow(edge)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", edge.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=2048)
    client = RawClient(reader, writer)
    try:
        yield client
    finally:
        writer.transport.abort()
        await client.close()


# -- deadlines that never come ----------------------------------------------------------------------------------


async def test_a_request_with_a_body_of_no_octets_has_a_deadline_and_gives_its_connection_back() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(OK)
        await peer.head()
        await peer.reader.read()

    post = request("/", "Content-Length: 0", method="POST")
    async with backend(script) as origin, running_edge(impatient(origin.rules)) as edge, edge.client() as client:
        assert (await client.ask(post)).status == 200
        answer = await asyncio.wait_for(client.ask(request("/", "Content-Length: 0")), 10)
        assert (answer.status, origin.connections) == (504, 1)


async def test_a_backend_that_takes_a_body_slowly_and_then_never_answers_is_a_504() -> None:
    may_read = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await may_read.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.reader.read()

    rules = RULES.replace("head: 20s", "head: 300ms")
    piece = b"7000\r\n" + bytes(0x7000) + b"\r\n"
    async with (
        backend(script) as origin,
        running_edge(rules.format(port=origin.port)) as edge,
        edge.client() as client,
    ):
        await client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        while held_for_backends(edge) < 40_000:  # the kernel takes no more, and the edge's own buffer is nearly full
            await client.send(piece)
            await asyncio.sleep(0.002)
        await client.send(piece + b"0\r\n\r\n")
        while held_for_backends(edge) < 65_536:
            await asyncio.sleep(0.002)
        may_read.set()
        assert (await asyncio.wait_for(client.answer(), 10)).status == 504


async def test_a_client_that_takes_nothing_of_a_file_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    async with (
        running_edge(OWN, base=tmp_path, limits=replace(QUICK, stall=0.2)) as edge,
        unread_client(edge) as client,
    ):
        await client.send(request("/files/one", method="HEAD") * 300)
        await asyncio.wait_for(edge.edge._no_clients.wait(), 10)


# -- memory -----------------------------------------------------------------------------------------------------


async def test_a_client_that_asks_and_never_reads_is_not_answered_for_ever() -> None:
    page = OWN.replace("BODY", "x" * 16_384)
    padded = request("/page", "X-Pad: " + "a" * 1000) * 20
    async with running_edge(page) as edge, unread_client(edge) as client:
        with pytest.raises(TimeoutError):
            while edge.edge.counters.statuses[200] < 2000:  # 32 MB that nobody took
                await asyncio.wait_for(client.send(padded), 0.3)


async def test_a_client_that_does_not_read_stops_the_answers_to_its_pipelined_requests_too() -> None:
    sent = 0

    async def script(peer: BackendPeer) -> None:
        nonlocal sent
        while b"/large" not in await peer.head():
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + bytes(20_000))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        while sent < 64 << 20:
            await peer.send(bytes(1 << 16))
            sent += 1 << 16

    limits = replace(QUICK, stall=0.5)
    async with (
        backend(script) as origin,
        running_edge(origin.rules, limits=limits) as edge,
        unread_client(edge) as client,
    ):
        await client.send(request("/small") * 20 + request("/large"))
        await asyncio.wait_for(edge.edge._no_clients.wait(), 10)
        assert sent < 32 << 20


async def test_a_backend_that_does_not_read_stops_the_client_from_the_first_octets_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_open = Pool.on_open

    def on_narrow_open(pool: Pool, connection: BackendConnection) -> None:
        sock = connection._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what a way that is not loopback begins with
        on_open(pool, connection)

    monkeypatch.setattr(Pool, "on_open", on_narrow_open)

    may_answer, octets = asyncio.Event(), 256 << 20

    async def script(peer: BackendPeer) -> None:
        if b"POST" not in await peer.head():
            await may_answer.wait()
            await peer.send(OK)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        post = request("/", f"Content-Length: {octets}", method="POST")
        client.writer.write(request() + post + bytes(4 << 20))  # more of it waits at the edge than a buffer should hold
        await asyncio.sleep(0.1)
        may_answer.set()
        assert (await client.answer()).status == 200
        with pytest.raises(TimeoutError):
            for _ in range(64):
                await asyncio.wait_for(client.send(bytes(1 << 20)), 0.3)
        client.writer.transport.abort()  # what it has not sent is for nobody


async def test_hosts_that_nobody_has_are_not_remembered_by_the_megabyte() -> None:
    async with running_edge(OWN) as edge, edge.client() as client:
        tracemalloc.start()
        try:
            for number in range(100):
                answer = await client.ask(request("/", host=f"{number}." + "a" * 30_000))
                assert answer.status == 421
            assert tracemalloc.get_traced_memory()[0] < 2_000_000
        finally:
            tracemalloc.stop()


# -- the innocent -----------------------------------------------------------------------------------------------


async def test_a_client_that_reads_slowly_but_steadily_gets_its_answer_whole() -> None:
    body = bytes(200_000)
    answer = always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    limits = replace(QUICK, stall=0.25)
    async with backend(answer) as origin, running_edge(origin.rules, limits=limits) as edge:
        async with unread_client(edge) as client:
            await client.send(request())
            await client.head()
            left = len(body)
            while left:
                data = await client.reader.read(min(left, 4096))
                assert data, f"{left} octets are missing"
                left -= len(data)
                await asyncio.sleep(0.02)  # the pace is what is tested


async def test_the_last_octets_of_an_answer_reach_a_slow_client_after_the_exchange_is_over() -> None:
    body = bytes(50_000)
    answer = always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    limits = replace(QUICK, stall=0.5, linger=0.2, linger_time=0.3)
    async with backend(answer) as origin, running_edge(origin.rules, limits=limits) as edge:
        async with unread_client(edge) as client:
            await client.send(request("/", "Connection: close"))
            await client.head()
            left = len(body)
            while left:
                data = await client.reader.read(min(left, 2048))
                assert data, f"{left} octets are missing"
                left -= len(data)
                await asyncio.sleep(0.04)  # the pace is what is tested


async def test_an_http_1_0_client_that_is_given_up_at_the_end_never_takes_a_short_body_for_a_whole_one() -> None:
    body = bytes(50_000)
    answer = always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    limits = replace(QUICK, stall=0.2, linger=0.2, linger_time=0.2)
    async with backend(answer) as origin, running_edge(origin.rules, limits=limits) as edge:
        async with unread_client(edge) as client:
            await client.send(b"GET / HTTP/1.0\r\nHost: pypi.test\r\n\r\n")
            await asyncio.wait_for(edge.edge._no_clients.wait(), 10)
            with pytest.raises(ConnectionResetError):
                await client.head()
                await client.reader.read()


# -- stopping ---------------------------------------------------------------------------------------------------


async def test_a_connection_whose_answer_began_before_the_stop_does_not_hold_it_up_afterwards() -> None:
    may_end = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        await may_end.wait()
        await peer.send(b"b")
        await peer.reader.read()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request())
        assert (await client.head()).field("Connection") is None
        stopping = asyncio.ensure_future(edge.edge.stop(grace=30))
        await asyncio.sleep(0)
        may_end.set()
        assert await client.reader.readexactly(2) == b"ab"
        await asyncio.wait_for(asyncio.shield(stopping), 10)


# -- the access log ---------------------------------------------------------------------------------------------


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


async def test_a_full_disk_costs_the_log_and_not_the_service() -> None:
    log = AccessLog(FullDisk())
    try:
        async with running_edge(OWN, access_log=log) as edge, edge.client() as client:
            await client.send(request("/page") * 1100)
            for _ in range(1100):
                assert (await asyncio.wait_for(client.answer(), 10)).status == 200
    finally:
        log._lines.clear()


async def test_an_exchange_that_breaks_off_is_in_the_access_log_too() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    out = io.StringIO()
    async with backend(script) as origin, running_edge(origin.rules, access_log=AccessLog(out)) as edge:
        assert not (await edge.ask(request("/broken"))).is_whole
    assert [json.loads(line)["path"] for line in out.getvalue().splitlines()] == ["/broken"]


# -- answers that are none --------------------------------------------------------------------------------------

NO_ANSWERS = {
    "empty lines before the status line": b"\r\n\r\n" + OK,
    "an empty line before HTTP/1.0": b"\r\nHTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 No\r\n\r\n" + OK,
    "a status of zeros": b"HTTP/1.1 000 No\r\n\r\n" + OK,
    "a status beyond 599": b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICE": b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a NUL in the reason": b"HTTP/1.1 200 a\0b\r\nContent-Length: 0\r\n\r\n",
    "an escape sequence in the reason": b"HTTP/1.1 200 \x1b[31m\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_ANSWERS)
async def test_what_is_no_answer_of_http_1_is_a_502_and_nothing_of_it_reaches_the_client(name: str) -> None:
    async with backend(always(NO_ANSWERS[name])) as origin, running_edge(origin.rules) as edge:
        assert (await asyncio.wait_for(edge.ask(request()), 10)).status == 502
        assert edge.edge.counters.backend_failures["origin", BackendFailure.BAD_ANSWER] == 1


async def test_a_request_is_not_sent_again_after_an_interim_answer() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(OK)
        await peer.head()
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request("/1"))).status == 200
        assert (await client.ask(request("/2"))).status == 103
        assert (await client.answer()).status == 502
        assert len(origin.seen) == 2


# -- white space that means nothing -----------------------------------------------------------------------------

PADDED_ANSWERS = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 2 \r\n\r\nok",
    "a coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nok\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", PADDED_ANSWERS)
async def test_white_space_behind_an_answers_value_is_not_a_part_of_it(name: str) -> None:  # RFC 9112 §5.1
    async with backend(always(PADDED_ANSWERS[name])) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request())
        assert (answer.status, answer.body) == (200, b"ok")


async def test_white_space_behind_a_requests_value_is_not_a_part_of_it() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request("/", "Content-Length: 0 \t", host="pypi.test \t"))
        assert answer.status == 200
