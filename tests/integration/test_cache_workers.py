"""Two workers and one cache: one fetch for the clients of both, and purges that neither misses."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import pytest
from cache_load import (
    Client,
    Origin,
    clients_of_each,
    content_of,
    purge,
    version_of,
    write_answer,
)
from edge_process import EdgeProcess
from survival_site import Site, site, unexpected

from edgeproxy.proxy.cache.directory import Directory

ASKED_ANEW = "{fresh: 1h, stale_while_revalidate: 0s}"  # as soon as it is stale


@dataclass
class Slow:
    """An answer that comes as far as its test lets it: `allowed` octets of a content."""

    content: bytes
    lines: str = "Cache-Control: max-age=3600\r\n"
    allowed: int = -1  # the head comes with 0
    has_moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def say(self, path: str, writer: asyncio.StreamWriter) -> None:
        sent = -1
        while sent < len(self.content):
            async with self.has_moved:
                while self.allowed <= sent:
                    await self.has_moved.wait()
            if sent < 0:
                sent = 0
                writer.write(f"HTTP/1.1 200 OK\r\n{self.lines}Content-Length: {len(self.content)}\r\n\r\n".encode())
            writer.write(self.content[sent : self.allowed])
            sent = min(self.allowed, len(self.content))
            await writer.drain()

    async def allow(self, octets: int) -> None:
        async with self.has_moved:
            self.allowed = octets
            self.has_moved.notify_all()


def slow(path: str, size: int) -> tuple[Slow, Origin]:
    content = content_of(path, 0, size)
    answer = Slow(content)
    return answer, Origin(say=answer.say)


async def until_asked(origin: Origin, path: str, times: int = 1) -> None:
    async with asyncio.timeout(60):
        while origin.asked[path] < times:
            await asyncio.sleep(0.01)


async def until_counted(edge: EdgeProcess, requests: int) -> None:
    """So many requests have come to the workers."""
    async with asyncio.timeout(60):
        while (await edge.report())["counters"]["requests"] < requests:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("size", [1_000, 300_000, 5_000_000])
async def test_clients_of_all_workers_wait_for_one_fetch(tmp_path: Path, size: int) -> None:
    answer, origin = slow("/new", size)
    async with site(tmp_path, origin) as its:
        its.write_rules()
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 20) as by_worker:
            clients = [client for each in by_worker for client in each]
            for client in clients:
                client.ask("/new")
            await until_counted(edge, len(clients))
            await answer.allow(size)
            answers = await asyncio.gather(*(client.answer() for client in clients))
            assert {version_of("/new", each.body) for each in answers} == {0}
            assert [len(each.body) for each in answers] == [size] * len(clients)
            assert origin.asked["/new"] == 1
            told = Counter(each.cache_status.partition(";")[2].strip() for each in answers)
            assert told["fwd=miss; stored"] == 1, told
        assert unexpected(its.said) == []


@pytest.mark.slow
async def test_who_waits_for_long_for_another_worker_asks_once_for_all_of_its_own(tmp_path: Path) -> None:
    answer, origin = slow("/new", 1_000)
    async with site(tmp_path, origin) as its:
        its.write_rules(head="60s")
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 10) as by_worker:
            mine, others = await fetching(its, by_worker, "/new")
            await until_asked(origin, "/new", 2)
            await answer.allow(1_000)
            answers = await asyncio.gather(*(client.answer() for client in (*mine, *others)))
            assert {version_of("/new", each.body) for each in answers} == {0}
            assert origin.asked["/new"] == 2
        assert unexpected(its.said) == []


@pytest.mark.alone
async def test_when_one_workers_fetch_comes_to_nothing_the_others_ask_at_once(tmp_path: Path) -> None:
    """And do not wait for the backend's whole patience one after the other."""

    async def hang(path: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with site(tmp_path, Origin(say=hang)) as its:
        its.write_rules(head="2s")
        async with (
            its.running("--workers", "3") as edge,
            clients_of_each(its.port, await edge.workers(), 1) as by_worker,
        ):
            asking = [asyncio.ensure_future(client.get("/new")) for (client,) in by_worker]
            await until_asked(its.origin, "/new", 3)
            assert sum(each.done() for each in asking) <= 1
            assert {(await each).status for each in asking} == {504}
            assert its.origin.asked["/new"] == 3
        assert unexpected(its.said) == []


async def test_a_large_content_streams_to_clients_of_other_workers(tmp_path: Path) -> None:
    answer, origin = slow("/large", 5_000_000)
    async with site(tmp_path, origin) as its:
        its.write_rules()
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 3) as by_worker:
            clients = [client for each in by_worker for client in each]
            for client in clients:
                client.ask("/large")
            await until_counted(edge, len(clients))
            come = 0
            for step in (2_000_000, 3_000_000, 4_000_000):
                await answer.allow(step)
                async with asyncio.timeout(30):
                    if not come:
                        await asyncio.gather(*(client.head() for client in clients))
                    pieces = await asyncio.gather(*(client.reader.readexactly(step - come) for client in clients))
                assert set(pieces) == {answer.content[come:step]}
                come = step
            await answer.allow(5_000_000)
            pieces = await asyncio.gather(*(client.reader.readexactly(1_000_000) for client in clients))
            assert set(pieces) == {answer.content[come:]}
            assert origin.asked["/large"] == 1
        assert unexpected(its.said) == []


async def fetching(its: Site, by_worker: list[list[Client]], path: str) -> tuple[list[Client], list[Client]]:
    """One client of the first worker makes it fetch; then all the others ask. Those of the first, and of the second."""
    mine, others = by_worker
    mine[0].ask(path)
    await until_asked(its.origin, path)
    for client in (*mine[1:], *others):
        client.ask(path)
    return mine, others


async def are_broken(clients: list[Client]) -> bool:
    ends = await asyncio.gather(*(client.reader.read() for client in clients), return_exceptions=True)
    return all(not end or isinstance(end, ConnectionError) for end in ends)


async def test_who_waits_for_a_worker_that_is_killed_gets_the_content_from_its_own(tmp_path: Path) -> None:
    """Where nothing of the answer was seen: nobody notices but the dead one's clients."""
    answer, origin = slow("/new", 3_000_000)
    async with site(tmp_path, origin) as its:
        its.write_rules()
        async with its.running() as edge:
            workers = await edge.workers()
            async with clients_of_each(its.port, workers, 5) as by_worker:
                mine, others = await fetching(its, by_worker, "/new")
                await until_counted(edge, len(mine) + len(others))
                os.kill(workers[0], signal.SIGKILL)
                await until_asked(origin, "/new", 2)
                assert await are_broken(mine)
                await answer.allow(3_000_000)
                async with asyncio.timeout(60):
                    answers = await asyncio.gather(*(client.answer() for client in others))
                assert {version_of("/new", each.body) for each in answers} == {0}
                await until_kept(others[0], "/new", answer.content)
                assert origin.asked["/new"] == 2
        assert unexpected(its.said) == []


async def reading(
    its: Site, answer: Slow, by_worker: list[list[Client]], path: str, octets: int
) -> tuple[list[Client], list[Client]]:
    """Clients of both workers have had so many octets of one fetch, that of the first."""
    mine, others = await fetching(its, by_worker, path)
    await answer.allow(octets)
    for client in (*mine, *others):
        assert "200 OK" in await client.head()
        assert await client.reader.readexactly(octets) == answer.content[:octets]
    assert its.origin.asked[path] == 1
    return mine, others


async def until_kept(client: Client, path: str, content: bytes) -> None:
    """Written down. Before that, who asks the worker that fetches it is one more of that fetch."""
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(path)
            assert answer.body == content
            if "; hit" in answer.cache_status:
                return


CONTENT = content_of("/new", 0, 3_000_000)
VERIFIED = blake2b(CONTENT, digest_size=32).hexdigest()


@pytest.mark.parametrize(("path", "rule"), [("/new", "{}"), (f"/{VERIFIED}", "{verify: {blake2b: '{rest}'}}")])
async def test_who_reads_from_a_worker_that_is_killed_goes_on_from_its_own(
    tmp_path: Path, path: str, rule: str
) -> None:
    """One fetch for all of them, whose content is the same from the beginning; and it is kept."""
    answer = Slow(CONTENT)
    async with site(tmp_path, Origin(say=answer.say)) as its:
        its.write_rules(rule=rule)
        async with its.running() as edge:
            workers = await edge.workers()
            async with clients_of_each(its.port, workers, 5) as by_worker:
                mine, others = await reading(its, answer, by_worker, path, 2_000_000)
                os.kill(workers[0], signal.SIGKILL)
                assert await are_broken(mine)
                await until_asked(its.origin, path, 2)
                await answer.allow(3_000_000)
                async with asyncio.timeout(30):
                    rests = await asyncio.gather(*(client.reader.readexactly(1_000_000) for client in others))
                assert set(rests) == {CONTENT[2_000_000:]}
                await until_kept(others[0], path, CONTENT)
                assert its.origin.asked[path] == 2
        assert unexpected(its.said) == []


@pytest.mark.parametrize(
    ("content", "lines"), [(content_of("/new", 1, 3_000_000), ""), (CONTENT[:-1], ""), (CONTENT, 'ETag: "2"\r\n')]
)
async def test_who_reads_from_a_worker_that_is_killed_never_gets_a_part_of_another_content(
    tmp_path: Path, content: bytes, lines: str
) -> None:
    """Its answer breaks off, as one does whose backend dies; the next one to ask gets a whole one."""
    answer = Slow(CONTENT)
    async with site(tmp_path, Origin(say=answer.say)) as its:
        its.write_rules()
        async with its.running() as edge:
            workers = await edge.workers()
            async with clients_of_each(its.port, workers, 6) as by_worker:
                next_one = by_worker[1].pop()  # of the same worker: a new connection may be the dead one's successor's
                _, others = await reading(its, answer, by_worker, "/new", 2_000_000)
                answer.content, answer.lines = content, answer.lines + lines
                os.kill(workers[0], signal.SIGKILL)
                async with asyncio.timeout(30):
                    assert await are_broken(others)
                await answer.allow(3_000_000)
                assert (await next_one.get("/new")).body == content
                assert its.origin.asked["/new"] == 2
        assert unexpected(its.said) == []


async def test_what_turns_out_too_large_to_be_kept_comes_to_clients_of_all_workers(tmp_path: Path) -> None:
    """Once for each worker: what is written down nowhere cannot be read along."""
    may_go_on = asyncio.Event()

    async def say(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (CONTENT[:1_500_000], CONTENT[1_500_000:]):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await may_go_on.wait()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with site(tmp_path, Origin(say=say)) as its:
        its.write_rules(cache=f"{{directory: {tmp_path / 'cache'}, largest: 2MiB}}")
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 5) as by_worker:
            mine, others = await fetching(its, by_worker, "/new")
            for client in (*mine, *others):
                assert "200 OK" in await client.head()
            assert its.origin.asked["/new"] == 1
            may_go_on.set()
            async with asyncio.timeout(30):
                bodies = [b"".join([it async for it in client.chunks()]) for client in (*mine, *others)]
            assert [body == CONTENT for body in bodies] == [True] * 10
            assert its.origin.asked["/new"] == 2
        assert unexpected(its.said) == []


async def test_a_purge_of_what_comes_breaks_it_off_for_nobody(tmp_path: Path) -> None:
    answer = Slow(CONTENT)
    async with site(tmp_path, Origin(say=answer.say)) as its:
        its.write_rules()
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 3) as by_worker:
            mine, others = await reading(its, answer, by_worker, "/new", 2_000_000)
            await purge(its.control, urls=["http://pypi.test/new"])
            await answer.allow(3_000_000)
            async with asyncio.timeout(30):
                rests = await asyncio.gather(*(it.reader.readexactly(1_000_000) for it in (*mine, *others)))
            assert set(rests) == {CONTENT[2_000_000:]}
            assert its.origin.asked["/new"] == 1
        assert unexpected(its.said) == []


# -- copies that are asked for anew -----------------------------------------------------------------------------------


async def made_stale(its: Site, by_worker: list[list[Client]], path: str) -> None:
    """A copy that both workers have."""
    for clients in by_worker:
        assert (await clients[0].get(path)).status == 200
    assert its.origin.asked[path] == 1
    await purge(its.control, urls=[f"http://pypi.test{path}"], hard=False)


@contextmanager
def busy_disk(its: Site) -> Iterator[None]:
    """Nobody's changes reach the index meanwhile."""
    generation = Directory(its.place / "cache").current()
    assert generation is not None
    with closing(sqlite3.connect(generation.index, isolation_level=None)) as index:
        index.execute("BEGIN IMMEDIATE")
        yield
        index.execute("ROLLBACK")


@pytest.mark.alone
async def test_a_copy_is_asked_for_anew_once_for_all_workers_though_the_disk_takes_its_time(tmp_path: Path) -> None:
    """Clients of the worker that asked do not wait for the disk; those of the other one find the copy fresh there."""
    may_answer = asyncio.Event()

    async def say_that_it_is_right(path: str, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "0"\r\n\r\n')
        await writer.drain()

    async with site(tmp_path, Origin(lines="")) as its:
        its.write_rules(rule=ASKED_ANEW)
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 3) as by_worker:
            mine, others = by_worker
            await made_stale(its, by_worker, "/page")
            its.origin.say = say_that_it_is_right
            mine[0].ask("/page")
            await until_asked(its.origin, "/page", 2)
            for client in (*mine[1:], *others):
                client.ask("/page")
            await until_counted(edge, 2 + len(mine) + len(others))
            with busy_disk(its):
                may_answer.set()
                async with asyncio.timeout(4):  # the disk itself waits for 5 s, and is given up then
                    answers = await asyncio.gather(*(client.answer() for client in mine))
                await asyncio.sleep(0.5)  # so that who would ask once more does
            answers += await asyncio.gather(*(client.answer() for client in others))
            assert {version_of("/page", each.body) for each in answers} == {0}
            assert its.origin.asked["/page"] == 2
        assert unexpected(its.said) == []


async def test_a_head_that_asks_anew_holds_up_no_get_of_any_worker(tmp_path: Path) -> None:
    async def keep_the_head_waiting(path: str, writer: asyncio.StreamWriter) -> None:
        if its.origin.asked[path] == 2:
            await asyncio.Event().wait()
        write_answer(writer, content_of(path, 1))
        await writer.drain()

    async with site(tmp_path, Origin(lines="")) as its:
        its.write_rules(rule=ASKED_ANEW)
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 2) as by_worker:
            mine, others = by_worker
            await made_stale(its, by_worker, "/page")
            its.origin.say = keep_the_head_waiting
            mine[0].writer.write(b"HEAD /page HTTP/1.1\r\nHost: pypi.test\r\n\r\n")
            await until_asked(its.origin, "/page", 2)
            async with asyncio.timeout(30):
                for client in (others[0], mine[1], others[1]):
                    assert version_of("/page", (await client.get("/page")).body) == 1
            assert its.origin.asked["/page"] == 3
        assert unexpected(its.said) == []


# -- purges -----------------------------------------------------------------------------------------------------------


async def purge_by_command(control: Path, url: str, *, hard: bool) -> None:
    arguments = ("purge", "--control", str(control), *(("--hard",) if hard else ()), url)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "edgeproxy", *arguments, stdout=DEVNULL)
    async with asyncio.timeout(60):
        assert await process.wait() == 0


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(600)
async def test_after_a_purge_nobody_ever_gets_what_was_before(tmp_path: Path) -> None:
    """While clients of two workers ask without a pause, and answers that began before the purge come after it."""
    sizes = {"/small": 2_000, "/file": 50_000, "/large": 1_500_000}
    async with site(tmp_path, Origin(size_of=lambda path: sizes[path])) as its:
        its.write_rules()
        origin, dice, got = its.origin, random.Random(7), Counter[str]()

        async def say(path: str, writer: asyncio.StreamWriter) -> None:
            version = origin.versions[path]
            await asyncio.sleep(dice.choice([0, 0.001, 0.01, 0.03]))
            content = content_of(path, version, sizes[path])
            write_answer(writer, content, origin.lines, in_chunks=dice.random() < 0.3)
            await writer.drain()

        async def ask(client: Client) -> None:
            for path in itertools.cycle(sizes):
                least = origin.least[path]
                answer = await client.get(path)
                version = version_of(path, answer.body)
                assert version >= least, f"{path} {version} after {least} was purged: {answer.cache_status}"
                got[answer.cache_status.split(";")[1].strip()] += 1

        origin.say = say
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 3) as by_worker:
            asking = [asyncio.ensure_future(ask(client)) for each in by_worker for client in each]
            for number in range(200):
                path, hard = dice.choice(list(sizes)), dice.random() < 0.5
                origin.versions[path] += 1
                if number % 40:
                    await purge(its.control, urls=[f"http://pypi.test{path}"], hard=hard)
                else:
                    await purge_by_command(its.control, f"http://pypi.test{path}", hard=hard)
                origin.least[path] = origin.versions[path]
                await asyncio.sleep(dice.choice([0, 0.005, 0.02, 0.05]))
                assert [task.exception() for task in asking if task.done()] == []
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            assert got["hit"] > 100, got
        assert unexpected(its.said) == []


async def until_written(edge: EdgeProcess, copies: int) -> None:
    """So many copies are on the disk."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 60
    while (its := (await edge.report())["counters"]["copies/disk"])["copies"] < copies:
        assert loop.time() < until, (its, edge.said)
        await asyncio.sleep(0.02)


async def reload(its: Site, edge: EdgeProcess, cache: str, generation: int) -> None:
    its.write_rules(cache, rule="{fresh: 1h}")
    edge.signal(signal.SIGHUP)
    await edge.until_said(f"generation {generation} of")


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("between", ["{directory: other}", "{memory: 64MiB}"])
async def test_a_directory_that_is_taken_up_again_has_missed_no_purge(tmp_path: Path, between: str, hard: bool) -> None:
    async with site(tmp_path, Origin(size_of=lambda path: 2_000)) as its:
        its.write_rules("{directory: first}", rule="{fresh: 1h}")
        async with its.running() as edge:
            for path in ("/purged", "/other"):
                assert (await its.get(path))[0] == 0
            await until_written(edge, 2)
            its.origin.versions["/purged"] = 1
            await reload(its, edge, between, 2)
            await purge(its.control, urls=["http://pypi.test/purged"], hard=hard)
            await reload(its, edge, "{directory: first}", 3)
            assert (await its.get("/purged"))[0] == 1
            version, told = await its.get("/other")
            assert (version, told.partition("; ttl=")[0]) == (0, "edgeproxy; hit")
