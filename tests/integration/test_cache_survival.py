"""What kept answers survive: processes killed at any moment, backends that are down or hang, a disk that takes nothing,
fetches that several workers wait for, and purges at the same time as all of that.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from cache_load import (
    Broken,
    Client,
    Origin,
    clients_of_each,
    content_of,
    get,
    purge,
    running_origin,
    version_of,
    write_answer,
)
from edge_process import EdgeProcess, running_process
from system import ROOT, System

from edgeproxy.cli.demo_processes import Processes

KILLS = int(os.environ.get("EDGEPROXY_KILLS", "12"))
PATHS = 60
CLIENTS = 12

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
cache: {cache}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 1s, head: {head}, between: 10s}}}}
rules:
  - {{name: kept, match: {{host: app, path: "/{{rest*}}", methods: [GET, HEAD]}}, forward: {{backend: origin}}, cache: {rule}}}
  - {{name: rest, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""


@dataclass
class Site:
    """An edge of two workers with a cache in a directory, before an origin."""

    place: Path
    origin: Origin
    port: int = 0
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    kills: int = 0
    said: list[str] = field(default_factory=list)  # by edges that are gone

    @property
    def control(self) -> Path:
        return self.place / "control"

    def write_rules(self, cache: str = "", rule: str = "{}", head: str = "10s") -> None:
        cache = cache or f"{{directory: {self.place / 'cache'}}}"
        text = RULES.format(cache=cache, port=self.origin.port, rule=rule, head=head)
        (self.place / "rules.yaml").write_text(text)

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[EdgeProcess]:
        own = ("--workers", "2", "--control", str(self.control), *arguments)
        async with running_process(self.place / "rules.yaml", *own) as edge:
            self.port = edge.port
            self.is_up.set()
            try:
                yield edge
            finally:
                self.is_up.clear()
                self.said += edge.said

    async def kill_all(self, edge: EdgeProcess) -> None:
        """As a machine's end would, but for what the kernel has in its buffers."""
        workers = await edge.workers()
        self.is_up.clear()
        self.kills += 1
        for pid in (edge.pid, *workers):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await edge.ended()

    async def get(self, path: str) -> tuple[int, str]:
        """The version that came, which was right, and what the edge says of its cache."""
        answer = await get(self.port, path)
        assert answer.status == 200
        return version_of(path, answer.body), answer.cache_status


@asynccontextmanager
async def site(place: Path, origin: Origin | None = None) -> AsyncIterator[Site]:
    async with running_origin(origin or Origin()) as running:
        yield Site(place, running)


# -- killed -----------------------------------------------------------------------------------------------------------


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


EXPECTED = ("was ended by SIGKILL: it is replaced", "is in use")


def unexpected(said: list[str]) -> list[str]:
    return [line for line in said if not any(text in line for text in EXPECTED)]


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


# -- backends that are down, or hang ----------------------------------------------------------------------------------

STALE = "{fresh: 1s, stale_while_revalidate: 0s, stale_if_error: 1d}"


async def hang(path: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def until_stale() -> None:
    """A copy under STALE, whatever its backend says meanwhile."""
    await asyncio.sleep(1.2)


@pytest.mark.slow
async def test_a_backend_that_hangs_costs_its_clients_one_timeout_and_not_each_of_them(tmp_path: Path) -> None:
    async with site(tmp_path, Origin(lines="")) as its:
        its.write_rules(rule=STALE, head="4s")
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 2) as by_worker:
            clients = [client for each in by_worker for client in each]
            for path in ("/page", "/other"):
                await clients[0].get(path)
            its.origin.say = hang
            await until_stale()
            loop = asyncio.get_running_loop()
            end, slow = loop.time() + 13.0, 0

            async def ask(client: Client) -> None:
                nonlocal slow
                while loop.time() < end:
                    began = loop.time()
                    answer = await client.get("/page")
                    slow += loop.time() - began > 3.0
                    assert version_of("/page", answer.body) == 0
                    await asyncio.sleep(0.05)

            await asyncio.gather(*map(ask, clients))
            assert slow <= len(clients)
            async with asyncio.timeout(3.0):  # what nobody asked for since then
                assert {version_of("/other", (await client.get("/other")).body) for client in clients} == {0}
            its.origin.say = None
            its.origin.versions["/page"] = 1
            async with asyncio.timeout(60):
                while (await its.get("/page"))[0] == 0:
                    await asyncio.sleep(0.05)


def demo_rules(place: Path) -> Path:
    """The demo's third stage, with a cache on disk, and files that come over HTTP."""
    text = (ROOT / "rules" / "demo" / "3-modern.yaml").read_text()
    store = "{directory: ../../var/demo/store/files}"
    assert store in text
    text = text.replace(store, '{url: "http://127.0.0.1:1", host: files.pypihosted.test}')
    text = text.replace("host: pypi.test}", "host: pypi.test, timeouts: {head: 3s}}")
    path = place / "rules.yaml"
    path.write_text(f"{text}\ncache: {{directory: {place / 'cache'}}}\n")
    return path


@contextmanager
def backends(store: Path) -> Iterator[dict[str, str]]:
    """Where they are, by their names; one gives the store's files over HTTP."""
    command = (sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", store / "files")
    with (
        Processes() as processes,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as files,
    ):
        try:
            assert files.stdout is not None
            port = files.stdout.readline().split(" port ")[1].split()[0]
            of_store = ("--store", store, "--listen", "127.0.0.1:0")
            yield {
                "store": f"http://127.0.0.1:{port}",
                "legacy": processes.start("legacy", "backends.legacy", *of_store),
                "modern": processes.start(
                    "modern", "backends.modern", *of_store, "--files-url", "http://files.pypihosted.test"
                ),
            }
        finally:
            files.kill()


@contextmanager
def edge(rules: Path, places: dict[str, str]) -> Iterator[str]:
    """Its address, to be used as a proxy."""
    backends = [part for name, place in places.items() for part in ("--backend", f"{name}={place}")]
    with Processes() as processes:
        yield processes.start("edge", "edgeproxy", "run", rules, "--listen", "127.0.0.1:0", "--workers", "2", *backends)


def pip_installs(proxy: str, place: Path, *what: str) -> set[str]:
    """By a pip that has nothing yet: names of the distributions that are there then."""
    place.mkdir()
    its = System("3-modern", proxy, place / "access.log")
    command = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--target",
        place / "t",
        "--index-url",
        "http://pypi.test/simple/",
    )
    done = subprocess.run(
        [*command, *what], env=its.environment(place), capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name.split("-")[0].lower() for path in (place / "t").glob("*.dist-info")}


def pages(proxy: str, *paths: str) -> list[bytes]:
    opener = build_opener(ProxyHandler({"http": proxy}))
    found = []
    for path in paths:
        with closing(opener.open(f"http://pypi.test{path}", timeout=60)) as answer:
            found.append(answer.read())
    return found


@pytest.mark.clients
@pytest.mark.slow
def test_pip_installs_from_the_edge_alone_when_every_backend_is_down(seeded: Path, tmp_path: Path) -> None:
    """Also when the edge itself was killed and started again, and when the backends hang."""
    rules, seen = demo_rules(tmp_path), ("/simple/jinja2/", "/simple/markupsafe/", "/project/six/", "/pypi/six/json")
    wanted = {"jinja2", "markupsafe"}
    with ExitStack() as stack:
        with backends(seeded) as gone:
            proxy = stack.enter_context(edge(rules, gone))
            assert pip_installs(proxy, tmp_path / "first", "jinja2") == wanted
            before = pages(proxy, *seen)
        time.sleep(1.5)  # what is kept of pages is fresh for a second
        assert pages(proxy, *seen) == before
        assert pip_installs(proxy, tmp_path / "down", "jinja2") == wanted
    with edge(rules, gone) as proxy:
        assert pages(proxy, *seen) == before
        assert pip_installs(proxy, tmp_path / "again", "jinja2") == wanted
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with edge(rules, dict.fromkeys(gone, hangs)) as proxy:
            assert pages(proxy, *seen) == before
            assert pip_installs(proxy, tmp_path / "hangs", "jinja2") == wanted


# -- fetches that clients of several workers wait for -----------------------------------------------------------------


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
                assert origin.asked["/new"] == 2
                assert (await its.get("/new"))[1].startswith("edgeproxy; hit")
        assert unexpected(its.said) == []


async def test_who_reads_from_a_worker_that_is_killed_is_not_left_hanging(tmp_path: Path) -> None:
    """Its answer breaks off, as one does whose backend dies; the next one to ask gets a whole one."""
    answer, origin = slow("/new", 3_000_000)
    async with site(tmp_path, origin) as its:
        its.write_rules()
        async with its.running() as edge:
            workers = await edge.workers()
            async with clients_of_each(its.port, workers, 5) as by_worker:
                _, others = await fetching(its, by_worker, "/new")
                await answer.allow(2_000_000)
                for client in others:
                    assert "200 OK" in await client.head()
                    await client.reader.readexactly(2_000_000)
                os.kill(workers[0], signal.SIGKILL)
                async with asyncio.timeout(30):
                    assert await are_broken(others)
                await answer.allow(3_000_000)
                assert await its.get("/new") == (0, "edgeproxy; fwd=miss; stored")
                assert origin.asked["/new"] == 2
        assert unexpected(its.said) == []


# -- purges -----------------------------------------------------------------------------------------------------------


async def purge_by_command(control: Path, url: str, *, hard: bool) -> None:
    arguments = ("purge", "--control", str(control), *(("--hard",) if hard else ()), url)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "edgeproxy", *arguments, stdout=DEVNULL)
    async with asyncio.timeout(60):
        assert await process.wait() == 0


@pytest.mark.slow
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
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
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
            shutil.rmtree(tmp_path / "cache")
            await ask_for_all(by_worker, all_of("before"))
            await ask_for_all(by_worker, all_of("late"))
            await until_kept(its, edge)
        assert told_at_most_once_a_worker(its.said)
