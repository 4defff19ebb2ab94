"""A request's body has a bound in octets and one in time; who is not to blame for the time does not pay for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from harness import QUICK, BackendPeer, RunningEdge, always, backend, request, running_edge
from pools import OK, until

from edgeproxy.telemetry.counters import BackendFailure, Refusal

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 500ms, head: 5s, between: 5s}}}}
rules:
  - {{name: small, match: {{host: app, path: "/small"}}, forward: {{backend: origin}}, limits: {{body: 1KiB}}}}
  - {{name: none, match: {{host: app, path: "/none"}}, forward: {{backend: origin}}, limits: {{body: 0}}}}
  - {{name: large, match: {{host: app, path: "/large"}}, forward: {{backend: origin}}, limits: {{body: 64KiB}}}}
  - {{name: brief, match: {{host: app, path: "/brief"}}, forward: {{backend: origin}}, limits: {{time: 100ms}}}}
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
CHUNKED = "Transfer-Encoding: chunked"


def chunk(octets: int) -> bytes:
    return b"%x\r\n%b\r\n" % (octets, bytes(octets))


async def take_body(peer: BackendPeer) -> int:
    """Read a chunked body to its end; its octets."""
    octets = 0
    while size := int(await peer.reader.readuntil(b"\r\n"), 16):
        octets += len(await peer.reader.readexactly(size + 2)) - 2
    await peer.reader.readexactly(2)
    return octets


async def takes_bodies(peer: BackendPeer) -> None:
    """A backend that says how long each chunked body was."""
    while True:
        await peer.head()
        said = b"%d" % await take_body(peer)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))


# -- octets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "most"), [("/small", 1024), ("/none", 0), ("/large", 65536), ("/other", 4096)])
async def test_a_body_that_is_announced_too_long_is_refused_before_the_backend_hears_of_it(
    target: str, most: int
) -> None:
    limits = replace(QUICK, body=4096)  # for rules without a limit of their own
    async with backend(always(OK)) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        answer = await edge.ask(request(target, f"Content-Length: {most + 1}", method="PUT") + bytes(most + 1))
        assert (answer.status, answer.field("Connection"), answer.is_whole) == (413, "close", True)
        assert str(most).encode() in answer.body
        assert (origin.connections, origin.seen) == (0, [])
        assert edge.edge.counters.refusals == {Refusal.BODY_TOO_LARGE: 1}


@pytest.mark.parametrize(("target", "most"), [("/small", 1024), ("/none", 0), ("/large", 65536), ("/other", 4096)])
async def test_a_body_that_is_as_long_as_it_may_be_passes(target: str, most: int) -> None:
    limits = replace(QUICK, body=4096)
    async with backend(takes_bodies) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        content = chunk(most) if most else b""
        answer = await edge.ask(request(target, CHUNKED, method="PUT") + content + b"0\r\n\r\n")
        assert (answer.status, answer.body) == (200, b"%d" % most)
        assert not edge.edge.counters.refusals


async def test_a_refused_body_that_is_sent_all_the_same_does_not_cost_the_client_the_answer() -> None:
    async with backend(always(OK)) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client:
            octets = 20 << 20  # more than the sockets hold: the edge takes it and drops it
            await client.send(request("/small", f"Content-Length: {octets}", method="PUT") + bytes(octets))
            assert (await client.answer()).status == 413


async def test_who_asks_before_sending_is_told_at_once() -> None:
    async with backend(always(OK)) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        ask = request("/small", "Content-Length: 2000", "Expect: 100-continue", method="PUT")
        assert (await edge.ask(ask)).status == 413
        assert origin.connections == 0


async def test_a_chunked_body_that_grows_too_long_is_a_413_and_looks_broken_to_the_backend() -> None:
    end: asyncio.Future[bytes | ConnectionError] = asyncio.get_running_loop().create_future()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        try:
            end.set_result(await peer.reader.read())
        except ConnectionError as error:
            end.set_result(error)

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client:
            await client.send(request("/small", CHUNKED, method="PUT") + chunk(1000))
            await until(lambda: origin.seen)
            await client.send(chunk(25) + b"0\r\n\r\n")
            assert (await client.answer()).status == 413
            assert await client.is_closed()
        assert isinstance(await asyncio.wait_for(end, 5), ConnectionResetError)
        assert edge.edge.counters.refusals == {Refusal.BODY_TOO_LARGE: 1}


async def test_a_chunked_body_that_grows_too_long_behind_an_answers_head_breaks_the_answer() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await peer.reader.read()

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client:
            await client.send(request("/small", CHUNKED, method="PUT") + chunk(1000))
            assert (await client.head()).status == 200
            await client.send(chunk(25))
            assert b"413" not in await client.reader.read()
        assert (edge.edge.counters.aborted, edge.edge.counters.refusals[Refusal.BODY_TOO_LARGE]) == (1, 1)


async def test_one_limit_does_not_concern_other_rules_on_the_same_connection() -> None:
    async with backend(takes_bodies) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client:
            for target in ("/large", "/other"):
                answer = await client.ask(request(target, CHUNKED, method="PUT") + chunk(2000) + b"0\r\n\r\n")
                assert (answer.status, answer.body) == (200, b"2000")


# -- time -------------------------------------------------------------------------------------------------------


async def pass_time(edge: RunningEdge, seconds: float) -> None:
    """The edge itself tells when so much time has passed: it gives up a head that does not end."""
    edge.edge.limits = replace(edge.edge.limits, head_time=seconds)
    assert (await asyncio.wait_for(edge.ask(b"GET / HTTP/1.1\r\n"), 5 + seconds)).status == 408


async def test_a_body_that_stops_coming_is_given_up() -> None:
    limits = replace(QUICK, body_time=0.1)
    async with backend(takes_bodies) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        async with edge.client() as client:
            await client.send(request("/", CHUNKED, method="PUT") + chunk(100_000))
            answer = await asyncio.wait_for(client.answer(), 5)
            assert (answer.status, answer.field("Connection")) == (408, "close")
            assert edge.edge.counters.refusals == {Refusal.BODY_TIMEOUT: 1}
            await asyncio.wait_for(origin.gone.wait(), 5)


async def test_a_body_that_trickles_is_given_up_however_steadily() -> None:
    limits = replace(QUICK, body_time=0.2, body_rate=10_000)

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        async with edge.client() as client:

            async def trickle() -> None:
                with suppress(ConnectionError):
                    while True:
                        await client.send(b"a")
                        await asyncio.sleep(0.01)  # the pace is what is tested

            await client.send(request("/", "Content-Length: 1000000", method="PUT"))
            trickling = asyncio.ensure_future(trickle())
            assert (await asyncio.wait_for(client.answer(), 5)).status == 408
            assert edge.edge.counters.refusals == {Refusal.BODY_TIMEOUT: 1}
            trickling.cancel()


@pytest.mark.parametrize("rate", [0, 100], ids=["no least rate", "a least rate that is kept"])
async def test_a_body_that_is_slow_but_fast_enough_passes_however_long_it_takes(rate: int) -> None:
    limits = replace(QUICK, body_time=0.5, body_rate=rate)
    async with backend(takes_bodies) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        async with edge.client() as client:
            await client.send(request("/", CHUNKED, method="PUT"))
            waiting = asyncio.ensure_future(pass_time(edge, 0.6))
            pieces = 0
            while not waiting.done():  # longer than a silent body has
                await client.send(chunk(100))
                pieces += 1
                await asyncio.sleep(0.05)  # the pace is what is tested
            await waiting
            await client.send(b"0\r\n\r\n")
            assert (await client.answer()).body == b"%d" % (100 * pieces)


async def test_a_body_that_the_backend_does_not_take_is_not_the_clients_fault() -> None:
    may_read = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await may_read.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.send(OK if await take_body(peer) == octets else b"HTTP/1.1 500 No\r\n\r\n")

    limits = replace(QUICK, body_time=1.0, body_rate=1 << 30)  # who is held up is far below it
    octets = 0
    async with backend(script) as origin, running_edge(RULES.format(port=origin.port), limits=limits) as edge:
        async with edge.client() as client:
            await client.send(request("/", CHUNKED, method="PUT"))
            await until(lambda: origin.seen)
            (connection,) = edge.edge._clients
            while not connection._is_blocked:
                await client.send(chunk(1 << 16))
                octets += 1 << 16
            await pass_time(edge, 1.5)
            may_read.set()
            await client.send(b"0\r\n\r\n")
            assert (await asyncio.wait_for(client.answer(), 5)).status == 200
        assert not edge.edge.counters.refusals[Refusal.BODY_TIMEOUT]


async def test_a_body_that_waits_for_a_connection_is_not_the_clients_fault() -> None:
    may_answer = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        while True:
            if b"PUT" in await peer.head():
                assert await take_body(peer) == 5
            else:
                await may_answer.wait()
            await peer.send(OK)

    rules = RULES.replace("}}}}\nrules:", "}}, limits: {{connections: 1}}}}\nrules:")
    limits = replace(QUICK, body_time=0.1)
    async with backend(script) as origin:
        async with running_edge(rules.format(port=origin.port), limits=limits) as edge:
            async with edge.client() as first, edge.client() as second:
                await first.send(request("/"))
                await until(lambda: origin.seen)
                await second.send(request("/", CHUNKED, method="PUT"))
                answer = asyncio.ensure_future(second.answer())
                await pass_time(edge, 0.3)
                assert len(origin.seen) == 1
                may_answer.set()
                await second.send(chunk(5) + b"0\r\n\r\n")
                assert (await asyncio.wait_for(answer, 5)).status == 200


# -- the whole of an exchange -----------------------------------------------------------------------------------


async def test_a_rule_may_give_an_exchange_less_time_than_its_backend() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.reader.read()

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        async with edge.client() as client, edge.client() as patient:
            await patient.send(request("/patient"))
            answer = await asyncio.wait_for(client.ask(request("/brief")), 5)
            assert (answer.status, answer.is_whole) == (504, True)
            assert edge.edge.counters.backend_failures == {("origin", BackendFailure.TOTAL_TIMEOUT): 1}
            assert edge.edge.counters.open_connections == 2  # the other rule's exchange goes on
            assert (await client.ask(request("/brief"))).status == 504  # and so does the connection


async def test_a_rules_time_breaks_an_answer_off_that_trickles() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not peer.reader.at_eof():
            await peer.send(b"a")
            await asyncio.sleep(0.01)  # steadily: only the whole has a limit

    async with backend(script) as origin, running_edge(RULES.format(port=origin.port)) as edge:
        answer = await asyncio.wait_for(edge.ask(request("/brief")), 5)
        assert (answer.status, answer.is_whole) == (200, False)
        assert edge.edge.counters.aborted == 1
