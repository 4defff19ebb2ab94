"""Two edges, each of two workers, on one Redis: what is done at one is in force at the other, also when Redis was gone,
and a client is on the same arm wherever it asks.

How soon that is (500 ms at the most) is measured and stated by `python -m loadtests.moving`: on a machine that is busy with
tests no number of seconds would say anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from cache_load import Client, clients_of_each
from cutover_edge import arms, cutover, rules_in, status
from edge_process import WAIT, EdgeProcess, running_process
from redis_server import RedisProcess, programs, redis_server

from edgeproxy.migration.place import place_of, sticky_key
from edgeproxy.ruleset.arms import WHOLE, ClientKey, CookieKey, HeaderKey

CLIENTS = 2_000
AT_ONCE = 100  # requests in a row on one connection
LADDER = (HeaderKey("authorization"), CookieKey("session"), ClientKey())
HOSTS = ("pypi.test", "www.pypi.test", "legacy.pypi.test")


@dataclass
class Node:
    place: Path
    edge: EdgeProcess
    clients: list[Client]  # one of each worker

    async def until_on(self, arm: bytes) -> float:
        """All of its workers send everybody there; the seconds that it took."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(WAIT):
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
                async with asyncio.timeout(WAIT):
                    while (await status(one.place))["cutovers"][0]["share"] == 0:
                        await asyncio.sleep(0.05)
                redis.kill()
                code, text = await cutover(two.place, "pause", "reads")
                assert (code, "cannot be asked" in text or "lost" in text) == (1, True), text
                redis.start()
                async with asyncio.timeout(WAIT):
                    while (await status(two.place))["cutovers"][0]["share"] < 100_000:
                        await asyncio.sleep(0.05)
                is_over.set()
            journals = [(await status(node.place))["journal"] for node in (one, two)]
            assert journals[0] == journals[1]
            assert [each["number"] for each in journals[0]] == list(range(1, len(journals[0]) + 1))
            taken = [each["share"] for each in journals[0] if each["what"] == "gates_passed"]
            assert taken == [1_000, 5_000, 20_000, 50_000, 100_000]
            assert set(answers) <= {b"legacy", b"modern"}


def field_of(n: int) -> str:
    """By which a client is known: a token, a session, or its user agent."""
    return (f"Authorization: Basic {n}", f"Cookie: a=b; session={n}", f"User-Agent: pip/26.{n}")[n % 3]


def place(n: int) -> int:
    name, _, value = field_of(n).partition(": ")
    return place_of(sticky_key(LADDER, {name.lower(): value}, "127.0.0.1"), "reads")


async def on_new(client: Client) -> set[int]:
    """Which of all clients this worker puts on the new arm."""
    found: set[int] = set()
    for first in range(0, CLIENTS, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        for n in numbers:
            client.ask(f"/{n}", field_of(n))
        found |= {n for n in numbers if (await client.answer()).body == b"modern"}
    return found


async def test_each_of_2000_clients_is_on_one_arm_on_every_host_at_every_worker_and_node(tmp_path: Path) -> None:
    ladder = ", sticky: [header:Authorization, cookie:session, client]"
    with redis_server(next(iter(programs().values()))) as redis:
        async with nodes(tmp_path, redis, more=ladder, steps="5, 20, 50, 100") as (one, two):
            workers = [*one.clients, *two.clients]
            for number, client in enumerate(workers):
                client.host = HOSTS[number % 3]
            await cutover(one.place, "start", "reads")
            before: set[int] = set()
            for share, node in ((5, one), (20, two), (50, one)):
                await cutover(node.place, "set", "reads", str(share))
                await until_all_have_moved(workers, share)
                moved, *others = await asyncio.gather(*map(on_new, workers))
                assert others == [moved] * 3
                assert moved == {n for n in range(CLIENTS) if place(n) < WHOLE * share // 100}
                assert abs(len(moved) - CLIENTS * share / 100) <= 3 * sqrt(CLIENTS * share * (100 - share) / 10_000)
                assert before < moved
                before = moved
            await cutover(two.place, "rollback", "reads")
            for node in (one, two):
                await node.until_on(b"legacy")
            assert await asyncio.gather(*map(on_new, workers)) == [set()] * 4


async def until_all_have_moved(workers: list[Client], share: int) -> None:
    """The last to go at this share is on the new arm, at each worker."""
    last = max((n for n in range(CLIENTS) if place(n) < WHOLE * share // 100), key=place)
    async with asyncio.timeout(WAIT):
        for client in workers:
            while (await client.get("/", field_of(last))).body != b"modern":
                await asyncio.sleep(0.005)
