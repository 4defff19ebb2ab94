"""What the kernel holds for a transport that does not read."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from edgeproxy.proxy.sockets import has_unread


async def test_octets_that_the_transport_has_not_read_are_seen() -> None:
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_unix_connection(asyncio.Protocol, sock=ours)
    transport = cast(asyncio.Transport, transport)
    transport.pause_reading()
    with theirs:
        assert not has_unread(transport)
        theirs.sendall(b"GET")
        assert has_unread(transport)
    transport.abort()
    await asyncio.sleep(0)
