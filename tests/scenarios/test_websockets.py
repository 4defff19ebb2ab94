"""WebSockets (RFC 6455) through the edge, a real library at both ends: where a rule allows them, they just work."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from harness import QUICK
from pools import until
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.listeners import Certificate, InetAddress, Listener
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 500ms, head: 1s, between: 5s}}}}
rules:
  - {{name: socket, match: {{host: app, path: "/socket"}}, forward: {{backend: origin}}, upgrade: [websocket]}}
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""
MIB = 1 << 20
FLOOD = 64  # MiB: more than all buffers on the way hold
Handler = Callable[[ServerConnection], Awaitable[None]]
TlsOrNot = tuple[Listener, ssl.SSLContext | None]


class Sockets:
    """An edge before a WebSocket server, over plain TCP or TLS. No kernel takes much that an end does not read."""

    def __init__(self, edge: Edge, port: int, context: ssl.SSLContext | None) -> None:
        self.edge = edge
        self._port = port
        self._context = context

    def connect(self, path: str = "/socket") -> connect:
        sock = small_socket()
        sock.connect(("127.0.0.1", self._port))
        scheme = "ws" if self._context is None else "wss"
        return connect(
            f"{scheme}://pypi.test{path}", sock=sock, ssl=self._context, max_size=None, proxy=None, compression=None
        )


def small_socket() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    return sock


@pytest.fixture(params=["plain", "tls"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> TlsOrNot:
    address = InetAddress("127.0.0.1", 0)
    if request.param == "plain":
        return Listener(address), None
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = Certificate(tmp_path / "app.pem", tmp_path / "app.key")
    issued = ca.issue_cert("pypi.test")
    certificate.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(certificate.key)
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return Listener(address, (certificate,)), context


@asynccontextmanager
async def sockets(handler: Handler, listener: TlsOrNot) -> AsyncIterator[Sockets]:
    origin = small_socket()
    origin.bind(("127.0.0.1", 0))
    port = origin.getsockname()[1]
    async with serve(handler, sock=origin, max_size=None, compression=None):
        ruleset = parse_ruleset(RULES.format(port=port), "rules.yaml", base=Path.cwd())
        edge = Edge(replace(ruleset, listen=(listener[0],)), QUICK)
        (address,) = await edge.start()
        assert isinstance(address, InetAddress)
        try:
            async with asyncio.timeout(30):
                yield Sockets(edge, address.port, listener[1])
        finally:
            await edge.stop(grace=0)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_messages_come_back_as_they_were_sent(listener: TlsOrNot) -> None:
    async with sockets(echo, listener) as through, through.connect() as client:
        for message in ("", "hello", "ä" * 1000, b"", b"\0\r\n\r\n", b"x" * 65_536):
            await client.send(message)
            assert await client.recv() == message
        await (await client.ping())
        assert through.edge.counters.statuses == {101: 1}


async def test_what_is_said_at_once_is_not_lost(listener: TlsOrNot) -> None:
    async def greets(connection: ServerConnection) -> None:
        await connection.send("welcome")
        await echo(connection)

    async with sockets(greets, listener) as through, through.connect() as client:
        await client.send("hello")
        assert [await client.recv(), await client.recv()] == ["welcome", "hello"]


async def test_many_sockets_do_not_mix(listener: TlsOrNot) -> None:
    async with sockets(echo, listener) as through:

        async def talk(number: int) -> None:
            async with through.connect() as client:
                for turn in range(20):
                    await client.send(f"{number} {turn}")
                    assert await client.recv() == f"{number} {turn}"

        await asyncio.gather(*map(talk, range(20)))
        await until(lambda: not through.edge.counters.open_connections)


async def test_a_large_message_passes_both_ways(listener: TlsOrNot) -> None:
    message = bytes(range(256)) * (32 * MIB // 256)
    async with sockets(echo, listener) as through, through.connect() as client:
        await client.send(message)
        assert await client.recv() == message


async def test_a_client_that_does_not_read_stops_the_backend(listener: TlsOrNot) -> None:
    sent = 0

    async def floods(connection: ServerConnection) -> None:
        nonlocal sent
        await connection.recv()
        for _ in range(FLOOD):
            await connection.send(bytes(MIB))
            sent += 1
            await asyncio.sleep(0)  # all are in one loop

    async with sockets(floods, listener) as through, through.connect() as client:
        await client.send("go on")
        client.transport.pause_reading()
        (connection,) = through.edge._clients
        await until(lambda: connection._is_stalled)
        assert connection.transport.get_write_buffer_size() < MIB
        assert sent < FLOOD  # what the edge does not hold waits in the kernels' buffers
        client.transport.resume_reading()
        for _ in range(FLOOD):
            assert len(await client.recv()) == MIB


async def test_a_backend_that_does_not_read_stops_the_client(listener: TlsOrNot) -> None:
    may_read = asyncio.Event()

    async def waits(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await may_read.wait()
        connection.transport.resume_reading()
        total = 0
        async for message in connection:
            total += len(message)
            if total == FLOOD * MIB:
                await connection.send("all")

    async with sockets(waits, listener) as through, through.connect() as client:

        async def flood() -> None:
            for _ in range(FLOOD):
                await client.send(bytes(MIB))
                await asyncio.sleep(0)

        flooding = asyncio.ensure_future(flood())
        (connection,) = through.edge._clients
        await until(lambda: connection._is_blocked)
        assert not flooding.done()
        may_read.set()
        assert await client.recv() == "all"


async def test_a_client_says_goodbye(listener: TlsOrNot) -> None:
    seen: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def waits(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.set_result(connection.close_code)

    async with sockets(waits, listener) as through:
        async with through.connect() as client:
            await client.close(4000, "enough")
            assert (client.close_code, client.close_reason) == (4000, "enough")
        assert await seen == 4000
        await until(lambda: not through.edge.counters.open_connections)
        assert through.edge.counters.aborted == 0


async def test_a_backend_says_goodbye(listener: TlsOrNot) -> None:
    async def says_goodbye(connection: ServerConnection) -> None:
        await connection.send("last words")
        await connection.close(4001, "enough")

    async with sockets(says_goodbye, listener) as through, through.connect() as client:
        assert await client.recv() == "last words"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert (closed.value.rcvd and closed.value.rcvd.code) == 4001
        await client.wait_closed()
        await until(lambda: not through.edge.counters.open_connections)


async def test_a_backend_that_dies_does_not_look_like_a_goodbye(listener: TlsOrNot) -> None:
    async def dies(connection: ServerConnection) -> None:
        await connection.send("last words")
        connection.transport.abort()

    async with sockets(dies, listener) as through, through.connect() as client:
        assert await client.recv() == "last words"
        with pytest.raises(ConnectionClosedError) as closed:
            await client.recv()
        assert closed.value.rcvd is None  # no close frame came


async def test_where_no_rule_allows_it_there_is_no_socket(listener: TlsOrNot) -> None:
    async with sockets(echo, listener) as through:
        with pytest.raises(InvalidStatus) as refused:
            await through.connect("/elsewhere").__aenter__()
        assert refused.value.response.status_code == 426  # the server's own word: the edge asked without an upgrade
        await until(lambda: not through.edge.counters.open_connections)
