"""A client's connection: heads in order, one exchange at a time, bodies to the exchange, answers back.

The way of a request: bytes → parse → route → plan → act → record. All of it up to the exchange's start happens in
the callback that received the bytes: no task, no future. Pipelined requests wait, in a bounded buffer, for their turn.
"""

from __future__ import annotations

import asyncio
from time import time
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.http.framing import NO_BODY, BadFraming, reader_for
from edgeproxy.http.proxy_protocol import ProxyHeader
from edgeproxy.http.request import BadRequest, RequestFields
from edgeproxy.http.target import BadTarget
from edgeproxy.http.xmlrpc_call import UNREADABLE
from edgeproxy.proxy.acting import ActingStream
from edgeproxy.proxy.capture.plain import AtHand
from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.exchange import Exchange
from edgeproxy.proxy.held_call import CONTINUE, HeldCall, NamedTwice, can_be_read, facts_of, has_call
from edgeproxy.proxy.inflow import BodyTooLarge, Inflow
from edgeproxy.proxy.judging import judge
from edgeproxy.proxy.peer import Peer, name_of
from edgeproxy.proxy.phase import Phase
from edgeproxy.proxy.planner import ByFacts, Planned, Repeat
from edgeproxy.proxy.recording import record_request
from edgeproxy.proxy.sockets import has_unread, reset_on_close
from edgeproxy.telemetry.counters import Refusal

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge
    from edgeproxy.ruleset.listeners import Listener

_AT_A_TIME: Final = 32  # pipelined heads read before others get their turn: a read may hold six thousand
_HEAD: Final = Phase.HEAD  # PERF: an enum's member by its class costs three times a global
_EXCHANGE: Final = Phase.EXCHANGE


class ClientConnection(ActingStream):
    __slots__ = ("_has_begun_head", "_header", "_listener", "counted_as")

    def __init__(self, edge: Edge, listener: Listener, header: ProxyHeader | None = None) -> None:
        """`header`: what a trusted proxy said first."""
        super().__init__(edge, edge.planners[listener.scheme])
        self._listener = listener
        self._header = header
        self.counted_as: str | None = None  # among the connections of one client
        self._has_begun_head = False  # its first octets are in the buffer, and its time runs

    # -- for the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        edge = self._edge
        self.transport = cast("asyncio.Transport", transport)
        self.peer = Peer(name_of(transport.get_extra_info("peername")), self._listener.scheme, edge.proxies)
        edge.on_client_made(self)
        if edge.capture is not None:
            edge.capture.meet(self)
        if self._header is not None:
            self.peer.introduce(self._header)
            self._hear()
        self._use(edge.planners[self.peer.scheme])
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
                known = self._known
                if known and (found := known.get(data)) is not None and self._give_known(found):
                    return
                repeat = self._repeats.get(data)
                if repeat is not None:
                    self._begin_again(repeat)
                    if self._given is not None:
                        self._learn(data, self._given)
                    return
                end = data.find(b"\r\n")
                fields = self._edge.heads.known(data, end) if end > 0 else None
                if fields is not None:
                    planned = self._begin(data[:end], fields)
                    if planned is not None and not fields.wants_close and not self.peer.is_trusted:
                        self._planner.remember(data, planned, fields)
                    if self._given is not None:
                        self._learn(data, self._given)
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
            self._edge.counting.client_gone += 1
            self._write_record(is_whole=False)
            self._leave_exchange()
        if self.tap is not None:
            self.tap.leave()

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

    def _begin(self, request_line: bytes, fields: RequestFields) -> Planned | None:
        """Route, plan, act. The plan, if nothing but the request's octets has a say in it."""
        edge = self._edge
        self._given = None  # first: what a request before this one was answered by is not to be learned for this one
        try:
            if self.peer.is_trusted:
                self.peer.hear(fields.values)
                self._planner = edge.planners[self.peer.scheme]
                self._hear()
            planned = self._planner.plan(request_line, fields.host)
        except (BadRequest, BadTarget) as error:
            self._refuse_request(error if isinstance(error, BadRequest) else BadRequest(400, str(error)), fields)
            return None
        line = planned.line
        self._method, self.minor = line.method, line.minor
        edge.counting.requests += 1
        self._requests_left -= 1
        wants_more = not fields.wants_close if line.minor else fields.wants_keep_alive
        self._keep_alive = wants_more and self._requests_left > 0
        if fields.framing is not NO_BODY:
            reader = reader_for(fields.framing)
            self._body = Inflow(reader, planned.most(edge.limits), edge.limits, edge.clock.now()) if reader else None
        if self.keeps_records:
            if self._begins_plain:
                self._plain = AtHand(planned, fields)
                self._began = time()
            else:
                self._begin_record(planned, fields)
        if isinstance(planned, ByFacts):
            self._weigh(planned, fields)
            self._given = None
        elif planned.limits is None and fields.is_common:
            self._act(planned, planned.plan, fields)
            return planned
        else:
            self._judge(planned, fields)
        return None

    def _begin_again(self, repeat: Repeat) -> None:
        """PERF: what _begin comes to for octets that it has read before: 2.2 of 9.5 µs of a pass without sockets."""
        counting = self._edge.counting
        planned, fields = repeat.planned, repeat.fields
        self._given = None
        self._method, self.minor = planned.line.method, 1
        counting.requests += 1
        counting.memo_hits += 1
        self._requests_left -= 1
        self._keep_alive = self._requests_left > 0
        if self.keeps_records:
            if self._begins_plain:
                self._plain = repeat
                self._began = time()
            else:
                self._begin_record(planned, fields)
        self._act(planned, planned.plan, fields)

    def _begin_record(self, planned: Planned | ByFacts, fields: RequestFields) -> None:
        self.record = record_request(self.peer, planned.line, fields)
        if self.tap is not None:
            self.tap.begin(AtHand(planned, fields), self.record.began)

    def _weigh(self, by_facts: ByFacts, fields: RequestFields) -> None:
        """Choose by what the request says beside its line; by its call as soon as that is known."""
        if not has_call(by_facts, fields):
            self._choose(by_facts, fields, None)
        elif self._body is None or not can_be_read(fields):
            self._choose(by_facts, fields, UNREADABLE)
        else:
            if fields.expects_continue(self.minor):
                self.transport.write(CONTINUE)
                fields = fields.without_expectation()
            self._exchange = HeldCall(by_facts, fields, self._edge.limits.call, self._let_go)
            self._phase = Phase.BODY
            self._set_deadline()

    def _choose(self, by_facts: ByFacts, fields: RequestFields, call: str | None, held: bytes = b"") -> Exchange | None:
        edge = self._edge
        facts = facts_of(fields, self.peer.address, call, edge.clock.wall())
        planned = self._planner.choose(by_facts, facts)
        if self.tap is not None:
            self._note_choice(planned)
            if call:
                self._recorded()
                self.tap.note_call(call)
        most = planned.most(edge.limits)
        if len(held) > most:
            self._refuse_body(BodyTooLarge(most))
            return None
        if self._body is not None:
            self._body.limit(most)
        return self._judge(planned, fields)

    def _let_go(self, held: HeldCall) -> None:
        """The call is known, and with it the rule: what was held goes on, unless the client takes nothing now."""
        self._is_blocked = self._is_stalled
        self._update_reading()
        if self._is_stalled:
            return
        if held.is_named_twice:
            self._refuse_content(NamedTwice())
            return
        self._exchange, octets = None, held.take()
        if self._body is not None and held.name:
            self._body.watch = held.watch
        exchange = self._choose(held.by_facts, held.fields, held.name, octets)
        if exchange is not None and self._exchange is exchange:
            if octets:
                exchange.on_body(octets)
            if self._body is None and self._exchange is exchange:
                exchange.on_body_end()

    def _judge(self, planned: Planned, fields: RequestFields) -> Exchange | None:
        edge = self._edge
        verdict = judge(planned, fields, edge.limits, edge.wait(planned, self.peer.address))
        if self.tap is not None and verdict.plan is not planned.plan:
            self._recorded()
        if verdict.refusal is not None:
            edge.counting.refusals[verdict.refusal] += 1
        elif fields.arm is not None and edge.arm_token is not None:
            return self._act_forced(planned, verdict.plan, fields.arm, verdict.fields)
        return self._act(planned, verdict.plan, verdict.fields)

    def _read_body(self, data: bytes) -> None:
        body, exchange = self._body, self._exchange
        if body is None or exchange is None:
            return
        try:
            content, rest = body.feed(data)
        except (BadFraming, NamedTwice) as error:
            self._refuse_content(error)
            return
        except BodyTooLarge as error:
            self._refuse_body(error)
            return
        if content:
            if self.tap is not None:
                self._recorded()
                self.tap.hold_body(content)
            exchange.on_body(content)
        if rest is None:
            if isinstance(exchange, HeldCall) and exchange.name is not None:
                self._let_go(exchange)
            self._set_deadline()
            if body.is_behind and not self._is_behind:
                self._is_behind = True
                self._update_reading()
                asyncio.get_running_loop().call_soon(self._go_on_with_body)
            return
        if self.tap is not None:
            self.tap.note_body(body.received)
        self._body = None
        self._phase = Phase.EXCHANGE
        self._buffer.add(rest)
        self._set_deadline()
        self._update_reading()
        exchange.on_body_end()
        if isinstance(exchange, HeldCall):
            self._let_go(exchange)

    def _refuse_content(self, error: BadFraming | NamedTwice) -> None:
        self._refuse(400, f"The request's body is refused: {error}.", Refusal.BAD_BODY)

    def _refuse_body(self, error: BodyTooLarge) -> None:
        self._refuse(413, f"The request is refused: {error}.", Refusal.BODY_TOO_LARGE)

    def _go_on_with_body(self) -> None:
        self._is_behind = False
        if self._phase is Phase.BODY:
            self._read_body(b"")
        self._update_reading()
