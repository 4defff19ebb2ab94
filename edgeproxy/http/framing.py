"""Where a message's body ends (RFC 9112 §6), as values and as readers of bytes.

Law: a message whose end could be found in two ways is refused; readers never guess and never resynchronise.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final, Protocol


class BadFraming(ValueError):
    """The bytes of a body do not follow its framing; the message says how."""


@dataclass(frozen=True, slots=True)
class NoBody:
    """The message ends with its head."""


@dataclass(frozen=True, slots=True)
class Length:
    """Content-Length: the body is this many octets."""

    octets: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """Transfer-Encoding: chunked."""


@dataclass(frozen=True, slots=True)
class UntilClose:
    """An answer without either: the body ends when the backend closes (RFC 9112 §6.3 item 8)."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A 101 that was asked for: from here on the octets are of another protocol (RFC 9110 §7.8)."""


Framing = NoBody | Length | Chunked | UntilClose | Tunnel

NO_BODY: Final = NoBody()
CHUNKED: Final = Chunked()
UNTIL_CLOSE: Final = UntilClose()
TUNNEL: Final = Tunnel()
_NOTHING: Final = Length(0)
LAST_CHUNK: Final = b"0\r\n\r\n"


class BodyReader(Protocol):
    """Turns received bytes into a body's content.

    `feed` returns the content found, and what follows the body once it has ended (None: it has not).
    Raises BadFraming.
    """

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]: ...


class LengthReader:
    """Reads a body of a known length, which is more than 0. Content is passed through without a copy."""

    __slots__ = ("_left",)

    def __init__(self, octets: int) -> None:
        self._left = octets

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        if len(data) < self._left:
            self._left -= len(data)
            return data, None
        if len(data) == self._left:
            self._left = 0
            return data, b""
        content, rest = data[: self._left], data[self._left :]
        self._left = 0
        return content, rest


class UntilCloseReader:
    """Reads a body that has no end but the connection's."""

    __slots__ = ()

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        return data, None


_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_LIMIT: Final = 4096  # octets of one chunk-size line, extensions included: they mean nothing to the edge
_TRAILERS_LIMIT: Final = 16384
_TOO_LONG: Final = "a chunk-size or trailer line is too long"


class ChunkedReader:
    """Decodes the chunked coding (RFC 9112 §7.1). Extensions are checked and dropped; `trailers` are the field lines
    behind the last chunk, for who knows what to do with them.

    Why not httptools here: it does not tell at which octet a message ended, and a pipelined request begins there.
    """

    __slots__ = ("_held", "_is_in_trailers", "_left", "_trailers_octets", "at_once", "is_behind", "trailers")

    def __init__(self) -> None:
        self.at_once = sys.maxsize  # lines read by one `feed`: a read of chunks of one octet has forty thousand
        self.is_behind = False  # more than that came: feed nothing to go on
        self._held = b""  # the start of a line, or of the CRLF behind a chunk
        self._left = 0  # octets of the current chunk still to come, its CRLF included
        self._is_in_trailers = False  # the last chunk was read
        self._trailers_octets = 0
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position, size, lines = 0, len(data), self.at_once
        self.is_behind = False
        while position < size:
            if self._left:
                taken = self._take_chunk(data, position, pieces)
                if taken == position:  # half of a chunk's CRLF: wait for the other half
                    break
                position = taken
                continue
            if not lines:
                self.is_behind = True
                break
            lines -= 1
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                self._refuse_long_or_bare(data, position)
                break
            if line_end - position > _LINE_LIMIT:
                raise BadFraming(_TOO_LONG)
            line, position = data[position:line_end], line_end + 2
            if self._is_in_trailers:
                if not line:
                    return b"".join(pieces), data[position:]
                self._add_trailer(line)
            else:
                self._begin_chunk(line)
        self._held = data[position:]
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), None

    def _take_chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Take what there is of the current chunk; its CRLF only as a whole."""
        content = min(len(data) - position, self._left - 2)
        if content > 0:
            pieces.append(data[position : position + content])
            self._left -= content
            position += content
        if self._left == 2 and len(data) - position >= 2:
            if data[position : position + 2] != b"\r\n":
                raise BadFraming("a chunk is longer than its size says")
            self._left = 0
            position += 2
        elif self._left == 2 and data[position : position + 1] not in (b"", b"\r"):
            raise BadFraming("a chunk is longer than its size says")
        return position

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise BadFraming("a chunk size is not a hexadecimal number")
        octets = int(match[1], 16)
        if octets:
            self._left = octets + 2
        else:
            self._is_in_trailers = True

    def _add_trailer(self, line: bytes) -> None:
        self._trailers_octets += len(line) + 2
        if self._trailers_octets > _TRAILERS_LIMIT:
            raise BadFraming("the trailers are too long")
        if not _TRAILER_LINE.fullmatch(line):
            raise BadFraming("a trailer is not a field line")
        self.trailers.append(line)

    @staticmethod
    def _refuse_long_or_bare(data: bytes, position: int) -> None:
        # A line's CR may be there already, and does not count.
        if len(data) - position - data.endswith(b"\r") > _LINE_LIMIT:
            raise BadFraming(_TOO_LONG)
        if b"\n" in data[position:]:
            raise BadFraming("a line of the chunked coding ends in a bare LF")


def has_body(framing: Framing) -> bool:
    """Whether octets follow the head."""
    return not isinstance(framing, NoBody) and framing != _NOTHING


def reader_for(framing: Framing) -> BodyReader | None:
    """The reader of a body framed so; None when there is nothing to read."""
    match framing:
        case NoBody() | Length(octets=0):
            return None
        case Length(octets=octets):
            return LengthReader(octets)
        case Chunked():
            return ChunkedReader()
        case UntilClose() | Tunnel():
            return UntilCloseReader()


def encode_chunk(content: bytes) -> bytes:
    """One chunk of the chunked coding. The content must not be empty: an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(content), content)
