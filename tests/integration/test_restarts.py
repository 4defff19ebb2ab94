"""Graceful restarts under load: no request fails, no body is short, whether rules are reloaded or the edge upgraded.

The clients repeat nothing. A request on a kept connection that ends without an answer is a failure, unless the answer
before it said `Connection: close`; so is a connection that is refused or reset.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from pathlib import Path

import pytest
import trustme
from edge_process import WAIT, EdgeProcess, is_running, running_process
from harness import BackendPeer, RawClient, backend, request

RESTARTS = int(os.environ.get("EDGEPROXY_RESTARTS", "2"))  # in fives; 6 take a minute or two on a quiet machine

RULES = """
edge: 1
listen:
  - {{address: "127.0.0.1:0"}}
  - {{address: "127.0.0.1:0", tls: [{{cert: app.pem, key: app.key}}]}}
  - {{address: "unix:{folder}/edge.socket"}}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  store: {{directory: files}}
  origin: {{url: "http://127.0.0.1:{port}"}}
rules:
  - {{name: files, match: {{host: app, path: "/file"}}, forward: {{backend: store}}}}
  - {{name: pass, match: {{host: app, path: "/pass/{{rest*}}"}}, forward: {{backend: origin}}}}
  - {{name: hello, match: {{host: app, path: "/hello"}}, respond: {{status: 200, body: hello}}}}
"""
LARGE = os.urandom(1 << 20)
SMALL = b"x" * 1000
DIGESTS = {
    path: blake2b(body).digest()
    for path, body in {"/file": LARGE, "/pass/large": LARGE, "/pass/small": SMALL, "/hello": b"hello"}.items()
}

Connect = Callable[[], Awaitable[RawClient]]


@dataclass
class Load:
    """What the clients saw."""

    answers: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    failures: list[str] = field(default_factory=list)
    is_over: bool = False

    async def keep_asking(self, connect: Connect, number: int) -> None:
        """One client: a connection for as long as the edge keeps it, requests one after the other."""
        paths = list(DIGESTS)
        client: RawClient | None = None
        for turn in count(number):
            if self.is_over:
                break
            path = paths[turn % len(paths)]
            try:
                if client is None:
                    client = await connect()
                    self.connections += 1
                answer = await client.ask(request(path))
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failures.append(f"{path}: {error!r}")
                client = None
                continue
            if not answer.is_whole or answer.status != 200 or blake2b(answer.body).digest() != DIGESTS[path]:
                self.failures.append(f"{path}: {answer.status}, {len(answer.body)} octets, whole: {answer.is_whole}")
            self.answers[path] += 1
            if answer.field("Connection") == "close" or not answer.is_whole:
                await client.close()
                client = None
            if number % 4 == 3:  # some think in between, and their connections are idle when a restart begins
                await asyncio.sleep(0.05 * (turn % 5))
        if client is not None:
            await client.close()


def connects(edge: EdgeProcess, path: Path, trust: ssl.SSLContext) -> list[Connect]:
    """The ways to the edge: a port, a port with TLS, a path."""
    plain, secure = (int(address.rsplit(":", 1)[1]) for address in edge.addresses[:2])

    async def connect_plain() -> RawClient:
        return RawClient(*await asyncio.open_connection("127.0.0.1", plain, limit=1 << 22))

    async def connect_secure() -> RawClient:
        opened = await asyncio.open_connection(
            "127.0.0.1", secure, limit=1 << 22, ssl=trust, server_hostname="pypi.test"
        )
        return RawClient(*opened)

    async def connect_unix() -> RawClient:
        return RawClient(*await asyncio.open_unix_connection(path, limit=1 << 22))

    return [connect_plain, connect_secure, connect_plain, connect_unix]


async def origin(peer: BackendPeer) -> None:
    while True:
        head = await peer.head()
        body = LARGE if b" /pass/large " in head else SMALL
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def reload(edge: EdgeProcess, times: int) -> None:
    edge.signal(signal.SIGHUP)
    await edge.until_said(" is in use", times=times)


async def upgrade(edge: EdgeProcess) -> None:
    readies = edge.readies
    edge.signal(signal.SIGUSR2)
    await edge.until_ready(readies + 1)


@pytest.fixture
def trust(tmp_path: Path) -> ssl.SSLContext:
    """Also writes what the edge shows."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("pypi.test", key_type=trustme.KeyType.ECDSA)
    (tmp_path / "app.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "app.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def restart_under_load(tmp_path: Path, trust: ssl.SSLContext, kinds: str) -> Load:
    """`kinds`: r for a reload, u for an upgrade, one after the other."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file").write_bytes(LARGE)
    load, rules = Load(), tmp_path / "rules.yaml"
    async with backend(origin) as behind:
        rules.write_text(RULES.format(port=behind.port, folder=tmp_path))
        async with running_process(rules, "--workers", "2") as edge:
            ways = connects(edge, tmp_path / "edge.socket", trust)
            clients = [asyncio.ensure_future(load.keep_asking(ways[i % 4], i)) for i in range(16)]
            reloads = 0
            for kind in kinds:
                if kind == "r":
                    reloads += 1
                    await reload(edge, reloads)
                else:
                    await upgrade(edge)
                answers = load.answers.total()
                while load.answers.total() < answers + 64:  # the load goes on between restarts, too
                    await asyncio.sleep(0.01)
            load.is_over = True
            await asyncio.gather(*clients)
            assert not [line for line in edge.said if "replaced" in line or "unexpected" in line]
            if "u" in kinds:
                assert await edge.ended() == 0  # the first of the supervisors
    return load


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(600)
async def test_restarts_under_load_fail_no_request(tmp_path: Path, trust: ssl.SSLContext) -> None:
    load = await restart_under_load(tmp_path, trust, "ru" + "rrrru" * RESTARTS)
    assert load.failures == []
    assert min(load.answers.values()) > 100
    assert load.connections > 16 * 2  # the restarts did end connections


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)], ids=["fewer", "more"])
async def test_an_upgrade_to_another_number_of_workers_leaves_no_connection_waiting(
    tmp_path: Path, before: int, after: int
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {app: {names: [pypi.test]}}\n'
        'rules: [{name: hello, match: {host: app, path: "/hello"}, respond: {status: 200, body: hello}}]\n'
    )
    mine = os.sched_getaffinity(0)
    cores = [set(sorted(mine)[:number]) for number in (before, after)]
    if len(mine) < 2:
        pytest.skip("an edge has a worker for each core that it may use, and here is only one: no number to go to")
    os.sched_setaffinity(0, cores[0])  # as many workers as usable cores
    try:
        async with running_process(rules) as edge:
            os.sched_setaffinity(0, mine)
            assert len(await edge.workers()) == len(cores[0])
            os.sched_setaffinity(edge.pid, cores[1])
            await upgrade(edge)
            assert await edge.ended() == 0
            assert len(await edge.workers()) == len(cores[1])
            async with asyncio.timeout(WAIT):
                for _ in range(30):
                    client = RawClient(*await asyncio.open_connection("127.0.0.1", edge.port))
                    assert (await client.ask(request("/hello"))).body == b"hello"
                    await client.close()
    finally:
        os.sched_setaffinity(0, mine)


async def test_an_upgrade_that_cannot_start_leaves_the_edge_as_it_was(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    text = 'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {app: {names: [pypi.test]}}\n'
    text += 'rules: [{name: hello, match: {host: app, path: "/hello"}, respond: {status: 200, body: hello}}]\n'
    rules.write_text(text)
    async with running_process(rules, "--workers", "1") as edge:
        workers = await edge.workers()
        rules.write_text(text.replace("respond", "answer"))
        edge.signal(signal.SIGUSR2)
        await edge.until_said("the edge is not upgraded: the new one ended with status 2: this one goes on")
        assert await edge.workers() == workers
        rules.write_text(text)
        first = edge.pid
        await upgrade(edge)
        assert await edge.ended() == 0
        assert edge.pid != first
        assert is_running(edge.pid)
        client = RawClient(*await asyncio.open_connection("127.0.0.1", edge.port))
        assert (await client.ask(request("/hello"))).body == b"hello"
        await client.close()
        second = edge.pid
        edge.signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT):
            while is_running(second):
                await asyncio.sleep(0.02)
