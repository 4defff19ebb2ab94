"""What to answer a GET or HEAD for a representation at hand (RFC 9110 §13, §14, §15).

The answer names pieces of the representation; whoever holds it sends them. Content-Encoding is never set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, assert_never

from edgeproxy.http.conditional import Verdict, evaluate, if_range_holds
from edgeproxy.http.dates import http_date
from edgeproxy.http.etags import EntityTag
from edgeproxy.http.ranges import WHOLE, Ranges, Satisfiable, Span, Unsatisfiable, Whole, parse_range


@dataclass(frozen=True, slots=True)
class Representation:
    """What is known of the octets to be selected from; `last_modified` is a POSIX time."""

    size: int
    etag: EntityTag | None
    last_modified: int | None
    content_type: str


Fields = tuple[tuple[str, str], ...]
Part = bytes | Span


@dataclass(frozen=True, slots=True)
class Selection:
    """An answer: `parts` follow the head in this order and add up to `length` octets."""

    status: int
    fields: Fields
    parts: tuple[Part, ...]
    length: int


_RANGES_TAKEN: Final = ("Accept-Ranges", "bytes")


def select(method: str, headers: Mapping[str, str], representation: Representation, now: float) -> Selection:
    """The answer to a GET or HEAD. An answer to HEAD has a GET's fields and no parts."""
    if representation.last_modified is not None and representation.last_modified > now:
        representation = replace(representation, last_modified=int(now))  # §8.8.2.1: never later than Date
    verdict = evaluate(method, headers, representation.etag, representation.last_modified)
    match verdict:
        case Verdict.PROCEED:
            ranges = _ranges(method, headers, representation, now)
            selection = _content(representation, ranges)
            return replace(selection, parts=(), length=0) if method == "HEAD" else selection
        case Verdict.NOT_MODIFIED:
            # §15.4.5: of the metadata only what a cache needs to find its copy
            return Selection(304, _validators(representation)[:1], (), 0)
        case Verdict.PRECONDITION_FAILED:
            return Selection(412, (("Content-Length", "0"),), (), 0)
        case _:
            assert_never(verdict)


def _ranges(method: str, headers: Mapping[str, str], representation: Representation, now: float) -> Ranges:
    """Step 5 of §13.2.2. GET is the only method with ranges (§14.2)."""
    field = headers.get("range")
    if field is None or method != "GET":
        return WHOLE
    if_range = headers.get("if-range")
    if if_range is None or if_range_holds(if_range, representation.etag, representation.last_modified, now):
        return parse_range(field, representation.size)
    return WHOLE


def _content(representation: Representation, ranges: Ranges) -> Selection:
    match ranges:
        case Whole():
            return _whole(representation)
        case Satisfiable(spans=(span,)):
            content_range = ("Content-Range", _content_range(span, representation.size))
            kind = ("Content-Type", representation.content_type)
            return _selection(206, representation, (kind, content_range), (span,))
        case Satisfiable(spans=spans):
            return _multipart(representation, spans)
        case Unsatisfiable():
            unsatisfied = ("Content-Range", f"bytes */{representation.size}")
            return Selection(416, (unsatisfied, _RANGES_TAKEN, ("Content-Length", "0")), (), 0)
        case _:
            assert_never(ranges)


def _whole(representation: Representation) -> Selection:
    parts = (Span(0, representation.size),) if representation.size else ()
    return _selection(200, representation, (("Content-Type", representation.content_type),), parts)


def _multipart(representation: Representation, spans: tuple[Span, ...]) -> Selection:
    """multipart/byteranges (§14.6)."""
    boundary = _boundary(representation, spans)
    parts: list[Part] = []
    for span in spans:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {representation.content_type}\r\n"
            f"Content-Range: {_content_range(span, representation.size)}\r\n\r\n"
        )
        parts += (head.encode("latin-1"), span)
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    kind = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
    return _selection(206, representation, (kind,), tuple(parts))


def _boundary(representation: Representation, spans: Iterable[Span]) -> str:
    """Not by chance, so whoever made the file could foresee it; but a part states its length, and who ends it
    early by such a line could as well have written what follows the line.
    """
    about = f"{representation} {[(span.offset, span.length) for span in spans]}"
    return blake2b(about.encode(), digest_size=16).hexdigest()


def _selection(status: int, representation: Representation, about: Fields, parts: tuple[Part, ...]) -> Selection:
    length = sum([len(part) if isinstance(part, bytes) else part.length for part in parts])
    fields = (("Content-Length", str(length)), *about, _RANGES_TAKEN, *_validators(representation))
    return Selection(status, fields, parts, length)


def _validators(representation: Representation) -> Fields:
    """The strongest first."""
    etag, last_modified = representation.etag, representation.last_modified
    tag = () if etag is None else (("ETag", str(etag)),)
    date = () if last_modified is None else (("Last-Modified", http_date(last_modified)),)
    return tag + date


def _content_range(span: Span, size: int) -> str:
    return f"bytes {span.offset}-{span.offset + span.length - 1}/{size}"
