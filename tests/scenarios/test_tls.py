"""TLS listeners: certificates by name, read again, clients' certificates, files, and clients that mean no good."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from harness import QUICK, RawClient, always, backend, request

from edgeproxy.proxy.edge import Edge
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import Certificate, ClientCertificates, InetAddress, Listener
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.telemetry.counters import HandshakeFailure

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}"}}
  store: {{directory: files}}
rules:
  - {{name: files, match: {{host: app, path: "/files/{{rest*}}"}}, forward: {{backend: store}}}}
  - {{name: pass, match: {{host: app, path: "/pass/{{rest*}}"}}, forward: {{backend: origin}}}}
  - {{name: hello, match: {{host: app, path: "/{{rest*}}"}}, respond: {{status: 200, body: hello}}}}
"""
MIB = 1 << 20


@dataclass
class Authority:
    """Issues certificates into a folder, and trusts them as a client."""

    folder: Path
    ca: trustme.CA

    def issue(self, *names: str, file: str = "app", days: int = 365) -> Certificate:
        issued = self.ca.issue_cert(*names, not_after=datetime.now(UTC) + timedelta(days=days))
        certificate = Certificate(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        issued.private_key_pem.write_to_path(certificate.key)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        aside = self.folder / f"{file}.new"
        aside.write_bytes(chain)
        aside.rename(certificate.cert)
        return certificate

    def as_client_ca(self, *, required: bool) -> ClientCertificates:
        path = self.folder / "clients.pem"
        self.ca.cert_pem.write_to_path(path)
        return ClientCertificates(path, required)

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "files").mkdir()
    return Authority(tmp_path, trustme.CA(key_type=trustme.KeyType.ECDSA))


@dataclass
class TlsEdge:
    edge: Edge
    port: int

    @asynccontextmanager
    async def client(self, context: ssl.SSLContext, name: str | None = "pypi.test") -> AsyncIterator[RawClient]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name or "", limit=1 << 26
        )
        client = RawClient(reader, writer)
        try:
            yield client
        finally:
            writer.transport.abort()


@asynccontextmanager
async def tls_edge(
    *certificates: Certificate, port: int = 1, clients: ClientCertificates | None = None, limits: Limits = QUICK
) -> AsyncIterator[TlsEdge]:
    base = certificates[0].cert.parent
    ruleset = parse_ruleset(RULES.format(port=port), "rules.yaml", base=base)
    listener = Listener(InetAddress("127.0.0.1", 0), certificates, clients)
    edge = Edge(replace(ruleset, listen=(listener,)), limits)
    (address,) = await edge.start()
    assert isinstance(address, InetAddress)
    try:
        yield TlsEdge(edge, address.port)
    finally:
        await edge.stop(grace=0)


def shown_to(client: RawClient) -> set[str]:
    """The names of the certificate that the edge showed."""
    certificate = client.writer.get_extra_info("peercert")
    return {name for _, name in certificate["subjectAltName"]}


async def until_counted(edge: Edge, failure: HandshakeFailure) -> None:
    """Wait until the edge has counted it."""
    async with asyncio.timeout(10):
        while not edge.counters.handshake_failures[failure]:
            await asyncio.sleep(0.005)


# -- certificates by name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("pypi.test", "pypi.test"),
        ("www.pypi.test", "*.pypi.test"),
        ("WWW.pypi.TEST", "*.pypi.test"),
        ("files.pypihosted.test", "files.pypihosted.test"),
        ("a.b.pypi.test", "pypi.test"),  # a wildcard is for one label; the first certificate is the default
        ("unknown.test", "pypi.test"),
        (None, "pypi.test"),
    ],
)
async def test_the_certificate_is_the_one_for_the_name_that_is_asked_for(
    authority: Authority, asked: str | None, shown: str
) -> None:
    certificates = [
        authority.issue("pypi.test", file="app"),
        authority.issue("*.pypi.test", file="wild"),
        authority.issue("files.pypihosted.test", file="content"),
    ]
    context = authority.client_context()
    context.check_hostname = False
    async with tls_edge(*certificates) as edge, edge.client(context, asked) as client:
        assert shown in shown_to(client)
        assert (await client.ask(request("/"))).body == b"hello"


async def test_what_was_negotiated_is_modern(authority: Authority) -> None:
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with tls_edge(authority.issue("pypi.test")) as edge, edge.client(context) as client:
        tls = client.writer.get_extra_info("ssl_object")
        assert (tls.version(), tls.selected_alpn_protocol(), tls.compression()) == ("TLSv1.3", "http/1.1", None)
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with tls_edge(authority.issue("pypi.test")) as edge, edge.client(context) as client:
        assert client.writer.get_extra_info("cipher")[0].startswith("ECDHE-")
        assert (await client.ask(request("/"))).body == b"hello"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_an_old_version_is_refused(authority: Authority) -> None:
    context = authority.client_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with tls_edge(authority.issue("pypi.test")) as edge:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with edge.client(context):
                pass
        await until_counted(edge.edge, HandshakeFailure.TOO_OLD)


# -- files that change ------------------------------------------------------------------------------------------


async def test_a_renewed_certificate_is_taken_while_connections_go_on(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test", "old.pypi.test")) as edge:
        async with edge.client(authority.client_context()) as before:
            assert "old.pypi.test" in shown_to(before)
            authority.issue("pypi.test", "new.pypi.test")
            edge.edge.look_at_certificates()
            async with edge.client(authority.client_context()) as after:
                assert "new.pypi.test" in shown_to(after)
            assert (await before.ask(request("/"))).body == b"hello"
        assert edge.edge.counters.certificates_read == 1


async def test_it_looks_by_itself(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test")) as edge:
        authority.issue("pypi.test", "new.pypi.test")
        async with asyncio.timeout(10):
            while not edge.edge.counters.certificates_read:
                await asyncio.sleep(0.01)
        async with edge.client(authority.client_context()) as client:
            assert "new.pypi.test" in shown_to(client)


@pytest.mark.parametrize("damage", ["no pem", "another key", "missing"])
async def test_a_renewed_certificate_that_cannot_be_used_leaves_the_old_one(
    authority: Authority, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    certificate = authority.issue("pypi.test")
    async with tls_edge(certificate) as edge:
        match damage:
            case "no pem":
                certificate.cert.write_text("nonsense")
            case "another key":
                authority.issue("pypi.test", file="other").key.rename(certificate.key)
            case _:
                certificate.key.unlink()
        for _ in range(3):
            edge.edge.look_at_certificates()
        said = capfd.readouterr().err.splitlines()
        assert len(said) == 1  # once, not at each look
        assert "the certificates from before stay in use" in said[0]
        assert str(authority.folder) in said[0]
        async with edge.client(authority.client_context()) as client:
            assert (await client.ask(request("/"))).body == b"hello"
        authority.issue("pypi.test", "new.pypi.test")  # mended
        edge.edge.look_at_certificates()
        async with edge.client(authority.client_context()) as client:
            assert "new.pypi.test" in shown_to(client)


async def test_a_renewed_certificate_that_ends_soon_is_taken_and_told_of(
    authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    async with tls_edge(authority.issue("pypi.test")) as edge:
        edge.edge.look_at_certificates()
        assert capfd.readouterr().err == ""
        authority.issue("pypi.test", days=13)
        edge.edge.look_at_certificates()
        assert "app.pem expires on " in capfd.readouterr().err
        authority.issue("pypi.test", days=15)
        edge.edge.look_at_certificates()
        assert capfd.readouterr().err == ""
        assert edge.edge.counters.certificates_read == 2


async def test_certificates_that_cannot_be_used_at_the_start_are_one_clear_message(authority: Authority) -> None:
    certificate = authority.issue("pypi.test")
    authority.issue("pypi.test", file="other").key.rename(certificate.key)
    with pytest.raises(CannotListen, match=r"https://127.0.0.1:0: .*app.key is not the key of .*app.pem: name"):
        async with tls_edge(certificate):
            pass


# -- clients' certificates --------------------------------------------------------------------------------------


def with_certificate(context: ssl.SSLContext, ca: trustme.CA) -> ssl.SSLContext:
    ca.issue_cert("client.pypi.test").configure_cert(context)
    return context


async def test_a_required_certificate_lets_in_who_has_one_and_nobody_else(authority: Authority) -> None:
    clients = authority.as_client_ca(required=True)
    async with tls_edge(authority.issue("pypi.test"), clients=clients) as edge:
        known = with_certificate(authority.client_context(), authority.ca)
        async with edge.client(known) as client:
            assert (await client.ask(request("/"))).body == b"hello"
        for context in (authority.client_context(), with_certificate(authority.client_context(), trustme.CA())):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                async with edge.client(context) as client:
                    await client.ask(request("/"))
        await until_counted(edge.edge, HandshakeFailure.NO_CERTIFICATE)
        await until_counted(edge.edge, HandshakeFailure.BAD_CERTIFICATE)
        assert edge.edge.counters.requests == 1


async def test_an_optional_certificate_is_verified_when_there_is_one(authority: Authority) -> None:
    clients = authority.as_client_ca(required=False)
    async with tls_edge(authority.issue("pypi.test"), clients=clients) as edge:
        async with edge.client(authority.client_context()) as client:
            assert (await client.ask(request("/"))).body == b"hello"
        stranger = with_certificate(authority.client_context(), trustme.CA())
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            async with edge.client(stranger) as client:
                await client.ask(request("/"))


async def test_an_authority_that_is_replaced_counts_from_the_next_connection_on(authority: Authority) -> None:
    clients = authority.as_client_ca(required=True)
    other = trustme.CA()
    context = with_certificate(authority.client_context(), authority.ca)
    async with tls_edge(authority.issue("pypi.test"), clients=clients) as edge:
        async with edge.client(context) as client:
            assert (await client.ask(request("/"))).body == b"hello"
        other.cert_pem.write_to_path(clients.ca)
        edge.edge.look_at_certificates()
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            async with edge.client(context) as client:
                await client.ask(request("/"))
        async with edge.client(with_certificate(authority.client_context(), other)) as client:
            assert (await client.ask(request("/"))).body == b"hello"


# -- what goes through ------------------------------------------------------------------------------------------


async def test_a_large_file_arrives_whole_and_in_ranges(authority: Authority) -> None:
    content = os.urandom(20 * MIB)
    (authority.folder / "files" / "files").mkdir()
    (authority.folder / "files" / "files" / "big").write_bytes(content)
    async with tls_edge(authority.issue("pypi.test")) as edge, edge.client(authority.client_context()) as client:
        assert (await client.ask(request("/files/big"))).body == content
        part = await client.ask(request("/files/big", "Range: bytes=1000000-11999999"))
        assert (part.status, part.body) == (206, content[1_000_000:12_000_000])
        parts = await client.ask(request("/files/big", "Range: bytes=0-999999,5000000-5999999"))
        assert parts.status == 206
        assert content[:1_000_000] in parts.body
        assert content[5_000_000:6_000_000] in parts.body
        assert (await client.ask(request("/files/big", method="HEAD"))).status == 200
        last = await client.ask(request("/files/big", "Connection: close"))
        assert last.body == content
        assert await client.is_closed()


async def test_a_file_that_becomes_shorter_never_looks_whole(authority: Authority) -> None:
    (authority.folder / "files" / "files").mkdir()
    file = authority.folder / "files" / "files" / "shrinks"
    file.write_bytes(os.urandom(20 * MIB))
    async with tls_edge(authority.issue("pypi.test")) as edge, edge.client(authority.client_context()) as client:
        await client.send(request("/files/shrinks"))
        await client.head()
        os.truncate(file, MIB)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
            await client.reader.readexactly(20 * MIB)


async def test_requests_and_answers_with_bodies_pass(authority: Authority) -> None:
    answer = os.urandom(3 * MIB)

    async def script(peer):  # type: ignore[no-untyped-def]
        for _ in range(2):
            await peer.head()
            body = await peer.reader.readexactly(2 * MIB)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(answer) + 1) + answer + body[-1:])

    async with backend(script) as origin, tls_edge(authority.issue("pypi.test"), port=origin.port) as edge:
        async with edge.client(authority.client_context()) as client:
            for last in (b"a", b"b"):
                head = request("/pass/upload", f"Content-Length: {2 * MIB}", method="PUT")
                assert (await client.ask(head + bytes(2 * MIB - 1) + last)).body == answer + last


async def test_a_refused_request_is_answered_and_the_connection_ended(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test")) as edge, edge.client(authority.client_context()) as client:
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: pypi.test\r\nBad Header: x\r\n\r\n" + bytes(100_000))
        assert answer.status == 400
        assert await client.is_closed()


async def test_a_client_that_takes_nothing_is_given_up(authority: Authority) -> None:
    (authority.folder / "files" / "files").mkdir()
    (authority.folder / "files" / "files" / "big").write_bytes(bytes(20 * MIB))
    limits = replace(QUICK, stall=0.3)
    async with tls_edge(authority.issue("pypi.test"), limits=limits) as edge:
        async with edge.client(authority.client_context()) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(request("/files/big"))
            async with asyncio.timeout(10):
                while not edge.edge.counters.aborted:
                    await asyncio.sleep(0.01)


# -- handshakes that fail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "failure"),
    [
        (b"GET / HTTP/1.1\r\nHost: pypi.test\r\n\r\n", HandshakeFailure.NOT_TLS),
        (b"\x16\x03\x01\x00\x05hello", None),
        (b"", HandshakeFailure.GONE),
    ],
)
async def test_a_handshake_that_is_none_is_counted_and_nothing_is_said(
    authority: Authority, octets: bytes, failure: HandshakeFailure | None, capfd: pytest.CaptureFixture[str]
) -> None:
    async with tls_edge(authority.issue("pypi.test")) as edge:
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", edge.port)) as sock:
            sock.setblocking(False)
            await loop.sock_sendall(sock, octets)
            sock.shutdown(socket.SHUT_WR)
            while True:
                try:
                    if not await loop.sock_recv(sock, 1000):
                        break
                except ConnectionError:
                    break
        async with asyncio.timeout(10):
            while not edge.edge.counters.handshake_failures:
                await asyncio.sleep(0.005)
        if failure is not None:
            assert edge.edge.counters.handshake_failures == {failure: 1}
        assert edge.edge.counters.connections == 0
    assert capfd.readouterr().err == ""


async def test_a_handshake_that_takes_too_long_is_given_up(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test"), limits=replace(QUICK, handshake=0.1)) as edge:
        with socket.create_connection(("127.0.0.1", edge.port)) as sock:
            sock.setblocking(False)
            with pytest.raises(ConnectionError):
                await asyncio.get_running_loop().sock_recv(sock, 1)
                raise ConnectionResetError  # an orderly end is as good
            await until_counted(edge.edge, HandshakeFailure.TIMEOUT)


async def test_handshakes_count_among_the_connections_that_may_be_open(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test"), limits=replace(QUICK, connections=1)) as edge:
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", edge.port)):  # a handshake that never begins
            with socket.create_connection(("127.0.0.1", edge.port)) as second:
                second.setblocking(False)
                assert await loop.sock_recv(second, 1) == b""


# -- the end ----------------------------------------------------------------------------------------------------


async def test_a_connection_that_drains_answers_once_more(authority: Authority) -> None:
    async with backend(always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as origin:
        async with tls_edge(authority.issue("pypi.test"), port=origin.port) as edge:
            async with edge.client(authority.client_context()) as busy, edge.client(authority.client_context()) as idle:
                assert (await busy.ask(request("/pass/"))).field("Connection") is None
                stopping = asyncio.ensure_future(edge.edge.stop(grace=10))
                answer = await busy.ask(request("/pass/"))
                assert (answer.body, answer.field("Connection")) == (b"ok", "close")
                assert await busy.is_closed()
                assert await idle.is_closed()
                await stopping


async def test_an_idle_connection_ends_with_a_goodbye(authority: Authority) -> None:
    async with tls_edge(authority.issue("pypi.test"), limits=replace(QUICK, idle=0.1)) as edge:
        async with edge.client(authority.client_context()) as client:
            assert await client.reader.read() == b""  # an end without close_notify would raise
        async with asyncio.timeout(10):
            while edge.edge.counters.open_connections:
                await asyncio.sleep(0.01)
