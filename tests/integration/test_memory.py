"""A body of 1 GiB goes through an edge whose memory does not grow with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness import BackendPeer, backend, request

from edgeproxy.http.framing import LAST_CHUNK

pytestmark = [pytest.mark.slow, pytest.mark.alone]

GIB = 1 << 30
PIECE = bytes(1 << 18)


async def _peak_growth(process: asyncio.subprocess.Process) -> AsyncIterator[int]:
    """Yields once to let the body through; afterwards the growth of the peak of resident memory, in octets."""
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    path = Path(f"/proc/{worker}")
    (path / "clear_refs").write_text("5")  # reset the peak
    before = _status(path, "VmRSS")
    yield 0
    yield _status(path, "VmHWM") - before


def _status(path: Path, key: str) -> int:
    line = next(line for line in (path / "status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


async def _start_edge(tmp_path: Path, rules: str) -> tuple[asyncio.subprocess.Process, int]:
    import sys

    (tmp_path / "rules.yaml").write_text(rules)
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "edgeproxy",
            "run",
            str(tmp_path / "rules.yaml"),
            "--workers",
            "1",
            "--unchecked",
        ),  # one backend for all hosts
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    return process, int(line.rsplit(":", 1)[1])


@pytest.mark.parametrize("slow_reader", [False, True], ids=["as fast as it goes", "a client that stops now and then"])
async def test_a_gibibyte_down(tmp_path: Path, slow_reader: bool) -> None:
    async def script(peer: BackendPeer) -> None:
        while True:
            octets = int((await peer.head()).split(b" ")[1][1:])
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % octets)
            for _ in range(octets // len(PIECE)):
                await peer.send(PIECE)

    async with backend(script) as origin:
        process, port = await _start_edge(tmp_path, origin.rules)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            await _receive(reader, writer, 1 << 24)  # warm: the buffers that any body needs
            growth = _peak_growth(process)
            await anext(growth)
            await _receive(reader, writer, GIB, pause_every=GIB // 8 if slow_reader else 0)
            assert await anext(growth) < 16 << 20
            writer.close()
        finally:
            process.terminate()
            await process.wait()


async def _receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: int, pause_every: int = 0
) -> None:
    writer.write(request(f"/{octets}"))
    await reader.readuntil(b"\r\n\r\n")
    left, next_pause = octets, octets - pause_every
    while left:
        data = await reader.read(min(left, 1 << 20))
        assert data
        left -= len(data)
        if pause_every and left < next_pause:
            next_pause -= pause_every
            await asyncio.sleep(0.1)  # not for an event: the pause itself is what is tested


@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
async def test_a_gibibyte_up(tmp_path: Path, framing: str) -> None:
    async def script(peer: BackendPeer) -> None:
        while True:
            octets = int((await peer.head()).split(b" ")[1][1:])
            read, tail, last = 0, b"", LAST_CHUNK if framing == "chunked" else b""
            while read < octets or not tail.endswith(last):
                data = await peer.reader.read(1 << 20)
                assert data
                read += data.count(0) if framing == "chunked" else len(data)  # the content is all NULs
                tail = (tail + data)[-8:]
            assert read == octets
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with backend(script) as origin:
        process, port = await _start_edge(tmp_path, origin.rules)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await _send(reader, writer, 1 << 24, framing)
            growth = _peak_growth(process)
            await anext(growth)
            await _send(reader, writer, GIB, framing)
            assert await anext(growth) < 16 << 20
            writer.close()
        finally:
            process.terminate()
            await process.wait()


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: int, framing: str) -> None:
    is_chunked = framing == "chunked"
    line = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {octets}"
    writer.write(request(f"/{octets}", line, method="POST"))
    piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE
    for _ in range(octets // len(PIECE)):
        writer.write(piece)
        await writer.drain()
    if is_chunked:
        writer.write(b"0\r\n\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
