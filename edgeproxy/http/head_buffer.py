"""Received octets on their way to being request heads, however they were cut (RFC 9112 §2).

Law: where the octets were cut decides neither which heads come out nor, with the parser behind, what is refused and by
which status; only who refuses it.
"""

from __future__ import annotations

import re
import sys
from typing import Final

from edgeproxy.http.request import BadRequest

_HOPELESS: Final = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|\0")  # what no further octet makes right
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n){1,33}")  # one more than is taken
_MOST_EMPTY: Final = 64  # octets of them before one request: a client that sends them by the megabyte means no good


def refuse_hopeless(octets: bytes, start: int = 0, end: int = sys.maxsize) -> None:
    """Raises BadRequest for what no further octet makes a head."""
    if _HOPELESS.search(octets, start, end):
        raise BadRequest(400, "its head holds a bare CR or LF, or a NUL")


class HeadBuffer:
    """Octets go in by `add`; whole heads come out by `take`, and what follows a head by `take_rest`."""

    __slots__ = ("_empty", "_most", "_searched", "_start", "octets")

    def __init__(self, most: int) -> None:
        """`most`: octets that a head may have."""
        self._most = most
        self.octets = b""  # PERF: to be asked whether there are any, where a call to __len__ would count
        self._start = 0  # what is before it was taken. PERF: cut off once a read, not once a head of many
        self._searched = 0  # no head ends before here
        self._empty = 0  # octets of empty lines before the next head

    def __len__(self) -> int:
        return len(self.octets) - self._start

    def add(self, data: bytes) -> None:
        if self._start:
            self._searched -= self._start
            self.octets, self._start = self.octets[self._start :], 0
        self.octets = self.octets + data if self.octets else data

    def take(self) -> bytes | None:
        """The next head, with its empty line; None when it is not whole yet. Raises BadRequest.

        A head that cannot become a good one is refused as soon as that is certain: a client that ends its lines with
        a bare LF would otherwise wait for an answer, and the edge for a head's end.
        """
        octets, start = self.octets, self._start
        if octets.startswith(b"\r\n", start):  # RFC 9112 §2.2: empty lines before a request are ignored
            start = self._skip_empty_lines(octets, start)
        end = octets.find(b"\r\n\r\n", self._searched) + 4
        if end == 3 or end > start + self._most:
            self._refuse_hopeless_or_long(octets, start, len(octets) if end == 3 else end)
            self._searched = max(start, len(octets) - 3)
            return None
        self._empty = 0
        if end == len(octets):
            self.clear()
            return octets[start:]
        self._start = self._searched = end
        return octets[start:end]

    def _skip_empty_lines(self, octets: bytes, start: int) -> int:
        match = _EMPTY_LINES.match(octets, start)
        end = match.end() if match else start
        self._empty += end - start
        if self._empty > _MOST_EMPTY:
            raise BadRequest(400, f"more than {_MOST_EMPTY // 2} empty lines come before it")
        self._start = self._searched = end
        return end

    def _refuse_hopeless_or_long(self, octets: bytes, start: int, end: int) -> None:
        """In the order in which it would show octet by octet."""
        refuse_hopeless(octets, self._searched, min(end, start + self._most))
        if end > start + self._most:
            raise BadRequest(431, f"its head is longer than {self._most} octets")

    def take_rest(self) -> bytes:
        """All that is there: the start of a body, when a head was taken that has one."""
        octets = self.octets[self._start :]
        self.clear()
        return octets

    def clear(self) -> None:
        self.octets = b""
        self._start = self._searched = 0
