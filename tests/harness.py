"""What scenario tests are made of: a running edge, scripted backends, raw clients. Real sockets, no sleeps."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeproxy.migration.specimen import Specimen
from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.telemetry.access_log import AccessLog

Script = Callable[["BackendPeer"], Awaitable[None]]
QUICK = replace(DEFAULT_LIMITS, tick=0.02, drain_idle=0.1)  # a deadline of 0.1 s is kept to within 20 ms

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  content: {{names: [files.pypihosted.test], kind: content}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", host: origin.pypi.test, timeouts: {{connect: 20s, head: 20s, between: 20s}}}}
rules:
  - {{name: all, match: {{host: [app, content], path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""


def impatient(rules: str) -> str:
    """RULES for a test of what a backend that takes too long comes to. In all others none does, however busy the machine:
    it shares a loop with its edge, and both stand still when that does.
    """
    short = rules.replace("connect: 20s", "connect: 500ms").replace("head: 20s", "head: 300ms")
    return short.replace("between: 20s", "between: 300ms")


@asynccontextmanager
async def running_edge(
    rules: str,
    *,
    base: Path | None = None,
    limits: Limits = QUICK,
    access_log: AccessLog | None = None,
    deliver: Callable[[Specimen], bool] | None = None,
    dice: Callable[[], float] = lambda: 0.5,
) -> AsyncIterator[RunningEdge]:
    """An edge under a rule file's text, in this test's event loop. `deliver`, `dice`: of its shadows."""
    ruleset = parse_ruleset(rules, "rules.yaml", base=base or Path.cwd())
    edge = Edge(ruleset, limits, access_log, deliver=deliver, dice=dice)
    addresses = await edge.start()
    try:
        yield RunningEdge(edge, addresses[0].port)
    finally:
        await edge.stop(grace=0)


@dataclass
class RunningEdge:
    edge: Edge
    port: int

    @asynccontextmanager
    async def client(self, source: str = "127.0.0.1") -> AsyncIterator[RawClient]:
        """A client; `source` is the loopback address it comes from."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26, local_addr=(source, 0))
        client = RawClient(reader, writer)
        try:
            yield client
        finally:
            await client.close()

    async def ask(self, request: bytes, source: str = "127.0.0.1") -> Answer:
        async with self.client(source) as client:
            return await client.ask(request)


@dataclass(frozen=True)
class Answer:
    """An answer as a client saw it; `body` is decoded, `is_whole` tells whether its framing was kept."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    is_whole: bool = True

    def field(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)


class RawClient:
    """Writes octets as they are given and reads answers by their framing, naively and on its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, request: bytes) -> Answer:
        await self.send(request)
        return await self.answer(to_head=request.startswith(b"HEAD "))

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer. Raises IncompleteReadError when the connection ends before its head does."""
        head = await self.head()
        if to_head or head.status in (204, 304) or head.status < 200:
            return head
        try:
            return replace(head, body=await self._body(head))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            partial = error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
            return replace(head, body=partial, is_whole=False)

    async def head(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head[:-4].split("\r\n")
        _, status, reason = line.split(" ", 2)
        fields = [(name, value.strip()) for name, _, value in (text.partition(":") for text in rest)]
        return Answer(int(status), reason, fields)

    async def _body(self, head: Answer) -> bytes:
        length = head.field("Content-Length")
        if length is not None:
            return await self.reader.readexactly(int(length))
        if head.field("Transfer-Encoding") != "chunked":
            return await self.reader.read()
        content = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            content += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return content

    async def is_closed(self) -> bool:
        """Wait for the edge to end the connection; False when it sends something instead."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass
class BackendPeer:
    """One connection as a backend's script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: list[bytes] = field(default_factory=list)

    async def head(self) -> bytes:
        """The next request's head; also noted in `seen`."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        return head

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End with a TCP reset, not an orderly end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Backend:
    """A backend whose every connection runs a script. `seen` has the heads of all requests, in order."""

    port: int = 0
    connections: int = 0
    seen: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # a connection's script ended, or its peer left

    @property
    def rules(self) -> str:
        return RULES.format(port=self.port)


@asynccontextmanager
async def backend(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Backend]:
    """A backend on a port of its own. A script that ends closes its connection; what it raises fails the test."""
    this, failures, tasks = Backend(), list[BaseException](), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(BackendPeer(reader, writer, this.seen))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the edge left, or the test is over
        except BaseException as error:  # noqa: BLE001  # told to the test below
            failures.append(error)
        finally:
            this.gone.set()
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024, limit=1 << 26, ssl=tls)
    this.port = server.sockets[0].getsockname()[1]
    try:
        yield this
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
    if failures:
        raise failures[0]


def always(answer: bytes) -> Script:
    """A script that gives every request (without a body) the same answer, on a connection that stays."""

    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(answer)

    return script


def request(target: str = "/", *lines: str, method: str = "GET", host: str = "pypi.test") -> bytes:
    """A request's head."""
    return "".join(
        [f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n", *(f"{line}\r\n" for line in lines), "\r\n"]
    ).encode()
