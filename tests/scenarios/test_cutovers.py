"""A cutover in the data plane: the share that is in force decides from the next request on, and moves clients one way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness import BackendPeer, RunningEdge, always, backend, request, running_edge

from edgeproxy.caching.keys import tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.plan import arm_tag

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  other: {{names: [legacy.pypi.test]}}
backends:
  legacy: {{url: "http://127.0.0.1:{legacy}"}}
  modern: {{url: "http://127.0.0.1:{modern}"}}
cutovers:
  reads: {{from: legacy, to: modern, steps: [1, 5, 20, 50, 100], hold: 1m, sticky: [header:Authorization, client]}}
rules:
  - {{name: all, match: {{host: [app, other], path: "/{{rest*}}"}}, forward: {{cutover: reads}}{more}}}
"""


def says(name: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()


@asynccontextmanager
async def edge_between(legacy: bytes = b"", modern: bytes = b"", more: str = "") -> AsyncIterator[RunningEdge]:
    legacy, modern = legacy or says("legacy"), modern or says("modern")
    async with backend(always(legacy)) as old, backend(always(modern)) as new:
        async with running_edge(RULES.format(legacy=old.port, modern=new.port, more=more)) as edge:
            yield edge


async def arms_of(edge: RunningEdge, clients: int = 300, host: str = "pypi.test") -> list[str]:
    """Which side each client is on."""
    async with edge.client() as client:
        asked = [request("/", f"Authorization: token {number}", host=host) for number in range(clients)]
        return [(await client.ask(each)).body.decode() for each in asked]


async def test_nobody_has_moved_before_it_is_started() -> None:
    async with edge_between() as edge:
        assert set(await arms_of(edge)) == {"legacy"}


async def test_a_raised_share_moves_clients_one_way_and_they_are_the_same_on_every_host() -> None:
    async with edge_between() as edge:
        moved: set[int] = set()
        for share in (1_000, 5_000, 20_000, 50_000, 100_000):
            edge.edge.move({"reads": share})
            arms = await arms_of(edge)
            now = {number for number, arm in enumerate(arms) if arm == "modern"}
            assert moved <= now
            assert abs(len(now) - 300 * share / 100_000) < 4 * (300 * share / 100_000) ** 0.5 + 1
            assert await arms_of(edge, host="legacy.pypi.test") == arms
            moved = now
        assert len(moved) == 300


async def test_one_step_back_takes_everybody_back_at_once() -> None:
    async with edge_between() as edge:
        edge.edge.move({"reads": 100_000})
        async with edge.client() as client:
            assert (await client.ask(request())).body == b"modern"
            edge.edge.move({})
            assert (await client.ask(request())).body == b"legacy"  # on the connection that it has
        assert edge.edge.counters.arms == {("reads", "modern"): 1, ("reads", "legacy"): 1}


async def test_an_exchange_that_runs_ends_on_the_arm_where_it_began() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await may_answer.wait()
        await peer.send(says("modern"))

    async with backend(always(says("legacy"))) as old, backend(slow) as new:
        async with running_edge(RULES.format(legacy=old.port, modern=new.port, more="")) as edge:
            edge.edge.move({"reads": 100_000})
            answer = asyncio.ensure_future(edge.ask(request()))
            await asked.wait()
            edge.edge.move({"reads": 0})
            may_answer.set()
            assert (await answer).body == b"modern"
            assert (await edge.ask(request())).body == b"legacy"


async def test_what_an_arm_answered_is_kept_for_its_clients_alone() -> None:
    async with edge_between(more=", cache: {fresh: 1h}") as edge:
        assert {(await edge.ask(request())).body for _ in range(3)} == {b"legacy"}
        edge.edge.move({"reads": 100_000})
        assert {(await edge.ask(request())).body for _ in range(3)} == {b"modern"}
        edge.edge.move({})
        answer = await edge.ask(request())
        assert answer.body == b"legacy"
        assert "hit" in (answer.field("Cache-Status") or "")


@pytest.mark.parametrize("share_arms", ["", ", share_arms: true"])
async def test_what_the_new_arm_answered_can_be_taken_back(share_arms: str) -> None:
    """As a rollback does; what the old arm answered stays."""
    async with edge_between(more=f", cache: {{fresh: 1h{share_arms}}}") as edge:
        keeper = edge.edge.keeper
        assert keeper is not None
        edge.edge.move({"reads": 100_000})
        await edge.ask(request("/new"))
        edge.edge.move({})
        await edge.ask(request("/old"))
        keeper.purges.append(Purge(What.TAG, Mode.HARD, tag_digest(arm_tag("reads")), 0.0))
        assert "hit" in ((await edge.ask(request("/old"))).field("Cache-Status") or "")
        edge.edge.move({"reads": 100_000})
        assert "hit" not in ((await edge.ask(request("/new"))).field("Cache-Status") or "")


async def test_the_fallback_of_the_new_arm_is_the_old_one() -> None:
    broken = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    async with edge_between(modern=broken, more=", fallback: {to: legacy, on: [5xx]}") as edge:
        edge.edge.move({"reads": 100_000})
        assert (await edge.ask(request())).body == b"legacy"
    async with edge_between(legacy=broken, more=", fallback: {to: legacy, on: [5xx]}") as edge:
        assert (await edge.ask(request())).status == 500  # it is asked once, not again by its own fallback


async def test_the_loop_guard_knows_the_arm_that_is_in_force() -> None:
    """The new side's redirect leads back only while clients are sent to it."""
    there = b"HTTP/1.1 302 Found\r\nLocation: http://legacy.pypi.test/\r\nContent-Length: 0\r\n\r\n"
    home = '{{name: old, match: {{host: other, path: "/"}}, redirect: {{to: "http://pypi.test/", status: 302}}}}'
    rules = RULES.replace("[app, other]", "app").replace("rules:", f"rules:\n  - {home}")
    async with backend(always(says("legacy"))) as old, backend(always(there)) as new:
        async with running_edge(rules.format(legacy=old.port, modern=new.port, more="")) as edge:
            assert (await edge.ask(request())).status == 200
            edge.edge.move({"reads": 100_000})
            assert (await edge.ask(request())).status == 508
