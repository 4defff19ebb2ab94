"""Several endpoints of one backend: shares, ejection and return, health checks, and ways that are not TCP to 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from dns_server import Record, name_server
from harness import QUICK, Backend, BackendPeer, RunningEdge, always, backend, request
from pools import OK, edge_before, origin_at, pool_of, until

from edgeproxy.proxy.endpoints import Change
from edgeproxy.proxy.resolve import ResolveLimits, Resolver
from edgeproxy.ruleset.listeners import InetAddress, UnixAddress
from edgeproxy.ruleset.origins import Ejection, Endpoint, HealthCheck
from edgeproxy.telemetry.counters import BackendFailure
from loadtests.bench.processes import free_port

HEALTH = HealthCheck("/health", interval=0.02, timeout=30.0, healthy=2, unhealthy=3)


@dataclass
class Patient:
    """A backend that answers its health checks, and everything else, with the status it is given."""

    port: int = 0
    health: bytes = b"204 No Content"
    status: bytes = b"200 OK"
    asked: list[bytes] = field(default_factory=list)  # targets, those of health checks apart
    checks: list[bytes] = field(default_factory=list)  # heads


@asynccontextmanager
async def patient() -> AsyncIterator[Patient]:
    this = Patient()

    async def script(peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            target = head.split(b" ")[1]
            (this.checks if target == b"/health" else this.asked).append(head)
            status = this.health if target == b"/health" else this.status
            await peer.send(b"HTTP/1.1 %b\r\n%b\r\n" % (status, b"" if b"204" in status else b"Content-Length: 0\r\n"))

    async with backend(script) as origin:
        this.port = origin.port
        yield this


async def ask(edge: RunningEdge, times: int) -> set[int]:
    """The statuses of so many requests, one after the other."""
    async with edge.client() as client:
        return {(await client.ask(request())).status for _ in range(times)}


# -- shares ---------------------------------------------------------------------------------------------------------


async def test_each_endpoint_gets_its_share_on_connections_that_are_kept() -> None:
    async with AsyncExitStack() as stack:
        origins: list[Backend] = [await stack.enter_async_context(backend(always(OK))) for _ in range(3)]
        origin = origin_at(*(each.port for each in origins))
        one, two, three = origin.endpoints
        weighted = replace(origin, endpoints=(one, replace(two, weight=2), three))
        edge = await stack.enter_async_context(edge_before(weighted))
        assert await ask(edge, 40) == {200}
        assert [len(each.seen) for each in origins] == [10, 20, 10]
        assert [each.connections for each in origins] == [1, 1, 1]


async def test_a_busy_endpoint_gets_less() -> None:
    may_answer = asyncio.Event()

    async def slow(peer: BackendPeer) -> None:
        await peer.head()
        await may_answer.wait()
        await peer.send(OK)

    async with backend(slow) as busy, backend(always(OK)) as quick:
        async with edge_before(origin_at(busy.port, quick.port)) as edge, edge.client() as first:
            await first.send(request())
            await until(lambda: busy.seen)
            assert await ask(edge, 20) == {200}
            assert (len(busy.seen), len(quick.seen)) == (1, 20)
            may_answer.set()
            assert (await first.answer()).status == 200


# -- ejection -------------------------------------------------------------------------------------------------------


async def test_an_endpoint_that_fails_in_a_row_is_left_out_for_a_while_and_comes_back() -> None:
    async with patient() as one, patient() as two:
        ejection = Ejection(failures=3, period=1.0, most=300)
        async with edge_before(replace(origin_at(one.port, two.port), ejection=ejection)) as edge:
            pool = pool_of(edge)
            one.status = b"503 Service Unavailable"
            assert await ask(edge, 6) == {200, 503}
            assert pool.counts.ejections == 1
            (event,) = pool.events
            assert (event.change, event.endpoint) == (Change.EJECTED, f"127.0.0.1:{one.port}")
            assert "503" in event.reason
            assert await ask(edge, 10) == {200}
            one.status, before = b"200 OK", len(one.asked)
            while len(one.asked) == before:
                assert await ask(edge, 1) == {200}


async def test_a_success_between_failures_keeps_an_endpoint_in() -> None:
    async with patient() as one, patient() as two:
        async with edge_before(replace(origin_at(one.port, two.port), ejection=Ejection(failures=2))) as edge:
            for status in (b"502 Bad Gateway", b"404 Not Found") * 5:
                one.status = status
                await ask(edge, 2)
            assert pool_of(edge).counts.ejections == 0


async def test_the_last_endpoint_is_asked_however_it_fails() -> None:
    async with patient() as one, patient() as two:
        async with edge_before(replace(origin_at(one.port, two.port), ejection=Ejection(failures=1))) as edge:
            one.status = two.status = b"500 Internal Server Error"
            assert await ask(edge, 4) == {500}  # a 500 is the application's, not the endpoint's
            assert pool_of(edge).counts.ejections == 0
            one.status = two.status = b"504 Gateway Timeout"
            assert await ask(edge, 20) == {504}
            assert pool_of(edge).counts.ejections == 1


# -- health ---------------------------------------------------------------------------------------------------------


async def test_an_endpoint_that_its_health_check_finds_down_is_not_asked_until_it_is_well() -> None:
    async with patient() as one, patient() as two:
        async with edge_before(replace(origin_at(one.port, two.port), health=HEALTH)) as edge:
            pool = pool_of(edge)
            await until(lambda: one.checks and two.checks)
            head = one.checks[0].decode()
            assert head.startswith("GET /health HTTP/1.1\r\nHost: origin.pypi.test\r\n")
            assert "User-Agent: edgeproxy-health\r\n" in head
            assert await ask(edge, 10) == {200}
            assert (len(one.asked), len(two.asked)) == (5, 5)

            one.health = b"500 Internal Server Error"
            await until(lambda: pool.endpoints[0].is_down)
            assert await ask(edge, 10) == {200}
            assert (len(one.asked), len(two.asked)) == (5, 15)

            one.health = b"302 Found"
            await until(lambda: not pool.endpoints[0].is_down)
            await ask(edge, 10)
            assert len(one.asked) > 5
            assert [event.change for event in pool.events] == [Change.DOWN, Change.UP]
            assert (pool.events[0].reason, pool.counts.health_changes) == ("status 500", 2)


async def test_when_every_endpoint_is_down_the_edge_says_so_at_once_and_asks_nobody() -> None:
    async with patient() as one:
        one.health = b"503 Service Unavailable"
        async with edge_before(replace(origin_at(one.port, free_port()), health=HEALTH)) as edge:
            await until(lambda: all(each.is_down for each in pool_of(edge).endpoints))
            assert b"origin is down: none of its places is healthy" in (await edge.ask(request())).body
            assert await ask(edge, 1) == {503}
            assert edge.edge.counters.backend_failures["origin", BackendFailure.NO_ENDPOINT] == 2
            assert not one.asked


async def test_an_endpoint_that_babbles_or_says_nothing_is_not_well() -> None:
    async def babble(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    async def hang(peer: BackendPeer) -> None:
        await peer.reader.read()

    async with backend(babble) as one, backend(hang) as two:
        hasty = replace(HEALTH, timeout=0.5, unhealthy=1)
        async with edge_before(replace(origin_at(one.port, two.port), health=hasty)) as edge:
            pool = pool_of(edge)
            await until(lambda: len(pool.events) == 2)
            assert {event.reason for event in pool.events} == {"no HTTP answer", "no answer in time"}


async def test_a_check_leaves_nothing_behind() -> None:
    async with patient() as one:
        async with edge_before(replace(origin_at(one.port), health=HEALTH)) as edge:
            await until(lambda: len(one.checks) >= 5)
            assert not pool_of(edge)._open
        await until(lambda: not [task for task in asyncio.all_tasks() if "health" in task.get_name()])


# -- other ways -----------------------------------------------------------------------------------------------------


async def test_a_backend_may_be_behind_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        there, nowhere = Endpoint(UnixAddress(path)), Endpoint(UnixAddress(tmp_path / "none.sock"))
        async with edge_before(replace(origin_at(1), endpoints=(there,))) as edge:
            assert await ask(edge, 1) == {200}
        async with edge_before(replace(origin_at(1), endpoints=(nowhere,))) as edge:
            assert await ask(edge, 1) == {502}
            assert "No such file" in pool_of(edge).endpoints[0].trouble


async def test_a_backend_may_have_an_ipv6_address() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "::1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with edge_before(replace(origin_at(1), endpoints=(Endpoint(InetAddress("::1", port)),))) as edge:
            assert await ask(edge, 1) == {200}


# -- names ----------------------------------------------------------------------------------------------------------


async def serve_on(stack: AsyncExitStack, address: str, port: int, asked: list[str]) -> int:
    """A backend on this address that notes who was asked. Its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                asked.append(address)
                writer.write(OK)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, address, port)
    stack.push_async_callback(server.wait_closed)
    stack.callback(server.close)
    bound: int = server.sockets[0].getsockname()[1]
    return bound


@asynccontextmanager
async def edge_with_names(server: str, port: int) -> AsyncIterator[RunningEdge]:
    """Before `app.test` at this port, whose addresses the name server knows."""
    named = replace(origin_at(1), endpoints=(Endpoint(InetAddress("app.test", port)),))
    resolver = Resolver(ResolveLimits(least=0.05), servers=[server])
    async with edge_before(named, limits=QUICK, resolver=resolver) as edge:
        yield edge


async def test_a_backend_that_moves_is_found_where_it_is_though_connections_are_kept() -> None:
    asked: list[str] = []
    async with AsyncExitStack() as stack:
        port = await serve_on(stack, "127.0.0.1", 0, asked)
        await serve_on(stack, "127.0.0.2", port, asked)
        names = await stack.enter_async_context(name_server(app=[Record(0, "127.0.0.1")]))
        edge = await stack.enter_async_context(edge_with_names(names.address, port))
        assert await ask(edge, 3) == {200}
        assert asked == ["127.0.0.1"] * 3
        names.zone["app.test"] = [Record(0, "127.0.0.2")]
        while asked[-1] == "127.0.0.1":
            assert await ask(edge, 1) == {200}
        assert pool_of(edge).counts.connections == 2


async def test_the_addresses_of_a_name_are_asked_in_turn_and_a_refusing_one_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeproxy.proxy.pool._YOUNG", 0.0)
    asked: list[str] = []
    post = request("/", "Content-Length: 0", method="POST")  # each on a new connection
    async with AsyncExitStack() as stack:
        port = await serve_on(stack, "127.0.0.1", 0, asked)
        await serve_on(stack, "127.0.0.2", port, asked)
        records = [Record(60, "127.0.0.1"), Record(60, "127.0.0.2"), Record(60, "127.0.0.3")]  # nobody is on the last
        names = await stack.enter_async_context(name_server(app=records))
        edge = await stack.enter_async_context(edge_with_names(names.address, port))
        assert {(await edge.ask(post)).status for _ in range(6)} == {200}
        assert set(asked) == {"127.0.0.1", "127.0.0.2"}
        assert not edge.edge.counters.backend_failures


async def test_a_name_that_has_no_address_is_a_502() -> None:
    async with name_server() as names, edge_with_names(names.address, 80) as edge:
        assert await ask(edge, 1) == {502}
        assert edge.edge.counters.backend_failures["origin", BackendFailure.NAME] == 1
        assert "there is no such name" in pool_of(edge).endpoints[0].trouble
