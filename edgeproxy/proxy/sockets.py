"""What transports do not offer: options of the socket beneath."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
from asyncio import Transport
from contextlib import suppress
from typing import Final

_TCP_INFO: Final = 128  # octets of struct tcp_info (linux/tcp.h) up to and with tcpi_bytes_acked, since Linux 4.1
_BYTES_ACKED: Final = struct.Struct("=120xQ")
# Without a limit the kernel takes many megabytes for a client that reads nothing, at a third of a millisecond for each
# 256 KiB, and hides from the edge how slow the client is.
MOST_AHEAD: Final = 131_072
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # struct linger: on, no time


def limit_ahead(sock: socket.socket, octets: int) -> None:
    """How much the kernel takes for a client beyond what is on its way."""
    with suppress(OSError):  # a Unix socket, or it has ended
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, octets)


def reset_on_close(transport: Transport) -> None:
    """Let the connection end with a reset instead of an orderly end; what is not sent yet is lost."""
    sock = _socket_of(transport)
    if sock is not None:
        with suppress(OSError):  # it ends at this moment
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def has_unread(transport: Transport) -> bool:
    """Whether octets have arrived that the transport has not read yet."""
    return _waiting(transport, termios.FIONREAD) > 0


def octets_acknowledged(transport: Transport) -> int | None:
    """How many octets the other end's kernel has acknowledged in all; None where nobody counts them: a Unix socket, an
    older kernel, a connection that has ended.
    """
    sock = _socket_of(transport)
    if sock is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO)
    except OSError:
        return None
    return int(_BYTES_ACKED.unpack(info)[0]) if len(info) == _TCP_INFO else None


def octets_held(transport: Transport) -> int:
    """How much the kernel holds that the other end has not taken, as it counts memory."""
    return _waiting(transport, termios.TIOCOUTQ)


def _waiting(transport: Transport, request: int) -> int:
    sock = _socket_of(transport)
    if sock is None:
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), request, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def _socket_of(transport: Transport) -> socket.socket | None:
    """None when the connection has ended."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    return None if sock is None or sock.fileno() < 0 else sock
