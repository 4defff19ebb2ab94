"""Answers from files over real sockets, under uvloop."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import uvloop

from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Part, select
from edgeproxy.proxy.files import OpenFile, open_file
from edgeproxy.proxy.sendfile import FileSender, SendFailure

MIB = 1_048_576
LARGE = 20 * MIB
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
BLOCK = os.urandom(MIB)


@pytest.fixture(autouse=True)
def every_descriptor_is_closed() -> Iterator[None]:
    """Set up before the loop and looked at after it has closed."""
    uvloop.new_event_loop().close()  # libuv opens a pipe for signals with its first loop and keeps it
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before


class Answering(asyncio.Protocol):
    """The edge's side of one connection. Reading is off: what a sender learns, it learns by writing."""

    def __init__(self) -> None:
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.progress = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not derived from asyncio's
        self.transport.pause_reading()
        self.connected.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)

    def on_progress(self, octets: int) -> None:
        self.progress += 1

    def sender(self, file: OpenFile, *parts: Part, head: bytes = HEAD) -> FileSender:
        loop = asyncio.get_running_loop()
        return FileSender(loop, self.transport, file, head, parts, self.ended.set_result, self.on_progress)

    async def close(self) -> None:
        """Close as after an answer: what the kernel has is still delivered."""
        self.transport.close()
        await self.lost


@asynccontextmanager
async def connection(receive_buffer: int = 0) -> AsyncIterator[tuple[Answering, socket.socket]]:
    """An edge's connection and its client's socket."""
    loop = asyncio.get_running_loop()
    answering = Answering()
    listener = await loop.create_server(lambda: answering, "127.0.0.1", 0)
    client = socket.socket()
    try:
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.setblocking(False)
        await loop.sock_connect(client, listener.sockets[0].getsockname())
        await answering.connected
        yield answering, client
    finally:
        client.close()
        answering.transport.abort()
        await answering.lost
        listener.close()
        await listener.wait_closed()


async def read_all(client: socket.socket, at_a_time: int = MIB) -> bytes:
    """Everything until the edge closes."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    while data := await loop.sock_recv(client, at_a_time):
        received += data
    return bytes(received)


def segments_received(client: socket.socket) -> int:
    """tcpi_data_segs_in of struct tcp_info."""
    (segments,) = struct.unpack_from("I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160), 152)
    assert isinstance(segments, int)
    return segments


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture
def large(tmp_path) -> Path:
    """The name of a file of 20 MiB in which no two MiB are alike."""
    path = tmp_path / "large.whl"
    with path.open("wb") as file:
        for number in range(LARGE // MIB):
            file.write(number.to_bytes(8, "big") + BLOCK[8:])
    return path


def opened(path: Path) -> OpenFile:
    file = open_file(path.parent, f"/{path.name}")
    assert isinstance(file, OpenFile)
    return file


async def test_a_small_file_is_handed_over_inside_start(tmp_path):
    (tmp_path / "small.whl").write_bytes(b"a wheel")
    async with connection() as (answering, client):
        answering.sender(opened(tmp_path / "small.whl"), Span(0, 7)).start()
        assert answering.ended.result() is True
        assert answering.progress == 0
        await answering.close()
        assert await read_all(client) == HEAD + b"a wheel"


async def test_head_and_small_file_leave_in_one_segment(tmp_path):
    (tmp_path / "small.whl").write_bytes(b"a wheel")
    async with connection() as (answering, client):
        answering.sender(opened(tmp_path / "small.whl"), Span(0, 7)).start()
        assert await asyncio.get_running_loop().sock_recv(client, MIB) == HEAD + b"a wheel"
        assert segments_received(client) == 1


@pytest.mark.parametrize("receive_buffer", [0, 4_096], ids=["as the system has it", "a slow reader's"])
async def test_a_large_file_arrives_octet_by_octet(large, receive_buffer):
    async with connection(receive_buffer) as (answering, client):
        answering.sender(opened(large), Span(0, LARGE)).start()
        reading = asyncio.ensure_future(read_all(client, receive_buffer or MIB))
        assert await answering.ended is True
        assert answering.progress >= LARGE // (2 * MIB) - 1  # no callback sends more than two MiB
        await answering.close()
        assert await reading == HEAD + large.read_bytes()


async def test_the_loop_goes_on_while_a_client_takes_nothing(large):
    async with connection() as (answering, client), connection() as (other, other_client):
        answering.sender(opened(large), Span(0, LARGE)).start()
        other.sender(opened(large), Span(5, 100)).start()
        await other.close()
        assert await read_all(other_client) == HEAD + large.read_bytes()[5:105]
        assert not answering.ended.done()
        reading = asyncio.ensure_future(read_all(client))
        assert await answering.ended is True
        await answering.close()
        assert await reading == HEAD + large.read_bytes()


@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["resetting", "closing"])
async def test_a_client_that_leaves_midway_ends_the_answer(large, leave):
    async with connection() as (answering, client):
        sender = answering.sender(opened(large), Span(0, LARGE))
        sender.start()
        await asyncio.get_running_loop().sock_recv(client, MIB)
        leave(client)
        assert await answering.ended is False
        assert sender.failure is SendFailure.CLIENT_GONE


async def test_a_client_that_has_left_before_the_start_ends_the_answer(large):
    async with connection() as (answering, _):
        answering.transport.abort()
        sender = answering.sender(opened(large), Span(0, LARGE))
        sender.start()
        assert answering.ended.result() is False
        assert sender.failure is SendFailure.CLIENT_GONE


async def test_a_file_truncated_midway_never_looks_whole(large):
    async with connection() as (answering, client):
        sender = answering.sender(opened(large), Span(0, LARGE))
        sender.start()
        assert not answering.ended.done()
        os.truncate(large, LARGE - MIB)
        reading = asyncio.ensure_future(read_all(client))
        assert await answering.ended is False
        assert sender.failure is SendFailure.FILE_SHRANK
        await answering.close()
        assert await reading == HEAD + large.read_bytes()


async def test_a_file_that_was_truncated_before_the_start_ends_it_at_once(large):
    async with connection() as (answering, _):
        file = opened(large)
        os.truncate(large, 0)
        sender = answering.sender(file, Span(0, LARGE))
        sender.start()
        assert answering.ended.result() is False
        assert sender.failure is SendFailure.FILE_SHRANK


async def test_a_file_that_grows_midway_is_sent_as_long_as_announced(large):
    async with connection() as (answering, client):
        answering.sender(opened(large), Span(0, LARGE)).start()
        os.truncate(large, LARGE + MIB)
        reading = asyncio.ensure_future(read_all(client))
        assert await answering.ended is True
        await answering.close()
        assert len(await reading) == len(HEAD) + LARGE


async def test_what_cannot_be_read_is_told_apart_from_a_client_that_left(large):
    async with connection() as (answering, _):
        file = opened(large)
        os.close(file.fd)
        file.fd = os.open(large.parent, os.O_RDONLY | os.O_DIRECTORY)
        sender = answering.sender(file, Span(0, LARGE))
        sender.start()
        assert answering.ended.result() is False
        assert sender.failure is SendFailure.FILE_UNREADABLE


async def test_an_answer_to_head_is_a_head(large):
    async with connection() as (answering, client):
        answering.sender(opened(large)).start()
        assert answering.ended.result() is True
        await answering.close()
        assert await read_all(client) == HEAD


async def test_several_ranges_arrive_as_selected(large):
    async with connection() as (answering, client):
        file = opened(large)
        ranges = {"range": f"bytes=0-99,{5 * MIB}-{12 * MIB},-1"}
        selection = select("GET", ranges, file.representation, now=4_000_000_000)
        data = large.read_bytes()
        content = b"".join(
            part if isinstance(part, bytes) else data[part.offset : part.offset + part.length]
            for part in selection.parts
        )
        answering.sender(file, *selection.parts).start()
        reading = asyncio.ensure_future(read_all(client))
        assert await answering.ended is True
        await answering.close()
        assert await reading == HEAD + content
        assert len(content) == selection.length


async def test_large_literal_parts_are_sent_piece_by_piece(large):
    async with connection() as (answering, client):
        literal = large.read_bytes()
        answering.sender(opened(large), literal, Span(3, 4), b"", b"the end").start()
        reading = asyncio.ensure_future(read_all(client))
        assert await answering.ended is True
        await answering.close()
        assert await reading == HEAD + literal + literal[3:7] + b"the end"


async def test_answers_follow_each_other_on_one_connection(large):
    async with connection() as (answering, client):
        reading = asyncio.ensure_future(read_all(client))
        for _ in range(3):
            answering.ended = asyncio.get_running_loop().create_future()
            answering.sender(opened(large), Span(0, 3 * MIB)).start()
            assert await answering.ended is True
        answering.transport.write(b"and one by the transport")
        await answering.close()
        assert await reading == 3 * (HEAD + large.read_bytes()[: 3 * MIB]) + b"and one by the transport"


async def test_after_cancel_nothing_is_called_any_more(large):
    async with connection() as (answering, client):
        file = opened(large)
        sender = answering.sender(file, Span(0, LARGE))
        sender.start()
        sender.cancel()
        sender.cancel()
        assert file.fd == -1
        called = answering.progress
        reading = asyncio.ensure_future(read_all(client))
        await answering.close()
        assert 0 < len(await reading) < LARGE
        assert (answering.ended.done(), answering.progress) == (False, called)


async def test_a_sender_cancelled_before_its_start_sends_nothing(large):
    async with connection() as (answering, client):
        file = opened(large)
        sender = answering.sender(file, Span(0, LARGE))
        sender.cancel()
        assert file.fd == -1
        sender.start()
        await answering.close()
        assert await read_all(client) == b""
        assert not answering.ended.done()


async def test_the_transports_own_octets_are_never_overtaken(large):
    async with connection() as (answering, _):
        answering.transport.write(bytes(LARGE))
        file = opened(large)
        sender = answering.sender(file, Span(0, LARGE))
        with pytest.raises(RuntimeError, match=r"the transport still holds \d+ octets"):
            sender.start()
        assert file.fd == -1
        assert not answering.ended.done()


class Encrypted(asyncio.Transport):
    """As much of a TLS transport as the sender asks about."""

    def __init__(self) -> None:
        super().__init__({"sslcontext": object()})

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def test_clear_text_never_leaves_past_tls(large):
    file = opened(large)
    loop = uvloop.new_event_loop()
    try:
        sender = FileSender(loop, Encrypted(), file, HEAD, (Span(0, LARGE),), lambda _: None, lambda _: None)
        with pytest.raises(RuntimeError, match="past TLS"):
            sender.start()
    finally:
        loop.close()
    assert file.fd == -1
