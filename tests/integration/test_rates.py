"""Rate limits over real workers: a client is one client on all its connections, whatever becomes of the workers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from edge_process import EdgeProcess, running_process
from harness import RawClient, request
from open_files import kept_in_memory

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: free, match: {host: app, path: "/free"}, respond: {status: 200, body: free}}
  - name: rated
    match: {host: app, path: "/{rest*}"}
    respond: {status: 200, body: hello}
    limits: {rate: 10/h}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


async def ask(edge: EdgeProcess, times: int, path: str = "/") -> Counter[int]:
    """The statuses of so many requests, one after the other, each on a connection of its own."""
    statuses: Counter[int] = Counter()
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        client = RawClient(reader, writer)
        async with asyncio.timeout(30):
            statuses[(await client.ask(request(path, "Connection: close"))).status] += 1
        await client.close()
    return statuses


async def test_two_workers_limit_a_client_as_one(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        assert await ask(edge, 60) == {200: 10, 429: 50}
        report = await edge.report()
        assert all(worker["counters"]["requests"] for worker in report["workers"])
        assert sum(worker["counters"]["refusals"]["rate"] for worker in report["workers"]) == 50
        assert await ask(edge, 20, "/free") == {200: 20}


async def test_a_client_at_its_limit_stays_there_when_workers_are_replaced(rules: Path) -> None:
    async with running_process(rules, "--workers", "2") as edge:
        assert await ask(edge, 11) == {200: 10, 429: 1}
        for worker in await edge.workers():
            os.kill(worker, signal.SIGKILL)
            await edge.until_workers(2, without=worker)
        assert await ask(edge, 10) == {429: 10}
        rules.write_text(RULES + "  # read again\n")
        edge.signal(signal.SIGHUP)
        await edge.until_said("generation 2")
        assert await ask(edge, 10) == {429: 10}
        edge.signal(signal.SIGUSR2)
        await edge.until_said("another edge has taken over")
        await edge.until_ready(2)
        assert await ask(edge, 10) == {429: 10}
        assert len(await edge.until_workers(2)) == 2
        assert await ask(edge, 10) == {429: 10}


async def test_a_table_comes_with_the_first_rate_and_goes_with_the_last(rules: Path) -> None:
    without = RULES.replace("    limits: {rate: 10/h}\n", "")
    smaller = RULES.replace("edge: 1", "edge: 1\nlimits: {rate_slots: 1024}")
    rules.write_text(without)
    async with running_process(rules, "--workers", "1") as edge:
        for generation, (text, expected) in enumerate([(RULES, 1), (smaller, 1), (without, 0)], start=2):
            rules.write_text(text)
            edge.signal(signal.SIGHUP)
            await edge.until_said(f"generation {generation}")
            assert len(kept_in_memory(edge.pid, "edgeproxy rates")) == expected
            assert await ask(edge, 11) == ({200: 10, 429: 1} if expected else {200: 11})
            (worker,) = await edge.until_workers(1)
            assert len(kept_in_memory(worker, "edgeproxy rates")) == expected
