"""Accepting connections: sockets that are bound once and may have several owners, and one worker's side of each.

Laws of this module:
- closing a listening socket resets the connections that the kernel has queued on it. So whoever stops accepting lets
  go of a descriptor of its own, and the socket lives on while another process holds one;
- connections are accepted here, not by uvloop, whose server closes unseen what it has no descriptor for, and itself,
  silently and for good, on any other failure; and only so a failed handshake is seen, counted, and bounded in number;
- while nothing can be accepted, connections wait in the kernel's queue, and are accepted as soon as it is possible.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from errno import EADDRINUSE
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from edgeproxy.http.proxy_protocol import BadProxyHeader, ProxyHeader
from edgeproxy.proxy.client import ClientConnection
from edgeproxy.proxy.peer import name_of
from edgeproxy.proxy.preface import read_preface
from edgeproxy.proxy.sockets import MOST_AHEAD, limit_ahead
from edgeproxy.proxy.tls import Certificates, UnusableCertificate
from edgeproxy.ruleset.listeners import Address, InetAddress, Listener, UnixAddress
from edgeproxy.telemetry.counters import HandshakeFailure, Refusal
from edgeproxy.telemetry.stderr import tell

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge

_BACKLOG: Final = 1_024  # connections that the kernel queues until they are accepted
_AT_A_TIME: Final = 64  # connections accepted before others get their turn
# Encrypted octets held beside those of the transport beneath. uvloop's default of 512 KiB would cost memory, and hide
# for a long time whether a slow client takes anything.
_MOST_UNSENT: Final = 65_536
_PAUSE: Final = 0.1  # seconds without accepting when descriptors or memory have run out
_TELL_EVERY: Final = 60.0  # seconds between two lines that say so


class CannotListen(Exception):
    """An address cannot be listened on; the message says which and why."""


# -- sockets ----------------------------------------------------------------------------------------------------


def open_sockets(address: Address, workers: int) -> list[socket.socket]:
    """Listening sockets for so many workers: one each, between which the kernel divides the connections of a port
    (SO_REUSEPORT); of a path one for all. Raises CannotListen.
    """
    try:
        match address:
            case InetAddress():
                return _open_inet(address, workers)
            case UnixAddress(path=path):
                return [_open_unix(path)]
            case _:
                assert_never(address)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {address}: {why}: choose another with --listen") from None


def open_more(like: socket.socket, number: int) -> list[socket.socket]:
    """So many sockets beside one on a port: bound, but nothing is queued on them before somebody accepts there.
    Raises CannotListen.
    """
    opened: list[socket.socket] = []
    try:
        for _ in range(number):
            opened.append(_bound(like.family, like.getsockname(), is_shared=True))  # noqa: PERF401  # closed if one fails
    except OSError as error:
        close_sockets(opened)
        raise CannotListen(f"cannot listen on {address_of(like)} for more workers: {error.strerror}") from None
    return opened


def address_of(sock: socket.socket) -> Address:
    """The address that the system gave it."""
    name = sock.getsockname()
    return UnixAddress(Path(os.fsdecode(name))) if sock.family == socket.AF_UNIX else InetAddress(*name[:2])


def close_sockets(sockets: Iterable[socket.socket]) -> None:
    """Let go of them for good: a path goes, too."""
    for sock in sockets:
        address = address_of(sock)
        sock.close()
        remove_path(address)


def remove_path(address: Address) -> None:
    """The file of a Unix socket that one has bound oneself: nobody else takes a path on which somebody listens."""
    if isinstance(address, UnixAddress):
        with suppress(OSError):
            address.path.unlink()


def _open_inet(address: InetAddress, workers: int) -> list[socket.socket]:
    """Looks first by a socket without SO_REUSEPORT: a second edge of the same user would share the port unnoticed."""
    family, *_, name = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    with _bound(family, name, is_shared=False) as first:
        name = first.getsockname()
    opened: list[socket.socket] = []
    try:
        for _ in range(workers):
            opened.append(_bound(family, name, is_shared=True))
            opened[-1].listen(_BACKLOG)
    except OSError:
        close_sockets(opened)
        raise
    return opened


def _bound(family: int, name: object, *, is_shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            limit_ahead(sock, MOST_AHEAD)  # accepted ones inherit it
        if family == socket.AF_INET6:  # `[::]` is IPv6 alone, so that `0.0.0.0` can be listened on beside it
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(name)  # type: ignore[arg-type]  # what getaddrinfo gave
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _open_unix(path: Path) -> socket.socket:
    """Whoever can reach the path may connect, as with a port: permissions of its directory say who can."""
    if path.is_socket():
        if _is_live(path):
            raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))
        path.unlink()  # its owner ended without removing it
    elif path.exists():
        raise OSError(EADDRINUSE, f"{path} is a {'directory' if path.is_dir() else 'file'} and no socket")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o666)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _is_live(path: Path) -> bool:
    """Whether somebody listens there (or it cannot be known)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full queue is somebody's
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


# -- one worker's side ------------------------------------------------------------------------------------------


class Listening:
    """A listener as one edge accepts on it. Raises CannotListen for certificates that cannot be used."""

    def __init__(self, edge: Edge, listener: Listener) -> None:
        self._edge = edge
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self.sockets: list[socket.socket] = []  # while connections are accepted on them
        self._opening: set[asyncio.Task[None]] = set()
        self._told = -inf  # when it was last said that nothing can be accepted
        self._certificates: Certificates | None = None
        if listener.certificates:
            try:
                self._certificates = Certificates(listener)
            except UnusableCertificate as error:
                raise CannotListen(f"{listener}: {error}") from None

    @property
    def opening(self) -> int:
        """How many connections are accepted and no clients yet: their handshakes are under way."""
        return len(self._opening)

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on bound sockets, which from now on are this one's."""
        self.sockets = list(sockets)
        for sock in self.sockets:
            sock.listen(_BACKLOG)  # one opened for an upgrade does not yet
            self._watch(sock)

    def stop_accepting(self, *, is_final: bool) -> None:
        """Handshakes that have begun go on. When it is final nobody else accepts there: what is queued is taken in
        before it would be lost with the socket.
        """
        sockets, self.sockets = self.sockets, []
        for sock in sockets:
            if is_final:
                self._accept(sock, _BACKLOG + 1)
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def abort_handshakes(self) -> None:
        for opening in self._opening:
            opening.cancel()

    def look_at_certificates(self) -> None:
        """Use them if their files have changed; say so if they cannot be used."""
        try:
            if self._certificates is not None and self._certificates.look_again():
                self._edge.counting.certificates_read += 1
                for warning in self._certificates.warnings(datetime.now(UTC)):
                    tell(f"{self._listener}: {warning}")
        except UnusableCertificate as error:
            self._edge.counting.certificates_unusable += 1
            tell(f"{self._listener}: {error}; the certificates from before stay in use")

    # -- accepting ----------------------------------------------------------------------------------------------

    def _watch(self, sock: socket.socket) -> None:
        if sock in self.sockets:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def _accept(self, sock: socket.socket, most: int = _AT_A_TIME) -> None:
        for _ in range(most):
            try:
                accepted, _ = sock.accept()
            except (BlockingIOError, InterruptedError):
                return  # another worker was faster
            except ConnectionError:
                continue  # this one has left already
            except OSError as error:
                self._pause(sock, error)
                return
            self._begin(accepted)

    def _pause(self, sock: socket.socket, error: OSError) -> None:
        """Descriptors or memory have run out, this process's or the machine's: try again in a moment."""
        self._edge.counting.accept_failures += 1
        self._loop.remove_reader(sock.fileno())
        self._loop.call_later(_PAUSE, self._watch, sock)
        if self._loop.time() > self._told + _TELL_EVERY:
            self._told = self._loop.time()
            tell(
                f"{self._listener}: no connection can be accepted: {error.strerror}: they wait until others end: raise "
                "the limit of open files (ulimit -n), or lower `connections` among the rules' limits"
            )

    def _begin(self, accepted: socket.socket) -> None:
        is_plain = self._certificates is None
        if not is_plain and not self._edge.has_room():  # a plain client is told, by a 503
            self._edge.counting.refusals[Refusal.TOO_MANY_CONNECTIONS] += 1
            accepted.close()
            return
        opening = self._loop.create_task(self._open(accepted) if is_plain else self._shake_hands(accepted))
        self._opening.add(opening)
        self._edge.on_opening()
        opening.add_done_callback(self._end_opening)

    def _end_opening(self, opening: asyncio.Task[None]) -> None:
        self._opening.discard(opening)
        self._edge.on_opened()

    async def _open(self, accepted: socket.socket) -> None:
        try:
            header = await self._read_preface(accepted)
            client = ClientConnection(self._edge, self._listener, header)
            await self._loop.connect_accepted_socket(lambda: client, accepted)
        except BadProxyHeader:
            self._edge.counting.refusals[Refusal.BAD_PREFACE] += 1
        except OSError:  # the proxy said nothing in time, or has left; or there is no memory
            accepted.close()

    async def _read_preface(self, accepted: socket.socket) -> ProxyHeader | None:
        """A trusted proxy's word on whom it connects for. Raises BadProxyHeader, OSError; then the socket is closed."""
        try:
            accepted.setblocking(False)
            if not self._listener.proxy_protocol or not self._edge.proxies.is_trusted(name_of(accepted.getpeername())):
                return None
            async with asyncio.timeout(self._edge.limits.handshake):
                return await read_preface(accepted)
        except BaseException:
            accepted.close()
            raise

    # -- TLS ----------------------------------------------------------------------------------------------------

    async def _shake_hands(self, accepted: socket.socket) -> None:
        assert self._certificates is not None
        counters, limits = self._edge.counting, self._edge.limits
        try:
            header = await self._read_preface(accepted)
            if header is not None:  # what it says of TLS is of the way to the proxy. The client's is with this edge
                header = replace(header, is_tls=None)
            client = ClientConnection(self._edge, self._listener, header)
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: client,
                accepted,
                ssl=self._certificates.context,
                ssl_handshake_timeout=limits.handshake,
                ssl_shutdown_timeout=limits.stall,
            )
        except BadProxyHeader:
            counters.refusals[Refusal.BAD_PREFACE] += 1
        except OSError as error:
            counters.handshake_failures[_failure(error)] += 1
        else:
            transport.set_write_buffer_limits(_MOST_UNSENT)


def _failure(error: OSError) -> HandshakeFailure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return HandshakeFailure.BAD_CERTIFICATE
    if isinstance(error, ssl.SSLError):
        return _FAILURES.get(error.reason or "", HandshakeFailure.OTHER)
    if isinstance(error, (ConnectionAbortedError, TimeoutError)):  # uvloop says by the first that the time is over
        return HandshakeFailure.TIMEOUT
    return HandshakeFailure.GONE


_FAILURES: Final = {  # OpenSSL's reasons
    "HTTP_REQUEST": HandshakeFailure.NOT_TLS,
    "WRONG_VERSION_NUMBER": HandshakeFailure.NOT_TLS,
    "RECORD_LAYER_FAILURE": HandshakeFailure.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": HandshakeFailure.TOO_OLD,
    "NO_SHARED_CIPHER": HandshakeFailure.TOO_OLD,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": HandshakeFailure.NO_CERTIFICATE,
    "TLSV1_ALERT_UNKNOWN_CA": HandshakeFailure.NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": HandshakeFailure.NOT_TRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": HandshakeFailure.NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": HandshakeFailure.NOT_TRUSTED,
}
