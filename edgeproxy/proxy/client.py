"""A client's connection: heads in order, one exchange at a time, bodies to the exchange, answers back.

The way of a request: bytes → parse → route → plan → act → record. All of it up to the exchange's start happens in
the callback that received the bytes: no task, no future. Pipelined requests wait, in a bounded buffer, for their turn.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.http.fields import connection_lines
from edgeproxy.http.framing import NO_BODY, BadFraming, reader_for
from edgeproxy.http.head_buffer import HeadBuffer
from edgeproxy.http.proxy_protocol import ProxyHeader
from edgeproxy.http.request import BadRequest, RequestFields
from edgeproxy.http.target import BadTarget
from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.exchange import Exchange, Passing
from edgeproxy.proxy.inflow import BodyTooLarge, Inflow
from edgeproxy.proxy.judging import judge
from edgeproxy.proxy.peer import Peer, name_of
from edgeproxy.proxy.phase import Phase, time_for
from edgeproxy.proxy.plan import ALLOWED, Answer, ByArm, Pass, Plan, Planned, ServeFile, choose_arm, say
from edgeproxy.proxy.recording import note_plan, record_refused, record_request
from edgeproxy.proxy.serving import Serving
from edgeproxy.proxy.sockets import has_unread, reset_on_close
from edgeproxy.proxy.stream import ClientStream
from edgeproxy.telemetry.counters import BackendFailure, Refusal, refusal_of

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge
    from edgeproxy.proxy.loop_guard import LoopGuard
    from edgeproxy.ruleset.listeners import Listener
    from edgeproxy.telemetry.access_log import Record

_AT_A_TIME: Final = 32  # pipelined heads read before others get their turn: a read may hold six thousand
_HEAD: Final = Phase.HEAD  # PERF: an enum's member by its class costs three times a global
_EXCHANGE: Final = Phase.EXCHANGE


class ClientConnection(ClientStream):
    __slots__ = (
        "_body", "_buffer", "_exchange", "_has_begun_head", "_header", "_is_answering", "_is_behind", "_is_blocked",
        "_is_looping", "_keep_alive", "_listener", "_method", "_phase", "_planner", "_requests_left", "counted_as",
        "minor", "peer", "record",
    )  # fmt: skip

    def __init__(self, edge: Edge, listener: Listener, header: ProxyHeader | None = None) -> None:
        """`header`: what a trusted proxy said first."""
        super().__init__(edge)
        # For the connection's life
        self._listener = listener
        self._header = header
        self._planner = edge.planners[listener.scheme]
        self.peer: Peer = cast("Peer", None)
        self.counted_as: str | None = None  # among the connections of one client
        self._phase = _HEAD
        self._buffer = HeadBuffer(edge.limits.head)  # a head's start, or pipelined octets
        self._has_begun_head = False  # its first octets are in the buffer, and its time runs
        self._is_looping = False  # _read_heads is on the stack, or will go on when it is its turn again
        self._requests_left = edge.limits.requests
        # For one exchange
        self._exchange: Exchange | None = None
        self._body: Inflow | None = None
        self._is_behind = False  # octets of the body are held until it is their turn
        self._is_blocked = False  # the exchange takes no more body for now
        self._is_answering = False  # the head of its answer went out
        self._keep_alive = True
        self._method = b""
        self.minor = 1
        self.record: Record | None = None  # only when there is an access log

    # -- for the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        edge = self._edge
        self.transport = cast("asyncio.Transport", transport)
        self.peer = Peer(name_of(transport.get_extra_info("peername")), self._listener.scheme, edge.proxies)
        edge.on_client_made(self)
        if self._header is not None:
            self.peer.introduce(self._header)
            self._planner = edge.planners[self.peer.scheme]
        self._set_deadline()
        refusal = edge.admit(self)
        if refusal is not None:
            whose = "Your address" if refusal is Refusal.TOO_MANY_OF_CLIENT else "This edge"
            self._refuse(503, f"{whose} has too many connections.", refusal)
            self._phase = Phase.CLOSED  # no lingering for those who are too many
            transport.close()

    def data_received(self, data: bytes) -> None:
        phase = self._phase
        if phase is _HEAD:
            if not self._buffer.octets and not self._is_stalled:
                # PERF: what a client sends again and again, one request in one read, is known without a search for
                # its end: 1.5 of 16 µs. All else goes the way of _read_heads.
                end = data.find(b"\r\n")
                fields = self._edge.heads.known(data, end) if end > 0 else None
                if fields is not None:
                    self._begin(data[:end], fields)
                    return
            self._buffer.add(data)
            self._read_heads()
        elif phase is _EXCHANGE:
            self._buffer.add(data)
            self._update_reading()
        elif phase is Phase.BODY:
            self._read_body(data)
        elif phase is Phase.TUNNEL:
            cast("Exchange", self._exchange).on_body(data)
        elif phase is Phase.LINGER:
            self._set_deadline()

    def eof_received(self) -> bool:
        """The client closed its half. It may mean only that half, but most who do so have left, and a backend should
        not work for them: nginx, Envoy and Go's server give the exchange up, too.
        """
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.CLOSED
        self.deadline = NEVER
        self._edge.on_client_lost(self)
        if self._exchange is not None:
            self._edge.counters.client_gone += 1
            self._write_record(is_whole=False)
            self._leave_exchange()

    def pause_writing(self) -> None:
        self._is_stalled = True
        self._await_taking()
        self._update_reading()
        if self._exchange is not None:
            self._exchange.on_client_blocked(True)

    def resume_writing(self) -> None:
        self._is_stalled = False
        self._set_deadline()
        if self._tell_flushed():
            pass
        elif self._exchange is not None:
            self._exchange.on_client_blocked(False)
        elif self._phase is _HEAD and not self._is_looping:
            self._read_heads()
        self._update_reading()

    def on_deadline(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if self._phase is _HEAD and self._buffer and not self._is_stalled:
            self._refuse(408, "The request's head took too long.", Refusal.HEAD_TIMEOUT)
        elif self._phase is Phase.BODY and not self._is_stalled:
            self._refuse(408, "The request's body took too long.", Refusal.BODY_TIMEOUT)
        elif (unsent or self._phase is Phase.EXCHANGE) and self._takes_enough(unsent):
            self.deadline = self._edge.clock.now() + self._edge.limits.stall
        elif self._exchange is not None:
            self.abort()
        elif self._phase is _HEAD and not self._is_paused and has_unread(self.transport):
            self._set_deadline()  # a request came in time; the loop has not read it yet
        elif self._phase is Phase.HEAD and not self.transport.can_write_eof():
            self._phase = Phase.CLOSED  # TLS says goodbye, and waits a moment for the answer (RFC 8446 §6.1)
            self.deadline = self._edge.clock.now() + self._edge.limits.linger
            self.transport.close()
        else:
            if unsent:
                reset_on_close(self.transport)
            self.transport.abort()

    # -- for the exchange ---------------------------------------------------------------------------------------

    @property
    def guard(self) -> LoopGuard:
        return self._edge.guard

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

    def become_tunnel(self) -> None:
        """The answer switched protocols: what the client sends from here on goes to the exchange as it comes."""
        self._keep_alive = False
        self._phase = Phase.TUNNEL
        self._set_deadline()
        self._update_reading()
        if self._buffer:
            cast("Exchange", self._exchange).on_body(self._buffer.take_rest())

    def finish(self, status: int, octets: bytes, keep_alive: bool) -> None:
        """PERF: send, on_head_sent and on_answered in one, for an answer that came whole."""
        self._edge.counters.statuses[status] += 1
        if self.record is not None:
            self.record.status = status
        self.transport.write(octets)
        self.on_answered(keep_alive)

    def on_head_sent(self, status: int) -> None:
        self._is_answering = True
        self._edge.counters.statuses[status] += 1
        if self.record is not None:
            self.record.status = status

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
            self.deadline = edge.clock.now() + edge.limits.idle
        if self._is_looping:
            return
        if self._buffer.octets:
            self._read_heads()
        if self._is_paused:
            self._update_reading()

    def answer(self, answer: Answer, why: Refusal | BackendFailure | None = None) -> None:
        """Send an answer of the edge's own, whole; `why` it is not the one that was asked for."""
        if why is not None and self.record is not None:
            self.record.why = why
        keep_alive = self.may_keep_alive()
        content = b"" if self._method == b"HEAD" else answer.body
        self.on_head_sent(answer.status)
        lines = (answer.head, self.date_line(), *connection_lines(keep_alive, self.minor), b"", content)
        self.transport.write(b"\r\n".join(lines))
        self.on_answered(keep_alive)

    def abort(self) -> None:
        """End in the middle of an answer: the client must see that it is broken."""
        self._edge.counters.aborted += self._exchange is not None
        self._phase = Phase.CLOSED
        self._write_record(is_whole=False)
        self._leave_exchange()
        if self.minor == 0:  # to such a client an orderly end may be a body's end
            reset_on_close(self.transport)
        self.transport.abort()

    # -- for the edge -------------------------------------------------------------------------------------------

    def on_drain(self) -> None:
        """The edge's limit of idle time has become short."""
        if self._phase is _HEAD and not self._buffer:
            self._set_deadline()

    # -- reading ------------------------------------------------------------------------------------------------

    def _read_heads(self) -> None:
        """Read heads and start their exchanges, until one takes its time or only an unfinished head is left.

        A client that takes no answers gets no more of them made: what it pipelines waits in the kernel.
        """
        if self._is_looping:
            self._update_reading()
            return
        self._is_looping = True
        left = _AT_A_TIME
        while self._phase is _HEAD and not self._is_stalled:
            if not left:
                asyncio.get_running_loop().call_soon(self._take_turn)
                self._update_reading()
                return
            left -= 1
            try:
                head = self._buffer.take()
            except BadRequest as error:
                self._refuse_request(error)
                break
            if head is None:
                if self._buffer and not self._has_begun_head:
                    self._has_begun_head = True
                    self.deadline = self._edge.clock.now() + self._edge.limits.head_time
                break
            self._has_begun_head = False
            self._read_head(head)
            if self._body is not None and self._buffer:
                self._read_body(self._buffer.take_rest())
        self._is_looping = False

    def _take_turn(self) -> None:
        self._is_looping = False
        if self._phase is _HEAD:
            self._read_heads()
        self._update_reading()

    def _read_head(self, head: bytes) -> None:
        end = head.index(b"\r\n")
        try:
            fields = self._edge.heads.fields(head, end)
        except BadRequest as error:
            self._refuse_request(error)
            return
        self._begin(head[:end], fields)

    def _begin(self, request_line: bytes, fields: RequestFields) -> None:
        """Route, plan, act."""
        edge = self._edge
        try:
            if self.peer.is_trusted:
                self.peer.hear(fields.values)
                self._planner = edge.planners[self.peer.scheme]
            planned = self._planner.plan(request_line, fields.host)
        except (BadRequest, BadTarget) as error:
            self._refuse_request(error if isinstance(error, BadRequest) else BadRequest(400, str(error)), fields)
            return
        line = planned.line
        self._method, self.minor = line.method, line.minor
        edge.counters.requests += 1
        self._requests_left -= 1
        wants_more = not fields.wants_close if line.minor else fields.wants_keep_alive
        self._keep_alive = wants_more and self._requests_left > 0
        if fields.framing is not NO_BODY:
            reader = reader_for(fields.framing)
            self._body = Inflow(reader, planned.most(edge.limits), edge.limits, edge.clock.now()) if reader else None
        if edge.keeps_records:
            self.record = record_request(self.peer, line, fields)
        if planned.limits is None and fields.is_common:
            self._act(planned, planned.plan, fields)
        else:
            verdict = judge(planned, fields, edge.limits, edge.wait(planned, self.peer.address))
            if verdict.refusal is not None:
                edge.counters.refusals[verdict.refusal] += 1
            self._act(planned, verdict.plan, verdict.fields)

    def _act(self, planned: Planned, plan: Plan, fields: RequestFields) -> None:
        edge, rule, arm = self._edge, planned.plan.rule, None
        if isinstance(plan, ByArm):
            arm, chosen = choose_arm(plan, fields.values, self.peer.address)
            edge.counters.arms[plan.split.name, arm] += 1
            plan = chosen
        if rule is not None:
            edge.counters.rules[rule] += 1
        if self.record is not None:
            note_plan(self.record, planned, plan, arm)
        exchange: Passing | Serving
        if isinstance(plan, Pass):
            exchange = Passing(self, edge.pools[plan.backend.name], plan, fields)
        elif isinstance(plan, ServeFile):
            exchange = Serving(self, plan, self._method, fields.values)
        else:
            self.answer(plan)
            return
        self._exchange = exchange
        if self._body is None:
            self._phase, self.deadline = _EXCHANGE, NEVER
        else:
            self._phase = Phase.BODY
            self._set_deadline()
        exchange.start()

    def _read_body(self, data: bytes) -> None:
        body, exchange = self._body, self._exchange
        if body is None or exchange is None:
            return
        try:
            content, rest = body.feed(data)
        except BadFraming as error:
            self._refuse(400, f"The request's body is refused: {error}.", Refusal.BAD_BODY)
            return
        except BodyTooLarge as error:
            self._refuse(413, f"The request is refused: {error}.", Refusal.BODY_TOO_LARGE)
            return
        if content:
            exchange.on_body(content)
        if rest is None:
            self._set_deadline()
            if body.is_behind and not self._is_behind:
                self._is_behind = True
                self._update_reading()
                asyncio.get_running_loop().call_soon(self._go_on_with_body)
            return
        self._body = None
        self._phase = Phase.EXCHANGE
        self._buffer.add(rest)
        self._set_deadline()
        self._update_reading()
        exchange.on_body_end()

    def _go_on_with_body(self) -> None:
        self._is_behind = False
        if self._phase is Phase.BODY:
            self._read_body(b"")
        self._update_reading()

    def _update_reading(self) -> None:
        is_ahead = self._is_stalled and self._phase is _HEAD
        wants_pause = is_ahead or len(self._buffer) >= self._edge.limits.held
        if self._phase is Phase.BODY or self._phase is Phase.TUNNEL:
            wants_pause = self._is_blocked or self._is_behind
        self._pause_reading(wants_pause)

    # -- ending -------------------------------------------------------------------------------------------------

    def _refuse_request(self, error: BadRequest, fields: RequestFields | None = None) -> None:
        self._method = b""  # of a request that is not understood; its answer has a body whatever it was
        self._refuse(error.status, f"The request is refused: {error}.", refusal_of(error.status), fields)

    def _refuse(self, status: int, message: str, reason: Refusal, fields: RequestFields | None = None) -> None:
        """Answer, when no answer has begun, and end the connection."""
        self._edge.counters.refusals[reason] += 1
        if self.record is None and self._edge.keeps_records:
            self.record = record_refused(self.peer, fields)
        if self._is_answering:
            self.abort()
            return
        self._leave_exchange()
        self._keep_alive = False
        self.answer(say(status, message, *((("Allow", ALLOWED),) if status == 405 else ())), reason)

    def _write_record(self, *, is_whole: bool) -> None:
        record, self.record = self.record, None
        if record is not None:
            record.is_whole = is_whole
            self._edge.write_record(record)

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
