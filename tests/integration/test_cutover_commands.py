"""A cutover in a running edge: by its verb, in every worker, over restarts, and back in one command."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from cache_load import clients_of_each
from capture_verbs import run
from cutover_edge import arms, command_of, cutover, rules_in, running, status
from edge_process import running_process

from edgeproxy.migration.commands import Rollback
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry
from edgeproxy.ruleset.arms import Cutover
from edgeproxy.ruleset.load import load_ruleset
from edgeproxy.state.sqlite import SqliteStore


def cutover_of(rules: Path) -> Cutover:
    (found,) = load_ruleset(rules).cutovers
    return found


async def test_a_cutover_goes_step_by_step_and_back_in_one_command(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules) as (_, clients):
        assert await cutover(tmp_path, "status") == (0, "reads: idle, 0 % on modern, the rest on legacy")
        assert await cutover(tmp_path, "step", "reads") == (
            1,
            "edgeproxy cutover: reads is not started: `start` it first.",
        )
        assert await cutover(tmp_path, "start", "reads") == (0, "reads: shadowing at 0 %, in force in every worker")
        code, text = await cutover(tmp_path, "step", "reads")
        assert (code, text.partition(" for another")[0]) == (1, "edgeproxy cutover: reads holds 0 %")
        await cutover(tmp_path, "step", "reads", "--force", why="a quiet night")
        code, text = await cutover(tmp_path, "set", "reads", "100%")
        assert (code, text.splitlines()[0]) == (0, "reads: stepping at 100 %, in force in every worker")
        assert await arms(clients) == {b"modern"}  # in both workers, as soon as the command has returned
        code, text = await run(*command_of(tmp_path, "rollback", "reads", why="it is slow"))  # as people type it
        assert (code, text) == (0, "reads: rolled back at 0 %, in force in every worker\n")
        assert await arms(clients) == {b"legacy"}
        told = await status(tmp_path)
        assert [(each["what"], each["share"], each["is_forced"]) for each in told["journal"]] == [
            ("start", 0, False),
            ("step", 20_000, True),
            ("set", 100_000, False),
            ("rollback", 0, False),
        ]
        assert [(each["who"], each["why"]) for each in told["journal"][1:]] == [
            ("di", "a quiet night"),
            ("di", "the plan says so"),
            ("di", "it is slow"),
        ]


async def test_what_the_new_side_answered_is_gone_after_a_rollback(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules) as (_, clients):
        assert await arms(clients, "/old") == {b"legacy"}
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "100")
        assert await arms(clients, "/page") == {b"modern"}
        assert ["hit" in (await client.get("/page")).cache_status for client in clients] == [True, True]
        await cutover(tmp_path, "rollback", "reads")
        assert ["hit" in (await client.get("/old")).cache_status for client in clients] == [True, True]
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "100")
        assert "hit" not in (await clients[0].get("/page")).cache_status


async def test_nor_is_it_there_for_an_edge_that_was_down_when_it_came(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with rules_in(tmp_path, cache=", cache: {fresh: 1h, share_arms: true}") as rules:
        rules.write_text(f"{rules.read_text()}\ncache: {{directory: {tmp_path / 'kept'}}}\n")
        async with running(rules) as (edge, clients):
            assert await arms(clients, "/old") == {b"legacy"}
            await cutover(tmp_path, "start", "reads")
            await cutover(tmp_path, "set", "reads", "100")
            assert await arms(clients, "/page") == {b"modern"}
            edge.signal(signal.SIGTERM)
            await edge.ended()
        elsewhere = await SqliteStore.open(state / "cutovers.sqlite", "edge-2")
        made = decide(cutover_of(rules), await elsewhere.read("reads"), Rollback("ed", "it is slow"), time.time())
        assert isinstance(made, Entry)
        assert await elsewhere.append(made)
        await elsewhere.close()
        async with running(rules) as (_, clients):
            assert await arms(clients, "/page") == {b"legacy"}
            assert "hit" in (await clients[0].get("/old")).cache_status


async def test_a_share_outlives_its_edge_and_its_workers(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules:
        async with running(rules) as (_, clients):
            await cutover(tmp_path, "start", "reads")
            await cutover(tmp_path, "set", "reads", "100")
        async with running(rules) as (edge, clients):  # the one before was killed
            assert await arms(clients) == {b"modern"}
            before = await edge.workers()
            os.kill(before[0], signal.SIGKILL)
            async with asyncio.timeout(60):
                while len(now := await edge.workers()) < 2 or before[0] in now:
                    await asyncio.sleep(0.05)
            async with clients_of_each(edge.port, now, 1) as by_worker:
                assert await arms([client for each in by_worker for client in each]) == {b"modern"}


async def test_a_reload_keeps_who_has_moved(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules) as (edge, _):
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "100")
        rules.write_text(rules.read_text().replace("[20, 50, 100]", "[10, 100]"))
        before = await edge.workers()
        os.kill(edge.pid, signal.SIGHUP)
        async with asyncio.timeout(60):
            while set(now := await edge.workers()) & set(before) or len(now) < 2:
                await asyncio.sleep(0.05)
        async with clients_of_each(edge.port, now, 1) as by_worker:
            assert await arms([client for each in by_worker for client in each]) == {b"modern"}
        assert (await status(tmp_path))["cutovers"][0]["steps"] == [10_000, 100_000]


async def test_an_upgrade_keeps_a_rollback_that_the_store_has_not_taken(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules) as (edge, clients):
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "100")
        assert await arms(clients) == {b"modern"}
        with closing(sqlite3.connect(tmp_path / "state" / "cutovers.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            code, text = await cutover(tmp_path, "rollback", "reads", why="it is slow")
            assert (code, "stays there" in text) == (1, True)
            code, text = await cutover(tmp_path, "status")
            assert text.startswith(
                "reads: rolled back by di (it is slow): everybody is on legacy here; the store, which says 100 %"
            )
            edge.signal(signal.SIGUSR2)
            await edge.until_ready(2)
            async with clients_of_each(edge.port, await edge.until_workers(2), 1) as by_worker:
                assert await arms([client for each in by_worker for client in each]) == {b"legacy"}
                other.execute("ROLLBACK")
                async with asyncio.timeout(60):
                    while (told := await status(tmp_path))["journal"][-1]["what"] != "rollback":
                        await asyncio.sleep(0.05)
                assert [each["what"] for each in told["journal"]] == ["start", "set", "rollback"]
                assert await arms([client for each in by_worker for client in each]) == {b"legacy"}


async def test_a_rollback_that_nobody_could_write_down_is_told_at_the_end(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules) as (edge, _):
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "100")
        with closing(sqlite3.connect(tmp_path / "state" / "cutovers.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await cutover(tmp_path, "rollback", "reads", why="it is slow")
            edge.signal(signal.SIGTERM)
            await edge.until_said("cutover reads: its rollback by di (it is slow) was not written down")
        lost = [line for line in edge.said if "it is there again" in line]
        assert not lost, "a file that cannot be written is not found again by reading it"


async def test_a_node_that_knows_nobody_s_side_does_not_start_without_its_store(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules:
        command = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--nodes", f"unix://{tmp_path / 'redis'}")
        edge = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, told = await edge.communicate()
        assert (edge.returncode, out) == (1, b"")
        assert b"nobody knows on which side the clients of reads are: start when it is there" in told


async def test_without_gates_it_goes_on_by_itself_when_its_hold_is_over(tmp_path: Path) -> None:
    async with rules_in(tmp_path, hold="300ms", steps="1, 50, 100") as rules, running(rules) as (_, clients):
        await cutover(tmp_path, "start", "reads")
        async with asyncio.timeout(60):
            while (await status(tmp_path))["cutovers"][0]["share"] < 100_000:
                await asyncio.sleep(0.1)
        told = await status(tmp_path)
        steps = [each for each in told["journal"] if each["what"] == "gates_passed"]
        assert [each["share"] for each in steps] == [1_000, 50_000, 100_000]
        assert await arms(clients, "/after") == {b"modern"}
        assert (await cutover(tmp_path, "finish", "reads", "--force"))[0] == 0
        assert (await status(tmp_path))["cutovers"][0]["phase"] == "done"


async def test_with_a_gate_that_nothing_is_known_of_a_person_takes_each_step(tmp_path: Path) -> None:
    gates = ", gates: {differences: {at_most: 1%}}"
    async with rules_in(tmp_path, hold="100ms", more=gates) as rules, running(rules):
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "step", "reads", "--force")
        async with asyncio.timeout(60):
            while (await status(tmp_path))["cutovers"][0]["phase"] != "holding":
                await asyncio.sleep(0.1)
        assert (await status(tmp_path))["cutovers"][0]["share"] == 20_000
        code, text = await cutover(tmp_path, "status", "reads")
        lines = text.splitlines()
        assert (code, lines[0].endswith("; next 50 %, by a person")) == (0, True)
        assert lines[1] == "    differences: not enough data: different ? to ?, bound 1 % (new 0 of 0)"
        why = "    differences cannot be judged: no rule that forwards to reads is shadowed by modern: add"
        assert lines[2].startswith(why)


async def test_without_a_state_nobody_can_be_moved(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules:
        async with running_process(rules, "--control", str(tmp_path / "control")):
            code, text = await cutover(tmp_path, "start", "reads")
    assert code == 1
    assert "start it by `edgeproxy run … --state DIR`" in text
