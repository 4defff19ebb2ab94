"""A request's body on its way in: framed, counted, and held to a least rate.

Laws:
- a body has a bound in octets and, while the edge takes what comes, one in time: whoever sends slower than the least
  rate is given up, however steadily;
- what is cut into very many chunks is read in parts, between which others get their turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edgeproxy.http.framing import BodyReader, ChunkedReader
from edgeproxy.ruleset.limits import Limits

_CHUNKS_AT_ONCE: Final = 512  # a millisecond's work


class BodyTooLarge(Exception):
    """A body is longer than its rule, or the edge, allows."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the request's body is longer than {most} octets")


class Inflow:
    """One body. `most` is what it may have in octets; times are loop times."""

    __slots__ = ("_began", "_blocked_since", "_limits", "_most", "_reader", "_received", "watch")

    def __init__(self, reader: BodyReader, most: int, limits: Limits, now: float) -> None:
        self._reader = reader
        if isinstance(reader, ChunkedReader):
            reader.at_once = _CHUNKS_AT_ONCE
        self._most = most
        self._limits = limits
        self._began = now
        self._blocked_since: float | None = None
        self._received = 0
        self.watch: Callable[[bytes], None] | None = None  # looks at content before it goes on, and may raise

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Content, and what follows the body once it has ended. Raises BadFraming, BodyTooLarge, what `watch` does."""
        content, rest = self._reader.feed(data)
        self._received += len(content)
        if self._received > self._most:
            raise BodyTooLarge(self._most)
        if self.watch is not None:
            self.watch(content)
        return content, rest

    @property
    def received(self) -> int:
        """Octets of content so far."""
        return self._received

    def limit(self, most: int) -> None:
        """What the body may have in octets is known only now."""
        self._most = most

    @property
    def is_behind(self) -> bool:
        """Whether octets are held that can be read: feed nothing to go on."""
        return isinstance(self._reader, ChunkedReader) and self._reader.is_behind

    def block(self, blocked: bool, now: float) -> None:
        """The exchange takes no more for now, or does again: in between, the client is not to blame."""
        if blocked:
            if self._blocked_since is None:
                self._blocked_since = now
        elif self._blocked_since is not None:
            self._began += now - self._blocked_since
            self._blocked_since = None

    def due(self, now: float) -> float:
        """When the client is given up, if nothing more comes until then."""
        limits = self._limits
        silent = now + limits.body_time
        if not limits.body_rate:
            return silent
        return min(silent, self._began + limits.body_time + self._received / limits.body_rate)
