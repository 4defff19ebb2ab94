"""An answer from an open file, handed to the kernel by sendfile(2) past the transport.

uvloop has no sendfile and refuses to watch a transport's own descriptor, so a duplicate is written and
watched. It keeps the connection open: call cancel() before aborting the transport, and in connection_lost.
Laws: the answer's octets never mix with the transport's, so its buffer is empty at the start and nobody
writes to it until the end; a file that has become shorter never looks whole; every way out closes duplicate
and file. A client's reset is seen without reading: the duplicate becomes writable, and writing to it fails.
"""

from __future__ import annotations

import os
import socket
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable
from enum import Enum
from errno import ECONNABORTED, ECONNRESET, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENOTCONN, EPIPE, ETIMEDOUT
from typing import Final, Protocol, assert_never

from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Part
from edgeproxy.proxy.sockets import MOST_AHEAD, limit_ahead


class SendableFile(Protocol):
    """A file that is open for reading; `fd` is below 0 once it is closed."""

    @property
    def fd(self) -> int: ...
    def close(self) -> None: ...


class SendFailure(Enum):
    """Why an answer did not reach the kernel whole."""

    CLIENT_GONE = "client_gone"
    FILE_SHRANK = "file_shrank"
    FILE_UNREADABLE = "file_unreadable"


# Octets per callback: a fast client must not hold the loop. In bursts of 256 KiB, 1, 2 and 8 MiB a file of 20 MB took
# 4.1, 2.8, 2.3 and 2.7 ms of CPU.
# What the kernel takes ahead of a file is the page cache, and costs no memory. With the limit of other answers a file
# of 20 MB took 6 ms.
_NO_LIMIT: Final = 0x7FFF_FFFF
_BURST: Final = 2_097_152
_OF_THE_CLIENT: Final = frozenset(
    (ECONNABORTED, ECONNRESET, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENOTCONN, EPIPE, ETIMEDOUT)
)


class FileSender:
    """Sends one answer: `start()`, `on_progress` with the number of octets that went, `on_end(whole)` exactly once.

    `on_end` may be called by start() itself. After cancel() nothing is called any more. The file belongs to
    the sender from the beginning.
    """

    __slots__ = (
        "_done",
        "_file",
        "_index",
        "_is_long",
        "_is_watching",
        "_loop",
        "_on_end",
        "_on_progress",
        "_parts",
        "_socket",
        "_transport",
        "failure",
    )

    def __init__(
        self,
        loop: AbstractEventLoop,
        transport: Transport,
        open_file: SendableFile,
        head: bytes,
        parts: tuple[Part, ...],
        on_end: Callable[[bool], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._file = open_file
        self._parts = tuple([part for part in (head, *parts) if _size(part)])
        self._on_end = on_end
        self._on_progress = on_progress
        self._is_long = sum(map(_size, parts)) > MOST_AHEAD
        self._index = 0  # of the current part
        self._done = 0  # octets of it that the kernel has
        self._socket: socket.socket | None = None
        self._is_watching = False
        self.failure: SendFailure | None = None  # set before on_end(False)

    def start(self) -> None:
        """Begin. Raises RuntimeError or OSError when it cannot: nothing was sent, and the file is closed."""
        if self._file.fd < 0:  # cancelled while it waited for the transport to be empty
            return
        if self._transport.is_closing():
            self._end(SendFailure.CLIENT_GONE)
            return
        try:
            self._socket = _duplicate(self._transport)
            if self._is_long:
                limit_ahead(self._socket, _NO_LIMIT)
            self._go_on()
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Stop and let go of everything. The client may have a part of the answer: close its connection."""
        sock, self._socket = self._socket, None
        if sock is not None:
            if self._is_watching:
                self._is_watching = False
                self._loop.remove_writer(sock.fileno())
            if self._is_long:
                limit_ahead(sock, MOST_AHEAD)
            sock.close()
        self._file.close()

    def _go_on(self) -> None:
        sock = self._socket
        assert sock is not None, "a writer that is removed is not called"
        try:
            sent = self._send_burst(sock)
        except OSError as error:
            is_clients = error.errno in _OF_THE_CLIENT
            self._end(SendFailure.CLIENT_GONE if is_clients else SendFailure.FILE_UNREADABLE)
            return
        if self.failure is not None or self._index == len(self._parts):
            self._end(self.failure)
            return
        if not self._is_watching:
            self._is_watching = True
            self._loop.add_writer(sock.fileno(), self._go_on)
        if sent:
            self._on_progress(sent)

    def _end(self, failure: SendFailure | None) -> None:
        self.failure = failure
        self.cancel()
        self._on_end(failure is None)

    def _send_burst(self, sock: socket.socket) -> int:
        """Send until the socket is full, the burst is spent, or the answer or the file ends: how much."""
        left = _BURST
        while left > 0 and self._index < len(self._parts):
            part = self._parts[self._index]
            wanted = _size(part) - self._done
            asked = min(wanted, left)
            try:
                sent = self._send(sock, part, asked)
            except BlockingIOError:
                break
            if sent == 0:
                self.failure = SendFailure.FILE_SHRANK
                break
            left -= sent
            self._done += sent
            if sent == wanted:
                self._index, self._done = self._index + 1, 0
            elif sent < asked:  # the socket is full: do not ask the kernel again to hear so
                break
        return _BURST - left

    def _send(self, sock: socket.socket, part: Part, asked: int) -> int:
        match part:
            case Span(offset=offset):
                return os.sendfile(sock.fileno(), self._file.fd, offset + self._done, asked)
            case bytes():
                # MSG_MORE: a head leaves in one segment with what follows it.
                more = socket.MSG_MORE if self._index + 1 < len(self._parts) else 0
                return sock.send(memoryview(part)[self._done : self._done + asked], more)
            case _:
                assert_never(part)


def _size(part: Part) -> int:
    return part.length if isinstance(part, Span) else len(part)


def _duplicate(transport: Transport) -> socket.socket:
    """A socket object of its own on the transport's connection."""
    waiting = transport.get_write_buffer_size()
    if waiting:
        raise RuntimeError(
            f"FileSender: the transport still holds {waiting} octets, which the file would overtake: start "
            "when get_write_buffer_size() is 0 (resume_writing tells, with write-buffer limits of 0)"
        )
    if transport.get_extra_info("sslcontext") is not None:
        raise RuntimeError("FileSender: sendfile past TLS would send clear text: read the file and write it instead")
    duplicate: socket.socket = transport.get_extra_info("socket").dup()
    duplicate.setblocking(False)
    return duplicate
