"""Pins and the token in a running edge: in every worker, from the command that starts a cutover to the one that takes it
back, over restarts, and by a share to a thousandth of a percent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from cache_load import Client, clients_of_each
from cutover_edge import arms, cutover, rules_in, running, status

TOKEN = "0123456789abcdef-token"
TESTER, MIRROR = f"Edge-Arm: to {TOKEN}", "User-Agent: bandersnatch/6"
INSIDE = "X-Beta: 1"
PINS = ', pin: [{user_agent: {prefix: "bandersnatch/"}, arm: from}, {headers: {X-Beta: "1"}, arm: to}]'


def with_token(rules: Path) -> None:
    file = rules.parent / "arm.token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    rules.write_text(f"{rules.read_text()}arm_token: arm.token\n")


async def said(clients: list[Client], *lines: str, path: str = "/") -> set[bytes]:
    """In all workers."""
    return {(await client.get(path, *lines)).body for client in clients}


async def test_pins_hold_from_the_start_to_the_rollback_and_a_token_at_any_time(tmp_path: Path) -> None:
    async with rules_in(tmp_path, more=PINS) as rules:
        with_token(rules)
        async with running(rules) as (_, clients):
            old, new = {b"legacy"}, {b"modern"}
            assert (await said(clients, INSIDE), await said(clients, TESTER)) == (old, new)
            await cutover(tmp_path, "start", "reads")  # at 0 %: nobody else has moved
            assert (await said(clients, INSIDE), await said(clients, MIRROR), await arms(clients)) == (new, old, old)
            await cutover(tmp_path, "set", "reads", "100")
            assert (await said(clients, INSIDE), await said(clients, MIRROR), await arms(clients)) == (new, old, new)
            await cutover(tmp_path, "rollback", "reads", why="it is slow")
            assert (await said(clients, INSIDE), await said(clients, MIRROR), await arms(clients)) == (old, old, old)
            assert await said(clients, TESTER) == new
            assert await said(clients, "Edge-Arm: to another-token-altogether") == {
                b"Edge-Arm is not `from` or `to` with the token of this edge.\n"
            }
            await cutover(tmp_path, "start", "reads")
            await cutover(tmp_path, "abort", "reads")
            assert await said(clients, INSIDE) == old


async def test_what_was_asked_of_the_new_side_before_a_start_or_by_pins_is_not_kept_beyond(tmp_path: Path) -> None:
    async with rules_in(tmp_path, more=PINS) as rules:
        with_token(rules)
        async with running(rules) as (_, clients):
            first = clients[0]

            async def is_kept(*lines: str) -> bool:
                return "hit" in (await first.get("/page", *lines)).cache_status

            assert [await is_kept(TESTER), await is_kept(TESTER)] == [False, True]
            await cutover(tmp_path, "start", "reads")
            assert [await is_kept(INSIDE), await is_kept(TESTER)] == [False, True]
            await cutover(tmp_path, "rollback", "reads")  # from 0 %, where pins alone were
            assert not await is_kept(TESTER)


async def test_a_worker_that_comes_later_and_an_edge_that_starts_again_know_who_is_pinned(tmp_path: Path) -> None:
    async with rules_in(tmp_path, more=PINS) as rules:
        async with running(rules) as (edge, _):
            await cutover(tmp_path, "start", "reads")
            (before, *_) = await edge.workers()
            os.kill(before, signal.SIGKILL)
            now = await edge.until_workers(2, without=before)
            async with clients_of_each(edge.port, now, 1) as by_worker:
                assert await said([client for each in by_worker for client in each], INSIDE) == {b"modern"}
        async with running(rules) as (_, clients):  # the one before was killed
            assert (await said(clients, INSIDE), await arms(clients)) == ({b"modern"}, {b"legacy"})


async def test_a_token_that_cannot_be_used_keeps_the_edge_from_starting(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules:
        with_token(rules)
        (tmp_path / "arm.token").chmod(0o644)
        command = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--workers", "1")
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        _, told = await process.communicate()
        assert process.returncode != 0
        assert f"arm_token {tmp_path / 'arm.token'} is open to every user of this machine" in told.decode()


async def test_a_share_is_set_to_a_thousandth_of_a_percent(tmp_path: Path) -> None:
    async with rules_in(tmp_path) as rules, running(rules):
        await cutover(tmp_path, "start", "reads")
        for text, thousandths in (("0.001", 1), ("12.345%", 12_345), ("99.999", 99_999), ("50", 50_000)):
            code, told = await cutover(tmp_path, "set", "reads", text)
            assert (code, told.splitlines()[0]) == (
                0,
                f"reads: stepping at {text.rstrip('%')} %, in force in every worker",
            )
            assert (await status(tmp_path))["cutovers"][0]["share"] == thousandths
        for text in ("0.0001", "12.3456", "100.001", "-1", "half"):
            code, told = await cutover(tmp_path, "set", "reads", text)
            assert code == 2
        assert (await status(tmp_path))["cutovers"][0]["share"] == 50_000
