"""Copies that the edge codes itself (RFC 9110 §8.4, §12.5.3): for whom, of what, and what their heads say.

Laws of this module:
- what came coded, in part, or with `no-transform` (RFC 9111 §5.2.2.6) is given as it came;
- a coded copy is another representation: it has an entity-tag of its own, as strong as the one it came with, and no
  digest of the octets that it no longer has (RFC 9530); both copies say that Accept-Encoding chose between them;
- identity is what a client gets that does not ask for a coding (RFC 9110 §12.5.3 lets it have any).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from edgeproxy.caching import directives, field_lines
from edgeproxy.caching.quality import quality_of
from edgeproxy.caching.stored import Stored
from edgeproxy.http.etags import EntityTag
from edgeproxy.ruleset.modifiers import Coding

# Below it a coding saves no more than its field line takes, 24 octets: of 150 octets of HTML gzip saved 11 and br 57,
# of 200 they saved 38 and 89.
SMALLEST: Final = 200

_CODINGS: Final = {coding.value: coding.value for coding in Coding} | {"x-gzip": "gzip"}  # §8.4.1.3
_COMPRESSIBLE: Final = re.compile(
    r"(?:text/(?!event-stream)[a-z0-9.+-]+"
    r"|application/(?:[a-z0-9.+-]+\+(?:json|xml|html|text)|json|xml|javascript|x-javascript|ecmascript|manifest|wasm"
    r"|x-ndjson|json-seq|xml-dtd|rtf|sql|toml|yaml|x-yaml|x-sh|vnd\.ms-fontobject)"
    r"|image/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)"
    r"|font/(?:ttf|otf|collection))",
    re.I,
)
_PART: Final = 206
_WITHOUT_CONTENT: Final = frozenset((204, 205, 304))
_NEVER: Final = (b"content-encoding", b"content-range")
# Of the content's octets, which change; and what says that parts can be had, which cannot (see replies.py).
_OF_THE_OCTETS: Final = frozenset(
    (b"accept-ranges", b"content-digest", b"content-md5", b"digest", b"repr-digest", b"etag", b"content-encoding")
)
_ACCEPT_ENCODING: Final = "accept-encoding"


def choose(accept_encoding: str | None, offered: tuple[Coding, ...]) -> Coding | None:
    """The coding a client wants most; between equals the first that is offered. None: as it came."""
    if not accept_encoding or not offered:
        return None
    wanted = _qualities(accept_encoding)
    rest = wanted.get("*", 0.0)
    best = max(offered, key=lambda coding: wanted.get(coding, rest))
    quality = wanted.get(best, rest)
    return best if quality > 0 and quality >= wanted.get("identity", 0.0) else None


def is_compressible(content_type: str, size: int) -> bool:
    """Whether it is worth trying: text, or what is built like it, and not too short."""
    return size >= SMALLEST and _COMPRESSIBLE.fullmatch(content_type.partition(";")[0].strip()) is not None


def may_be_coded(stored: Stored) -> bool:
    """Whether an answer may be given in a coding that the edge applies."""
    if stored.coding or stored.status == _PART or stored.status in _WITHOUT_CONTENT:
        return False
    if any(field_lines.has(stored.lines, name) for name in _NEVER):
        return False
    cache_control = field_lines.value(stored.lines, b"cache-control")
    return cache_control is None or "no-transform" not in directives.parse(cache_control)


def coded(stored: Stored, coding: Coding, size: int, digest: bytes) -> Stored | None:
    """The head of a copy in another coding, whose content has this size and digest; None where there must be none."""
    if not may_be_coded(stored):
        return None
    etag = None if stored.etag is None else _tagged(stored.etag, coding)
    return replace(
        stored,
        lines=coded_lines(stored.lines, coding, etag),
        size=size,
        digest=digest,
        etag=etag,
        coding=coding.value,
        origin=stored.digest,
    )


def coded_lines(lines: bytes, coding: str, etag: EntityTag | None) -> bytes:
    """The lines of an answer as it came, made those of its coded copy."""
    tag = b"" if etag is None else f"ETag: {etag}\r\n".encode("latin-1")
    return b"%bContent-Encoding: %b\r\n%b" % (
        with_vary(field_lines.without(lines, _OF_THE_OCTETS)), coding.encode(), tag
    )  # fmt: skip


def original_etag(stored: Stored) -> EntityTag | None:
    """The entity-tag that the backend gave the answer."""
    etag = stored.etag
    return replace(etag, opaque=etag.opaque.removesuffix(f"-{stored.coding}")) if etag and stored.coding else etag


def with_vary(lines: bytes) -> bytes:
    """The lines of an answer of which there are coded copies: they say so, as those of the others do."""
    names = field_lines.value(lines, b"vary")
    if names is None:
        return lines + b"Vary: Accept-Encoding\r\n"
    listed = [name.strip(" \t") for name in names.split(",")]
    if "*" in listed or _ACCEPT_ENCODING in map(str.lower, listed):
        return lines
    line = f"Vary: {', '.join([*filter(None, listed), 'Accept-Encoding'])}\r\n".encode("latin-1")
    return field_lines.without(lines, frozenset((b"vary",))) + line


def _tagged(etag: EntityTag, coding: Coding) -> EntityTag:
    return replace(etag, opaque=f"{etag.opaque}-{coding}")


def _qualities(accept_encoding: str) -> dict[str, float]:
    """What cannot be read is passed over; of several qualities for one coding the lowest counts: nobody gets what he
    refused.
    """
    found: dict[str, float] = {}
    for member in accept_encoding.split(","):
        name, *parameters = [part.strip(" \t") for part in member.lower().split(";")]
        quality = quality_of(parameters)
        if quality is not None:
            known = _CODINGS.get(name, name)
            found[known] = min(quality, found.get(known, 1.0))
    return found
