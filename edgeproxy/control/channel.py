"""One end of the channel between a supervisor and a worker. Its end is the news that the other one has ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from edgeproxy.control.messages import Message, decode, encode

_MUCH = 1 << 20  # octets


class Channel(asyncio.Protocol):
    """Calls `on_message` for each message, and `on_lost` once when the other end is gone."""

    def __init__(self, on_message: Callable[[Message], None], on_lost: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._unsent: list[Message] = []  # until it is open
        self._unread = b""
        self._socket: socket.socket | None = None
        self._lost = asyncio.Event()

    async def open(self, sock: socket.socket) -> None:
        self._socket = sock
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=sock)

    def send(self, message: Message) -> None:
        if self._transport is None:
            self._unsent.append(message)
        elif not self._transport.is_closing():
            self._transport.write(encode(message))

    @property
    def is_clear(self) -> bool:
        """Whether the other end takes what is sent: not much of it waits here."""
        return self._transport is not None and self._transport.get_write_buffer_size() < _MUCH

    def read_rest(self) -> None:
        """All that a process has said which has ended: the loop may hear of its end first."""
        if self._socket is not None:
            with suppress(OSError):  # nothing more is there, or all was read and it is closed
                while data := self._socket.recv(65_536, socket.MSG_DONTWAIT):
                    self.data_received(data)

    async def close(self) -> None:
        """When everything is sent."""
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        for message in self._unsent:
            self.send(message)

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._on_message(decode(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._on_lost()
