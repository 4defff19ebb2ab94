"""A client's connection that is captured: its transport, listened to, and the exchange that has a record.

Laws of this module:
- what the client gets, and when, does not depend on it: octets are handed on first;
- a connection that is not captured has no part in this but a look at `keeps_records`;
- of an answer that comes in pieces no more is held than `AT_ONCE`; what is larger is digested by the writer as it goes
  by, and what that cannot take now has no digest.

PERF: a plain exchange (its plan is what is remembered for its line, its answer comes whole) has no record of its own.
Most repeat a request, and are of the kind that its last one was, with the same content: such a one is four numbers,
and never comes here. The connection itself sees to it (`AnsweringStream.finish`): its own memory is near.
"""

from __future__ import annotations

import asyncio
from time import time
from typing import TYPE_CHECKING, Any, Final

from edgeproxy.capture.columns import UNKNOWN
from edgeproxy.capture.connections import Connection
from edgeproxy.capture.content import Piece, content_in
from edgeproxy.proxy.capture.asked import Asked
from edgeproxy.proxy.capture.plain import AtHand, record_of

if TYPE_CHECKING:
    from edgeproxy.capture.rows import Kind, Late
    from edgeproxy.proxy.cache.giving import Known
    from edgeproxy.proxy.capture.taking import Taking
    from edgeproxy.proxy.peer import Peer
    from edgeproxy.proxy.planner import Planned, Repeat
    from edgeproxy.telemetry.access_log import Record

AT_ONCE: Final = 16_384  # octets of an answer
_FEW: Final = 4  # pieces; more than that are joined: each that waits takes memory, and a turn of the loop, of its own


class Tap(asyncio.Transport):
    """In the place of the transport of a client's connection."""

    __slots__ = (
        "_at_hand", "_began", "_body", "_call", "_connection", "_head", "_held", "_is_cut", "_kind", "_late", "_name",
        "_pieces", "_sent", "_status", "_taking", "_whole", "_write", "inner", "number", "peer", "rows", "seal",
    )  # fmt: skip

    def __init__(self, inner: asyncio.Transport, peer: Peer, name: str, taking: Taking) -> None:
        """`name`: of the connection."""
        self.inner = inner
        self._write = inner.write
        self.peer = peer
        self._name = name
        self._taking = taking
        self._meet()
        # PERF: as they are, for a connection that adds its plain exchanges itself
        self.rows = taking.rows.flat
        self.seal = taking.rows.seal  # to be called when there are `FULL` of them
        # For one exchange
        self._at_hand: Repeat | AtHand | None = None  # None: no exchange that is captured, and has a record
        self._began = 0.0  # times are in seconds since the epoch
        self._status = 0  # of an answer that comes in pieces
        self._head: float = UNKNOWN  # when its head went out
        self._pieces: list[Piece] = []
        self._held = 0  # octets of them
        self._late: Late | None = None  # of a large one, of which the writer has some
        self._is_cut = False  # not all of it was seen
        self._whole: bytes | memoryview | None = None  # content of one that came whole
        self._sent = 0  # octets of the request's body
        self._body: bytearray | None = bytearray()  # as far as it is held; None: it is not
        self._call: str | None = None
        self._kind: Kind | None = None  # of the last one that had a record

    # -- for the client's connection ----------------------------------------------------------------------------

    def begin(self, at_hand: Repeat | AtHand, began: float) -> None:
        """An exchange that has a record."""
        self._at_hand, self._began = at_hand, began

    def record_of(self, plain: Repeat | AtHand, began: float) -> Record:
        """A plain exchange has one from now on: what is known of it by now."""
        self.begin(plain, began)
        return record_of(self._connection, plain, began)

    def choose(self, planned: Planned) -> None:
        """What it says beside its line has decided."""
        if self._at_hand is not None:
            self._at_hand = AtHand(planned, self._at_hand.fields)

    def knows(self, known: Known) -> bool:
        """Whether hits of it need no look."""
        row = known.row
        return row is not None and row[1] is self._taking.rows.numbers

    def learn(self, known: Known) -> None:
        """The exchange that has just ended was a hit of it."""
        rows, kind = self._taking.rows, self._kind
        known.row = None if kind is None else (rows.number_of(kind, known.content), rows.numbers)

    def give(self, octets: bytes, known: Known) -> None:
        """Write a hit of what it knows: that is one exchange, whole."""
        began, write = time(), self._write
        write(octets)
        ended = time()
        if known.row is not None:
            self._taking.rows.add_row((known.row[0], self.number, began, ended))

    def hear(self) -> None:
        """For whom the connection speaks may be another now."""
        peer, connection = self.peer, self._connection
        if (peer.address, peer.scheme) != (connection.address, connection.scheme):
            self.leave()
            self._meet()

    def _meet(self) -> None:
        self._connection = Connection(self._name, self.peer.address, self.peer.scheme)
        self._taking.rows.meet(self._connection)
        self.number = self._connection.number

    def leave(self) -> None:
        """Nothing more comes of it, or of the client for whom it spoke."""
        self._at_hand = None
        self._taking.rows.leave(self._connection)

    def hold_body(self, content: bytes) -> None:
        """More of the request's body, which may be kept."""
        body = self._body
        if body is None or self._at_hand is None:
            return
        if self._taking.may_hold(self._at_hand.planned, len(body), len(content)):
            body += content
        else:
            self._drop_body()

    def _drop_body(self) -> None:
        if self._body is not None:
            self._taking.bodies -= len(self._body)
            self._body = None

    def note_body(self, octets: int) -> None:
        """It is whole, and so much."""
        if self._at_hand is not None:
            self._sent = octets

    def note_call(self, name: str) -> None:
        if self._at_hand is not None:
            self._call = name

    def add_plain(self, plain: Repeat | AtHand, began: float, status: int, content: bytes | memoryview) -> None:
        """A plain exchange that has just ended, of which more is to be known than that it is like another one."""
        ended = time()
        self._taking.add_plain(plain, self._connection, (began, ended, ended), status, content)

    def write_whole(self, octets: bytes | memoryview, content: bytes | memoryview) -> None:
        """Write the answer of one that has a record, or all that is left of it: it ends in a moment."""
        self._write(octets)
        if self._at_hand is not None:  # else it was under way when the capture began
            self._head, self._whole = time(), content

    def note_status(self, status: int) -> None:
        """Of an answer that is written from now on."""
        self._status = status

    def end(self, record: Record) -> None:
        """An exchange that has a record is over. That is complete."""
        if self._at_hand is not None:
            ended = time() if self._whole is None else self._head  # what came whole has gone out, and that was all
            times = self._began, self._head, ended
            asked = None
            if self._sent or self._call:
                body = bytes(self._body) if self._sent and self._body else None
                asked = Asked(self._call, self._sent, body)
            self._kind = self._taking.add(self._at_hand, record, self._connection, times, self._content(record), asked)
            self._at_hand = None
        self._drop_body()
        self._sent, self._call, self._body = 0, None, bytearray()
        self._status, self._head, self._whole = 0, UNKNOWN, None
        self._pieces, self._held, self._late, self._is_cut = [], 0, None, False

    def _content(self, record: Record) -> bytes | Late | None:
        """Of the answer, if nothing of it was lost."""
        late, is_seen = self._late, record.is_whole and not self._is_cut
        if late is not None:
            if is_seen and self._whole is None and (not self._held or self._feed(late)):
                return late
            self._taking.let_go(late)
        if self._whole is not None:
            return self._taking.digestible(self._whole) if is_seen else None
        return content_in(b"".join(self._pieces)) if is_seen and late is None and self._pieces else None

    # -- the transport ------------------------------------------------------------------------------------------

    def write(self, data: Piece) -> None:
        self._write(data)
        if self._status >= 200 and self._at_hand is not None:  # not a 100 before it, nor what a tunnel carries
            if self._head == UNKNOWN:
                self._head = time()
            if not self._is_cut:
                self._pieces.append(data)
                self._held += len(data)
                if self._held > AT_ONCE:
                    self._hand_over()

    def _hand_over(self) -> None:
        late = self._late or self._taking.begin_late()
        if self._feed(late):
            self._late = late
        else:
            self._is_cut = True
        self._pieces, self._held = [], 0

    def _feed(self, late: Late) -> bool:
        pieces: list[Piece] = self._pieces if len(self._pieces) <= _FEW else [b"".join(self._pieces)]
        return self._taking.feed(late, pieces, self._held, has_head=True)

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
