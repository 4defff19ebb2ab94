"""What kept answers survive: processes killed at any moment under load, and a disk that takes nothing."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cache_load import (
    Broken,
    Client,
    Origin,
    clients_of_each,
    purge,
    version_of,
)
from edge_process import EdgeProcess
from survival_site import Site, site, unexpected

pytestmark = pytest.mark.alone

KILLS = int(os.environ.get("EDGEPROXY_KILLS", "9"))  # 50 take a minute or two on a quiet machine
PATHS = 60
CLIENTS = 12


@dataclass
class Load:
    """Clients that ask without a pause, and somebody who changes and purges."""

    site: Site
    whole: Counter[str] = field(default_factory=Counter)
    broken: int = 0  # by a kill
    purges: int = 0
    unexpected: list[str] = field(default_factory=list)
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    async def client(self, number: int) -> None:
        dice = random.Random(number)
        while True:
            await self.site.is_up.wait()
            kills = self.site.kills
            try:
                with closing(await Client.connect(self.site.port)) as client:
                    for _ in range(dice.randrange(1, 20)):
                        await self._ask(client, f"/{int(PATHS * dice.random() ** 2)}")
            except Broken as error:
                self.broken += 1
                if kills == self.site.kills:
                    self.unexpected.append(f"broken though nothing was killed: {error}")
                await asyncio.sleep(0.01)

    async def _ask(self, client: Client, path: str) -> None:
        least = self.site.origin.least[path]
        answer = await client.get(path)
        if answer.status != 200:
            self.unexpected.append(f"{path}: {answer.status} {answer.body!r}")
        elif version_of(path, answer.body) < least:
            self.unexpected.append(f"{path}: older than {least}, of which a purge was confirmed: {answer.cache_status}")
        else:
            self.whole[path] += 1

    async def purger(self) -> None:
        dice, origin = random.Random(99), self.site.origin
        while True:
            path = f"/{dice.randrange(PATHS)}"
            origin.versions[path] += 1
            version = origin.versions[path]
            with suppress(Broken):
                await purge(self.site.control, urls=[f"http://pypi.test{path}"], hard=dice.random() < 0.5)
                origin.least[path] = version
                self.purges += 1
            await asyncio.sleep(0.05)

    async def until_more(self, count: int) -> None:
        wanted = self.whole.total() + count
        async with asyncio.timeout(120):
            while self.whole.total() < wanted:
                assert [task.exception() for task in self.tasks if task.done()] == []
                await asyncio.sleep(0.01)


@asynccontextmanager
async def under_load(its: Site) -> AsyncIterator[Load]:
    load = Load(its)
    load.tasks = [asyncio.ensure_future(work) for work in (load.purger(), *map(load.client, range(CLIENTS)))]
    try:
        yield load
    finally:
        for task in load.tasks:
            task.cancel()
        await asyncio.gather(*load.tasks, return_exceptions=True)


async def disk_copies(edge: EdgeProcess) -> int:
    counters = (await edge.report())["counters"]
    assert (counters["copies/disk"]["errors"], counters["copies/disk"]["refused"], counters["unexpected"]) == (0, 0, 0)
    copies: int = counters["copies/disk"]["copies"]
    return copies


async def killed_one_by_one(its: Site, edge: EdgeProcess, load: Load, kills: int) -> None:
    """The worker that is the older one, each time: its successor comes the faster."""
    for _ in range(kills):
        await load.until_more(40)
        workers = await edge.until_workers(2)
        its.kills += 1
        os.kill(workers[its.kills % 2], signal.SIGKILL)
        await edge.until_workers(2, without=workers[its.kills % 2])


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_whatever_is_killed_under_load_no_client_gets_a_wrong_octet(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        its.write_rules()
        copies, purges = 0, 0
        async with under_load(its) as load:
            while its.kills < KILLS:
                async with its.running() as edge:
                    assert await disk_copies(edge) >= copies - (load.purges - purges) - 1
                    await killed_one_by_one(its, edge, load, 2)
                    await load.until_more(60)
                    purges = load.purges
                    copies = await disk_copies(edge)
                    await its.kill_all(edge)
        assert load.unexpected == []
        assert unexpected(its.said) == []
        assert load.whole.total() > KILLS * 30
        assert its.origin.asked.total() < load.whole.total()
        await found_again(its)


async def found_again(its: Site) -> None:
    """All that there is, by an edge that finds the directory as the kills left it."""
    paths = [f"/{number}" for number in range(PATHS)]
    async with its.running() as edge:
        for path in paths:
            await its.get(path)
        async with asyncio.timeout(60):
            while await disk_copies(edge) < PATHS:
                await asyncio.sleep(0.05)
        await its.kill_all(edge)
    its.origin.asked.clear()
    async with its.running() as edge:
        for path in paths:
            version, status = await its.get(path)
            assert version >= its.origin.least[path]
            assert "; hit" in status
        assert its.origin.asked.total() == 0
    assert unexpected(its.said) == []


# -- a disk that takes nothing ----------------------------------------------------------------------------------------

MIXED = {f"/{number}": size for number, size in enumerate((500, 12_000, 30_000, 400_000, 3_000_000))}


def all_of(prefix: str) -> list[str]:
    return [f"/{prefix}{path}" for path in MIXED]


async def ask_for_all(by_worker: list[list[Client]], paths: list[str]) -> Counter[str]:
    """By every client. What the edge says of its cache, after each was found right."""
    said: Counter[str] = Counter()
    for path in paths:
        answers = await asyncio.gather(*(client.get(path) for each in by_worker for client in each))
        for answer in answers:
            assert (answer.status, version_of(path, answer.body)) == (200, 0)
            said[answer.cache_status.split(";")[1].strip()] += 1
    return said


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of 8 MiB."""
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("a disk that can be filled is a small file system, and there is no `mount` to have one by")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False, capture_output=True)
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        pytest.skip(
            f"a disk that can be filled is a small file system, which only root may mount, outside of most containers: {why}"
        )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill_up(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4_096)):
            pass
    return ballast


def told_at_most_once_a_worker(said: list[str]) -> bool:
    counted = Counter(line for line in said if "cache: cannot" in line)
    return bool(counted) and max(counted.values()) <= 2


async def test_a_full_disk_costs_no_client_its_answer(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    async with site(tmp_path, Origin(size_of=lambda path: MIXED[path[path.rindex("/") :]])) as its:
        its.write_rules(cache=f"{{directory: {disk / 'cache'}}}")
        with small_disk(disk):
            async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 2) as by_worker:
                await ask_for_all(by_worker, all_of("before"))
                ballast = fill_up(disk)
                for number in range(3):
                    await ask_for_all(by_worker, all_of(f"late{number}"))
                asked = its.origin.asked.total()
                small = [path for path in all_of("late0") if MIXED[path[path.rindex("/") :]] < 100_000]
                assert (await ask_for_all(by_worker, small))["hit"] == 4 * len(small)
                assert its.origin.asked.total() == asked
                ballast.unlink()
                await until_kept(its, edge)
            assert told_at_most_once_a_worker(its.said)


async def until_kept(its: Site, edge: EdgeProcess) -> None:
    """On the disk, as before."""
    before = await copies_on_disk(edge)
    async with asyncio.timeout(60):
        for number in itertools.count():
            await its.get(f"/again/{number}/2")
            if await copies_on_disk(edge) > before:
                return
            await asyncio.sleep(0.1)


async def copies_on_disk(edge: EdgeProcess) -> int:
    copies: int = (await edge.report())["counters"]["copies/disk"]["copies"]
    return copies


async def test_a_deleted_directory_costs_no_client_its_answer(tmp_path: Path) -> None:
    async with site(tmp_path, Origin(size_of=lambda path: MIXED[path[path.rindex("/") :]])) as its:
        its.write_rules()
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 2) as by_worker:
            await ask_for_all(by_worker, all_of("before"))
            (tmp_path / "cache").rename(tmp_path / "gone")  # first: workers put files there while it is deleted
            shutil.rmtree(tmp_path / "gone", ignore_errors=True)
            await ask_for_all(by_worker, all_of("before"))
            await ask_for_all(by_worker, all_of("late"))
            await until_kept(its, edge)
        assert told_at_most_once_a_worker(its.said)


async def until_noted(directory: Path, times: int) -> None:
    """The disk has heard so often of the one copy it has that it was asked for."""
    async with asyncio.timeout(60):
        while True:
            for index in directory.glob("g*-*/index.sqlite"):
                with closing(sqlite3.connect(index)) as db:
                    if db.execute("SELECT max(frequency) FROM copies").fetchone()[0] == times:
                        return
            await asyncio.sleep(0.05)


async def test_what_memory_gives_again_and_again_outlives_a_scan_on_the_disk(tmp_path: Path) -> None:
    """So that another worker finds it, and this one after a restart."""
    directory = tmp_path / "cache"
    async with site(tmp_path, Origin(size_of=lambda _: 100_000)) as its:
        its.write_rules(f"{{directory: {directory}, disk: 16MiB}}")
        async with its.running("--workers", "1"):
            await its.get("/hot")
            for _ in range(3):
                assert "hit" in (await its.get("/hot"))[1]
            await until_noted(directory, 2)
            for number in range(300):
                await its.get(f"/scan/{number}")
        async with its.running("--workers", "1"):
            assert "hit" in (await its.get("/hot"))[1]
            assert its.origin.asked["/hot"] == 1
