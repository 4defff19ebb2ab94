"""What the new site says back, as values, and the sets of headers that its answers share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeAlias
from urllib.parse import unquote

Headers: TypeAlias = tuple[tuple[str, str], ...]

HTML = "text/html; charset=UTF-8"
PLAIN = "text/plain; charset=UTF-8"
JSON = "application/json"

CORS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since"),
    ("Access-Control-Allow-Methods", "GET"),
    ("Access-Control-Max-Age", "86400"),
    ("Access-Control-Expose-Headers", "X-PyPI-Last-Serial"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers = ()
    body: bytes = b""
    reason: str | None = None  # None: the usual one of the status


def found(body: bytes, content_type: str, headers: Headers = ()) -> Answer:
    return Answer(200, (("Content-Type", content_type), *headers), body)


def moved(location: str, status: int = 301) -> Answer:
    """A redirect. What could end a header, or what browsers take for a slash, is refused even if encoded."""
    if any(character in unquote(location) for character in "\r\n\\"):
        return Answer(400, (("Content-Type", PLAIN),), b"The URL holds characters that no redirect may have")
    return Answer(status, (("Location", location), ("Content-Type", PLAIN)))


def with_etag(answer: Answer, if_none_match: str | None) -> Answer:
    """Tag a 200 by its form and bytes, and turn it into a 304 for who has those (RFC 9110 13.1.2)."""
    content_type = dict(answer.headers).get("Content-Type", "")
    digest = blake2b(content_type.encode() + b"\0" + answer.body, digest_size=16)
    etag = f'"{digest.hexdigest()}"'
    tagged = replace(answer, headers=(*answer.headers, ("ETag", etag)))
    if if_none_match is None or not _matches(if_none_match, etag):
        return tagged
    kept = tuple(header for header in tagged.headers if header[0] != "Content-Type")
    return Answer(304, kept)


def _matches(if_none_match: str, etag: str) -> bool:
    candidates = [candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")]
    return "*" in candidates or etag in candidates
