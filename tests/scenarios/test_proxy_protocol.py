"""A TCP proxy that says by a PROXY header for whom it connects, before TLS and without."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme
from captures import found_in
from harness import QUICK, Backend, RawClient, always, backend, request
from proxy_headers import ssl_tlv, write_block, write_v1, write_v2

from edgeproxy.capture.settings import Settings
from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.telemetry.counters import HandshakeFailure, Refusal

RULES = """
edge: 1
listen:
  - {{address: "127.0.0.1:0", tls: [{{cert: app.pem, key: app.key}}], proxy_protocol: true}}
  - {{address: "127.0.0.1:0", proxy_protocol: true}}
trusted_proxies: [{trusted}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules: [{{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}]
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = {
    "version 1": write_v1("192.0.2.7", 4711),
    "version 2": write_v2("192.0.2.7", 4711, checked=True),
    "version 2 of a proxy that saw no TLS itself": write_v2("192.0.2.7", 4711, [ssl_tlv(0)]),
}


@dataclass
class Introduced:
    """An edge with a TLS listener and a plain one, both of which expect a PROXY header."""

    edge: Edge
    tls: int
    plain: int
    origin: Backend
    context: ssl.SSLContext

    @asynccontextmanager
    async def connection(self, port: int) -> AsyncIterator[socket.socket]:
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            yield sock

    @asynccontextmanager
    async def client(self, sock: socket.socket, *, tls: bool = True) -> AsyncIterator[RawClient]:
        """One that begins to speak on a connection on which a header was sent."""
        how = {"ssl": self.context, "server_hostname": "pypi.test"} if tls else {}
        reader, writer = await asyncio.open_connection(sock=sock.dup(), **how)  # type: ignore[arg-type]
        try:
            yield RawClient(reader, writer)
        finally:
            writer.transport.abort()

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def introduced(
    folder: Path, *, trusted: str = "127.0.0.0/8", limits: Limits = QUICK
) -> AsyncIterator[Introduced]:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("pypi.test")
    issued.private_key_pem.write_to_path(folder / "app.key")
    issued.cert_chain_pems[0].write_to_path(folder / "app.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with backend(always(OK)) as origin:
        rules = RULES.format(port=origin.port, trusted=trusted)
        edge = Edge(parse_ruleset(rules, "rules.yaml", base=folder), limits)
        tls, plain = await edge.start()
        assert isinstance(tls, InetAddress)
        assert isinstance(plain, InetAddress)
        try:
            yield Introduced(edge, tls.port, plain.port, origin, context)
        finally:
            await edge.stop(grace=0)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
async def test_the_client_is_the_one_that_the_header_names(tmp_path: Path, header: str, tls: bool) -> None:
    async with introduced(tmp_path) as this, this.connection(this.tls if tls else this.plain) as sock:
        await asyncio.get_running_loop().sock_sendall(sock, HEADERS[header])
        async with this.client(sock, tls=tls) as client:
            for _ in range(2):
                assert (await client.ask(request())).body == b"ok"
    for head in this.origin.seen:
        assert b"X-Forwarded-For: 192.0.2.7\r\n" in head
        assert (b"X-Forwarded-Proto: https\r\n" in head) is tls


@pytest.mark.parametrize("header", HEADERS)
async def test_a_header_that_comes_octet_by_octet_is_read_and_not_one_octet_of_tls_with_it(
    tmp_path: Path, header: str
) -> None:
    async with introduced(tmp_path) as this, this.connection(this.tls) as sock:
        for octet in HEADERS[header]:
            await asyncio.get_running_loop().sock_sendall(sock, bytes((octet,)))
            await asyncio.sleep(0)
        async with this.client(sock) as client:
            assert (await client.ask(request())).body == b"ok"
    assert b"X-Forwarded-For: 192.0.2.7\r\n" in this.origin.seen[0]


async def test_a_header_and_a_hello_in_one_segment_are_told_apart(tmp_path: Path) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    async with introduced(tmp_path) as this, this.connection(this.tls) as sock:
        tls = this.context.wrap_bio(incoming, outgoing, server_hostname="pypi.test")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, write_v1("2001:db8::7", 4711) + outgoing.read())
        async with asyncio.timeout(10):
            while tls.version() is None or outgoing.pending == 0:
                incoming.write(await loop.sock_recv(sock, 65_536))
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        tls.write(request())
        await loop.sock_sendall(sock, outgoing.read())
        await this.until(lambda: this.origin.seen)
    assert b"X-Forwarded-For: 2001:db8::7\r\n" in this.origin.seen[0]


async def test_a_proxy_that_speaks_for_itself_is_the_client(tmp_path: Path) -> None:
    async with introduced(tmp_path) as this, this.connection(this.tls) as sock:
        await asyncio.get_running_loop().sock_sendall(sock, write_block(0, 0, b""))  # LOCAL: a health check
        async with this.client(sock) as client:
            assert (await client.ask(request())).body == b"ok"
    assert b"X-Forwarded-For: 127.0.0.1\r\n" in this.origin.seen[0]


async def test_the_connections_of_one_client_are_counted_behind_its_proxy(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with introduced(tmp_path, limits=replace(QUICK, connections_per_client=1)) as this:
        async with this.connection(this.tls) as first, this.connection(this.tls) as second:
            for sock in (first, second):
                await loop.sock_sendall(sock, write_v1("192.0.2.7", 4711))
            async with this.client(first) as client:
                assert (await client.ask(request())).body == b"ok"
                async with this.client(second) as too_many:
                    assert (await too_many.answer()).status == 503
        assert this.edge.counters.refusals[Refusal.TOO_MANY_OF_CLIENT] == 1


@pytest.mark.parametrize("said", [b"", b"PROXY TCP4 192.0.2.7 "], ids=["nothing", "a part of it"])
async def test_a_header_that_does_not_come_in_time_ends_the_connection(tmp_path: Path, said: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with introduced(tmp_path, limits=replace(QUICK, handshake=0.1)) as this:
        async with this.connection(this.tls) as sock:
            await loop.sock_sendall(sock, said)
            async with asyncio.timeout(10):
                assert await loop.sock_recv(sock, 1) == b""
        assert this.edge.counters.handshake_failures[HandshakeFailure.TIMEOUT] == 1


async def test_a_trusted_proxy_that_sends_none_is_not_guessed_at(tmp_path: Path) -> None:
    async with introduced(tmp_path) as this:
        async with this.connection(this.tls) as sock:
            with pytest.raises((ConnectionError, ssl.SSLError)):
                async with this.client(sock):
                    pass
        assert this.edge.counters.refusals[Refusal.BAD_PREFACE] == 1
        assert this.edge.counters.connections == 0


async def test_a_proxy_that_leaves_before_its_header_is_whole_is_counted(tmp_path: Path) -> None:
    async with introduced(tmp_path) as this:
        async with this.connection(this.tls) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, b"PROXY")
        await this.until(lambda: this.edge.counters.handshake_failures[HandshakeFailure.GONE])


async def test_who_is_not_trusted_speaks_tls_at_once_and_is_not_believed(tmp_path: Path) -> None:
    async with introduced(tmp_path, trusted="192.0.2.1") as this:
        async with this.connection(this.tls) as sock, this.client(sock) as client:
            assert (await client.ask(request())).body == b"ok"
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in this.origin.seen[0]
        async with this.connection(this.tls) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, write_v1("192.0.2.7", 4711))
            await this.until(lambda: this.edge.counters.handshake_failures[HandshakeFailure.NOT_TLS])


async def test_stopping_does_not_wait_for_a_header(tmp_path: Path) -> None:
    async with introduced(tmp_path) as this, this.connection(this.tls) as sock:
        await this.until(lambda: this.edge.listening[0].opening)
        async with asyncio.timeout(5):
            await this.edge.stop(grace=0)
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""


@pytest.mark.parametrize("tls", [True, False])
async def test_a_capture_knows_for_whom_a_proxy_connected(tmp_path: Path, tls: bool) -> None:
    """By the first exchange, and by those that are like it, which have no record of their own."""
    directory = tmp_path / "captures"
    directory.mkdir()
    async with introduced(tmp_path) as this:
        this.edge.begin_capture(Settings("20180416T150000Z", str(directory), 1.0, 1 << 24, 4), lambda: 0.0)
        async with this.connection(this.tls if tls else this.plain) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, write_v1("192.0.2.7", 4711))
            async with this.client(sock, tls=tls) as client:
                for _ in range(40):
                    assert (await client.ask(request("/simple/six/"))).body == b"ok"
        await this.edge.end_capture()
    (path,) = directory.iterdir()
    records, broken, _ = found_in(path.read_bytes())
    assert not broken
    assert {(each.client, each.scheme, each.status, each.octets) for each in records} == {
        ("192.0.2.0", "https" if tls else "http", 200, 2)
    }
    assert len(records) == 40
