"""What an exchange under a cutover counts for: once, by how its arm's backend met it, whatever its client got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from harness import BackendPeer, RunningEdge, Script, always, backend, request, running_edge

from edgeproxy.migration.gates.counts import ArmCounts, Block
from edgeproxy.migration.gates.histogram import bucket_of

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  legacy: {{url: "http://127.0.0.1:{legacy}"}}
  modern: {{url: "http://127.0.0.1:{modern}", timeouts: {{head: {patience}, between: {patience}}}}}
cutovers:
  reads: {{from: legacy, to: modern, steps: [50, 100], hold: 1m}}
rules:
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{cutover: reads}}{more}}}
"""
CACHED = ", cache: {fresh: 1h}"
STALE = ', cache: {fresh: "0s", stale_if_error: 1h}'
FALLBACK = ", fallback: {to: legacy, on: [connect, timeout, reset, 5xx, 404]}"
BOTH = f"{CACHED}{FALLBACK}"


def answer(status: int = 200, lines: str = "", body: str = "hello") -> bytes:
    return f"HTTP/1.1 {status} It\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def silent(peer: BackendPeer) -> None:
    await peer.head()
    await asyncio.Event().wait()


async def leaving(peer: BackendPeer) -> None:
    """Without an answer, each time."""
    await peer.head()


async def breaking_off(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    peer.reset()


async def in_pieces(peer: BackendPeer) -> None:
    await peer.head()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await peer.send(b"5\r\nhello\r\n0\r\n\r\n")
    await peer.head()


OK, MISSING, ERROR = always(answer()), always(answer(404)), always(answer(503))
PRIVATE = always(answer(lines="Cache-Control: private\r\n"))
LOOP = always(answer(302, "Location: http://pypi.test/page\r\n"))


@asynccontextmanager
async def edge_to(modern: Script, more: str = "", share: int = 100_000) -> AsyncIterator[RunningEdge]:
    async with backend(OK) as old, backend(modern) as new:
        patience = "300ms" if modern is silent else "20s"
        rules = RULES.format(legacy=old.port, modern=new.port, more=more, patience=patience)
        async with running_edge(rules) as edge:
            edge.edge.move({"reads": share})
            yield edge


def taken(edge: RunningEdge) -> Block:
    words: dict[str, Any] = edge.edge.tally.take()
    return Block.from_json(words["reads"]) if words else Block()


def numbers(counts: ArmCounts) -> tuple[int, int, int]:
    """Exchanges, failures, and those with a time."""
    return counts.exchanges, counts.failures, counts.latency.total


@pytest.mark.parametrize("more", ["", CACHED, FALLBACK, BOTH], ids=["plain", "cached", "fallback", "both"])
@pytest.mark.parametrize(
    ("modern", "counted"),
    [
        pytest.param(OK, (1, 0, 1), id="an answer"),
        pytest.param(in_pieces, (1, 0, 1), id="an answer in pieces"),
        pytest.param(MISSING, (1, 0, 1), id="a 404, which is no failure, met or not"),
        pytest.param(PRIVATE, (1, 0, 1), id="an answer for one client"),
        pytest.param(ERROR, (1, 1, 0), id="a 503, met or not"),
        pytest.param(silent, (1, 1, 1), id="a timeout, with what was waited"),
        pytest.param(leaving, (1, 1, 0), id="no answer, also to the second try"),
        pytest.param(breaking_off, (1, 1, 0), id="an answer that breaks off"),
        pytest.param(LOOP, (1, 1, 0), id="a redirect that leads back"),
    ],
)
async def test_an_exchange_counts_once(modern: Script, counted: tuple[int, int, int], more: str) -> None:
    async with edge_to(modern, more) as edge:
        try:
            await edge.ask(request("/page"))
        except asyncio.IncompleteReadError:
            assert modern is breaking_off
        block = taken(edge)
        assert (numbers(block.new), numbers(block.old)) == (counted, (0, 0, 0))
        if modern is silent:
            assert min(block.new.latency.counts) >= bucket_of(0.29)
        assert taken(edge) == Block()


async def test_a_copy_counts_for_nothing_and_one_that_stands_in_hides_no_failure() -> None:
    gone_wrong = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(answer(500) if gone_wrong.is_set() else answer(lines='ETag: "1"\r\n'))

    async with edge_to(script, CACHED) as edge:
        await edge.ask(request("/page"))
        await edge.ask(request("/page"))
        assert numbers(taken(edge).new) == (1, 0, 1)
    async with edge_to(script, STALE) as edge:
        await edge.ask(request("/page"))
        gone_wrong.set()
        assert (await edge.ask(request("/page"))).status == 200
        assert numbers(taken(edge).new) == (2, 1, 1)


async def test_each_arm_has_its_own_numbers() -> None:
    async with edge_to(ERROR, share=50_000) as edge:
        statuses = [(await edge.ask(request("/", f"User-Agent: {number}"))).status for number in range(40)]
        block = taken(edge)
        assert numbers(block.old) == (statuses.count(200), 0, statuses.count(200))
        assert numbers(block.new) == (statuses.count(503), statuses.count(503), 0)


async def test_at_rest_nothing_is_counted() -> None:
    async with edge_to(OK, share=0) as edge:
        await edge.ask(request("/page"))
        assert taken(edge) == Block()


async def test_what_began_under_another_share_counts_for_nothing_and_another_cutovers_share_changes_nothing() -> None:
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await may_go_on.wait()
        await peer.send(answer())

    for share, counted in ((100_000, 1), (99_999, 0)):
        asked.clear()
        may_go_on.clear()
        async with edge_to(script) as edge, edge.client() as client:
            await client.send(request("/page"))
            await asked.wait()
            edge.edge.move({"reads": share})
            may_go_on.set()
            await client.answer()
            assert taken(edge).new.exchanges == counted


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"], ids=["no head", "in mid-body"]
)
async def test_a_client_that_left_after_waiting_found_an_arm_that_hangs(begun: bytes) -> None:
    asked, ahead = asyncio.Event(), 0.0

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(begun)
        asked.set()
        await peer.reader.read()

    async with backend(OK) as old, backend(script) as new:
        rules = RULES.format(legacy=old.port, modern=new.port, more="", patience="1h")
        async with running_edge(rules) as edge:
            now = edge.edge.clock.now
            edge.edge.clock.now = lambda: now() + ahead
            edge.edge.move({"reads": 100_000})
            async with edge.client() as client:
                await client.send(request("/page"))
                await asked.wait()
                if begun:
                    await client.reader.readuntil(b"only this")
                ahead = 1.5
            await new.gone.wait()
            counts = taken(edge).new
            assert (counts.exchanges, counts.failures) == (1, 1)
            assert len(counts.latency.counts) == (not begun)
            assert all(bucket >= bucket_of(1.5) for bucket in counts.latency.counts)


async def test_what_its_client_gives_up_counts_for_nothing() -> None:
    asked = asyncio.Event()

    async def script(peer: BackendPeer) -> None:
        await peer.head()
        asked.set()
        await peer.reader.read()  # until the edge leaves

    async with backend(OK) as old, backend(script) as new:
        async with running_edge(RULES.format(legacy=old.port, modern=new.port, more="", patience="20s")) as edge:
            edge.edge.move({"reads": 100_000})
            async with edge.client() as client:
                await client.send(request("/page"))
                await asked.wait()
            await new.gone.wait()
            assert taken(edge) == Block()
