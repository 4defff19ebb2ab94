"""From an answer that may be kept to the copy of it."""

from __future__ import annotations

from collections.abc import Mapping

from edgeproxy.caching import coding, vary
from edgeproxy.caching.stored import Stored
from edgeproxy.caching.storing import Keep
from edgeproxy.caching.validation import edge_lines
from edgeproxy.http.dates import http_date, parse_http_date
from edgeproxy.http.etags import parse_entity_tag
from edgeproxy.http.fields import values_by_name
from edgeproxy.ruleset.modifiers import Cache


def copy_of(
    status: int,
    lines: bytes,
    keep: Keep,
    request: Mapping[str, str],
    policy: Cache,
    tags: tuple[str, ...],
    received: float,
) -> Stored:
    """The head of a copy whose content is still to come: its size is -1, and it has no digest. `lines`: as they came.
    `request`: the values of the request that it answers; `tags`: the rule's.
    """
    values = values_of(keep.lines)
    kept = keep.lines if "date" in values else keep.lines + f"Date: {http_date(received)}\r\n".encode()
    if policy.compress and coding.is_compressible(values.get("content-type", ""), coding.SMALLEST):
        kept = coding.with_vary(kept)
    modified = values.get("last-modified")
    etag = values.get("etag")
    return Stored(
        status=status,
        lines=kept,
        terms=keep.terms,
        size=-1,
        digest=b"",
        selecting=vary.selecting(_told_apart_by(keep, policy), request, policy),
        tags=tuple(dict.fromkeys((*tags, *keep.tags))),
        content_type=values.get("content-type", ""),
        etag=None if etag is None else parse_entity_tag(etag),
        last_modified=None if modified is None else parse_http_date(modified),
        edge_lines=edge_lines(lines),
    )


def _told_apart_by(keep: Keep, policy: Cache) -> tuple[str, ...]:
    """Of what the answer varies by, what the backend was told as the client said it. Variants are in the key; under
    `compress` the backend is asked without Accept-Encoding.
    """
    own = {"accept"} if policy.accept else set()
    if policy.compress:
        own.add("accept-encoding")
    return tuple(name for name in keep.vary if name not in own)


def values_of(lines: bytes) -> dict[str, str]:
    """Names in lower case, and values, of field lines."""
    pairs = (line.partition(b":") for line in lines.split(b"\r\n") if line)
    return values_by_name((name, value.strip(b" \t")) for name, _, value in pairs)
