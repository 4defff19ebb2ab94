"""A client's connection as octets: how they are taken, held up and ended, whatever they mean.

Laws of this module:
- a client that takes less than the least rate, while something waits for it, is given up; one that takes slowly but
  enough is served. What its kernel has acknowledged counts: buffers on this side take much of an answer, and a part of
  them, those of TLS and of sendfile, cannot be seen;
- octets that arrive at a closed socket make the kernel reset it, and the client lose the answer. So while it may
  still be sending, only this half is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.sockets import octets_acknowledged, octets_held

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge


class ClientStream(asyncio.Protocol):
    """What a client's connection is beneath HTTP. `deadline` is in loop time."""

    __slots__ = (
        "_edge",
        "_is_paused",
        "_is_stalled",
        "_linger_end",
        "_on_flushed",
        "_passed",
        "_taken",
        "deadline",
        "transport",
    )

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.deadline = NEVER
        self._is_paused = False  # reading
        self._is_stalled = False  # writing: the client takes nothing for now
        self._on_flushed: Callable[[], None] | None = None
        self._passed = 0  # octets of files that went to the kernel past the transport
        self._taken: int | None = None  # octets that the client had taken when last looked at, since it is waited for
        self._linger_end = NEVER

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def when_flushed(self, on_flushed: Callable[[], None]) -> None:
        """Call when the transport has handed all it holds to the kernel: at once, or later."""
        if self.transport.get_write_buffer_size() == 0:
            on_flushed()
        else:
            self._on_flushed = on_flushed
            self.transport.set_write_buffer_limits(high=0)

    def note_progress(self, octets: int) -> None:
        """A file is on its way, so many octets more of it past the transport: the client has a deadline now."""
        self._passed += octets
        if self.deadline == NEVER:
            self._await_taking()

    def _tell_flushed(self) -> bool:
        """Whether somebody waited for that."""
        on_flushed, self._on_flushed = self._on_flushed, None
        if on_flushed is None:
            return False
        self.transport.set_write_buffer_limits()
        on_flushed()
        return True

    def _await_taking(self) -> None:
        """From now on it is the client who is waited for. PERF: what it has taken so far is looked up by the next
        sweep, which most never see: a look costs 1 µs, and a fast client is waited for thousands of times a second.
        """
        self._taken = None
        self.deadline = self._edge.clock.now()

    def _takes_enough(self, unsent: int) -> bool:
        """Whether the client keeps to the least rate; `unsent` are the octets that the transport holds."""
        limits, before = self._edge.limits, self._taken
        acknowledged = octets_acknowledged(self.transport)
        if acknowledged is None:
            acknowledged = self._passed - unsent - octets_held(self.transport)
        self._taken = acknowledged
        return before is None or self._taken - before >= limits.take_rate * limits.stall

    def _pause_reading(self, wanted: bool) -> None:
        if wanted != self._is_paused and not self.transport.is_closing():
            self._is_paused = wanted
            if wanted:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _close(self, *, may_receive: bool) -> bool:
        """Flush and close; `may_receive`: the client may still be sending. True: what it sends is to be waited out."""
        if not self.transport.can_write_eof():  # TLS cannot close a half, but its close drops what comes in by itself
            self.when_flushed(self.transport.close)
            return False
        if not may_receive:
            self.transport.close()
            return False
        self._linger_end = self._edge.clock.now() + self._edge.limits.linger_time
        self.transport.write_eof()
        return True
