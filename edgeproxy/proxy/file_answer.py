"""The sending of one answer from an open file: by sendfile, or, past TLS, block by block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from edgeproxy.http.selection import Part
from edgeproxy.proxy.copyfile import FileCopier
from edgeproxy.proxy.sendfile import FileSender, SendableFile


class Client(Protocol):
    """What it needs of the client's connection."""

    transport: asyncio.Transport

    def when_flushed(self, on_flushed: Callable[[], None]) -> None: ...
    def note_progress(self, octets: int) -> None: ...
    def on_head_sent(self, status: int) -> None: ...
    def on_answered(self, keep_alive: bool) -> None: ...
    def abort(self) -> None: ...


class FileAnswer:
    """The file is this answer's from the beginning, and is closed by it."""

    __slots__ = ("_client", "_keep_alive", "_sender")

    def __init__(self, client: Client, keep_alive: bool) -> None:
        self._client = client
        self._keep_alive = keep_alive
        self._sender: FileSender | FileCopier | None = None

    def begin(self, status: int, file: SendableFile, head: bytes, parts: tuple[Part, ...]) -> None:
        client = self._client
        client.on_head_sent(status)
        is_secure = client.transport.get_extra_info("sslcontext") is not None
        self._sender = (FileCopier if is_secure else FileSender)(
            asyncio.get_running_loop(), client.transport, file, head, parts, self._on_end, client.note_progress
        )
        if is_secure:
            self._start()  # what is written through the transport overtakes nothing
        else:
            client.when_flushed(self._start)

    def on_request_end(self) -> None:
        """What the client was waited for until now; from here on it is the taking of the file."""
        if self._sender is not None:
            self._client.note_progress(0)

    def on_client_blocked(self, blocked: bool) -> None:
        """A FileSender watches the socket itself."""
        if isinstance(self._sender, FileCopier):
            self._sender.on_client_blocked(blocked)

    def cancel(self) -> None:
        if self._sender is not None:
            self._sender.cancel()

    def _start(self) -> None:
        if self._sender is None:
            return
        self._client.note_progress(0)  # from here on it is the client who is waited for
        try:
            self._sender.start()
        except OSError:  # no descriptor left for a duplicate of the socket: nothing was sent
            self._on_end(False)

    def _on_end(self, is_whole: bool) -> None:
        self._sender = None
        if is_whole:
            self._client.on_answered(self._keep_alive)
        else:
            self._client.abort()
