"""The PROXY header of a connection: it comes first, in clear, before a TLS handshake and before HTTP.

Law: not one octet beyond the header is taken from the socket. So octets are looked at first (MSG_PEEK), and taken
when they are known to be the header's: all of them while it is not whole, and then as many as it still has.
"""

from __future__ import annotations

import asyncio
import socket

from edgeproxy.http.proxy_protocol import ProxyHeader, read_proxy_header

_LOOKED_AT = 8_192  # octets at once; a longer header is refused before this


async def read_preface(sock: socket.socket) -> ProxyHeader:
    """Raises BadProxyHeader, and OSError when the connection ends before the header does."""
    octets = b""
    while True:
        await _until_readable(sock)
        try:
            waiting = sock.recv(_LOOKED_AT, socket.MSG_PEEK)
        except BlockingIOError:
            continue
        if not waiting:
            raise ConnectionResetError("the connection ends before its PROXY header does")
        header = read_proxy_header(octets + waiting)
        sock.recv(len(waiting) if header is None else header.length - len(octets))
        if header is not None:
            return header
        octets += waiting


async def _until_readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(sock.fileno())
