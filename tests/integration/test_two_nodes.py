"""Two edges, each of two workers, on one Redis: what is done at one is in force at the other, also when Redis was gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from cache_load import Client, clients_of_each
from cutover_edge import arms, cutover, rules_in, status
from edge_process import EdgeProcess, running_process
from redis_server import RedisProcess, programs, redis_server


@dataclass
class Node:
    place: Path
    edge: EdgeProcess
    clients: list[Client]  # one of each worker

    async def until_on(self, arm: bytes) -> float:
        """All of its workers send everybody there; the seconds that it took."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(30):
            while await arms(self.clients) != {arm}:
                await asyncio.sleep(0.005)
        return asyncio.get_running_loop().time() - began


@asynccontextmanager
async def nodes(place: Path, redis: RedisProcess, **rules: str) -> AsyncIterator[tuple[Node, Node]]:
    async with AsyncExitStack() as stack:
        text = (
            (await stack.enter_async_context(rules_in(place, **rules))).read_text().replace(", cache: {fresh: 1h}", "")
        )
        found = []
        for name in ("one", "two"):
            its = place / name
            its.mkdir()
            (its / "rules.yaml").write_text(text)
            own = ("--control", str(its / "control"), "--state", str(its / "state"), "--nodes", redis.url)
            edge = await stack.enter_async_context(running_process(its / "rules.yaml", "--workers", "2", *own))
            of_each = await stack.enter_async_context(clients_of_each(edge.port, await edge.workers(), 1))
            found.append(Node(its, edge, [client for each in of_each for client in each]))
        yield found[0], found[1]


async def test_what_is_done_at_one_node_is_in_force_at_the_other(tmp_path: Path) -> None:
    with redis_server(next(iter(programs().values()))) as redis:
        async with nodes(tmp_path, redis) as (one, two):
            await cutover(one.place, "start", "reads")
            await cutover(one.place, "set", "reads", "100")
            await two.until_on(b"modern")
            await cutover(two.place, "rollback", "reads", why="it is slow")
            await one.until_on(b"legacy")
            assert (await status(one.place))["journal"] == (await status(two.place))["journal"]


async def test_a_ramp_under_load_loses_no_step_and_no_request_while_redis_is_gone(tmp_path: Path) -> None:
    """Killed and started again between two steps; what it had is on its disk."""
    answers: Counter[bytes] = Counter()
    is_over = asyncio.Event()

    async def load(port: int, number: int) -> None:
        while not is_over.is_set():
            with closing(await Client.connect(port)) as client:
                for _ in range(50):
                    answer = await client.get(f"/{number}")
                    assert answer.status == 200
                    answers[answer.body] += 1

    with redis_server(next(iter(programs().values())), is_kept=True) as redis:
        async with nodes(tmp_path, redis, hold="400ms", steps="1, 5, 20, 50, 100") as (one, two):
            async with asyncio.TaskGroup() as group:
                for number, node in enumerate((one, two) * 2):
                    group.create_task(load(node.edge.port, number))
                await cutover(one.place, "start", "reads")
                async with asyncio.timeout(60):
                    while (await status(one.place))["cutovers"][0]["share"] == 0:
                        await asyncio.sleep(0.05)
                redis.kill()
                code, text = await cutover(two.place, "pause", "reads")
                assert (code, "cannot be asked" in text or "lost" in text) == (1, True), text
                redis.start()
                async with asyncio.timeout(60):
                    while (await status(two.place))["cutovers"][0]["share"] < 100_000:
                        await asyncio.sleep(0.05)
                is_over.set()
            journals = [(await status(node.place))["journal"] for node in (one, two)]
            assert journals[0] == journals[1]
            assert [each["number"] for each in journals[0]] == list(range(1, len(journals[0]) + 1))
            taken = [each["share"] for each in journals[0] if each["what"] == "gates_passed"]
            assert taken == [1_000, 5_000, 20_000, 50_000, 100_000]
            assert set(answers) <= {b"legacy", b"modern"}
