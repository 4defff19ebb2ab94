"""What exchanges do with a client's connection: answer on it, hold its body up, end it.

Law: an answer that has begun is whole or visibly broken; one that has not is the edge's own to give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import time
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.caching.outcomes import Outcome
from edgeproxy.capture.rows import FULL
from edgeproxy.http.fields import connection_lines
from edgeproxy.http.head_buffer import HeadBuffer
from edgeproxy.http.request import BadRequest, RequestFields
from edgeproxy.proxy.capture.plain import AtHand
from edgeproxy.proxy.exchange import Exchange
from edgeproxy.proxy.inflow import Inflow
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.phase import Phase, time_for
from edgeproxy.proxy.plan import ALLOWED, Answer, Plan, say
from edgeproxy.proxy.recording import record_refused
from edgeproxy.proxy.sockets import reset_on_close
from edgeproxy.proxy.stream import ClientStream
from edgeproxy.telemetry.counters import BackendFailure, Refusal, refusal_of

if TYPE_CHECKING:
    import asyncio

    from edgeproxy.proxy.capture.tap import Tap
    from edgeproxy.proxy.edge import Edge
    from edgeproxy.proxy.loop_guard import LoopGuard
    from edgeproxy.proxy.planner import Planned, Repeat
    from edgeproxy.proxy.shadow.shadower import Shadower
    from edgeproxy.telemetry.access_log import Record

NO_ROWS: Final[list[float]] = []
_HEAD: Final = Phase.HEAD  # PERF: an enum's member by its class costs three times a global


class AnsweringStream(ClientStream, ABC):
    """A client's connection, as far as an exchange sees it."""

    __slots__ = (
        "_began", "_begins_plain", "_beneath", "_body", "_buffer", "_exchange", "_is_answering", "_is_behind",
        "_is_blocked", "_is_looping", "_keep_alive", "_method", "_phase", "_plain", "_row_number", "_rows",
        "keeps_records", "minor", "peer", "record", "tap",
    )  # fmt: skip

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        # For the connection's life
        self.peer: Peer = cast("Peer", None)
        self._phase = _HEAD
        self.keeps_records = edge.keeps_records
        self.tap: Tap | None = None  # only when the connection is captured
        self._begins_plain = False  # then: its exchanges have no record at first
        self._rows = NO_ROWS  # of those, as `Row` has them
        self._row_number = 0  # of the connection, in those
        self._beneath = cast("asyncio.Transport", None)  # the tap
        self._buffer = HeadBuffer(edge.limits.head)  # a head's start, or pipelined octets
        self._is_looping = False  # _read_heads is on the stack, or will go on when it is its turn again
        # For one exchange
        self._exchange: Exchange | None = None
        self._body: Inflow | None = None
        self._is_behind = False  # octets of the body are held until it is their turn
        self._is_blocked = False  # the exchange takes no more body for now
        self._is_answering = False  # the head of its answer went out
        self._keep_alive = True
        self._method = b""
        self.minor = 1
        self.record: Record | None = None  # only when records are kept
        self._plain: Repeat | AtHand | None = None  # it is captured, and has no record; never so without a tap
        self._began = 0.0  # then; in seconds since the epoch

    @abstractmethod
    def _read_heads(self) -> None:
        """Go on with the requests that wait."""

    # -- for the exchange ---------------------------------------------------------------------------------------

    @property
    def guard(self) -> LoopGuard:
        return self._edge.guard

    @property
    def shadower(self) -> Shadower:
        return self._edge.shadower

    def may_keep_alive(self) -> bool:
        """Whether another request can follow on this connection, as known when an answer's head goes out."""
        return self._keep_alive and self._body is None and not self._edge.is_draining

    def date_line(self) -> bytes:
        return self._edge.clock.date_line()

    def block_body(self, blocked: bool) -> None:
        self._is_blocked = blocked
        if self._phase is Phase.BODY or self._phase is Phase.TUNNEL:
            if self._body is not None:
                self._body.block(blocked, self._edge.clock.now())
            self._update_reading()
            self._set_deadline()

    @property
    def has_whole_request(self) -> bool:
        return self._body is None

    def put_exchange(self, exchange: Exchange) -> None:
        """Another one goes on in the place of the one that runs."""
        self._exchange = exchange

    def note_outcome(self, rule: str, outcome: Outcome) -> None:
        """What the cache did."""
        self._edge.counting.cache[rule, outcome] += 1
        record = self._recorded() if self.keeps_records else None
        if record is not None:
            record.cache = outcome

    def become_tunnel(self) -> None:
        """The answer switched protocols: what the client sends from here on goes to the exchange as it comes."""
        self._keep_alive = False
        self._phase = Phase.TUNNEL
        self._set_deadline()
        self._update_reading()
        if self._buffer:
            cast("Exchange", self._exchange).on_body(self._buffer.take_rest())

    def finish(self, status: int, octets: bytes | memoryview, content: bytes | memoryview, keep_alive: bool) -> None:
        """PERF: send, on_head_sent and on_answered in one, for an answer that came whole; `content`: of it. A plain
        exchange of the kind that its request's last one was, with the same content, is four numbers of a row.
        """
        self._edge.counting.statuses[status] += 1
        if not self.keeps_records:
            self.transport.write(octets)
        elif (plain := self._plain) is not None:
            self._plain = None
            self._beneath.write(octets)
            kind = plain.kind
            if kind.status == status and kind.seen == content:
                rows = self._rows
                rows.append(kind.number)
                rows.append(self._row_number)
                rows.append(self._began)
                rows.append(time())
                if len(rows) >= FULL and self.tap is not None:
                    self.tap.seal()
            elif self.tap is not None:
                self.tap.add_plain(plain, self._began, status, content)
        else:
            self._finish_recorded(status, octets, content)
        self.on_answered(keep_alive)

    def _finish_recorded(self, status: int, octets: bytes | memoryview, content: bytes | memoryview) -> None:
        if self.record is not None:
            self.record.status = status
        if self.tap is None:
            self.transport.write(octets)
        else:
            self.tap.write_whole(octets, content)

    def on_head_sent(self, status: int) -> None:
        self._is_answering = True
        self._edge.counting.statuses[status] += 1
        record = self._recorded() if self.keeps_records else None
        if record is not None:
            record.status = status
            if self.tap is not None:
                self.tap.note_status(status)

    def _recorded(self) -> Record | None:
        """The record of the exchange at hand. One that is plain is so no more."""
        plain = self._plain
        if plain is not None and self.tap is not None:
            self._plain, self.record = None, self.tap.record_of(plain, self._began)
        return self.record

    def _note_choice(self, planned: Planned, plan: Plan | None = None, arm: str | None = None) -> None:
        """More than the request's line had a say in what is done. A capture's to know, as long as the exchange has no
        record: that is told by others.
        """
        if self._plain is not None:
            self._plain = AtHand(planned, self._plain.fields, plan, arm)
        elif self.tap is not None:
            self.tap.choose(planned)

    def on_answered(self, keep_alive: bool) -> None:
        """The answer is whole. Another request follows, or the connection ends."""
        self._exchange = None
        self._is_answering = self._is_blocked = False
        if self.record is not None:
            self._write_record(is_whole=True)
        if not keep_alive or self._body is not None:  # an answer that promised another is kept to, draining or not
            self._end()
            return
        self._phase = _HEAD
        if self._is_stalled:
            self._set_deadline()
        else:  # PERF: what _set_deadline comes to, without its two calls
            edge = self._edge
            now = edge.clock.now  # a slot's value that is called in place is looked for among methods first
            self.deadline = now() + edge.limits.idle
        if self._is_looping:
            return
        if self._buffer.octets:
            self._read_heads()
        if self._is_paused:
            self._update_reading()

    def answer(self, answer: Answer, why: Refusal | BackendFailure | None = None) -> None:
        """Send an answer of the edge's own, whole; `why` it is not the one that was asked for."""
        record = None if why is None else self._recorded()
        if record is not None:
            record.why = why
        keep_alive = self.may_keep_alive()
        content = b"" if self._method == b"HEAD" else answer.body
        self.on_head_sent(answer.status)
        lines = (answer.head, self.date_line(), *connection_lines(keep_alive, self.minor), b"", content)
        octets = b"\r\n".join(lines)
        if self.tap is None:
            self.transport.write(octets)
        else:
            self.tap.write_whole(octets, content)
        self.on_answered(keep_alive)

    def abort(self) -> None:
        """End in the middle of an answer: the client must see that it is broken."""
        self._edge.counting.aborted += self._exchange is not None
        self._phase = Phase.CLOSED
        self._write_record(is_whole=False)
        self._leave_exchange()
        if self.minor == 0:  # to such a client an orderly end may be a body's end
            reset_on_close(self.transport)
        self.transport.abort()

    # -- ending -------------------------------------------------------------------------------------------------

    def _refuse_request(self, error: BadRequest, fields: RequestFields | None = None) -> None:
        self._method = b""  # of a request that is not understood; its answer has a body whatever it was
        self._refuse(error.status, f"The request is refused: {error}.", refusal_of(error.status), fields)

    def _refuse(self, status: int, message: str, reason: Refusal, fields: RequestFields | None = None) -> None:
        """Answer, when no answer has begun, and end the connection."""
        self._edge.counting.refusals[reason] += 1
        if self.record is None and self.keeps_records:
            self.record = self._recorded() or record_refused(self.peer, fields)
        if self._is_answering:
            self.abort()
            return
        self._leave_exchange()
        self._keep_alive = False
        self.answer(say(status, message, *((("Allow", ALLOWED),) if status == 405 else ())), reason)

    def _write_record(self, *, is_whole: bool) -> None:
        record, self.record = self._recorded(), None
        if record is not None:
            record.is_whole = is_whole
            if self._edge.keeps_records:
                self._edge.write_record(record)
            if self.tap is not None:
                self.tap.end(record)

    def _leave_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_client_gone()

    def _end(self) -> None:
        """No further request."""
        if self._phase in (Phase.LINGER, Phase.CLOSED):
            return
        is_quiet = self._body is None and not self._buffer and self._phase is Phase.EXCHANGE
        self._buffer.clear()
        self._phase = Phase.LINGER if self._close(may_receive=not is_quiet) else Phase.CLOSED
        self._set_deadline()
        self._update_reading()

    def _set_deadline(self) -> None:
        edge = self._edge
        now = edge.clock.now()
        if self._phase is Phase.BODY and self._body is not None and not (self._is_stalled or self._is_blocked):
            self.deadline = self._body.due(now)
            return
        seconds = time_for(self._phase, is_stalled=self._is_stalled, is_blocked=self._is_blocked, limits=edge.limits)
        self.deadline = min(now + seconds, self._linger_end)

    def _update_reading(self) -> None:
        is_ahead = self._is_stalled and self._phase is _HEAD
        wants_pause = is_ahead or len(self._buffer) >= self._edge.limits.held
        if self._phase is Phase.BODY or self._phase is Phase.TUNNEL:
            wants_pause = self._is_blocked or self._is_behind
        self._pause_reading(wants_pause)
