"""One connection to a backend: sends a request's bytes, reads the answer, tells its exchange what came.

It carries one exchange at a time, never pipelined: what arrives without a request to answer ends the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, cast

from edgeproxy.http.framing import (
    TUNNEL,
    BadFraming,
    BodyReader,
    ChunkedReader,
    Length,
    UntilCloseReader,
    reader_for,
)
from edgeproxy.http.response import Asked, BadResponse, ResponseHead
from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.sockets import reset_on_close
from edgeproxy.telemetry.counters import BackendFailure

if TYPE_CHECKING:
    from edgeproxy.proxy.endpoints import PooledEndpoint
    from edgeproxy.proxy.pool import Pool

_UNWELL: Final = frozenset((502, 503, 504))  # of an endpoint that cannot do its work


class Asker(Protocol):
    """Who a connection works for: the exchange's side that faces the backend."""

    asked: Asked  # what the request makes of its answer
    expires: float  # in loop time, when the exchange must be over; 0.0: to be set from the backend's `total`

    def on_interim(self, head: ResponseHead) -> None: ...
    def on_head(self, head: ResponseHead) -> None: ...
    def on_content(self, content: bytes) -> None: ...
    def on_pause(self) -> None: ...  # no more octets at hand, and the answer is not at its end
    def on_whole(self, head: ResponseHead, content: bytes) -> None: ...  # in place of on_head, on_content and on_end
    def on_trailers(self, lines: list[bytes]) -> None: ...  # before on_end
    def on_end(self) -> None: ...
    def on_failure(self, failure: BackendFailure) -> None: ...
    def on_backend_blocked(self, blocked: bool) -> None: ...
    def on_endpoint_down(self) -> None: ...  # by its health checks, before any octet of an answer


class BackendConnection(asyncio.Protocol):
    """Created by a pool; goes back there after an answer that left it usable."""

    __slots__ = (
        "_asker",
        "_expires",
        "_has_heard",
        "_held",
        "_is_paused",
        "_is_retired",
        "_is_tunnel",
        "_keeps_alive",
        "_patience",
        "_pool",
        "_reader",
        "_sent_all",
        "_status",
        "_timeouts",
        "_transport",
        "address",
        "deadline",
        "endpoint",
        "is_closing",
        "is_retry",
        "is_reused",
        "opening",
    )

    def __init__(self, pool: Pool, endpoint: PooledEndpoint, address: str, opening: asyncio.Task[None]) -> None:
        # For the connection's life
        self._pool = pool
        self.opening = opening  # holds its place until it is open
        self._timeouts = pool.backend.timeouts
        self._patience = self._timeouts.between  # between two reads or writes; a tunnel's is longer
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.is_closing: Callable[[], bool] = lambda: True  # PERF: the transport's, asked for every exchange
        self.endpoint = endpoint
        self.address = address  # of those that the endpoint's name has
        self.deadline = NEVER
        self.is_reused = False
        self._is_retired = False  # not to be used again
        self._is_tunnel = False
        # For one exchange
        self._asker: Asker | None = None
        self._expires = NEVER
        self.is_retry = False  # the request was sent before, elsewhere
        self._sent_all = False
        self._held = b""  # the start of a head
        self._has_heard = False  # an interim answer came
        self._status = 0
        self._reader: BodyReader | None = None
        self._keeps_alive = False
        self._is_paused = False

    @property
    def has_heard(self) -> bool:
        """Whether any octet of an answer came."""
        return self._has_heard or bool(self._held) or self._reader is not None

    # -- for the exchange ---------------------------------------------------------------------------------------

    def ask(self, asker: Asker, head: bytes, *, whole: bool) -> None:
        """Send a request's head; `whole`: no body follows."""
        self._asker = asker
        self._has_heard = False
        self._transport.write(head)
        self._sent_all = whole
        clock = self._pool.clock.now  # PERF: as in AnsweringStream.on_answered
        now = clock()
        expires = asker.expires
        if not expires:
            expires = asker.expires = now + self._timeouts.total
        self._expires = expires
        # While the client sends, it is the client's time that runs, unless this backend stops taking octets.
        until = now + self._timeouts.head if whole else NEVER
        self.deadline = until if until < expires else expires

    def hand_over(self, asker: Asker) -> None:
        """What is still to come of the answer is for somebody else."""
        self._asker = asker

    def send(self, data: bytes) -> None:
        self._transport.write(data)
        if self._is_tunnel and self.deadline is not NEVER:
            self._wait(self._patience)

    def end_request(self) -> None:
        self._sent_all = True
        if self._reader is None:
            self._wait(self._timeouts.head)

    def hold(self, held: bool) -> None:
        """Stop, or go on, reading: the client takes the answer more slowly than the backend gives it."""
        if held == self._is_paused or self._transport.is_closing():
            return
        self._is_paused = held
        if held:
            self._transport.pause_reading()
            self.deadline = self._expires  # it is not the backend that is slow
        else:
            self._transport.resume_reading()
            self._wait(self._patience)

    @property
    def silent_for(self) -> float:
        """Seconds since the last octets of an answer that has begun and is waited for."""
        if self._reader is None or self._is_paused or self._is_tunnel:
            return 0.0
        return max(0.0, self._pool.clock.now() - (self.deadline - self._patience))

    def drop(self) -> None:
        """The exchange is over before the answer is: the connection cannot be used again."""
        if self._asker is not None:
            self._asker = None
            self._pool.release(self)
        if self._is_tunnel and not self._transport.is_closing():
            self._transport.close()  # what the client sent last still goes out, within the time for a write
            self.deadline = self._pool.clock.now() + self._timeouts.between
            return
        if not self._sent_all:  # to some, an orderly end within a chunk is the end of the body (RFC 9112 §8)
            reset_on_close(self._transport)
        self.close()

    def note_down(self) -> None:
        """Its endpoint is said to be down. Who waits for an answer still may get one."""
        if self._asker is not None and not self.has_heard:
            self._asker.on_endpoint_down()

    def retire(self) -> None:
        """Not to be used again: the endpoint's name has other addresses now."""
        self._is_retired = True
        if self._asker is None:
            self.close()

    def close(self) -> None:
        self.deadline = NEVER
        self._transport.abort()

    # -- for the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_closing = self._transport.is_closing
        self._pool.on_open(self)

    def data_received(self, data: bytes) -> None:
        asker = self._asker
        if asker is None:
            self.close()  # an answer to nothing
            return
        try:
            if self._reader is None:
                self._read_heads(asker, self._held + data if self._held else data)
            else:
                self._read_body(asker, self._reader, data)
        except (BadResponse, BadFraming):
            self._fail(self._asker or asker, BackendFailure.BAD_ANSWER)  # it may have been handed over

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline = NEVER
        self._pool.on_closed(self)
        asker = self._asker
        if asker is None:
            return
        if isinstance(self._reader, UntilCloseReader) and exc is None:
            self._end(asker, b"")
        elif self._reader is not None:
            self._fail(asker, BackendFailure.TRUNCATED)
        elif self.is_reused and not self._held and not self._has_heard:
            self._fail(asker, BackendFailure.STALE)
        else:
            self._fail(asker, BackendFailure.CLOSED)

    def pause_writing(self) -> None:
        if self._asker is not None:
            self._wait(self._timeouts.between)
            self._asker.on_backend_blocked(True)

    def resume_writing(self) -> None:
        if self._asker is not None:
            if self._reader is not None:
                self._wait(self._patience)
            elif self._sent_all:
                self._wait(self._timeouts.head)
            else:
                self.deadline = self._expires
            self._asker.on_backend_blocked(False)

    def on_deadline(self) -> None:
        asker = self._asker
        if asker is None:
            self.close()  # unused for long enough
        elif self._pool.clock.now() >= self._expires:
            self._fail(asker, BackendFailure.TOTAL_TIMEOUT)
        elif self._is_tunnel and not self._transport.get_write_buffer_size():
            self._end(asker, b"")  # neither side had anything to say
        elif self._reader is None:
            self._fail(asker, BackendFailure.HEAD_TIMEOUT if self._sent_all else BackendFailure.BODY_TIMEOUT)
        else:
            self._fail(asker, BackendFailure.BODY_TIMEOUT)

    # -- the answer ---------------------------------------------------------------------------------------------

    def _read_heads(self, asker: Asker, data: bytes) -> None:
        """Interim answers (1xx), then the final one. Raises BadResponse."""
        limits = self._pool.limits
        while True:
            octets, end, rest = data.partition(b"\r\n\r\n")
            if not end or len(octets) + 4 > limits.head:
                if len(data) > limits.head:
                    raise BadResponse(f"its head is longer than {limits.head} octets")
                self._held = data
                return
            head = self._pool.answers.read(octets, asker.asked)
            data = rest
            if head.is_final:
                break
            self._has_heard = True
            asker.on_interim(head)
            if self._asker is None:
                return
        self._held = b""
        self._status = head.status
        self._keeps_alive = head.keeps_alive
        framing = head.framing
        if isinstance(framing, Length) and framing.octets == len(data):
            # PERF: the usual answer came in one read: one call to the exchange in place of four.
            self._let_go(b"")
            asker.on_whole(head, data)
            return
        if framing is TUNNEL:
            self._begin_tunnel()
        asker.on_head(head)
        if self._asker is None:
            return
        asker = self._asker  # it may have been handed over
        self._reader = reader_for(framing)
        if self._reader is None:
            self._end(asker, data)
        else:
            self._read_body(asker, self._reader, data)  # also of nothing: the head goes out now

    def _read_body(self, asker: Asker, reader: BodyReader, data: bytes) -> None:
        content, rest = reader.feed(data)
        if content:
            asker.on_content(content)
        if rest is not None:
            if isinstance(reader, ChunkedReader) and reader.trailers:
                asker.on_trailers(reader.trailers)
            self._end(asker, rest)
            return
        asker.on_pause()
        if self._asker is not None and not self._is_paused:
            self._wait(self._patience)

    def _end(self, asker: Asker, rest: bytes) -> None:
        self._let_go(rest)
        asker.on_end()

    def _let_go(self, rest: bytes) -> None:
        """The answer is whole. The connection goes back first, so that a pipelined request can have it at once."""
        is_usable = self._keeps_alive and self._sent_all and not rest and not self._transport.is_closing()
        if self._status >= 500 or self.endpoint.streak:
            self._note_status()
        self._asker = self._reader = None
        if is_usable and not self._is_retired:
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            self._pool.give_back(self)
        else:
            self._pool.release(self)
            if not self._sent_all:  # as in drop()
                reset_on_close(self._transport)
            self.close()

    def _fail(self, asker: Asker, failure: BackendFailure) -> None:
        is_waited_for = self._sent_all and self._reader is None
        self._is_tunnel = False
        self.drop()
        # A kept connection that was closed says nothing; nor does the total time, which a slow client may have used.
        if failure is not BackendFailure.STALE and (failure is not BackendFailure.TOTAL_TIMEOUT or is_waited_for):
            self._pool.on_failure(self.endpoint, failure)
        asker.on_failure(failure)

    # -- steps --------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """For the next read or write; never longer than the exchange may take."""
        until = self._pool.clock.now() + seconds
        self.deadline = until if until < self._expires else self._expires

    def _begin_tunnel(self) -> None:
        """Octets go both ways as they come, until either side closes, for as long as they do (RFC 9110 §7.8)."""
        self._is_tunnel = True
        self._expires = NEVER
        self._patience = self._pool.limits.tunnel_idle

    def _note_status(self) -> None:
        if self._status in _UNWELL:
            self._pool.on_failure(self.endpoint, f"status {self._status}")
        else:
            self._pool.on_success(self.endpoint)
