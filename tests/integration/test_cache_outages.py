"""Clients of an edge whose backends are down, or hang: what was seen is there for them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from cache_load import (
    Client,
    Origin,
    clients_of_each,
    version_of,
    write_answer,
)
from edge_process import EdgeProcess
from survival_site import site
from system import ROOT, System

from edgeproxy.cli.demo_processes import Processes

pytestmark = pytest.mark.alone

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


@pytest.mark.slow
async def test_nobody_waits_for_a_backend_whose_health_checks_say_that_it_hangs(tmp_path: Path) -> None:
    async with site(tmp_path, Origin(lines="")) as its:
        its.write_rules(rule=STALE, head="60s", more=", health: {path: /health, interval: 1s, unhealthy: 1}")
        async with its.running() as edge:
            assert (await its.get("/page"))[0] == 0
            its.origin.say = hang
            async with asyncio.timeout(60):
                while not await is_down(edge):
                    await asyncio.sleep(0.1)
            await until_stale()
            async with asyncio.timeout(30):
                for _ in range(10):
                    assert "stale_if_error" in (await its.get("/page"))[1]


@pytest.mark.slow
async def test_who_waits_already_is_given_the_stale_copy_when_the_health_checks_say_so(tmp_path: Path) -> None:
    """In both workers, of which one asks for all; and the next ones are asked nothing that hangs."""
    is_well, begun = True, asyncio.Event()

    async def hang_but_be_well(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/health" and is_well:
            write_answer(writer, b"well")
            await writer.drain()
            return
        begun.set()
        await asyncio.Event().wait()

    async with site(tmp_path, Origin(lines="")) as its:
        its.write_rules(rule=STALE, head="60s", more=", health: {path: /health, interval: 1s, unhealthy: 1}")
        async with its.running() as edge, clients_of_each(its.port, await edge.workers(), 2) as by_worker:
            clients = [client for each in by_worker for client in each]
            assert (await clients[0].get("/page")).status == 200
            its.origin.say = hang_but_be_well
            await until_stale()
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                waiting = [group.create_task(client.get("/page")) for client in clients]
                await begun.wait()
                is_well = False
            assert all("stale_if_error" in task.result().cache_status for task in waiting)
            async with asyncio.timeout(30):
                assert "stale_if_error" in (await its.get("/page"))[1]


async def is_down(edge: EdgeProcess) -> bool:
    """In all workers."""
    workers = (await edge.report())["workers"]
    endpoints = [it for each in workers for name, it in each["counters"].items() if name.startswith("endpoints/")]
    return len(endpoints) == 2 and all(it["is_down"] for it in endpoints)


def demo_rules(place: Path) -> Path:
    """The demo's third stage, with a cache on disk, and files that come over HTTP."""
    text = (ROOT / "rules" / "demo" / "3-modern.yaml").read_text()
    store = "{directory: ../../var/demo/store/files}"
    assert store in text
    text = text.replace(store, '{url: "http://127.0.0.1:1", host: files.pypihosted.test}')
    modern = "host: pypi.test, health: {path: /_health/, interval: 3s}}"
    assert modern in text
    text = text.replace(modern, "host: pypi.test, timeouts: {head: 3s}}")  # nothing but its own silence tells of it
    assert "fresh: 1m" in text
    text = text.replace("fresh: 1m", "fresh: 1s")
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
        [*command, *what], env=its.environment(place), capture_output=True, text=True, check=False, timeout=280
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
