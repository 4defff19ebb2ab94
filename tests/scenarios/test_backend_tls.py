"""Backends over TLS: who proves to be what its name says is asked, nobody else is, and files may be renewed."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trustme
from harness import Answer, BackendPeer, RunningEdge, always, backend, request
from pools import OK, edge_before, origin_at, pool_of, until

from edgeproxy.proxy.backend_tls import TlsFiles
from edgeproxy.ruleset.listeners import Certificate
from edgeproxy.ruleset.origins import BackendTls, HealthCheck, HttpBackend
from edgeproxy.telemetry.counters import BackendFailure


@dataclass
class SecureOrigin:
    """A backend that speaks TLS, and what it saw of its clients."""

    port: int = 0
    context: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    names: list[str | None] = field(default_factory=list)
    versions: list[str | None] = field(default_factory=list)
    protocols: list[str | None] = field(default_factory=list)

    def at(self, tls: BackendTls) -> HttpBackend:
        return replace(origin_at(self.port), tls=tls)


@asynccontextmanager
async def secure_origin(issued: trustme.LeafCert) -> AsyncIterator[SecureOrigin]:
    this = SecureOrigin()
    issued.configure_cert(this.context)
    this.context.set_alpn_protocols(["h2", "http/1.1"])
    this.context.sni_callback = lambda _socket, name, _context: this.names.append(name)

    async def script(peer: BackendPeer) -> None:
        connection = peer.writer.get_extra_info("ssl_object")
        this.versions.append(connection.version())
        this.protocols.append(connection.selected_alpn_protocol())
        await always(OK)(peer)

    async with backend(script, tls=this.context) as origin:
        this.port = origin.port
        yield this


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(file)
    return file


async def refusal(edge: RunningEdge) -> str:
    """Ask, see a 502 for want of TLS, and tell what the pool noted of it."""
    answer: Answer = await edge.ask(request())
    assert answer.status == 502
    assert edge.edge.counters.backend_failures["origin", BackendFailure.TLS] == 1
    return pool_of(edge).endpoints[0].trouble


async def test_a_backend_that_proves_its_name_is_asked(ca: trustme.CA, ca_file: Path) -> None:
    async with secure_origin(ca.issue_cert("modern.pypi.test")) as origin:
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test"))) as edge, edge.client() as client:
            assert [(await client.ask(request())).status for _ in range(3)] == [200, 200, 200]
            assert origin.names == ["modern.pypi.test"]  # one connection, kept
            assert (origin.versions, origin.protocols) == (["TLSv1.3"], ["http/1.1"])


async def test_without_a_name_the_certificate_must_be_for_the_address(ca: trustme.CA, ca_file: Path) -> None:
    async with secure_origin(ca.issue_cert("127.0.0.1")) as origin:
        async with edge_before(origin.at(BackendTls(ca_file))) as edge:
            assert (await edge.ask(request())).status == 200
            assert origin.names == [None]  # an address is no server name (RFC 6066 §3)


async def test_a_certificate_for_another_name_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    async with secure_origin(ca.issue_cert("other.pypi.test")) as origin:
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test"))) as edge:
            assert "modern.pypi.test" in await refusal(edge)


async def test_a_certificate_that_nobody_trusted_signed_is_refused(ca_file: Path) -> None:
    async with secure_origin(trustme.CA().issue_cert("modern.pypi.test")) as origin:
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test"))) as edge:
            assert "CERTIFICATE_VERIFY_FAILED" in await refusal(edge)
        async with edge_before(origin.at(BackendTls(None, "modern.pypi.test"))) as edge:  # the system's authorities
            assert "CERTIFICATE_VERIFY_FAILED" in await refusal(edge)


def speak_only_old(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


async def test_what_is_older_than_tls_1_2_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    async with secure_origin(ca.issue_cert("modern.pypi.test")) as origin:
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            speak_only_old(origin.context)
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test"))) as edge:
            await refusal(edge)


async def test_a_backend_that_speaks_no_tls_is_not_asked_in_the_clear(ca_file: Path) -> None:
    async def babble(peer: BackendPeer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def leave(peer: BackendPeer) -> None:
        await peer.reader.read(1)

    for script in (babble, leave):
        async with backend(script) as origin:
            secure = replace(origin_at(origin.port), tls=BackendTls(ca_file, "modern.pypi.test"))
            async with edge_before(secure) as edge:
                await refusal(edge)


async def test_the_edge_shows_its_certificate_to_a_backend_that_asks(
    ca: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    own = ca.issue_cert("edge.pypi.test")
    mine = Certificate(tmp_path / "edge.pem", tmp_path / "edge.key")
    own.cert_chain_pems[0].write_to_path(mine.cert)
    own.private_key_pem.write_to_path(mine.key)
    async with secure_origin(ca.issue_cert("modern.pypi.test")) as origin:
        origin.context.verify_mode = ssl.CERT_REQUIRED
        ca.configure_trust(origin.context)
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test", mine))) as edge:
            assert (await edge.ask(request())).status == 200
        async with edge_before(origin.at(BackendTls(ca_file, "modern.pypi.test"))) as edge:
            assert (await edge.ask(request())).status == 502


async def test_health_is_asked_for_over_the_same_tls(ca: trustme.CA, ca_file: Path) -> None:
    check = HealthCheck("/", interval=0.02, timeout=30, unhealthy=1)
    async with secure_origin(ca.issue_cert("modern.pypi.test")) as origin:
        good = replace(origin.at(BackendTls(ca_file, "modern.pypi.test")), health=check)
        async with edge_before(good) as edge:
            await until(lambda: len(origin.names) > 3)
            assert not pool_of(edge).events
        bad = replace(origin.at(BackendTls(ca_file, "other.pypi.test")), health=check)
        async with edge_before(bad) as edge:
            await until(lambda: pool_of(edge).events)
            assert "other.pypi.test" in pool_of(edge).events[0].reason


async def test_files_that_are_not_there_are_a_502_with_the_reason_kept(tmp_path: Path) -> None:
    async with edge_before(replace(origin_at(1), tls=BackendTls(tmp_path / "none.pem"))) as edge:
        assert "No such file" in await refusal(edge)


async def test_a_new_authority_is_trusted_without_a_restart(ca: trustme.CA, ca_file: Path) -> None:
    files, newer = TlsFiles(BackendTls(ca_file)), trustme.CA()
    first = files.context(now=0.0)
    assert files.context(now=5.0) is first
    newer.cert_pem.write_to_path(ca_file)
    assert files.context(now=5.5) is first  # looked at once a second
    second = files.context(now=6.0)
    assert second is not first
    async with secure_origin(newer.issue_cert("127.0.0.1")) as origin:
        async with edge_before(origin.at(BackendTls(ca_file))) as edge:
            assert (await edge.ask(request())).status == 200


def test_half_written_files_leave_the_last_good_ones_in_use(ca: trustme.CA, ca_file: Path) -> None:
    files = TlsFiles(BackendTls(ca_file))
    first = files.context(now=0.0)
    ca_file.write_bytes(b"-----BEGIN CERT")
    assert files.context(now=2.0) is first
    ca_file.unlink()
    assert files.context(now=4.0) is first
    ca.cert_pem.write_to_path(ca_file)
    assert files.context(now=6.0) is not first
