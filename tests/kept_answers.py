"""Kept answers for tests: `kept("ETag: ...", content=b"...")` is a 200 as the cache holds it."""

from __future__ import annotations

from hashlib import blake2b

from edgeproxy.caching import field_lines
from edgeproxy.caching.stored import DIGEST_OCTETS, Stored, Terms
from edgeproxy.http.dates import parse_http_date
from edgeproxy.http.etags import parse_entity_tag
from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Part

BORN = 1_523_890_800  # Mon, 16 Apr 2018 15:00:00 GMT
DATE = "Date: Mon, 16 Apr 2018 15:00:00 GMT"
CHANGED = "Mon, 16 Apr 2018 14:00:00 GMT"


def block(*lines: str) -> bytes:
    return "".join([f"{line}\r\n" for line in lines]).encode("latin-1")


def kept(*lines: str, content: bytes = b"", status: int = 200, coding: str = "", fresh: float = 600.0) -> Stored:
    octets = block(DATE, *lines)
    return Stored(
        status=status,
        lines=octets,
        terms=Terms(BORN, fresh),
        size=len(content),
        digest=digest_of(content),
        content_type=field_lines.value(octets, b"content-type") or "",
        etag=parse_entity_tag(field_lines.value(octets, b"etag") or ""),
        last_modified=parse_http_date(field_lines.value(octets, b"last-modified") or ""),
        coding=coding,
    )


def digest_of(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_OCTETS).digest()


def sent(parts: tuple[Part, ...], content: bytes) -> bytes:
    """What a client gets of a content that is kept."""
    return b"".join(
        [content[part.offset : part.offset + part.length] if isinstance(part, Span) else part for part in parts]
    )


def fields(head: bytes) -> dict[str, str]:
    """The fields of a head by their names in lower case; each name stands there once."""
    _, _, lines = head.partition(b"\r\n")
    found = [
        (name.decode(), line.partition(b":")[2].strip().decode("latin-1")) for name, line in field_lines.named(lines)
    ]
    assert len({name for name, _ in found}) == len(found), f"a name stands twice in {head!r}"
    return dict(found)
