"""A transport that lets the head of one answer pass and so much of its body, and then resets the connection.

The octets are those that would have been sent, so what came before the reset can be used, as with a real one.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Iterable
from typing import Any, Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


class CuttingTransport(asyncio.Transport):
    """In the place of a transport for one answer. `after`: octets of the body; None: half of its length."""

    def __init__(self, transport: asyncio.Transport, after: int | None) -> None:
        super().__init__()
        self._transport = transport
        self._after = after
        self._head: bytearray | None = bytearray()  # None: it has passed
        self._left = 0  # of what may pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head is None:
            self._pass(bytes(data))
            return
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if end < 0:
            return
        octets, head_ends = bytes(self._head), end + len(_END_OF_HEAD)
        self._head = None
        self._left = head_ends + (_half_of(octets[:head_ends]) if self._after is None else self._after)
        self._pass(octets)

    def _pass(self, octets: bytes) -> None:
        self._transport.write(octets[: self._left])
        self._left -= len(octets)
        if self._left < 0:
            self.cut()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def cut(self) -> None:
        """Send what has passed, then reset."""
        if not self._transport.is_closing():
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            self._transport.close()

    # All else is the transport's own.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()


def _half_of(head: bytes) -> int:
    length = _LENGTH.search(head)
    return int(length[1]) // 2 if length else 0
