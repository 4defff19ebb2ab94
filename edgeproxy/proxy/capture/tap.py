"""A client's connection that is captured: its transport, listened to, and the exchange at hand.

Laws of this module:
- what the client gets, and when, does not depend on it: octets are handed on first;
- a connection that is not captured has none of this;
- of an answer no more is held than `_AT_ONCE`; what is larger is digested by the writer's thread as it goes by, and
  what that cannot take now has no digest.

PERF: what it does for an exchange are a few stores, and what `RowMaker.add` does. An answer that is not large is
digested at once: one that is held until a thread has time for it costs more, in memory that is cold, than its digest.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from edgeproxy.capture.content import ContentReader, Piece
from edgeproxy.capture.rows import Connection
from edgeproxy.telemetry.access_log import Record

if TYPE_CHECKING:
    from edgeproxy.http.request import RequestFields, RequestLine
    from edgeproxy.proxy.capture.taking import Taking
    from edgeproxy.proxy.peer import Peer

_AT_ONCE: Final = 16_384  # octets of an answer


class Tap(asyncio.Transport):
    """In the place of the transport of a client's connection."""

    __slots__ = (
        "_began", "_connection", "_fields", "_head", "_held", "_is_cut", "_line", "_own", "_pieces", "_reader",
        "_record", "_rows", "_sent", "_taking", "_write", "_xmlrpc", "inner",
    )  # fmt: skip

    def __init__(self, inner: asyncio.Transport, connection: Connection, taking: Taking) -> None:
        self.inner = inner
        self._write = inner.write
        self._connection = connection
        self._taking = taking
        self._rows = taking.rows
        self._own = Record(0.0, "", "")  # PERF: filled again and again where no access log wants one: 1 µs
        self._began = 0  # nanoseconds since the epoch, as all times here
        # For one exchange
        self._record: Record | None = None  # None: no exchange that is captured
        self._line: RequestLine
        self._fields: RequestFields
        self._head = 0  # when the answer's head went out
        self._pieces: list[Piece] = []  # of the answer
        self._held = 0  # octets of them
        self._reader: ContentReader | None = None  # of a large answer
        self._is_cut = False  # not all of the answer was seen
        self._sent = 0  # octets of the request's body
        self._xmlrpc: str | None = None

    # -- for the client's connection ----------------------------------------------------------------------------

    def begin(self, record: Record, line: RequestLine, fields: RequestFields) -> None:
        """A request was understood."""
        self._began = round(record.began * 1e9)
        self._record = record
        self._line = line
        self._fields = fields

    def record(self, peer: Peer, line: RequestLine, fields: RequestFields) -> Record:
        """Likewise, where nobody else wants a record of it."""
        record = self._own
        self._began = time.time_ns()
        record.client = peer.address
        record.scheme = peer.scheme
        record.rule = record.arm = record.backend = record.fallback = record.cache = record.why = None
        record.status = 0
        self._record = record
        self._line = line
        self._fields = fields
        return record

    def note_body(self, octets: int) -> None:
        """So much of the request's body has come."""
        self._sent = octets

    def note_call(self, name: str) -> None:
        self._xmlrpc = name

    def end(self, record: Record) -> None:
        """It is over, and the record is complete."""
        if record is not self._record:
            return  # of a request that was not understood, or that began before the capture
        written: bytes | ContentReader | None = None
        pieces = self._pieces
        if record.is_whole and pieces and self._reader is None and self._line.method != b"HEAD":
            written = b"".join(pieces)  # of one that is bytes this is itself
        elif self._reader is not None:
            written = self._whole_reader(self._reader, record)
        if self._sent or self._xmlrpc is not None:
            self._rows.tell(self._sent, self._xmlrpc)
            self._sent, self._xmlrpc = 0, None
        times = self._began, self._head, time.time_ns()
        self._rows.add(record, self._line, self._fields, self._connection, times, written)
        self._record = None
        self._head = 0
        if pieces:
            self._pieces, self._held = [], 0
        if self._reader is not None:
            self._reader, self._is_cut = None, False

    def _whole_reader(self, reader: ContentReader, record: Record) -> ContentReader | None:
        """Of a large answer, if nothing of it was lost."""
        if not record.is_whole or self._is_cut or self._line.method == b"HEAD":
            return None
        return reader if not self._held or self._taking.feed(reader, self._pieces, self._held) else None

    # -- the transport ------------------------------------------------------------------------------------------

    def write(self, data: Piece) -> None:
        self._write(data)
        record = self._record
        if record is not None and record.status >= 200:  # not a 100 before the answer, nor what a tunnel carries
            if not self._head:
                self._head = time.time_ns()
            if not self._is_cut:
                self._pieces.append(data)
                self._held += len(data)
                if self._held > _AT_ONCE:
                    self._hand_over()

    def _hand_over(self) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = ContentReader()
        self._is_cut = not self._taking.feed(reader, self._pieces, self._held)
        self._pieces, self._held = [], 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.inner.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self.inner.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.inner.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        self.inner.pause_reading()

    def resume_reading(self) -> None:
        self.inner.resume_reading()

    def can_write_eof(self) -> bool:
        return self.inner.can_write_eof()

    def write_eof(self) -> None:
        self.inner.write_eof()

    def is_closing(self) -> bool:
        return self.inner.is_closing()

    def close(self) -> None:
        self.inner.close()

    def abort(self) -> None:
        self.inner.abort()
