"""An exchange that asks an HTTP backend: the request goes there as it comes, the answer comes back as it goes.

Laws of this module:
- nothing of a body is held but what the sockets' buffers hold: a slow reader on one side stops reading on the other;
- an answer that breaks off breaks off at the client too, so that a short one never looks whole;
- a redirect that would lead back to the same exchange goes no further (`loop_guard`);
- a request is sent again only when it is safe, has no body, and no octet of an answer was seen. Where its rule has a
  fallback, it goes to another backend once, and so much of its body is held for that as `_HELD` says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from edgeproxy.http.fields import connection_lines, passable_trailers
from edgeproxy.http.framing import (
    LAST_CHUNK,
    NO_BODY,
    TUNNEL,
    Chunked,
    Framing,
    Length,
    NoBody,
    Tunnel,
    UntilClose,
    encode_chunk,
    has_body,
)
from edgeproxy.http.request import RequestFields
from edgeproxy.http.response import Asked, ResponseHead
from edgeproxy.proxy.asking import Asking, no_answer
from edgeproxy.proxy.fallback import Fall, FallbackPlan
from edgeproxy.proxy.loop_guard import LoopGuard
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import NOSNIFF, Answer, Pass
from edgeproxy.proxy.pool import Pool
from edgeproxy.telemetry.counters import BackendFailure, FallbackReason

if TYPE_CHECKING:
    from edgeproxy.proxy.shadow.shadower import Shadower

_HELD: Final = 65_536  # octets of a body
_VIA: Final = (b"Via: 1.0 edgeproxy", b"Via: 1.1 edgeproxy")  # by the version that came (RFC 9110 §7.6.3)


class Client(Protocol):
    """What an exchange needs of the client's connection."""

    minor: int  # of the client's HTTP/1.x
    peer: Peer

    @property
    def guard(self) -> LoopGuard: ...
    @property
    def shadower(self) -> Shadower: ...
    def send(self, data: bytes) -> None: ...
    def may_keep_alive(self) -> bool: ...
    def become_tunnel(self) -> None: ...
    def date_line(self) -> bytes: ...
    def block_body(self, blocked: bool) -> None: ...
    def finish(
        self, status: int, octets: bytes | memoryview, content: bytes | memoryview, keep_alive: bool
    ) -> None: ...  # `octets`: all that is left to be sent; `content`: of the answer
    def on_head_sent(self, status: int) -> None: ...
    def on_answered(self, keep_alive: bool) -> None: ...
    def answer(self, answer: Answer, why: BackendFailure | None = None) -> None: ...
    def fall_back(self, fall: Fall) -> Exchange | None: ...
    def abort(self) -> None: ...


class Exchange(Protocol):
    """What the connection tells the exchange that runs on it."""

    def on_body(self, content: bytes) -> None: ...
    def on_body_end(self) -> None: ...
    def on_client_blocked(self, blocked: bool) -> None: ...
    def on_client_gone(self) -> None: ...


class Passing(Asking):
    """One request passed to a backend, and its answer passed back."""

    __slots__ = (
        "_came", "_client", "_fields", "_held", "_instead", "_is_plain", "_keep_alive", "_sends_chunks", "_trailers",
        "_unsent",
    )  # fmt: skip

    def __init__(self, client: Client, pool: Pool, plan: Pass, fields: RequestFields) -> None:
        is_whole = fields.framing is NO_BODY or not has_body(fields.framing)
        # PERF: by name it costs 0.1 µs less than by super().
        Asking.__init__(self, pool, plan, _asked(plan, fields) if plan.upgrade else plan.asked, is_whole)
        self._client = client
        self._fields = fields
        self._is_plain = plan.is_plain
        self._held: bytearray | None = None if plan.fallback is None else bytearray()  # what came of the body
        self._instead: Exchange | None = None  # which asks the fallback: the rest of the body is for it
        self._keep_alive: bool | None = None  # None: the answer's head is not sent yet
        self._came = 0  # octets of the body
        self._sends_chunks = False
        self._trailers: list[bytes] | None = None  # of the answer
        self._unsent: list[bytes] | None = None  # of the answer, until the octets at hand are all read

    # -- from the client ----------------------------------------------------------------------------------------

    def on_body(self, content: bytes) -> None:
        if self._instead is not None:
            self._instead.on_body(content)
            return
        if self._held is not None:
            self._hold(content)
        self._came += len(content)
        self._send(encode_chunk(content) if isinstance(self._fields.framing, Chunked) else content)

    def on_body_end(self) -> None:
        if self._instead is not None:
            self._instead.on_body_end()
            return
        framing = self._fields.framing
        if isinstance(framing, Length) and self._came < framing.octets:
            # A fault of the edge: what is announced and missing, the backend would read from another request.
            self.leave_backend()
            self._client.abort()
            return
        self._request_is_whole = True
        if self._measured is not None:
            self._measured.on_request_end()
        if isinstance(self._fields.framing, Chunked):
            self._send(LAST_CHUNK)  # without trailers: a backend that merges them into the head would be misled
        if self._connection is not None:
            self._connection.end_request()

    def on_client_blocked(self, blocked: bool) -> None:
        if self._connection is not None:
            self._connection.hold(blocked)

    def on_client_gone(self) -> None:
        if self._measured is not None:
            silence = 0.0 if self._connection is None else self._connection.silent_for
            self._measured.on_client_gone(silence, is_whole=self._request_is_whole)
        self.leave_backend()

    # -- from the backend ---------------------------------------------------------------------------------------

    def on_interim(self, head: ResponseHead) -> None:
        if self._client.minor == 1:  # an HTTP/1.0 client knows no interim answers (RFC 9110 §15.2)
            self._client.send(head.octets + b"\r\n")

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        """PERF: the usual answer, which came in one read, in one write. A write to a loopback socket costs a third of
        a whole exchange; what is rare is left to on_head, on_content and on_end.
        """
        client = self._client
        self._connection = None
        keep_alive = client.may_keep_alive()
        if head.is_common and keep_alive and client.minor and self._is_plain:
            own = _VIA[head.minor]
        else:
            if self._falls_back_from(head.status):
                return
            head = self._edited(head)
            if self._is_kept_back(head):
                return
            own = b"\r\n".join([*self._own_lines(head), *connection_lines(keep_alive, client.minor)])
        if self._measured is not None:
            self._measured.on_whole(head.status)
        client.finish(head.status, b"%b%b\r\n\r\n%b" % (head.octets, own, content), content, keep_alive)

    def on_head(self, head: ResponseHead) -> None:
        if self._falls_back_from(head.status):
            return
        head = self._edited(head)
        if self._is_kept_back(head):
            return
        if self._measured is not None:
            self._measured.on_head(head.status)
        client, lines = self._client, self._own_lines(head)
        keep_alive = client.may_keep_alive()
        match head.framing:
            case NoBody() | Length():
                pass  # its Content-Length, if any, is among the lines
            case Chunked() | UntilClose():
                if client.minor == 1:
                    self._sends_chunks = True
                    lines.append(b"Transfer-Encoding: chunked")
                    lines += head.trailer if self._fields.wants_trailers else ()
                else:
                    keep_alive = False  # the end of the connection is the end of the body
            case Tunnel():
                keep_alive = False
                lines += (b"Connection: upgrade", b"Upgrade: " + self.asked.upgrade)
        if not isinstance(head.framing, Tunnel):
            lines += connection_lines(keep_alive, client.minor)
        self._keep_alive = keep_alive
        client.on_head_sent(head.status)
        self._unsent = [head.octets, b"\r\n".join(lines), b"\r\n\r\n"]
        if isinstance(head.framing, Tunnel):
            if self._measured is not None:
                self._measured.on_end()  # what follows is no answer
            client.become_tunnel()

    def _edited(self, head: ResponseHead) -> ResponseHead:
        edit = self._plan.answer_edit
        return head if edit is None else replace(head, octets=edit.apply(head.octets))

    def _is_kept_back(self, head: ResponseHead) -> bool:
        """Whether an answer leads the client back to this exchange; then it has got another one."""
        client, plan = self._client, self._plan
        hops = client.guard.loop(plan, self._fields.values, client.peer.address, head)
        if hops is None:
            return False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()  # the rest of the body is not waited for
        self._count(BackendFailure.REDIRECT_LOOP)
        refusal = client.guard.refuse(plan, hops)
        if not self._falls_back_after(BackendFailure.REDIRECT_LOOP):
            client.answer(refusal, BackendFailure.REDIRECT_LOOP)
        return True

    def _own_lines(self, head: ResponseHead) -> list[bytes]:
        """What the edge adds to an answer."""
        lines = [_VIA[head.minor]]
        if not head.has_date and head.framing is not TUNNEL:
            lines.append(self._client.date_line())
        if self._plan.to_content:
            lines.append(NOSNIFF)
        return lines

    def on_content(self, content: bytes) -> None:
        piece = encode_chunk(content) if self._sends_chunks else content
        if self._unsent is None:
            self._unsent = [piece]
        else:
            self._unsent.append(piece)

    def on_pause(self) -> None:
        """One write for the head and what of the body came with it."""
        unsent = self._unsent
        if unsent is not None:
            self._unsent = None
            self._client.send(unsent[0] if len(unsent) == 1 else b"".join(unsent))

    def on_trailers(self, lines: list[bytes]) -> None:
        if self._sends_chunks and self._fields.wants_trailers:
            self._trailers = passable_trailers(lines)

    def on_end(self) -> None:
        self._connection = None
        if self._measured is not None:
            self._measured.on_end()
        if self._sends_chunks:
            last = LAST_CHUNK if not self._trailers else b"\r\n".join([b"0", *self._trailers, b"", b""])
            self._unsent = [*(self._unsent or ()), last]
        self.on_pause()
        self._client.on_answered(bool(self._keep_alive))

    def on_failure(self, failure: BackendFailure) -> None:
        connection, self._connection = self._connection, None
        if self._is_sent_again(connection, failure):
            return
        if self._keep_alive is not None:
            self._count(failure)
            self.on_pause()
            self._client.abort()
        else:
            self._give_up(failure)

    def on_endpoint_down(self) -> None:
        """There is nothing to give in the place of its answer."""

    # -- steps --------------------------------------------------------------------------------------------------

    def _hold_body(self, held: bool) -> None:
        self._client.block_body(held)

    def _request_head(self) -> bytes:
        plan, fields, client = self._plan, self._fields, self._client
        lines = fields.lines if plan.is_plain else self._edited_lines()
        own = client.peer.lines(plan.asked_for.authority, client.minor)
        if fields.framing is not NO_BODY:
            own += _framing_line(fields.framing)
        if self.asked.upgrade:
            own += b"Connection: upgrade\r\nUpgrade: %b\r\n" % self.asked.upgrade
        return b"%b%b%b\r\n" % (plan.start, lines, own)

    def _edited_lines(self) -> bytes:
        """First the client's secrets are dropped, then the rule's fields are set: those are not the client's."""
        plan, fields = self._plan, self._fields
        lines = fields.lines_without_credentials if plan.to_content else fields.lines
        return lines if plan.edit is None else plan.edit.apply(lines)

    def _give_up(self, failure: BackendFailure) -> None:
        self._count(failure)
        if not self._falls_back_after(failure):
            self._client.answer(no_answer(self._plan.backend.name, failure), failure)

    # -- the fallback -------------------------------------------------------------------------------------------

    def _hold(self, content: bytes) -> None:
        """For another backend, unless it is too much."""
        assert self._held is not None, "there is another backend"
        self._held += content
        if len(self._held) > _HELD:
            self._held = None

    def _falls_back_from(self, status: int) -> bool:
        fallback = self._plan.fallback
        if fallback is None or status not in fallback.statuses or self._held is None:
            return False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()  # the rest of the body is not waited for
        if self._measured is not None:
            self._measured.on_whole(status)
        self._fall_back(fallback, FallbackReason.STATUS)
        return True

    def _falls_back_after(self, failure: BackendFailure) -> bool:
        fallback = self._plan.fallback
        reason = None if fallback is None or self._held is None else fallback.reason(failure)
        if fallback is None or reason is None:
            return False
        self._fall_back(fallback, reason)
        return True

    def _fall_back(self, fallback: FallbackPlan, reason: FallbackReason) -> None:
        """Once: the other backend's plan has no fallback."""
        expires = 0.0 if self._plan.time is None else self.expires
        held, is_whole = bytes(self._held or b""), has_body(self._fields.framing) and self._request_is_whole
        path = self._plan.asked_for.path
        fall = Fall(fallback, path, reason, self._fields, held, is_whole, expires)
        self._instead = self._client.fall_back(fall)


def _asked(plan: Pass, fields: RequestFields) -> Asked:
    """Where a rule lets clients switch protocols."""
    protocol = next((each for each in fields.upgrade if each in plan.upgrade), None)
    return plan.asked if protocol is None else replace(plan.asked, upgrade=protocol.encode("latin-1"))


def _framing_line(framing: Framing) -> bytes:
    match framing:
        case Length(octets=octets):
            return b"Content-Length: %d\r\n" % octets
        case Chunked():
            return b"Transfer-Encoding: chunked\r\n"
        case NoBody() | UntilClose() | Tunnel():
            return b""
