"""One connection to a target: sends a request's octets, reads its answer, tells its lane what came.

It carries one request at a time, never pipelined.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from edgeproxy.http.framing import BadFraming, BodyReader, ChunkedReader, Length, UntilCloseReader, reader_for
from edgeproxy.http.response import BadResponse, ResponseHead
from replay.sending.outcome import Failure

if TYPE_CHECKING:
    from replay.sending.asking import Asking
    from replay.sending.lane import Lane

NEVER: Final = float("inf")
_LONGEST_HEAD: Final = 65_536
_MOST_INTERIM: Final = 100


class Connection(asyncio.Protocol):
    __slots__ = (
        "_content",
        "_digest",
        "_head",
        "_held",
        "_interim",
        "_keep",
        "_octets",
        "_reader",
        "_room",
        "_transport",
        "asking",
        "deadline",
        "is_reused",
        "lane",
    )

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._transport = cast("asyncio.Transport", None)
        self.is_reused = False
        self._keep = self._room = lane.sender.settings.keep
        # For one request
        self.asking: Asking | None = None
        self.deadline = NEVER
        self._held = b""  # the start of a head
        self._interim = 0  # answers that came
        self._head: ResponseHead | None = None
        self._reader: BodyReader | None = None
        self._octets = 0
        self._digest: Any = None
        self._content: list[bytes] = []

    def ask(self, asking: Asking, deadline: float) -> None:
        self.asking = asking
        self.deadline = deadline
        self._transport.write(asking.octets)

    def close(self) -> None:
        self.deadline = NEVER
        self._transport.abort()

    def give_up(self) -> None:
        """It took too long."""
        self._fail(Failure.TIMEOUT)

    # -- for the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        asking = self.asking
        if asking is None:
            self.close()  # an answer to nothing
            return
        try:
            if self._reader is None:
                self._read_heads(asking, self._held + data if self._held else data)
            else:
                self._read_body(asking, self._reader, data)
        except (BadResponse, BadFraming):
            self._fail(Failure.BAD_ANSWER)

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline = NEVER
        asking = self.asking
        if asking is None:
            self.lane.on_closed(self)
        elif isinstance(self._reader, UntilCloseReader) and exc is None:
            self._end(asking, is_usable=False)
        elif self._reader is not None:
            self._fail(Failure.TRUNCATED)
        elif self.is_reused and not self._held and not self._interim and not asking.is_again:
            self.asking = None
            self.lane.on_stale(self, asking)
        else:
            self._fail(Failure.CLOSED)

    # -- the answer ---------------------------------------------------------------------------------------------

    def _read_heads(self, asking: Asking, data: bytes) -> None:
        """Interim answers (1xx), then the final one."""
        while True:
            octets, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._held = data
                if len(data) > _LONGEST_HEAD:
                    raise BadResponse(f"its head is longer than {_LONGEST_HEAD} octets")
                return
            self.lane.on_lines(asking, octets + b"\r\n")  # before it is read: also one that is none may tell of a write
            head = self.lane.sender.heads.read(octets, asking.asked)
            data = rest
            if head.is_final:
                break
            self._interim += 1
            if self._interim > _MOST_INTERIM:  # endless ones would hold up everything else
                raise BadResponse(f"it has more than {_MOST_INTERIM} interim answers before it")
        self._held = b""
        self._head = head
        framing = head.framing
        if isinstance(framing, Length) and framing.octets == len(data):
            # PERF: the usual answer came in one read.
            if data:
                self._take(data)
            self._end(asking, is_usable=head.keeps_alive)
            return
        self._reader = reader_for(framing)
        if self._reader is None:
            self._end(asking, is_usable=head.keeps_alive and not data)
        elif data:
            self._read_body(asking, self._reader, data)

    def _read_body(self, asking: Asking, reader: BodyReader, data: bytes) -> None:
        content, rest = reader.feed(data)
        if content:
            self._take(content)
        if rest is not None:
            assert self._head is not None, "a body has a head before it"
            self._end(asking, is_usable=self._head.keeps_alive and not rest)

    def _take(self, content: bytes) -> None:
        kept = content[: self._room]
        self._octets += len(content)
        if kept and self.lane.sender.budget.take(len(kept)):
            self._content.append(kept)
            self._room -= len(kept)
        else:
            self._room = 0  # of what was not kept as a whole no more is needed
        if self.lane.sender.settings.digests:
            if self._digest is None:
                self._digest = sha256(usedforsecurity=False)
            self._digest.update(content)

    def _end(self, asking: Asking, *, is_usable: bool) -> None:
        """The answer is whole."""
        self._tell_trailers(asking)
        head, octets, content, digest = self._head, self._octets, self._content, self._digest
        assert head is not None, "an answer has a head"
        self.asking = self._head = self._reader = self._digest = None
        self._interim = 0
        self._octets = 0
        self.deadline = NEVER
        if content:
            self._content = []
        self._room = self._keep
        self.is_reused = True
        self.lane.on_whole(asking, head, octets, digest, content)
        if is_usable and not self._transport.is_closing():
            self.lane.on_free(self)
        else:
            self._transport.abort()
            self.lane.on_closed(self)

    def _tell_trailers(self, asking: Asking) -> None:
        if isinstance(self._reader, ChunkedReader) and self._reader.trailers:
            self.lane.on_lines(asking, b"\r\n%b\r\n" % b"\r\n".join(self._reader.trailers))

    def _fail(self, failure: Failure) -> None:
        asking, head, octets = self.asking, self._head, self._octets
        assert asking is not None, "only a request can fail"
        self.lane.on_lines(asking, self._held)
        self._tell_trailers(asking)
        self.asking = self._reader = None
        self.deadline = NEVER
        self._transport.abort()
        self.lane.sender.budget.free(sum(map(len, self._content)))
        self._content = []
        self.lane.on_failure(asking, failure, 0 if head is None else head.status, octets)
        self.lane.on_closed(self)
