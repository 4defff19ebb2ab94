"""The way of content from a source to one client: the parts that it asked for, as far as they have come."""

from __future__ import annotations

from typing import Final

from edgeproxy.http.framing import LAST_CHUNK, encode_chunk
from edgeproxy.http.selection import Part
from edgeproxy.proxy.cache.source import Source

_AT_A_TIME: Final = 131_072  # octets of one write


class Outflow:
    """`parts`: what of the content is sent, and what between; None: all that comes, in chunks or until the end."""

    __slots__ = ("_done", "_in_chunks", "_parts", "place")

    def __init__(self, parts: tuple[Part, ...] | None, *, in_chunks: bool = False) -> None:
        self._parts = None if parts is None else list(parts)
        self._done = 0  # octets of the first part
        self._in_chunks = in_chunks
        self.place = 0
        self._note_place()

    def next(self, source: Source) -> bytes:
        """The next octets; nothing where none have come. Raises OSError."""
        if self._parts is None:
            content = _read(source, self.place, source.available - self.place - (not source.is_right))
            self.place += len(content)
            return encode_chunk(content) if self._in_chunks and content else content
        while self._parts:
            part = self._parts[0]
            if isinstance(part, bytes):
                self._pass(len(part), len(part))
                return part
            at = part.offset + self._done
            most = part.length - self._done - (not source.is_right)  # so that nobody has a whole part of what is wrong
            content = _read(source, at, min(most, source.available - at))
            self._pass(len(content), part.length)
            return content
        return b""

    @property
    def end(self) -> bytes:
        """What follows the last octet."""
        return LAST_CHUNK if self._in_chunks else b""

    def is_over(self, source: Source) -> bool:
        if self._parts is None:
            return source.is_whole and self.place == source.available
        return not self._parts

    def _pass(self, octets: int, of: int) -> None:
        assert self._parts is not None
        self._done += octets
        if self._done >= of:
            del self._parts[0]
            self._done = 0
        self._note_place()

    def _note_place(self) -> None:
        """What is before the next span is needed no more, unless a later span goes back."""
        spans = [part for part in self._parts or () if not isinstance(part, bytes)]
        if spans:
            first = spans[0].offset + self._done if self._parts and self._parts[0] is spans[0] else spans[0].offset
            self.place = min([first, *[span.offset for span in spans[1:]]])


def _read(source: Source, offset: int, ready: int) -> bytes:
    """Of octets that have come, some. Raises OSError."""
    if ready <= 0:
        return b""
    content = source.read(offset, min(ready, _AT_A_TIME))
    if not content:
        raise OSError("the file of what came became shorter")
    return content
