"""What the kernel holds for a transport that does not read."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from edgeproxy.proxy.sockets import has_unread, octets_acknowledged, octets_held, reset_on_close


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


async def test_what_the_other_end_has_acknowledged_is_counted_and_no_more() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs.setblocking(False)
        await loop.sock_connect(theirs, listener.getsockname())
        ours, _ = listener.accept()
        made, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        transport = cast(asyncio.Transport, made)
        transport.write(bytes(1_000_000))
        async with asyncio.timeout(10):
            while not (first := octets_acknowledged(transport)):
                await asyncio.sleep(0.01)
            assert first < 10_000  # their kernel's buffer
            taken = 0
            while taken < 1_000_000:
                taken += len(await loop.sock_recv(theirs, 65_536))
            while octets_acknowledged(transport) != 1_000_000:
                await asyncio.sleep(0.01)
    transport.abort()
    await asyncio.sleep(0)


async def test_of_a_unix_socket_the_kernel_tells_what_it_holds() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await asyncio.get_running_loop().create_unix_connection(asyncio.Protocol, sock=ours)
        transport = cast(asyncio.Transport, transport)
        assert (octets_acknowledged(transport), octets_held(transport)) == (None, 0)
        transport.write(bytes(1000))
        async with asyncio.timeout(10):
            while transport.get_write_buffer_size():
                await asyncio.sleep(0)
        assert octets_held(transport) >= 1000
        assert len(theirs.recv(1000)) == 1000
        assert octets_held(transport) == 0
        transport.abort()
        await asyncio.sleep(0)


async def test_of_a_connection_that_has_ended_nothing_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, *listener.getsockname())
        transport = cast(asyncio.Transport, made)
        transport.abort()
        await asyncio.sleep(0.01)
        reset_on_close(transport)
        assert (octets_acknowledged(transport), octets_held(transport), has_unread(transport)) == (None, 0, False)
