"""A backend whose contents tell which version they are, and clients that check every octet of what they are given.

For tests of what the cache of a real edge survives. A content begins with its own name and version, and the rest follows
from both: so a client knows a wrong octet, and an old version, without asking anybody.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from open_files import links_of

SMALLEST, LARGEST = 100, 5 << 20
_BLOCK = random.Random(1).randbytes(LARGEST + 65_536)


def size_of(path: str) -> int:
    """Of many magnitudes, evenly; the same for the same path."""
    dice = random.Random(path)
    return int(SMALLEST * (LARGEST / SMALLEST) ** dice.random())


def is_in_chunks(path: str) -> bool:
    return random.Random(f"{path} framing").random() < 0.5


def content_of(path: str, version: int, size: int | None = None) -> bytes:
    size = size_of(path) if size is None else size
    start = b"%s %d\n" % (path.encode(), version)
    at = random.Random(f"{path} {version}").randrange(65_536)
    return (start + _BLOCK[at : at + size])[:size]


def version_of(path: str, body: bytes) -> int:
    """Of a content that is right in each octet."""
    start, _, _ = body[:200].partition(b"\n")
    name, _, number = start.partition(b" ")
    assert name == path.encode(), f"a content of {name!r} was given for {path}"
    version = int(number)
    assert body == content_of(path, version, len(body)), f"{path}: {len(body)} octets are not those of {version}"
    return version


Say = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Origin:
    """`least` is what a client must get at the least: a purge of what was before has been confirmed. `say`: how a test
    answers instead.
    """

    lines: str = "Cache-Control: max-age=3600\r\n"
    port: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    least: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    say: Say | None = None
    size_of: Callable[[str], int] = size_of

    async def on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = head.split(" ", 2)[1]
                self.asked[path] += 1
                if self.say is not None:
                    await self.say(path, writer)
                else:
                    await self._answer(path, head, writer)

    async def _answer(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        version = self.versions[path]
        lines = f'{self.lines}ETag: "{version}"\r\n'
        if f'if-none-match: "{version}"' in head.lower():
            writer.write(f"HTTP/1.1 304 Not Modified\r\n{lines}\r\n".encode())
        else:
            content = content_of(path, version, self.size_of(path))
            write_answer(writer, content, lines, in_chunks=is_in_chunks(path))
        await writer.drain()


def write_answer(writer: asyncio.StreamWriter, content: bytes, lines: str = "", *, in_chunks: bool = False) -> None:
    if not in_chunks:
        writer.write(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        return
    writer.write(f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
    for start in range(0, len(content), 100_000):
        piece = content[start : start + 100_000]
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def running_origin(origin: Origin) -> AsyncIterator[Origin]:
    """It listens on the port that it had before, if it had one."""
    clients: set[asyncio.Task[None]] = set()

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            await origin.on_client(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # asyncio's streams would log it, raised
        finally:
            clients.discard(task)

    server = await asyncio.start_server(on_client, "127.0.0.1", origin.port)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in list(clients):
            task.cancel()
        if clients:
            await asyncio.wait(clients)


class Broken(ConnectionError):
    """The edge ended the connection before the answer's end."""


@dataclass
class Answer:
    status: int
    head: str
    body: bytes

    @property
    def is_last(self) -> bool:
        """The connection ends with it, as after very many."""
        return "\r\nconnection: close" in self.head.lower()

    @property
    def cache_status(self) -> str:
        lines = [line for line in self.head.split("\r\n") if line.lower().startswith("cache-status:")]
        return lines[0].partition(": ")[2] if lines else ""


class Client:
    """One connection to an edge."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.host = "pypi.test"

    @classmethod
    async def connect(cls, port: int) -> Client:
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
        except ConnectionError as error:
            raise Broken(str(error)) from None

    @property
    def address(self) -> tuple[str, int]:
        found: tuple[str, int] = self.writer.get_extra_info("sockname")
        return found

    async def get(self, path: str, *lines: str) -> Answer:
        """Raises Broken."""
        try:
            self.ask(path, *lines)
            return await self.answer()
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise Broken(str(error)) from None

    def ask(self, path: str, *lines: str) -> None:
        more = "".join(f"{line}\r\n" for line in lines)
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{more}\r\n".encode())

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def answer(self) -> Answer:
        head = await self.head()
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        status = int(head.split(" ", 2)[1])
        if "transfer-encoding" in lines:
            body = b"".join([piece async for piece in self.chunks()])
        else:
            body = await self.reader.readexactly(int(lines.get("content-length", 0)))
        return Answer(status, head, body)

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)

    def close(self) -> None:
        self.writer.transport.abort()


async def get(port: int, path: str, *lines: str) -> Answer:
    """On a connection of its own."""
    with closing(await Client.connect(port)) as client:
        return await client.get(path, *lines)


# -- workers ----------------------------------------------------------------------------------------------------------


def worker_of(client: Client, port: int, workers: list[int]) -> int | None:
    """Which of the workers has accepted the connection; None: none yet."""
    ends = tuple(f"0100007F:{number:04X}" for number in (port, client.address[1]))
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inode = next((row[9] for row in rows if (row[1], row[2]) == ends), None)
    for pid in workers:
        if any(target == f"socket:[{inode}]" for _, target in links_of(pid)):
            return pid
    return None


@asynccontextmanager
async def clients_of_each(port: int, workers: list[int], count: int) -> AsyncIterator[list[list[Client]]]:
    """So many connections to each worker."""
    found: dict[int, list[Client]] = {pid: [] for pid in workers}
    with ExitStack() as stack:
        async with asyncio.timeout(60):
            while any(len(clients) < count for clients in found.values()):
                client = stack.enter_context(closing(await Client.connect(port)))
                while (pid := worker_of(client, port, workers)) is None:
                    await asyncio.sleep(0.005)
                if len(found[pid]) < count:
                    found[pid].append(client)
        yield list(found.values())


async def purge(control: Path, *, urls: list[str] | None = None, hard: bool = True, **words: object) -> None:
    """By the socket that `edgeproxy purge` uses. Raises Broken."""
    try:
        reader, writer = await asyncio.open_unix_connection(control)
        with closing(writer):
            writer.write(json.dumps({"do": "purge", "urls": urls or [], "hard": hard, **words}).encode() + b"\n")
            line = await reader.readline()
    except (ConnectionError, FileNotFoundError) as error:
        raise Broken(str(error)) from None
    if not line:
        raise Broken("the edge ended")
    said = json.loads(line)
    assert said.get("purged") is True, said
