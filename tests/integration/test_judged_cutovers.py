"""Gates of a cutover in a running edge: judged by what both workers count, acted on at once, and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cache_load import Client
from cutover_edge import cutover, rules_in, running, says, status
from edge_process import WAIT
from harness import BackendPeer, Script, always

BROKEN = always(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
CLIENTS = 16  # at a time


def after(seconds: float) -> Script:
    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await asyncio.sleep(seconds)
            await peer.send(says("late"))

    return script


@asynccontextmanager
async def load(port: int) -> AsyncIterator[None]:
    """Requests of ever new clients, on both arms."""
    names = count()

    async def ask() -> None:
        with closing(await Client.connect(port)) as client:
            while True:
                await client.get("/page", f"User-Agent: client {next(names)}")

    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask()) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            for task in asking:
                task.cancel()


async def until(place: Path, phase: str, share: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cutover once it is there, and the entry of its journal that brought it."""
    async with asyncio.timeout(WAIT):
        while True:
            told = await status(place)
            state = told["cutovers"][0]
            if (state["phase"], state["share"]) == (phase, share):
                return state, told["journal"][-1]


async def test_a_new_arm_that_fails_is_rolled_back_by_its_gate(tmp_path: Path) -> None:
    gates = ", gates: {errors: {worse_by: 1%}, latency: {p95_ratio: 1.5}}"
    async with rules_in(tmp_path, more=gates, modern=BROKEN, cache="") as rules, running(rules) as (edge, clients):
        before = await edge.workers()
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "50")
        async with load(edge.port):
            _, entry = await until(tmp_path, "rolled_back", 0)
        assert (entry["what"], entry["from_share"]) == ("gate_failed", 50_000)
        errors, latency = entry["evidence"]
        assert (errors["gate"], errors["verdict"]) == ("errors", "fail")
        assert errors["new"]["events"] == errors["new"]["exchanges"] > 0
        assert (errors["old"]["events"], errors["old"]["exchanges"] > 0) == (0, True)
        assert latency["verdict"] == "not_enough_data"  # an error is no fast answer
        assert await edge.workers() == before
        answers = [await client.get("/page", f"User-Agent: client {each}") for client in clients for each in range(9)]
        assert {answer.status for answer in answers} == {200}
        _, text = await cutover(tmp_path, "status", "reads")
        *_, failed, beside = text.splitlines()
        assert "gate_failed   50 % -> 0 %" in failed
        assert "errors: FAIL: worse by" in failed
        assert beside.strip().startswith("latency: not enough data")
        await edge.until_said("cutover reads: errors: FAIL: worse by")


async def test_a_sound_new_arm_goes_on_by_itself(tmp_path: Path) -> None:
    gates = ", gates: {errors: {worse_by: 30%}}"
    async with rules_in(tmp_path, hold="300ms", steps="50, 100", more=gates, cache="") as rules:
        async with running(rules) as (edge, _):
            await cutover(tmp_path, "start", "reads")
            async with load(edge.port):
                state, _ = await until(tmp_path, "holding", 100_000)  # at 100 % it is for a person
            journal = (await status(tmp_path))["journal"]
            _, text = await cutover(tmp_path, "status", "reads")
    assert not state["is_paused"]
    passed = [entry for entry in journal if entry["what"] == "gates_passed"]
    assert [(entry["from_share"], entry["share"]) for entry in passed] == [(0, 50_000), (50_000, 100_000)]
    assert [each["verdict"] for each in passed[1]["evidence"]] == ["pass"]
    assert "errors and latency cannot be judged at 100 %: nobody is on the old arm to compare with" in text


@pytest.mark.alone
async def test_a_slow_new_arm_is_rolled_back(tmp_path: Path) -> None:
    gates = ", gates: {latency: {p95_ratio: 2}}"
    slow, usual = after(0.3), after(0.03)
    async with rules_in(tmp_path, more=gates, legacy=usual, modern=slow, cache="") as rules:
        async with running(rules) as (edge, _):
            await cutover(tmp_path, "start", "reads")
            await cutover(tmp_path, "set", "reads", "50")
            async with load(edge.port):
                _, entry = await until(tmp_path, "rolled_back", 0)
    (latency,) = entry["evidence"]
    assert (latency["gate"], latency["verdict"]) == ("latency", "fail")
    assert latency["new"]["value"] > 2 * latency["old"]["value"]


async def test_a_gate_that_fails_may_hold(tmp_path: Path) -> None:
    gates = ", gates: {errors: {worse_by: 1%}}, on_fail: hold"
    async with rules_in(tmp_path, more=gates, modern=BROKEN, cache="") as rules, running(rules) as (edge, _):
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "50")
        async with load(edge.port):
            state, entry = await until(tmp_path, "holding", 50_000)
        assert (state["is_paused"], entry["what"]) == (True, "gate_failed")
        _, text = await cutover(tmp_path, "status", "reads")
        assert text.splitlines()[1].startswith("    errors: FAIL: worse by")
