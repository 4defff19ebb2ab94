"""A pool's bounds and second chances: who waits for a connection, what is sent again, and how long all of it may take."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from harness import BackendPeer, Script, always, backend, request
from pools import OK, PATIENT, edge_before, origin_at, pool_of, until

from edgeproxy.ruleset.origins import Circuit, Ejection
from edgeproxy.telemetry.counters import BackendFailure
from loadtests.bench.processes import free_port

POST = request("/", "Content-Length: 0", method="POST")


def gated(may_answer: asyncio.Event) -> Script:
    """Answers every request once the event is set."""

    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await may_answer.wait()
            await peer.send(OK)

    return script


async def closes_unheard(peer: BackendPeer) -> None:
    """Reads a request and closes without an octet."""
    await peer.head()


# -- the circuit ----------------------------------------------------------------------------------------------------


async def test_what_the_circuit_does_not_let_through_waits_and_what_may_not_wait_is_told_so() -> None:
    may_answer = asyncio.Event()
    async with backend(gated(may_answer)) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1, pending=2))
        async with edge_before(narrow) as edge, edge.client() as one, edge.client() as two, edge.client() as three:
            counts = pool_of(edge).counts
            await one.send(request("/1"))
            await until(lambda: origin.seen)
            await two.send(request("/2"))
            await until(lambda: counts.pending_peak == 1)
            await three.send(request("/3"))
            await until(lambda: counts.pending_peak == 2)
            assert (await edge.ask(request("/4"))).status == 503  # at once: the others still wait
            may_answer.set()
            assert [(await client.answer()).status for client in (one, two, three)] == [200, 200, 200]
            assert [head.split(b" ")[1] for head in origin.seen] == [b"/1", b"/2", b"/3"]  # first come, first served
            assert (origin.connections, counts.overloads) == (1, 1)
            assert edge.edge.counters.backend_failures["origin", BackendFailure.OVERLOADED] == 1


async def test_who_waits_too_long_for_a_connection_gets_a_503() -> None:
    async with backend(gated(asyncio.Event())) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1), timeouts=replace(PATIENT, connect=0.1))
        async with edge_before(narrow) as edge, edge.client() as one:
            await one.send(request("/1"))
            await until(lambda: origin.seen)
            assert (await edge.ask(request("/2"))).status == 503
            assert len(origin.seen) == 1


async def test_who_leaves_the_queue_keeps_nobody_from_the_place() -> None:
    may_answer = asyncio.Event()
    async with backend(gated(may_answer)) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1, pending=1))
        async with edge_before(narrow) as edge, edge.client() as one, edge.client() as three:
            pool = pool_of(edge)
            await one.send(request("/1"))
            await until(lambda: origin.seen)
            async with edge.client() as two:
                await two.send(request("/2"))
                await until(lambda: pool._queue)
            await until(lambda: not pool._queue)
            await three.send(request("/3"))
            await until(lambda: pool._queue)
            may_answer.set()
            assert (await three.answer()).status == 200
            assert [head.split(b" ")[1] for head in origin.seen] == [b"/1", b"/3"]


async def test_unsafe_requests_share_a_connection_that_was_in_use_a_moment_ago() -> None:
    async with backend(always(OK)) as origin, edge_before(origin_at(origin.port)) as edge, edge.client() as client:
        for _ in range(20):
            assert (await client.ask(POST)).status == 200
        assert origin.connections == 1


async def test_a_request_that_needs_a_new_connection_gets_the_place_of_an_unused_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeproxy.proxy.pool._YOUNG", 0.0)  # a moment has passed
    async with backend(always(OK)) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1))
        async with edge_before(narrow) as edge, edge.client() as client:
            assert (await client.ask(request())).status == 200
            assert (await client.ask(POST)).status == 200
            assert origin.connections == 2
            assert len(pool_of(edge)._open) <= 1


async def test_an_unsafe_request_in_the_queue_gets_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeproxy.proxy.pool._YOUNG", 0.0)
    may_answer = asyncio.Event()
    async with backend(gated(may_answer)) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1))
        async with edge_before(narrow) as edge, edge.client() as one, edge.client() as two:
            await one.send(request("/1"))
            await until(lambda: origin.seen)
            await two.send(POST)
            await until(lambda: pool_of(edge)._queue)
            may_answer.set()
            assert [(await client.answer()).status for client in (one, two)] == [200, 200]
            assert origin.connections == 2


async def test_many_clients_share_few_connections() -> None:
    async with backend(always(OK)) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=3))
        async with edge_before(narrow) as edge:
            answers = await asyncio.gather(*(edge.ask(request(f"/{number}")) for number in range(60)))
            assert {answer.status for answer in answers} == {200}
            assert origin.connections == 3
            one = pool_of(edge).endpoints[0]
            assert (one.outstanding, len(one.kept)) == (0, 3)


# -- second chances -------------------------------------------------------------------------------------------------


async def test_a_refused_request_is_sent_to_another_endpoint_until_the_refusing_one_is_left_out() -> None:
    async with backend(always(OK)) as origin:
        two = replace(origin_at(free_port(), origin.port), ejection=Ejection(failures=3, period=600))
        async with edge_before(two) as edge, edge.client() as client:
            assert {(await client.ask(request())).status for _ in range(20)} == {200}
            counts = pool_of(edge).counts
            assert (counts.retries, counts.ejections) == (3, 1)
            assert not edge.edge.counters.backend_failures
            assert len(origin.seen) == 20


async def test_a_refused_request_is_not_sent_again_when_there_is_no_other_endpoint() -> None:
    async with edge_before(origin_at(free_port())) as edge:
        assert (await edge.ask(request())).status == 502
        assert pool_of(edge).counts.retries == 0


@pytest.mark.parametrize("ask", [POST, request("/", "Content-Length: 2", method="PUT") + b"hi"])
async def test_an_unsafe_request_and_one_with_a_body_get_one_chance(ask: bytes) -> None:
    async with backend(always(OK)) as origin, edge_before(origin_at(free_port(), origin.port)) as edge:
        statuses = [(await edge.ask(ask)).status for _ in range(4)]
        assert sorted(statuses) == [200, 200, 502, 502]
        assert (pool_of(edge).counts.retries, len(origin.seen)) == (0, 2)


async def test_a_request_that_nobody_answered_is_sent_again_once_elsewhere() -> None:
    async with backend(closes_unheard) as bad, backend(always(OK)) as good:
        async with edge_before(origin_at(bad.port, good.port)) as edge, edge.client() as client:
            assert [(await client.ask(request())).status for _ in range(4)] == [200, 200, 200, 200]
            assert pool_of(edge).counts.retries == len(bad.seen) > 0
            assert len(good.seen) == 4


async def test_a_request_is_sent_twice_at_most() -> None:
    async with backend(closes_unheard) as one, backend(closes_unheard) as two:
        async with edge_before(origin_at(one.port, two.port)) as edge:
            assert (await edge.ask(request())).status == 502
            assert (len(one.seen), len(two.seen)) == (1, 1)
            assert edge.edge.counters.backend_failures["origin", BackendFailure.CLOSED] == 1


@pytest.mark.parametrize("octets", [b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK[:-2]])
async def test_one_octet_of_an_answer_is_too_much_for_a_second_chance(octets: bytes) -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(octets)

    async with backend(script) as one, backend(script) as two:
        async with edge_before(origin_at(one.port, two.port)) as edge, edge.client() as client:
            await client.send(request())
            heads = [(await client.head()).status]
            while heads[-1] < 200:
                heads.append((await client.head()).status)
            assert heads[-1] == 502
            assert len(one.seen) + len(two.seen) == 1


async def test_not_too_many_requests_are_sent_again_at_once() -> None:
    may_close, may_answer = asyncio.Event(), asyncio.Event()

    async def closes_on_word(peer: BackendPeer) -> None:
        await peer.head()
        await may_close.wait()

    async with backend(closes_on_word) as bad, backend(gated(may_answer)) as good:
        two = replace(origin_at(bad.port, good.port), circuit=Circuit(retries=1))
        async with edge_before(two) as edge:
            asking = [asyncio.ensure_future(edge.ask(request(f"/{number}"))) for number in range(4)]
            await until(lambda: len(bad.seen) == len(good.seen) == 2)
            may_close.set()
            await until(lambda: len(good.seen) == 3)
            may_answer.set()
            statuses = sorted([answer.status for answer in await asyncio.gather(*asking)])
            assert statuses == [200, 200, 200, 502]
            pool = pool_of(edge)
            assert (pool.counts.retries, pool.counts.overloads, pool._retries) == (1, 1, 0)


# -- the total time -------------------------------------------------------------------------------------------------


async def test_an_answer_that_is_not_whole_within_the_total_time_is_a_504() -> None:
    async with backend(gated(asyncio.Event())) as origin:
        hurried = replace(origin_at(origin.port), timeouts=replace(PATIENT, total=0.1))
        async with edge_before(hurried) as edge:
            assert (await edge.ask(request())).status == 504
            assert edge.edge.counters.backend_failures["origin", BackendFailure.TOTAL_TIMEOUT] == 1
            await until(lambda: not pool_of(edge)._open)


async def test_a_trickling_answer_is_broken_off_when_its_total_time_is_over() -> None:
    async def trickle(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not peer.writer.is_closing():
            await peer.send(b"x")
            await asyncio.sleep(0.01)

    async with backend(trickle) as origin:
        hurried = replace(origin_at(origin.port), timeouts=replace(PATIENT, total=0.2))
        async with edge_before(hurried) as edge, edge.client() as client:
            answer = await client.ask(request())
            assert (answer.status, answer.is_whole) == (200, False)
            assert edge.edge.counters.backend_failures["origin", BackendFailure.TOTAL_TIMEOUT] == 1


async def test_a_client_that_trickles_its_body_does_not_extend_the_total_time() -> None:
    async with backend(gated(asyncio.Event())) as origin:
        hurried = replace(origin_at(origin.port), timeouts=replace(PATIENT, total=0.2))
        async with edge_before(hurried) as edge, edge.client() as client:
            await client.send(request("/", "Content-Length: 100", method="POST") + b"abc")
            assert (await client.answer()).status == 504


async def test_the_total_time_runs_while_a_request_waits_for_a_connection() -> None:
    async with backend(gated(asyncio.Event())) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1), timeouts=replace(PATIENT, total=0.3))
        async with edge_before(narrow) as edge, edge.client() as one:
            await one.send(request("/1"))
            await until(lambda: origin.seen)
            assert (await edge.ask(request("/2"))).status == 504
            assert (await one.answer()).status == 504


async def test_a_total_time_ends_with_its_exchange() -> None:
    """The connection is kept, and what the next exchange on it may take begins anew."""
    async with backend(always(OK)) as origin:
        hurried = replace(origin_at(origin.port), timeouts=replace(PATIENT, total=1.0))
        async with edge_before(hurried) as edge, edge.client() as client:
            loop = asyncio.get_running_loop()
            began = loop.time()
            while loop.time() < began + 1.3:
                assert (await client.ask(request())).status == 200
                await asyncio.sleep(0.01)
            assert origin.connections == 1


# -- all of it at once ----------------------------------------------------------------------------------------------


async def moody(peer: BackendPeer) -> None:
    """Does with a request what its target says, and closes after every tenth."""
    for _ in range(10):
        target = (await peer.head()).split(b" ")[1]
        match target.rpartition(b"/")[2]:
            case b"close":
                return
            case b"reset":
                peer.reset()
                return
            case b"break":
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                return
            case b"ill":
                await peer.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            case b"hang":
                await peer.reader.read(1)
                return
            case _:
                await peer.send(OK)


async def test_in_any_weather_nothing_is_lost_count_of() -> None:
    moods = ("ok", "ok", "close", "reset", "break", "ill", "hang", "leave", "ok")
    async with backend(moody) as one, backend(moody) as two:
        origin = origin_at(one.port, two.port, free_port())
        bounded = replace(
            origin,
            timeouts=replace(PATIENT, head=0.2, total=2.0),
            ejection=Ejection(failures=2, period=0.05),
            circuit=Circuit(connections=5, pending=20, retries=2),
        )
        async with edge_before(bounded) as edge:
            pool = pool_of(edge)
            most_open = 0

            async def ask(number: int) -> int:
                nonlocal most_open
                mood, method = moods[number % len(moods)], ("GET", "POST")[number % 2]
                async with edge.client() as client:
                    lines = ("Content-Length: 0",) if method == "POST" else ()
                    await client.send(request(f"/{number}/{mood}", *lines, method=method))
                    most_open = max(most_open, len(pool._open))
                    return 0 if mood == "leave" else (await client.answer()).status

            for wave in range(8):
                statuses = await asyncio.gather(*(ask(wave * 40 + number) for number in range(40)))
                assert set(statuses) <= {0, 200, 502, 503, 504}
            await until(lambda: not edge.edge._clients)
            await until(lambda: not any(each.outstanding for each in pool.endpoints))
            assert most_open <= 5
            assert (pool._retries, len(pool._queue), len(pool._opening)) == (0, 0, 0)
            assert len(pool._open) == sum([len(each.kept) for each in pool.endpoints])
            assert (await edge.ask(request("/"))).status in (200, 502)
