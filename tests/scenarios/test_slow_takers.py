"""Clients that take an answer slowly, or not at all: by every way on which an answer leaves.

What counts is what the client's kernel takes, whatever the edge's own kernel, TLS and sendfile hold on this side.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import pytest
import trustme
from harness import QUICK, BackendPeer, backend, request

from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen:
  - {{address: "127.0.0.1:0"}}
  - {{address: "127.0.0.1:0", tls: [{{cert: app.pem, key: app.key}}]}}
  - {{address: "unix:{folder}/edge.socket"}}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}"}}
  store: {{directory: files}}
rules:
  - {{name: files, match: {{host: app, path: "/files/{{rest*}}"}}, forward: {{backend: store}}}}
  - {{name: pass, match: {{host: app, path: "/pass/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
MIB = 1 << 20


class Way(StrEnum):
    PLAIN = "plain"
    TLS = "TLS"
    UNIX = "unix"


@dataclass
class Taker:
    """Takes octets off its connection only when it is told to."""

    sock: socket.socket
    tls: ssl.SSLObject | None
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    async def shake_hands(self) -> None:
        while self.tls is not None:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self.incoming.write(await asyncio.get_running_loop().sock_recv(self.sock, 65_536))
            else:
                await self._flush()
                return

    async def send(self, data: bytes) -> None:
        if self.tls is not None:
            self.tls.write(data)
            await self._flush()
        else:
            await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def take(self, most: int) -> bytes:
        """So many octets off the connection, and what is in them. Raises ConnectionError at its end."""
        taken = await asyncio.get_running_loop().sock_recv(self.sock, most)
        if not taken:
            raise ConnectionResetError("the edge has ended the connection")
        if self.tls is None:
            return taken
        self.incoming.write(taken)
        content = b""
        try:
            while piece := self.tls.read(65_536):
                content += piece
        except ssl.SSLWantReadError:
            pass
        return content

    async def _flush(self) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, self.outgoing.read())


@dataclass
class TakenFrom:
    edge: Edge
    folder: Path
    authority: trustme.CA

    @asynccontextmanager
    async def taker(self, way: Way) -> AsyncIterator[Taker]:
        listening = self.edge.listening[list(Way).index(way)]
        listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # as on a long way
        sock = socket.socket(socket.AF_UNIX if way is Way.UNIX else socket.AF_INET)
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="pypi.test") if way is Way.TLS else None
        with sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, listening.sockets[0].getsockname())
            taker = Taker(sock, tls, incoming, outgoing)
            await taker.shake_hands()
            yield taker

    async def until_nobody_is_left(self) -> None:
        async with asyncio.timeout(10):
            await self.edge._no_clients.wait()


@asynccontextmanager
async def taken_from(folder: Path, limits: Limits, size: int) -> AsyncIterator[TakenFrom]:
    """An edge whose every answer has this size: /files/file and /pass/any."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("pypi.test")
    issued.private_key_pem.write_to_path(folder / "app.key")
    issued.cert_chain_pems[0].write_to_path(folder / "app.pem")
    (folder / "files" / "files").mkdir(parents=True)
    (folder / "files" / "files" / "file").write_bytes(bytes(size))

    async def script(peer: BackendPeer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    async with backend(script) as origin:
        rules = RULES.format(port=origin.port, folder=folder)
        edge = Edge(parse_ruleset(rules, "rules.yaml", base=folder), limits)
        await edge.start()
        try:
            yield TakenFrom(edge, folder, authority)
        finally:
            await edge.stop(grace=0)


WAYS = pytest.mark.parametrize("way", Way)
TARGETS = pytest.mark.parametrize("target", ["/files/file", "/pass/any"])


@WAYS
@TARGETS
async def test_who_takes_nothing_is_given_up(tmp_path: Path, way: Way, target: str) -> None:
    async with taken_from(tmp_path, replace(QUICK, stall=0.2), 8 * MIB) as this, this.taker(way) as taker:
        await taker.send(request(target))
        await taker.take(1)
        await this.until_nobody_is_left()
        assert this.edge.counters.aborted == 1


@WAYS
@TARGETS
async def test_who_takes_less_than_the_least_rate_is_given_up(tmp_path: Path, way: Way, target: str) -> None:
    limits = replace(QUICK, stall=0.3, take_rate=1_000_000)
    async with taken_from(tmp_path, limits, 8 * MIB) as this, this.taker(way) as taker:
        await taker.send(request(target))
        left = 2 * MIB  # what the pace below lets through in half a minute, and buffers hold
        with pytest.raises(ConnectionError):
            while left > 0:
                left -= len(await taker.take(4096))
                await asyncio.sleep(0.05)  # the pace is what is tested
        assert this.edge.counters.aborted == 1


@WAYS
@TARGETS
async def test_who_takes_slowly_but_enough_gets_all(tmp_path: Path, way: Way, target: str) -> None:
    size = 400_000
    limits = replace(QUICK, stall=1.5, take_rate=1_000, connections=10)  # all of it takes longer
    async with taken_from(tmp_path, limits, size) as this, this.taker(way) as taker:
        await taker.send(request(target))
        got = b""
        while b"\r\n\r\n" not in got or len(got) < got.index(b"\r\n\r\n") + 4 + size:
            got += await taker.take(4096)
            await asyncio.sleep(0.02)  # the pace is what is tested
        assert this.edge.counters.aborted == 0


async def test_whose_body_ends_while_a_file_is_sent_has_a_deadline_for_taking_it(tmp_path: Path) -> None:
    async with taken_from(tmp_path, replace(QUICK, stall=0.2), 8 * MIB) as this, this.taker(Way.PLAIN) as taker:
        await taker.send(request("/files/file", "Content-Length: 2"))
        await taker.take(1)
        await taker.send(b"ok")
        await this.until_nobody_is_left()
        assert this.edge.counters.aborted == 1
