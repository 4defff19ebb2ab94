"""The content of an answer, found again in the octets that were written to a client: how much it is, and its digest.

Laws of this module:
- what is digested is the content as it was framed (RFC 9112 §6): without head, chunks and trailers, with its coding;
- what was written and cannot be read so has no digest: nothing is guessed;
- nothing of it is written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from edgeproxy.http.framing import BadFraming, ChunkedReader

Piece = bytes | bytearray | memoryview

_END: Final = b"\r\n\r\n"
_CHUNKED: Final = re.compile(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked\r\n")
_LONGEST_HEAD: Final = 1 << 18


Content = bytes  # as JSON, for the table `contents`: octets, and their SHA-256 in hexadecimal


def content_in(octets: bytes) -> bytes | None:
    """Of an answer that is whole, head included; None for what is none."""
    end = octets.find(_END)
    if end < 0:
        return None
    content = octets[end + 4 :]
    # PERF: what is in chunks ends so (RFC 9112 §7.1), and little else does.
    if not content.endswith(_END) or _CHUNKED.search(octets, 0, end + 2) is None:
        return content
    try:
        content, rest = ChunkedReader().feed(content)
    except BadFraming:
        return None
    return None if rest is None or rest else content


def told_of(content: bytes) -> Content:
    return _told(len(content), sha256(content).hexdigest())


class ContentReader:
    """One answer's content, as it comes: `feed` in order, then `end` when it is whole."""

    __slots__ = ("_hash", "_head", "_is_bad", "_octets", "_reader")

    def __init__(self, *, has_head: bool = True) -> None:
        """`has_head`: that comes first."""
        self._head: bytearray | None = bytearray() if has_head else None  # None: it is read
        self._reader: ChunkedReader | None = None
        self._is_bad = False
        self._octets = 0
        self._hash = sha256()

    def feed(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if not self._is_bad:
                self._feed(piece if self._head is None else self._after_head(self._head, piece))

    def end(self) -> Content | None:
        if self._is_bad or self._head is not None:
            return None
        return _told(self._octets, self._hash.hexdigest())

    def _after_head(self, head: bytearray, piece: Piece) -> Piece:
        """What of a piece is content: of a large one that is not a copy."""
        before, view = len(head), memoryview(piece)
        head += view[: _LONGEST_HEAD - before]
        end = head.find(_END)
        if end < 0:
            self._is_bad = len(head) >= _LONGEST_HEAD
            return b""
        self._head = None
        if _CHUNKED.search(head, 0, end + 2) is not None:
            self._reader = ChunkedReader()
        return view[end + 4 - before :]

    def _feed(self, piece: Piece) -> None:
        if self._reader is not None and piece:
            try:
                piece, rest = self._reader.feed(bytes(piece))
            except BadFraming:
                self._is_bad = True
                return
            self._is_bad = bool(rest)
        self._octets += len(piece)
        self._hash.update(piece)


def _told(octets: int, digest: str) -> Content:
    return b'{"octets":%d,"digest":"%b"}' % (octets, digest.encode("ascii"))
