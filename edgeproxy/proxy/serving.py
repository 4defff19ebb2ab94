"""An exchange that answers from a directory: opened, judged by its conditions and ranges, sent by sendfile or, past
TLS, block by block.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol, assert_never

from edgeproxy.http.fields import connection_lines
from edgeproxy.http.selection import Selection, select
from edgeproxy.proxy.copyfile import FileCopier
from edgeproxy.proxy.files import NotAFile, OpenFile, open_file
from edgeproxy.proxy.plan import NOSNIFF, Answer, ServeFile, edited, reason_phrase, say
from edgeproxy.proxy.sendfile import FileSender


class Client(Protocol):
    """What a file's exchange needs of the client's connection."""

    minor: int
    transport: asyncio.Transport

    def may_keep_alive(self) -> bool: ...
    def date_line(self) -> bytes: ...
    def when_flushed(self, on_flushed: Callable[[], None]) -> None: ...
    def note_progress(self, octets: int) -> None: ...
    def on_head_sent(self, status: int) -> None: ...
    def on_answered(self, keep_alive: bool) -> None: ...
    def answer(self, answer: Answer) -> None: ...
    def abort(self) -> None: ...


class Serving:
    """One request answered by a file."""

    __slots__ = ("_client", "_keep_alive", "_method", "_plan", "_sender", "_values")

    def __init__(self, client: Client, plan: ServeFile, method: bytes, values: Mapping[str, str]) -> None:
        self._client = client
        self._plan = plan
        self._method = method.decode("ascii")
        self._values = values
        self._sender: FileSender | FileCopier | None = None
        self._keep_alive = False

    def start(self) -> None:
        if self._method not in ("GET", "HEAD"):
            self._answer(say(405, "A file can be read and nothing else.", ("Allow", "GET, HEAD")))
            return
        try:
            found = open_file(self._plan.directory, self._plan.path)
        except OSError:  # out of descriptors, a disk that fails, a directory that is not there
            self._answer(say(500, "The file cannot be read now."))
            return
        match found:
            case NotAFile.UNREADABLE:
                self._answer(say(403, "The file may not be read."))
            case NotAFile.MISSING | NotAFile.OUTSIDE | NotAFile.NOT_REGULAR:
                self._answer(say(404, "There is no such file."))
            case OpenFile():
                self._send(found)
            case _:
                assert_never(found)

    def on_body(self, content: bytes) -> None:
        """A body with a GET means nothing (RFC 9110 §9.3.1); it is read and dropped."""

    def on_body_end(self) -> None:
        """What the client was waited for until now; from here on it is the taking of the file."""
        if self._sender is not None:
            self._client.note_progress(0)

    def on_client_blocked(self, blocked: bool) -> None:
        """A FileSender watches the socket itself."""
        if isinstance(self._sender, FileCopier):
            self._sender.on_client_blocked(blocked)

    def on_client_gone(self) -> None:
        if self._sender is not None:
            self._sender.cancel()

    def _answer(self, answer: Answer) -> None:
        self._client.answer(edited(answer, self._plan.answer_edit))

    def _send(self, file: OpenFile) -> None:
        client = self._client
        selection = select(self._method, self._values, file.representation, time.time())
        self._keep_alive = client.may_keep_alive()
        client.on_head_sent(selection.status)
        is_secure = client.transport.get_extra_info("sslcontext") is not None
        self._sender = (FileCopier if is_secure else FileSender)(
            asyncio.get_running_loop(),
            client.transport,
            file,
            self._head(selection),
            selection.parts,
            self._on_end,
            client.note_progress,
        )
        if is_secure:
            self._start()  # what is written through the transport overtakes nothing
        else:
            client.when_flushed(self._start)

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

    def _head(self, selection: Selection) -> bytes:
        lines = [f"HTTP/1.1 {selection.status} {reason_phrase(selection.status)}".encode(), b"Server: edgeproxy"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in selection.fields]
        if self._plan.answer_edit is not None:
            lines = [self._plan.answer_edit.apply(b"\r\n".join([*lines, b""])).removesuffix(b"\r\n")]
        lines.append(self._client.date_line())
        if self._plan.to_content:
            lines.append(NOSNIFF)
        lines += connection_lines(self._keep_alive, self._client.minor)
        return b"\r\n".join([*lines, b"", b""])
