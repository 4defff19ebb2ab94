"""What the operator hears of backends on standard error, and sees of them in the counters."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from harness import BackendPeer, always, backend, request
from pools import OK, edge_before, origin_at, pool_of, until

from edgeproxy.proxy import notices
from edgeproxy.ruleset.origins import Circuit, Ejection, HealthCheck
from loadtests.bench.processes import free_port

HEALTH = HealthCheck("/health", interval=0.02, timeout=0.02, healthy=2, unhealthy=3)


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


async def test_an_endpoint_that_goes_and_comes_back_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    is_well = False

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(OK if is_well else OK.replace(b"200 OK", b"500 Internal Server Error"))

    async with backend(script) as one:
        async with edge_before(replace(origin_at(one.port), health=replace(HEALTH, timeout=5))) as edge:
            url = f"http://127.0.0.1:{one.port}"
            await until(lambda: pool_of(edge).endpoints[0].is_down)
            await edge.ask(request())
            await edge.ask(request())
            assert edge.edge.counters.numbers()[f"endpoints/origin/{url}"] == {
                "is_down": True,
                "ejected": False,
                "outstanding": 0,
            }
            is_well = True
            await until(lambda: not pool_of(edge).endpoints[0].is_down)
    assert told(capsys) == [
        f"edgeproxy: backend origin: {url} is out: 3 health checks failed (status 500)",
        "edgeproxy: backend origin: no endpoint is left: its requests get 503",
        f"edgeproxy: backend origin: {url} is back",
    ]


async def test_an_ejection_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    async with backend(always(OK.replace(b"200 OK", b"503 Service Unavailable"))) as one, backend(always(OK)) as two:
        ejecting = replace(origin_at(one.port, two.port), ejection=Ejection(failures=2, period=10))
        async with edge_before(ejecting) as edge:
            for _ in range(10):
                await edge.ask(request())
            url = f"http://127.0.0.1:{one.port}"
            assert edge.edge.counters.numbers()[f"endpoints/origin/{url}"] == {
                "is_down": False,
                "ejected": True,
                "outstanding": 0,
            }
    assert told(capsys) == [
        f"edgeproxy: backend origin: {url} is ejected for 10 s: 2 failures in a row (last: status 503)"
    ]


async def test_that_a_backend_is_full_is_told_at_once_and_then_by_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await may_answer.wait()
        await peer.send(OK)

    async with backend(script) as origin:
        narrow = replace(origin_at(origin.port), circuit=Circuit(connections=1, pending=0))
        async with edge_before(narrow) as edge, edge.client() as one:
            await one.send(request())
            await until(lambda: origin.seen)
            for _ in range(3):
                assert b"takes no more requests now" in (await edge.ask(request())).body
            assert told(capsys) == ["edgeproxy: backend origin: full (1 connection, 0 waiting): 1 request refused"]
            pool = edge.edge.counters.numbers()["pools/origin"]
            assert isinstance(pool, dict)
            assert (pool["open"], pool["waiting"], pool["overloads"]) == (1, 0, 3)
            monkeypatch.setattr(notices, "_TELL_EVERY", 0.0)
            await edge.ask(request())
            assert told(capsys) == ["edgeproxy: backend origin: full (1 connection, 0 waiting): 3 requests refused"]
            monkeypatch.setattr(notices, "_TELL_EVERY", 0.1)
            heard = ""
            await edge.ask(request())
            while not heard:  # though nobody asks any more
                await asyncio.sleep(0.002)
                heard = capsys.readouterr().err
            assert heard.endswith("1 request refused\n")
            may_answer.set()
            assert (await one.answer()).status == 200


async def test_an_endpoint_where_nobody_listens_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    async with edge_before(replace(origin_at(port), health=replace(HEALTH, timeout=5, unhealthy=1))) as edge:
        await until(lambda: pool_of(edge).endpoints[0].is_down)
    line = f"edgeproxy: backend origin: http://127.0.0.1:{port} is out: 1 health check failed (Connection refused)"
    assert told(capsys)[0] == line
