"""One connection to a backend: sends a request's bytes, reads the answer, tells its exchange what came.

It carries one exchange at a time, never pipelined: what arrives without a request to answer ends the connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from edgeproxy.http.framing import BadFraming, BodyReader, UntilCloseReader, reader_for
from edgeproxy.http.response import BadResponse, ResponseHead, read_response_head
from edgeproxy.proxy.clock import NEVER
from edgeproxy.telemetry.counters import BackendFailure

if TYPE_CHECKING:
    from edgeproxy.proxy.pool import Pool


class Asker(Protocol):
    """Who a connection works for: the exchange's side that faces the backend."""

    to_head: bool  # the request is a HEAD: its answer has no body
    drop_cookies: bool

    def on_interim(self, head: ResponseHead) -> None: ...
    def on_head(self, head: ResponseHead) -> None: ...
    def on_content(self, content: bytes) -> None: ...
    def on_pause(self) -> None: ...  # no more octets at hand, and the answer is not at its end
    def on_end(self) -> None: ...
    def on_failure(self, failure: BackendFailure) -> None: ...
    def on_backend_blocked(self, blocked: bool) -> None: ...


class BackendConnection(asyncio.Protocol):
    """Created by a pool; goes back there after an answer that left it usable."""

    __slots__ = (
        "_asker",
        "_has_heard",
        "_held",
        "_is_paused",
        "_keeps_alive",
        "_pool",
        "_reader",
        "_sent_all",
        "_timeouts",
        "_transport",
        "deadline",
        "is_reused",
    )

    def __init__(self, pool: Pool) -> None:
        # For the connection's life
        self._pool = pool
        self._timeouts = pool.backend.timeouts
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.deadline = NEVER
        self.is_reused = False
        # For one exchange
        self._asker: Asker | None = None
        self._sent_all = False
        self._held = b""  # the start of a head
        self._has_heard = False  # an interim answer came
        self._reader: BodyReader | None = None
        self._keeps_alive = False
        self._is_paused = False

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    # -- for the exchange ---------------------------------------------------------------------------------------

    def ask(self, asker: Asker, head: bytes, *, whole: bool) -> None:
        """Send a request's head; `whole`: no body follows."""
        self._asker = asker
        self._has_heard = False
        self._transport.write(head)
        self._sent_all = whole
        # While the client sends, it is the client's time that runs, unless this backend stops taking octets.
        self.deadline = self._pool.clock.now() + self._timeouts.head if whole else NEVER

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def end_request(self) -> None:
        self._sent_all = True
        if self._reader is None:
            self.deadline = self._pool.clock.now() + self._timeouts.head

    def hold(self, held: bool) -> None:
        """Stop, or go on, reading: the client takes the answer more slowly than the backend gives it."""
        if held == self._is_paused or self._transport.is_closing():
            return
        self._is_paused = held
        if held:
            self._transport.pause_reading()
            self.deadline = NEVER  # it is not the backend that is slow
        else:
            self._transport.resume_reading()
            self.deadline = self._pool.clock.now() + self._timeouts.between

    def drop(self) -> None:
        """The exchange is over before the answer is: the connection cannot be used again."""
        self._asker = None
        self.close()

    def close(self) -> None:
        self.deadline = NEVER
        self._transport.abort()

    # -- for the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
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
            self._fail(asker, BackendFailure.BAD_ANSWER)

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
            self.deadline = self._pool.clock.now() + self._timeouts.between
            self._asker.on_backend_blocked(True)

    def resume_writing(self) -> None:
        if self._asker is not None:
            self.deadline = NEVER if self._reader is None else self._pool.clock.now() + self._timeouts.between
            self._asker.on_backend_blocked(False)

    def on_deadline(self) -> None:
        asker = self._asker
        if asker is None:
            self.close()  # unused for long enough
        elif self._reader is None:
            self._fail(asker, BackendFailure.HEAD_TIMEOUT if self._sent_all else BackendFailure.BODY_TIMEOUT)
        else:
            self._fail(asker, BackendFailure.BODY_TIMEOUT)

    # -- the answer ---------------------------------------------------------------------------------------------

    def _read_heads(self, asker: Asker, data: bytes) -> None:
        """Interim answers (1xx), then the final one. Raises BadResponse."""
        limits = self._pool.limits
        while True:
            end = data.find(b"\r\n\r\n") + 4
            if end == 3 or end > limits.head:
                if len(data) > limits.head:
                    raise BadResponse(f"its head is longer than {limits.head} octets")
                self._held = data
                return
            head = read_response_head(
                data[:end], to_head=asker.to_head, most_fields=limits.fields, drop_cookies=asker.drop_cookies
            )
            data = data[end:]
            if head.status >= 200:
                break
            self._has_heard = True
            asker.on_interim(head)
            if self._asker is None:
                return
        self._held = b""
        self._keeps_alive = head.keeps_alive
        asker.on_head(head)
        if self._asker is None:
            return
        self._reader = reader_for(head.framing)
        if self._reader is None:
            self._end(asker, data)
        else:
            self._read_body(asker, self._reader, data)  # also of nothing: the head goes out now

    def _read_body(self, asker: Asker, reader: BodyReader, data: bytes) -> None:
        content, rest = reader.feed(data)
        if content:
            asker.on_content(content)
        if rest is not None:
            self._end(asker, rest)
            return
        asker.on_pause()
        if self._asker is not None and not self._is_paused:
            self.deadline = self._pool.clock.now() + self._timeouts.between

    def _end(self, asker: Asker, rest: bytes) -> None:
        """The answer is whole. The connection goes back first, so that a pipelined request can have it at once."""
        is_usable = self._keeps_alive and self._sent_all and not rest and not self._transport.is_closing()
        self._asker = self._reader = None
        if is_usable:
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            self._pool.give_back(self)
        else:
            self.close()
        asker.on_end()

    def _fail(self, asker: Asker, failure: BackendFailure) -> None:
        self.drop()
        asker.on_failure(failure)
