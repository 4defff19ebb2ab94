"""Backends that refuse, hang, break off or babble: what the client is told, and that it never sees a short whole."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest
from harness import QUICK, RULES, BackendPeer, always, backend, impatient, request, running_edge

from edgeproxy.telemetry.counters import BackendFailure, Refusal
from loadtests.bench.processes import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_a_backend_that_is_not_there_is_a_502() -> None:
    async with running_edge(RULES.format(port=free_port())) as edge, edge.client() as client:
        for _ in range(2):  # the client's connection stays usable
            assert (await client.ask(request())).status == 502
        assert edge.edge.counters.backend_failures["origin", BackendFailure.REFUSED] == 2


async def test_a_backend_that_does_not_accept_is_a_504() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]  # a full backlog leaves further connections unanswered
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            async with running_edge(impatient(RULES.format(port=listener.getsockname()[1]))) as edge:
                assert (await edge.ask(request())).status == 504
                assert edge.edge.counters.backend_failures["origin", BackendFailure.CONNECT_TIMEOUT] == 1
        finally:
            for filler in fillers:
                filler.close()


async def test_a_backend_that_never_answers_is_a_504() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    async with backend(script) as origin, running_edge(impatient(origin.rules)) as edge:
        assert (await edge.ask(request())).status == 504
        assert edge.edge.counters.backend_failures["origin", BackendFailure.HEAD_TIMEOUT] == 1
        await origin.gone.wait()  # the edge let the connection go


async def test_a_backend_that_closes_before_its_head_is_a_502() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 O")

    async with backend(script) as origin, running_edge(origin.rules) as edge:
        assert (await edge.ask(request())).status == 502
        assert edge.edge.counters.backend_failures["origin", BackendFailure.CLOSED] == 1


BROKEN_BODIES = {
    "of known length": b"Content-Length: 10\r\n\r\nabc",
    "in the middle of a chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "between chunks": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "before the final CRLF": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    "with a malformed chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
}


@pytest.mark.parametrize("name", BROKEN_BODIES)
async def test_a_backend_that_dies_in_its_body_gives_a_broken_transfer(name: str) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + BROKEN_BODIES[name])

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        answer = await client.ask(request())
        assert answer.status == 200
        assert not answer.is_whole
        assert edge.edge.counters.aborted == 1


async def test_a_reset_in_a_body_without_length_is_a_broken_transfer_too() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        assert await peer.reader.read(1) == b"x"
        peer.reset()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request("/", "Content-Length: 1", method="POST"))
        head = await client.head()
        assert head.field("Transfer-Encoding") == "chunked"
        assert await client.reader.readexactly(8) == b"3\r\nabc\r\n"
        await client.send(b"x")
        assert await client.is_closed()  # and no last chunk before
        assert edge.edge.counters.aborted == 1


async def test_an_http_1_0_client_sees_a_broken_body_as_a_reset_because_an_orderly_end_would_look_whole() -> None:
    may_break = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await may_break.wait()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(b"GET / HTTP/1.0\r\nHost: pypi.test\r\n\r\n")
        assert (await client.head()).field("Connection") == "close"
        assert await client.reader.readexactly(3) == b"abc"
        may_break.set()
        with pytest.raises(ConnectionResetError):
            await client.reader.read()


async def test_a_backend_that_stops_in_its_body_is_given_up() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await peer.reader.read()

    async with backend(script) as origin, running_edge(impatient(origin.rules)) as edge, edge.client() as client:
        answer = await client.ask(request())
        assert (answer.is_whole, answer.body) == (False, b"abc")
        assert edge.edge.counters.backend_failures["origin", BackendFailure.BODY_TIMEOUT] == 1


AMBIGUOUS = {
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc",
    "a coding that is not chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a bare CR": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a folded line": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000,
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_an_answer_that_could_be_read_in_two_ways_is_a_502(name: str) -> None:
    async with backend(always(AMBIGUOUS[name])) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request())
        assert (answer.status, answer.is_whole) == (502, True)
        assert edge.edge.counters.backend_failures["origin", BackendFailure.BAD_ANSWER] == 1


async def test_octets_behind_an_answer_never_answer_the_next_request() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        )
        await peer.reader.read()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):
            assert (await client.ask(request())).body == b"abc"
        assert origin.connections == 2


async def test_a_kept_connection_that_turns_out_closed_costs_nothing_when_the_request_is_safe() -> None:
    async def first_closes(peer: BackendPeer) -> None:
        is_first = not peer.seen
        await peer.head()
        await peer.send(OK)
        if is_first:
            await peer.head()
            return
        while True:
            await peer.head()
            await peer.send(OK)

    async with backend(first_closes) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request("/1"))).status == 200
        assert (await client.ask(request("/2"))).status == 200
        counters = edge.edge.counters
        assert (origin.connections, counters.backend_retries) == (2, 1)
        assert [head.split(b" ")[1] for head in origin.seen] == [b"/1", b"/2", b"/2"]


async def test_an_unsafe_request_never_goes_on_a_kept_connection_and_is_never_sent_twice() -> None:
    async def script(peer: BackendPeer) -> None:
        head = await peer.head()
        if head.startswith(b"POST"):
            return  # closed without a word
        await peer.send(OK)
        await peer.head()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request())).status == 200
        assert (await client.ask(request("/", "Content-Length: 0", method="POST"))).status == 502
        assert [head.split(b" ")[0] for head in origin.seen] == [b"GET", b"POST"]


async def test_a_client_that_leaves_ends_the_backends_work() -> None:
    asked = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await peer.reader.read()

    async with backend(script) as origin, running_edge(origin.rules) as edge:
        async with edge.client() as client:
            await client.send(request())
            await asked.wait()
        await asyncio.wait_for(origin.gone.wait(), 5)
        assert edge.edge.counters.client_gone == 1


async def test_a_client_that_breaks_off_its_body_never_looks_whole_to_the_backend() -> None:
    bodies: list[bytes] = []

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        bodies.append(await peer.reader.read())

    async with backend(script) as origin, running_edge(origin.rules) as edge:
        async with edge.client() as client:
            await client.send(request("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        await asyncio.wait_for(origin.gone.wait(), 5)
        assert bodies in ([b"3\r\nabc\r\n"], [])


async def test_a_head_that_takes_too_long_is_a_408() -> None:
    limits = replace(QUICK, head_time=0.1)
    async with (
        backend(always(OK)) as origin,
        running_edge(origin.rules, limits=limits) as edge,
        edge.client() as client,
    ):
        await client.send(b"GET / HT")
        assert (await client.answer()).status == 408
        assert await client.is_closed()
        assert edge.edge.counters.refusals[Refusal.HEAD_TIMEOUT] == 1


async def test_trickling_octets_does_not_extend_the_time_for_a_head() -> None:
    limits = replace(QUICK, head_time=0.2)

    async with (
        backend(always(OK)) as origin,
        running_edge(origin.rules, limits=limits) as edge,
        edge.client() as client,
    ):
        answer = asyncio.ensure_future(client.answer())
        await client.send(b"GET / HTTP/1.1\r\nX: ")
        while not answer.done():
            await asyncio.wait([answer], timeout=0.02)
            if not answer.done():
                await client.send(b"a")
        assert answer.result().status == 408


async def test_a_body_that_stops_coming_is_a_408() -> None:
    limits = replace(QUICK, body_time=0.1)

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    async with backend(script) as origin, running_edge(origin.rules, limits=limits) as edge, edge.client() as client:
        await client.send(request("/", "Content-Length: 10", method="POST") + b"abc")
        assert (await client.answer()).status == 408
        await asyncio.wait_for(origin.gone.wait(), 5)
        assert edge.edge.counters.refusals[Refusal.BODY_TIMEOUT] == 1


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    limits = replace(QUICK, idle=0.1)
    async with (
        backend(always(OK)) as origin,
        running_edge(origin.rules, limits=limits) as edge,
        edge.client() as client,
    ):
        assert (await client.ask(request())).status == 200
        assert await client.is_closed()


async def test_a_client_that_does_not_read_stops_the_backend_and_is_given_up() -> None:
    size = 64 << 20
    sent: list[int] = []

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            for number in range(size >> 16):
                sent.append(number)
                await peer.send(bytes(1 << 16))
        finally:
            sent.append(-1)

    limits = replace(QUICK, stall=0.3)
    async with backend(script) as origin, running_edge(origin.rules, limits=limits) as edge:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1024)
        writer.write(request())
        await asyncio.wait_for(origin.gone.wait(), 10)
        assert len(sent) < (size >> 16) // 2  # most of it was never asked for
        assert edge.edge.counters.aborted == 1
        writer.close()


async def test_a_client_that_pipelines_and_never_reads_is_not_answered_ahead() -> None:
    """Answers that nobody takes would otherwise pile up in memory, one for every request that fits into a read."""
    limits = replace(QUICK, stall=0.3)
    async with backend(always(OK)) as origin, running_edge(origin.rules, limits=limits) as edge:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1024)
        writer.transport.pause_reading()
        flood = request("/", host="unknown.test") * 20_000
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(flood)
                await writer.drain()
        assert edge.edge.counters.statuses[421] < 200_000  # of 2,000,000: what the sockets' buffers hold
        writer.close()


async def test_a_pipelined_answer_waits_until_the_one_before_was_taken() -> None:
    size, sent = 8 << 20, 0

    async def script(peer: BackendPeer) -> None:
        nonlocal sent
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size >> 16):
                await peer.send(bytes(1 << 16))
                sent += 1 << 16

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        client.writer.transport.pause_reading()
        await client.send(request() * 8)
        reading = asyncio.ensure_future(client.head())
        await asyncio.wait([reading], timeout=0.5)
        assert sent < 2 * size  # the sockets' buffers, and no more
        client.writer.transport.resume_reading()
        await reading
        await client.reader.readexactly(size)
        for _ in range(7):
            assert len((await client.answer()).body) == size


async def test_too_many_clients_are_told_so_and_the_others_stay() -> None:
    limits = replace(QUICK, connections=2)
    async with backend(always(OK)) as origin, running_edge(origin.rules, limits=limits) as edge:
        async with edge.client() as one, edge.client() as two:
            assert (await one.ask(request())).status == 200
            assert (await two.ask(request())).status == 200
            async with edge.client() as three:
                assert (await three.answer()).status == 503
                assert await three.is_closed()
            assert (await one.ask(request())).status == 200
        assert edge.edge.counters.refusals[Refusal.TOO_MANY_CONNECTIONS] == 1


async def test_a_stopping_edge_ends_idle_connections_and_lets_an_exchange_end() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await may_answer.wait()
        await peer.send(OK)

    async with backend(script) as origin, running_edge(origin.rules) as edge:
        async with edge.client() as idle, edge.client() as busy:
            await busy.send(request())
            await asked.wait()
            stopping = asyncio.ensure_future(edge.edge.stop(grace=30))
            assert await idle.is_closed()
            may_answer.set()
            answer = await busy.answer()
            assert (answer.status, answer.field("Connection")) == (200, "close")
            await asyncio.wait_for(stopping, 5)


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("DELETE", 1), ("PUT", 1), ("POST", 1)])
async def test_only_what_is_safe_is_sent_again(method: str, times: int) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        if len(peer.seen) == 1:
            await peer.send(OK)
            await peer.head()  # and closes, as if it had done its work and then died

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request("/first"))).status == 200
        assert (await client.ask(request("/second", method=method))).status == 502
        assert len([head for head in origin.seen if b"/second" in head]) == times
