"""Requests whose octets were read before are not read again: they are what they were, and each is a request of its own."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from harness import QUICK, BackendPeer, RunningEdge, backend, request, running_edge

from edgeproxy.proxy import planner
from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.access_log import AccessLog

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
{settings}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 500ms, head: 5s, between: 5s}}}}
rules:
  - {{name: agent, match: {{path: "/agent", headers: {{user-agent: "pip/*"}}}}, forward: {{backend: origin}}}}
  - {{name: small, match: {{path: "/small"}}, limits: {{time: 5s}}, forward: {{backend: origin}}}}
  - {{name: gone, match: {{path: "/gone"}}, respond: {{status: 410}}}}
  - {{name: rest, match: {{path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""


class Telling:
    """A backend whose answer is what it was asked."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def serve(self, peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            self.heads.append(head)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))


@asynccontextmanager
async def edge_before(
    origin: Telling, settings: str = "", log: AccessLog | None = None, limits: Limits = QUICK
) -> AsyncIterator[RunningEdge]:
    async with backend(origin.serve) as server:
        rules = RULES.format(port=server.port, settings=settings)
        async with running_edge(rules, access_log=log, limits=limits) as edge:
            yield edge


def remembered(edge: RunningEdge) -> int:
    return sum(len(each.repeats) for each in edge.edge.planners.values())


async def test_the_same_octets_are_the_same_request_each_time() -> None:
    origin = Telling()
    async with edge_before(origin) as edge, edge.client() as client, edge.client() as another:
        for number in range(1, 5):
            for each in (client, another):
                for path in ("/a", "/b"):
                    answer = await each.ask(request(path, "User-Agent: pip/24.0"))
                    assert answer.body.startswith(b"GET %b HTTP/1.1\r\n" % path.encode())
            counters = edge.edge.counters
            assert (counters.requests, dict(counters.rules)) == (4 * number, {"rest": 4 * number})
            assert counters.memo_hits == 4 * number - 1
        assert remembered(edge) == 2
    assert len(set(origin.heads)) == 2


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (request("/agent", "User-Agent: pip/24.0"), "more than its octets could decide"),
        (request("/small"), "its rule has limits"),
        (request("/a", "Connection: close"), "it is the last one"),
        (request("/a", "Content-Length: 2") + b"ab", "it has a body"),
        (request("/a", "Expect: 100-continue"), "it is judged"),
        (request("/a", "Max-Forwards: 3"), "it is judged"),
        (request("/a", "Edge-Arm: old"), "it is judged"),
        (request("/a", "User-Agent: " + "a" * 4_096), "it is long"),
        (b"GET /a HTTP/1.0\r\nHost: pypi.test\r\nConnection: keep-alive\r\n\r\n", "of another version"),
        (request("/a") * 2, "there are two of them"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_no_other_is_remembered(octets: bytes, why: str) -> None:
    async with edge_before(Telling()) as edge:
        for _ in range(3):
            async with edge.client() as client:
                await client.ask(octets)
        assert remembered(edge) == 0, why


async def test_who_speaks_for_others_is_heard_each_time() -> None:
    origin = Telling()
    async with edge_before(origin, "trusted_proxies: [127.0.0.1]") as edge, edge.client() as client:
        for _ in range(3):
            await client.ask(request("/a", "X-Forwarded-For: 192.0.2.1"))
        assert remembered(edge) == 0


async def test_each_has_its_line_in_the_access_log() -> None:
    out = io.StringIO()
    async with edge_before(Telling(), log=AccessLog(out)) as edge, edge.client() as client:
        for _ in range(4):
            assert (await client.ask(request("/gone", "User-Agent: pip/24.0"))).status == 410
        assert remembered(edge) == 1
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(each["path"], each["user_agent"], each["status"]) for each in lines] == [("/gone", "pip/24.0", 410)] * 4


async def test_the_last_of_a_connection_says_so() -> None:
    async with edge_before(Telling(), limits=replace(QUICK, requests=4)) as edge, edge.client() as client:
        said = [(await client.ask(request("/a"))).field("Connection") for _ in range(4)]
        assert said == [None, None, None, "close"]
        assert await client.is_closed()


async def test_an_edge_that_drains_says_that_the_connection_ends() -> None:
    async with edge_before(Telling()) as edge, edge.client() as client:
        for _ in range(3):
            assert (await client.ask(request("/a"))).field("Connection") is None
        edge.edge.drain()
        assert (await client.ask(request("/a"))).field("Connection") == "close"
        assert await client.is_closed()


async def test_what_is_remembered_is_bounded_in_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "_REPEATS", 10_000)
    async with edge_before(Telling()) as edge, edge.client() as client:
        for number in range(100):
            assert (await client.ask(request(f"/{number}", "User-Agent: " + "a" * 1_000))).status == 200
            assert sum(len(octets) for octets in edge.edge.planners["http"].repeats) <= 10_000 + 1_100
        assert 0 < remembered(edge) < 12


async def test_what_no_rule_takes_is_not_remembered_and_drives_nothing_out() -> None:
    async with edge_before(Telling(), limits=replace(QUICK, plans=4)) as edge, edge.client() as client:
        for _ in range(2):
            await client.ask(request("/a"))
        for number in range(20):
            answer = await client.ask(request(f"/{number}", host="other.test"))
            assert answer.status == 421
        for _ in range(2):
            assert (await client.ask(request("*", method="OPTIONS"))).status == 204
        assert list(edge.edge.planners["http"].repeats) == [request("/a")]


async def test_what_their_fields_hold_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "_REPEATS", 10_000)
    fields = [f"A{number}:" for number in range(90)]
    async with edge_before(Telling()) as edge, edge.client() as client:
        for number in range(20):
            for _ in range(2):
                await client.ask(request("/a", *fields, f"B{number}:"))
            assert 0 < remembered(edge) <= 2
