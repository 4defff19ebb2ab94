"""An answer from an open file, read in blocks and written to the transport: for TLS, which sendfile would go past.

Laws of this module: a block is read only while the transport takes more, so a slow client holds one block and what
the transport buffers; a file that has become shorter never looks whole; every way out closes the file. Reading in
the event loop costs a copy from the page cache, as it does nginx; encrypting the same octets costs several times that.
"""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, Handle, Transport
from collections.abc import Callable
from typing import Final

from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Part
from edgeproxy.proxy.sendfile import SendableFile, SendFailure

_BLOCK: Final = 65_536
_BURST: Final = 16  # blocks per callback: a fast client must not hold the loop


class FileCopier:
    """Sends one answer as a FileSender does, but through the transport: `on_progress` hears of no octets past it."""

    __slots__ = (
        "_done",
        "_file",
        "_handle",
        "_index",
        "_is_blocked",
        "_is_sending",
        "_loop",
        "_on_end",
        "_on_progress",
        "_parts",
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
        self._parts: tuple[Part, ...] = (head, *parts)
        self._on_end = on_end
        self._on_progress = on_progress
        self._index = 0  # of the current part
        self._done = 0  # octets of it that were written
        self._is_blocked = False
        self._is_sending = False  # _go_on is on the stack: writing may block and unblock
        self._handle: Handle | None = None  # the next burst
        self.failure: SendFailure | None = None  # set before on_end(False)

    def start(self) -> None:
        if self._file.fd >= 0:
            self._go_on()

    def cancel(self) -> None:
        """Stop and let go of everything."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._file.close()

    def on_client_blocked(self, blocked: bool) -> None:
        self._is_blocked = blocked
        if not blocked:
            self._on_progress(0)
            if not self._is_sending and self._handle is None and self._file.fd >= 0:
                self._go_on()

    def _go_on(self) -> None:
        self._handle = None
        if self._transport.is_closing():
            self._end(SendFailure.CLIENT_GONE)
            return
        self._is_sending = True
        try:
            self._send_burst()
        except OSError:
            self.failure = SendFailure.FILE_UNREADABLE
        finally:
            self._is_sending = False
        if self.failure is not None or self._index == len(self._parts):
            self._end(self.failure)
        elif not self._is_blocked and self._file.fd >= 0:
            self._on_progress(0)
            self._handle = self._loop.call_soon(self._go_on)

    def _end(self, failure: SendFailure | None) -> None:
        self.failure = failure
        self.cancel()
        self._on_end(failure is None)

    def _send_burst(self) -> None:
        """Write until the transport is full, the burst is spent, or the answer or the file ends."""
        for _ in range(_BURST):
            if self._is_blocked or self._index == len(self._parts):
                return
            part = self._parts[self._index]
            size = part.length if isinstance(part, Span) else len(part)
            wanted = min(size - self._done, _BLOCK)
            block = self._read(part, wanted)
            if wanted and not block:
                self.failure = SendFailure.FILE_SHRANK
                return
            self._done += len(block)
            if self._done == size:
                self._index, self._done = self._index + 1, 0
            self._transport.write(block)

    def _read(self, part: Part, wanted: int) -> bytes:
        if isinstance(part, Span):
            return os.pread(self._file.fd, wanted, part.offset + self._done)
        return part[self._done : self._done + wanted]
