"""What an answer's head says of itself: whether it came from a cache, and how much was written for it."""

from __future__ import annotations

import re
from typing import Final

_KEPT: Final = b"\r\ncache-status:"
_HIT: Final = re.compile(rb";[ \t]*hit(?![^;,])")  # RFC 9211 §2.1
HIT: Final = "hit"
MISS: Final = "miss"


def line_start(name: str) -> bytes:
    """By which `value_of` finds a field."""
    return f"\r\n{name.lower()}:".encode("latin-1")


def value_of(lines: bytes, start: bytes) -> bytes | None:
    """Of the first field of a name in an answer's head, in lower case: its value."""
    at = lines.find(start)
    if at < 0:
        return None
    begin = at + len(start)
    return lines[begin : lines.index(b"\r\n", begin)].strip(b" \t")


def kept_of(lines: bytes) -> str | None:
    """Of a head in lower case: whether the answer came from a cache. None: it does not say."""
    value = value_of(lines, _KEPT)
    if value is None:
        return None
    return HIT if _HIT.search(value.partition(b",")[0]) else MISS


def writes_of(lines: bytes, start: bytes) -> int | None:
    """Of a head in lower case, or what there is of one: how much it says was written. None: it does not say. All fields
    of the name count, and all members of each: what is in front of a site may say its own. What is no number is one
    write: nobody knows what it says.
    """
    at = lines.find(start)
    if at < 0:
        return None
    writes = 0
    while at >= 0:
        begin = at + len(start)
        value, _, rest = lines[begin:].partition(b"\r\n")  # whose end may not have come
        writes += sum(map(_writes, value.split(b",")))
        at = lines.find(start, len(lines) - len(rest) - 2) if rest else -1
    return writes


def _writes(member: bytes) -> int:
    member = member.strip(b" \t")
    return int(member) if member.isdigit() and len(member) < 19 else 1
