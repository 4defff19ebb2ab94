"""Both ends of a conformance case: a client that keeps every octet's meaning, and the backend behind the edge.

They read messages on their own and strictly: what the edge sends is never taken in good faith.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from conformance.table import Message
from harness import BackendPeer, Script, backend

Lines = list[str]


async def read_head(reader: asyncio.StreamReader) -> tuple[str, Lines]:
    """The first line and the field lines of a head. Raises IncompleteReadError at the connection's end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    assert "\n" not in head.replace("\r\n", "")
    assert "\r" not in head.replace("\r\n", "")
    line, *fields = head[:-4].split("\r\n")
    for text in fields:
        name, colon, value = text.partition(": ")
        assert name, text
        assert colon, text
        assert value == value.strip(), text
    return line, fields


def value_of(fields: Lines, name: str) -> str | None:
    """The value of the only field of a name. Two of one framing field are an error of the edge."""
    values = [text.partition(": ")[2] for text in fields if text.partition(":")[0].lower() == name]
    assert len(values) < 2, fields
    return values[0] if values else None


async def read_body(reader: asyncio.StreamReader, fields: Lines, *, until_close: bool) -> tuple[bytes, Lines]:
    """A body's content and its trailers. `until_close`: that is what neither framing field means."""
    length, coding = value_of(fields, "content-length"), value_of(fields, "transfer-encoding")
    assert length is None or coding is None, fields
    if length is not None:
        assert length.isdecimal(), fields
        return await reader.readexactly(int(length)), []
    if coding is None:
        return (await reader.read() if until_close else b""), []
    assert coding == "chunked"
    return await _read_chunks(reader)


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, Lines]:
    content, trailers = b"", list[str]()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        content += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    while line := (await reader.readuntil(b"\r\n"))[:-2]:
        trailers.append(line.decode("latin-1"))
    return content, trailers


async def read_answer(reader: asyncio.StreamReader, method: str) -> Message:
    """The next answer, interim ones included; `is_whole` is False when the connection ends within its body."""
    line, fields = await read_head(reader)
    status = int(line.split(" ")[1])
    if method == "HEAD" or status < 200 or status in (204, 304):
        return Message(line, tuple(fields))
    try:
        body, trailers = await read_body(reader, fields, until_close=True)
    except (asyncio.IncompleteReadError, ConnectionError):
        return Message(line, tuple(fields), is_whole=False)
    return Message(line, tuple(fields), body, tuple(trailers))


@dataclass
class Origin:
    """The backend of a case. `seen` holds the whole requests, `begun` every head, in the order they came."""

    port: int = 0
    seen: list[Message] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    connections: int = 0
    given: asyncio.Event = field(default_factory=asyncio.Event)  # the case's last octet is out
    connection_of: dict[str, int] = field(default_factory=dict)  # by target: the last that asked for it


@asynccontextmanager
async def origin(
    case: bytes = b"", *, is_case: bool = False, ends: bool = False, in_octets: bool = False
) -> AsyncIterator[Origin]:
    """A backend that echoes a request's method and target. `is_case`: to `/case` it says `case` instead."""
    this = Origin()

    async def give(peer: BackendPeer, answer: bytes) -> None:
        if not in_octets:
            await peer.send(answer)
            return
        step = 1 if len(answer) < 2000 else 64
        for start in range(0, len(answer), step):
            await peer.send(answer[start : start + step])
            await asyncio.sleep(0)

    async def script(peer: BackendPeer) -> None:
        this.connections += 1
        number = this.connections
        while True:
            line, fields = await read_head(peer.reader)
            this.begun.append(line)
            method, target, _ = line.split(" ")
            this.connection_of[target] = number
            if value_of(fields, "expect") is not None:
                await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, trailers = await read_body(peer.reader, fields, until_close=False)
            this.seen.append(Message(line, tuple(fields), body, tuple(trailers)))
            if is_case and target == "/case":
                try:
                    await give(peer, case)
                finally:
                    this.given.set()
                if ends:
                    return
            else:
                await peer.send(_echo(method, target))

    async with backend(_tolerant(script)) as peer:
        this.port = peer.port
        yield this


def _tolerant(script: Script) -> Script:
    """An edge that gives up an exchange ends its backend's connection at any octet."""

    async def run(peer: BackendPeer) -> None:
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    return run


def _echo(method: str, target: str) -> bytes:
    content = f"{method} {target}".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content)
    return head if method == "HEAD" else head + content
