"""An exchange that answers from a directory: opened, judged by its conditions and ranges, sent by sendfile or, past
TLS, block by block.
"""

from __future__ import annotations

import time
from typing import Final, Protocol, assert_never

from edgeproxy.http.fields import connection_lines
from edgeproxy.http.framing import has_body
from edgeproxy.http.request import RequestFields
from edgeproxy.http.selection import Part, Selection, select
from edgeproxy.proxy.fallback import Fall
from edgeproxy.proxy.file_answer import Client as FileClient
from edgeproxy.proxy.file_answer import FileAnswer
from edgeproxy.proxy.files import NotAFile, OpenFile, open_file
from edgeproxy.proxy.plan import NOSNIFF, Answer, ServeFile, edited, reason_phrase, say
from edgeproxy.telemetry.counters import FallbackReason

UNREADABLE_NOW: Final = say(500, "The file cannot be read now.")


class Client(FileClient, Protocol):
    """What a file's exchange needs of the client's connection."""

    minor: int

    def may_keep_alive(self) -> bool: ...
    def date_line(self) -> bytes: ...
    def answer(self, answer: Answer) -> None: ...
    def fall_back(self, fall: Fall) -> object: ...


def open_for(plan: ServeFile) -> OpenFile | Answer:
    """The file that is asked for, or the answer, without the rule's edits, where there is none."""
    if plan.method not in ("GET", "HEAD"):
        return say(405, "A file can be read and nothing else.", ("Allow", "GET, HEAD"))
    try:
        found = open_file(plan.directory, plan.path)
    except OSError:  # out of descriptors, a disk that fails, a directory that is not there
        return UNREADABLE_NOW
    match found:
        case NotAFile.UNREADABLE:
            return say(403, "The file may not be read.")
        case NotAFile.MISSING | NotAFile.OUTSIDE | NotAFile.NOT_REGULAR:
            return say(404, "There is no such file.")
        case OpenFile():
            return found
        case _:
            assert_never(found)


class FileExchange:
    """One request for a file: what is the same whether its rule keeps answers or not."""

    __slots__ = ("_client", "_fields", "_plan", "_sending", "_values")

    def __init__(self, client: Client, plan: ServeFile, fields: RequestFields) -> None:
        self._client = client
        self._plan = plan
        self._fields = fields
        self._values = fields.values
        self._sending: FileAnswer | None = None

    def on_body(self, content: bytes) -> None:
        """A body with a GET means nothing (RFC 9110 §9.3.1); it is read and dropped."""

    def on_body_end(self) -> None:
        if self._sending is not None:
            self._sending.on_request_end()

    def on_client_blocked(self, blocked: bool) -> None:
        if self._sending is not None:
            self._sending.on_client_blocked(blocked)

    def on_client_gone(self) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def _falls_back(self, status: int) -> bool:
        """Whether another backend is asked in the place of a directory that has no other answer. A request with a body
        is not: what came of it was dropped.
        """
        fallback, fields = self._plan.fallback, self._fields
        if fallback is None or status not in fallback.statuses or has_body(fields.framing):
            return False
        self._client.fall_back(Fall(fallback, self._plan.path, FallbackReason.STATUS, fields))
        return True

    def _begin(self, status: int, file: OpenFile, head: bytes, parts: tuple[Part, ...], keep_alive: bool) -> None:
        self._sending = FileAnswer(self._client, keep_alive)
        self._sending.begin(status, file, head, parts)


class Serving(FileExchange):
    """One request answered by a file."""

    __slots__ = ()

    def start(self) -> None:
        found = open_for(self._plan)
        if isinstance(found, OpenFile):
            self._send(found)
        elif not self._falls_back(found.status):
            self._client.answer(edited(found, self._plan.answer_edit))

    def _send(self, file: OpenFile) -> None:
        selection = select(self._plan.method, self._values, file.representation, time.time())
        keep_alive = self._client.may_keep_alive()
        self._begin(selection.status, file, self._head(selection, keep_alive), selection.parts, keep_alive)

    def _head(self, selection: Selection, keep_alive: bool) -> bytes:
        lines = [f"HTTP/1.1 {selection.status} {reason_phrase(selection.status)}".encode(), b"Server: edgeproxy"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in selection.fields]
        if self._plan.answer_edit is not None:
            lines = [self._plan.answer_edit.apply(b"\r\n".join([*lines, b""])).removesuffix(b"\r\n")]
        lines.append(self._client.date_line())
        if self._plan.to_content:
            lines.append(NOSNIFF)
        lines += connection_lines(keep_alive, self._client.minor)
        return b"\r\n".join([*lines, b"", b""])
