"""A client's connection: heads in order, one exchange at a time, bodies to the exchange, answers back.

The way of a request: bytes → parse → route → plan → act → record. All of it up to the exchange's start happens in
the callback that received the bytes: no task, no future. Pipelined requests wait, in a bounded buffer, for their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.http.fields import connection_lines
from edgeproxy.http.framing import NO_BODY, BadFraming, reader_for
from edgeproxy.http.head_buffer import HeadBuffer
from edgeproxy.http.proxy_protocol import BadProxyHeader, read_proxy_header
from edgeproxy.http.request import BadRequest, RequestFields
from edgeproxy.http.target import BadTarget
from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.exchange import Exchange, Passing
from edgeproxy.proxy.inflow import BodyTooLarge, Inflow
from edgeproxy.proxy.judging import judge
from edgeproxy.proxy.peer import UNIX, Peer
from edgeproxy.proxy.phase import Phase, time_for
from edgeproxy.proxy.plan import ALLOWED, Answer, ByArm, Pass, Plan, ServeFile, choose_arm, say
from edgeproxy.proxy.serving import Serving
from edgeproxy.proxy.sockets import has_unread, reset_on_close
from edgeproxy.telemetry.counters import Refusal, refusal_of

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge
    from edgeproxy.ruleset.model import Listener
    from edgeproxy.telemetry.access_log import Record

_AT_A_TIME: Final = 32  # pipelined heads read before others get their turn: a read may hold six thousand
_HEAD: Final = Phase.HEAD  # PERF: an enum's member by its class costs three times a global


class ClientConnection(asyncio.Protocol):
    __slots__ = (
        "_body", "_buffer", "_edge", "_exchange", "_has_begun_head", "_is_answering", "_is_behind", "_is_blocked",
        "_is_looping",
        "_is_paused", "_is_stalled", "_keep_alive", "_linger_end", "_listener", "_method", "_on_flushed", "_phase",
        "_planner", "_requests_left", "_unsent", "counted_as", "deadline", "minor", "peer", "record", "transport",
    )  # fmt: skip

    def __init__(self, edge: Edge, listener: Listener) -> None:
        # For the connection's life
        self._edge = edge
        self._listener = listener
        self._planner = edge.planners[listener.scheme]
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.peer: Peer = cast("Peer", None)
        self.counted_as: str | None = None  # among the connections of one client
        self.deadline = NEVER
        self._phase = _HEAD
        self._buffer = HeadBuffer(edge.limits.head)  # a head's start, or pipelined octets
        self._has_begun_head = False  # its first octets are in the buffer, and its time runs
        self._is_paused = False  # reading
        self._is_stalled = False  # writing: the client takes nothing for now
        self._is_looping = False  # _read_heads is on the stack, or will go on when it is its turn again
        self._on_flushed: Callable[[], None] | None = None
        self._unsent = 0  # octets of answers that the client had not taken when last looked at
        self._linger_end = NEVER
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
        name = transport.get_extra_info("peername")
        self.peer = Peer(name[0] if isinstance(name, tuple) else UNIX, self._listener.scheme, edge.proxies)
        edge.on_client_made(self)
        if self._listener.proxy_protocol and self.peer.is_trusted:
            self._phase = Phase.PREFACE
            self._set_deadline()
        else:
            self._admit()

    def data_received(self, data: bytes) -> None:
        phase = self._phase
        if phase is _HEAD:
            self._buffer.add(data)
            self._read_heads()
        elif phase is Phase.EXCHANGE:
            self._buffer.add(data)
            self._update_reading()
        elif phase is Phase.BODY:
            self._read_body(data)
        elif phase is Phase.TUNNEL:
            cast("Exchange", self._exchange).on_body(data)
        elif phase is Phase.PREFACE:
            self._read_preface(data)
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
            self._leave_exchange()

    def pause_writing(self) -> None:
        self._is_stalled = True
        self._unsent = self.transport.get_write_buffer_size()
        self._set_deadline()
        self._update_reading()
        if self._exchange is not None:
            self._exchange.on_client_blocked(True)

    def resume_writing(self) -> None:
        self._is_stalled = False
        self._set_deadline()
        if self._on_flushed is not None:
            self.transport.set_write_buffer_limits()
            on_flushed, self._on_flushed = self._on_flushed, None
            on_flushed()
        elif self._exchange is not None:
            self._exchange.on_client_blocked(False)
        elif self._phase is _HEAD and not self._is_looping:
            self._read_heads()
        self._update_reading()

    def on_deadline(self) -> None:
        limits = self._edge.limits
        unsent = self.transport.get_write_buffer_size()
        if 0 < unsent < self._unsent - limits.take_rate * limits.stall:
            # Slow, but taking: who takes enough within the time is not given up.
            self._unsent = unsent
            self.deadline = self._edge.clock.now() + limits.stall
        elif self._phase is _HEAD and self._buffer:
            self._refuse(408, "The request's head took too long.", Refusal.HEAD_TIMEOUT)
        elif self._phase is Phase.BODY and not self._is_stalled:
            self._refuse(408, "The request's body took too long.", Refusal.BODY_TIMEOUT)
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

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def when_flushed(self, on_flushed: Callable[[], None]) -> None:
        """Call when the transport has handed all it holds to the kernel: at once, or later."""
        if self.transport.get_write_buffer_size() == 0:
            on_flushed()
        else:
            self._on_flushed = on_flushed
            self.transport.set_write_buffer_limits(high=0)

    def note_progress(self) -> None:
        """A part of an answer that does not go through the transport was taken by the client."""
        self.deadline = self._edge.clock.now() + self._edge.limits.stall

    def may_keep_alive(self) -> bool:
        """Whether another request can follow on this connection, as known when an answer's head goes out."""
        return self._keep_alive and self._body is None and not self._edge.is_draining

    def date_line(self) -> bytes:
        return self._edge.clock.date_line()

    def forwarding_lines(self, authority: str) -> bytes:
        return self.peer.lines(authority, self.minor)

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
        if self._buffer:
            self._read_heads()
        if self._is_paused:
            self._update_reading()

    def answer(self, answer: Answer) -> None:
        """Send an answer of the edge's own, whole."""
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
        self._leave_exchange()
        if self.minor == 0:  # to such a client an orderly end may be a body's end
            reset_on_close(self.transport)
        self.transport.abort()

    # -- for the edge -------------------------------------------------------------------------------------------

    def on_drain(self) -> None:
        """The edge's limit of idle time has become short."""
        if self._phase is _HEAD and not self._buffer:
            self._set_deadline()

    # -- beginning ----------------------------------------------------------------------------------------------

    def _read_preface(self, data: bytes) -> None:
        """A trusted proxy's word on whom it connects for comes before the first request."""
        self._buffer.add(data)
        octets = self._buffer.take_rest()
        try:
            header = read_proxy_header(octets)
        except BadProxyHeader as error:
            self._refuse(400, f"The PROXY header is refused: {error}.", Refusal.BAD_PREFACE)
            return
        if header is None:
            self._buffer.add(octets)
            return
        self.peer.introduce(header)
        self._planner = self._edge.planners[self.peer.scheme]
        self._phase = _HEAD
        self._admit()
        if self._phase is _HEAD and len(octets) > header.length:
            self.data_received(octets[header.length :])

    def _admit(self) -> None:
        self._set_deadline()
        refusal = self._edge.admit(self)
        if refusal is not None:
            self._refuse(503, "This edge has too many connections.", refusal)
            self._phase = Phase.CLOSED  # no lingering for those who are too many
            self.transport.close()

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
            self._begin(head)
            if self._body is not None and self._buffer:
                self._read_body_behind_head()
        self._is_looping = False

    def _take_turn(self) -> None:
        self._is_looping = False
        if self._phase is _HEAD:
            self._read_heads()
        self._update_reading()

    def _read_body_behind_head(self) -> None:
        if self._phase is Phase.BODY:
            self._read_body(self._buffer.take_rest())

    def _begin(self, head: bytes) -> None:
        """Parse, route, plan, act."""
        edge = self._edge
        end = head.index(b"\r\n")
        try:
            fields = edge.heads.fields(head, end)
            if self.peer.is_trusted:
                self.peer.hear(fields.values)
                self._planner = edge.planners[self.peer.scheme]
            planned = self._planner.plan(head[:end], fields.host)
        except BadRequest as error:
            self._refuse_request(error)
            return
        except BadTarget as error:
            self._refuse_request(BadRequest(400, str(error)))
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
            self.record = edge.new_record(self.peer.address, line.method, line.target, fields)
        if planned.limits is None and fields.is_common:
            self._act(planned.plan, fields)
        else:
            self._act(*judge(edge, planned, fields, self.peer.address))

    def _act(self, plan: Plan, fields: RequestFields) -> None:
        edge = self._edge
        if isinstance(plan, ByArm):
            backend, chosen = choose_arm(plan, fields.values, self.peer.address)
            edge.counters.arms[plan.split.name, backend] += 1
            plan = chosen
        if plan.rule is not None:
            edge.counters.rules[plan.rule] += 1
        if self.record is not None:
            self.record.rule = plan.rule
        exchange: Passing | Serving
        if isinstance(plan, Pass):
            exchange = Passing(self, edge.pool(plan.backend), edge.counters, plan, self._method, fields)
        elif isinstance(plan, ServeFile):
            exchange = Serving(self, plan, self._method, fields.values)
        else:
            self.answer(plan)
            return
        self._exchange = exchange
        if self._body is None:
            self._phase, self.deadline = Phase.EXCHANGE, NEVER
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
        if wants_pause != self._is_paused and not self.transport.is_closing():
            self._is_paused = wants_pause
            if wants_pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # -- ending -------------------------------------------------------------------------------------------------

    def _refuse_request(self, error: BadRequest) -> None:
        self._method = b""  # of a request that is not understood; its answer has a body whatever it was
        allow = (("Allow", ALLOWED),) if error.status == 405 else ()
        self._refuse(error.status, f"The request is refused: {error}.", refusal_of(error.status), *allow)

    def _refuse(self, status: int, message: str, reason: Refusal, *lines: tuple[str, str]) -> None:
        """Answer, when no answer has begun, and end the connection."""
        self._edge.counters.refusals[reason] += 1
        if self._is_answering:
            self.abort()
            return
        self._leave_exchange()
        self._keep_alive = False
        self.answer(say(status, message, *lines))

    def _write_record(self, *, is_whole: bool) -> None:
        record, self.record = self.record, None
        if record is not None:
            record.is_whole = is_whole
            self._edge.write_record(record)

    def _leave_exchange(self) -> None:
        self._write_record(is_whole=False)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_client_gone()

    def _end(self) -> None:
        """No further request: flush and close. While the client may still be sending, only this half is closed, since
        octets that arrive at a closed socket make the kernel reset it, and the client lose the answer.
        """
        if self._phase in (Phase.LINGER, Phase.CLOSED):
            return
        can_half_close = self.transport.can_write_eof()  # TLS cannot, but its close drops what comes in by itself
        is_quiet = self._body is None and not self._buffer and self._phase is Phase.EXCHANGE
        may_send = can_half_close and not is_quiet
        self._phase = Phase.LINGER if may_send else Phase.CLOSED
        self._buffer.clear()
        self._unsent = self.transport.get_write_buffer_size()
        if may_send:
            self._linger_end = self._edge.clock.now() + self._edge.limits.linger_time
        self._set_deadline()
        if may_send:
            self.transport.write_eof()
            self._update_reading()
        elif can_half_close:
            self.transport.close()
        else:
            self.when_flushed(self.transport.close)

    def _set_deadline(self) -> None:
        edge = self._edge
        now = edge.clock.now()
        if self._phase is Phase.BODY and self._body is not None and not (self._is_stalled or self._is_blocked):
            self.deadline = self._body.due(now)
            return
        seconds = time_for(self._phase, is_stalled=self._is_stalled, is_blocked=self._is_blocked, limits=edge.limits)
        self.deadline = min(now + seconds, self._linger_end)
