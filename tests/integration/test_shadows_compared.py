"""Shadows of a real edge, from a client's request to the operator's report and the gate: two sides, two workers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from cache_load import Client
from cutover_edge import cutover, rules_in, running, status
from edge_process import WAIT, EdgeProcess, is_running
from harness import BackendPeer, Script
from shadow_verb import shadow

from edgeproxy.control import control_client

SHADOW = ", shadow: {to: modern, percent: 100, compare: json}"
PIP = "User-Agent: pip/10.0.0 CPython/3.6.5"


def answering_once(lacks: str = "") -> Script:
    """Says what it is asked for, and how often it has answered, which is nobody's business."""
    served = count()

    async def script(peer: BackendPeer) -> None:
        path = (await peer.head()).split(b" ")[1].decode()
        is_there = not (lacks and path.startswith(lacks))
        body = json.dumps({"path": path, "served": next(served)}) if is_there else "gone"
        head = f"HTTP/1.1 {'200 OK' if is_there else '404 Not Found'}\r\nContent-Type: application/json\r\n"
        await peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    return script


def answering(lacks: str = "") -> Script:
    answer_one = answering_once(lacks)

    async def script(peer: BackendPeer) -> None:
        while True:
            await answer_one(peer)

    return script


async def ask(clients: list[Client], path: str, times: int) -> None:
    for _ in range(times):
        for client in clients:
            answer = await client.get(path, PIP)
            assert (answer.status, json.loads(answer.body)["path"]) == (200, path)


async def learned(place: Path, clients: list[Client]) -> None:
    """Each worker's comparer knows the noise of the old side. So much may be asked in any case."""
    await ask(clients, "/learned", 25)
    await until_told(place, 25 * len(clients))


async def until_told(place: Path, compared: int) -> dict[str, Any]:
    """The report, once it is of so many comparisons."""
    async with asyncio.timeout(WAIT):
        while True:
            told = await asyncio.to_thread(report, place / "control")
            if sum(group["compared"] for group in told["groups"]) >= compared:
                return told
            await asyncio.sleep(0.2)


def report(control: Path) -> dict[str, Any]:
    """As the verb gets it."""
    (told,) = control_client.ask(control, [{"do": "shadow", "verb": "report"}])
    return dict(told)


def comparers(workers: list[int]) -> list[int]:
    """The processes that these workers have started. Threads of theirs may end while they are looked at."""
    found = []
    for worker in workers:
        for task in Path(f"/proc/{worker}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(WAIT):
        while any(map(is_running, pids)):
            await asyncio.sleep(0.05)


async def test_what_the_new_side_lacks_is_told_and_what_is_noise_is_not(tmp_path: Path) -> None:
    async with rules_in(tmp_path, legacy=answering(), modern=answering("/old"), cache=SHADOW) as rules:
        async with running(rules) as (edge, clients):
            await learned(tmp_path, clients)
            await ask(clients, "/old-thing?page=1", 2)
            told = await until_told(tmp_path, 54)
            _, text = await shadow(tmp_path, "report")
    (found,) = told["groups"]  # one rule, one shape, one kind of client
    assert (found["rule"], found["family"], found["compared"]) == ("all", "pip", 54)
    (difference,) = found["differences"]
    assert (difference["pattern"], difference["count"]) == ("status/200/404", 4)
    assert [each["pattern"] for each in told["noise"][0]["seen"]] == ["json:/served"]
    assert "4 of 54  all  /{name}  pip: status 404 instead of 200\n" in text
    assert "e.g. GET /old-thing?page=1 by pip/10.0.0 CPython/3.6.5\n" in text
    assert (told["dropped"], told["lost"]) == ([], 0)
    assert edge.said == []


async def test_a_new_side_that_lacks_pages_is_called_off_before_anybody_is_moved(tmp_path: Path) -> None:
    gates = ", gates: {differences: {at_most: 1%}}"
    async with rules_in(tmp_path, more=gates, legacy=answering(), modern=answering("/old"), cache=SHADOW) as rules:
        async with running(rules) as (edge, clients):
            await learned(tmp_path, clients)
            await cutover(tmp_path, "start", "reads")
            await ask(clients, "/fine", 10)
            await ask(clients, "/old-thing", 20)
            await edge.until_said("cutover reads: differences: FAIL: different ")
            entry = (await status(tmp_path))["journal"][-1]
    assert (entry["what"], entry["phase"]) == ("gate_failed", "rolled_back")
    (evidence,) = entry["evidence"]
    assert (evidence["gate"], evidence["verdict"]) == ("differences", "fail")
    assert 0 < evidence["new"]["events"] <= evidence["new"]["exchanges"] <= 60


async def test_a_new_side_that_says_the_same_is_let_on(tmp_path: Path) -> None:
    gates = ", gates: {differences: {at_most: 20%}}"
    async with rules_in(
        tmp_path, hold="200ms", steps="50, 100", more=gates, legacy=answering(), modern=answering(), cache=SHADOW
    ) as rules:
        async with running(rules) as (_, clients):
            await learned(tmp_path, clients)
            await cutover(tmp_path, "start", "reads")
            await ask(clients, "/fine", 60)
            async with asyncio.timeout(WAIT):
                while (told := await status(tmp_path))["cutovers"][0]["share"] == 0:
                    await asyncio.sleep(0.2)
    passed = next(entry for entry in told["journal"] if entry["what"] == "gates_passed")
    assert (passed["from_share"], passed["share"]) == (0, 50_000)
    assert [each["verdict"] for each in passed["evidence"]] == ["pass"]
    assert passed["evidence"][0]["new"]["events"] == 0


async def test_a_new_side_that_breaks_off_never_passes(tmp_path: Path) -> None:
    is_broken = asyncio.Event()
    answer_one = answering_once()

    async def breaks(peer: BackendPeer) -> None:
        while not is_broken.is_set():
            await answer_one(peer)
        await peer.head()
        peer.reset()

    gates = ", gates: {differences: {at_most: 5%}}"
    async with rules_in(tmp_path, more=gates, legacy=answering(), modern=breaks, cache=SHADOW) as rules:
        async with running(rules) as (edge, clients):
            await learned(tmp_path, clients)
            is_broken.set()
            await cutover(tmp_path, "start", "reads")
            await ask(clients, "/fine", 20)
            await edge.until_said("cutover reads: differences: FAIL")
            _, text = await shadow(tmp_path, "report", "--cutover", "reads")
    assert "pip: the new side gives no answer: it breaks off" in text


async def test_comparers_come_and_go_with_their_workers_and_are_replaced_when_they_die(tmp_path: Path) -> None:
    async with rules_in(tmp_path, legacy=answering(), modern=answering(), cache=SHADOW) as rules:
        async with running(rules) as (edge, clients):
            workers = await edge.workers()
            assert comparers(workers) == []
            await learned(tmp_path, clients)
            before = comparers(workers)
            assert len(before) == 2
            os.kill(before[0], signal.SIGKILL)
            await edge.until_said("the comparer of shadows was ended by SIGKILL: another one takes its place")
            await ask(clients, "/fine", 5)
            await until_told(tmp_path, 60)
            assert await ended(edge, "comparers_ended") == 1
            of_first, of_second = comparers(workers[:1]), comparers(workers[1:])
            its = of_first + of_second
            os.kill(workers[0], signal.SIGKILL)
            await until_gone(of_first)
            assert await edge.until_workers(2, without=workers[0])
            assert [pid for pid in its if is_running(pid)] == of_second
            edge.signal(signal.SIGTERM)
            assert await edge.ended() == 0
            await until_gone(its)


async def ended(edge: EdgeProcess, counter: str) -> int:
    number: int = (await edge.report())["counters"][counter]
    return number


async def test_noise_is_known_after_a_restart_and_unlearned_by_another_shadow(tmp_path: Path) -> None:
    async with rules_in(tmp_path, legacy=answering(), modern=answering(), cache=SHADOW) as rules:
        async with running(rules) as (_, clients):
            await learned(tmp_path, clients)
            before = sum(each["count"] for each in (await until_told(tmp_path, 50))["unjudged"])
        async with running(rules) as (edge, clients):
            await ask(clients, "/fine", 5)
            told = await until_told(tmp_path, 60)
            assert sum(each["count"] for each in told["unjudged"]) == before  # of its predecessor alone
            assert [group["differences"] for group in told["groups"]] == [[]]
            rules.write_text(rules.read_text().replace("compare: json", "compare: json, ignore: [header:Link]"))
            edge.signal(signal.SIGHUP)
            await edge.until_said("generation 2 of")
            async with asyncio.timeout(WAIT):
                while not (await anew(edge.port, tmp_path)) > before:
                    await asyncio.sleep(0.2)


async def anew(port: int, place: Path) -> int:
    """Asks once more, and tells how many comparisons counted for nothing so far."""
    client = await Client.connect(port)
    await ask([client], "/fine", 1)
    client.close()
    told = await until_told(place, 0)
    return sum(each["count"] for each in told["unjudged"])
