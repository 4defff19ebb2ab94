"""Messages of HTTP/1 as somebody has recorded them: a head, and what is known of the content behind it.

Laws of this module:
- it is read as RFC 9112 has it, a bare LF as a line's end included, since recorders let that pass;
- whether content is whole is said only where the head says how long it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgeproxy.capture.content import content_in
from edgeproxy.capture.record import BadRecord
from edgeproxy.capture.requests import joined

_END: Final = re.compile(rb"\r?\n\r?\n")
_LINES: Final = re.compile(rb"\r?\n")
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_REQUEST: Final = re.compile(r"(\S+) (\S+)(?: HTTP/[0-9.]+)?")
_STATUS: Final = re.compile(r"HTTP/[0-9.]+ ([1-9][0-9]{2})(?: .*)?")
_LONGEST_HEAD: Final = 1 << 18
_MOST_FIELDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Message:
    """`content`: without its framing, in its coding; None where it is not all there, or nobody knows."""

    first: str
    headers: Mapping[str, str]  # names in lower case
    content: bytes | None

    @property
    def request(self) -> tuple[str, str]:
        """Method and target. Raises BadRecord."""
        found = _REQUEST.fullmatch(self.first)
        if found is None:
            raise BadRecord("its request line is none")
        return found[1], found[2]

    @property
    def status(self) -> int:
        """Raises BadRecord."""
        found = _STATUS.fullmatch(self.first)
        if found is None:
            raise BadRecord("its status line is none")
        return int(found[1])


def read_message(octets: bytes) -> Message:
    """Raises BadRecord."""
    end = _END.search(octets, 0, _LONGEST_HEAD)
    head = octets[: len(octets) if end is None else end.start()]
    if len(head) > _LONGEST_HEAD:
        raise BadRecord("its head is too long")
    first, *lines = (line.decode("latin-1") for line in _LINES.split(head))
    headers = _headers(lines)
    return Message(first, headers, _content(octets, octets[end.end() :], headers) if end is not None else None)


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MOST_FIELDS:
        raise BadRecord("its head has too many fields")
    return joined(map(_field, lines))


def _field(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise BadRecord("a line of its head is no field")
    return found[1], found[2]


def _content(octets: bytes, behind: bytes, headers: Mapping[str, str]) -> bytes | None:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        content = content_in(octets)
        return content if content is not None and content != behind else None
    length = headers.get("content-length", "")
    return behind if length == str(len(behind)) else None
