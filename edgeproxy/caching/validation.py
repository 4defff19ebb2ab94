"""Asking whether a kept answer is still right, and what it is when it is (RFC 9111 §3.2, §4.3).

Laws of this module:
- a backend is asked by the validators that it gave, whatever coding the edge has given the copy since;
- a 304 that names another version than the copy's never refreshes it. One that names none is of the copy: the edge asks
  with one copy's validators and no others (nginx and Varnish read it so; §4.3.4 leaves it open);
- what describes the kept octets (type, coding, range, length, digests, entity-tag) is never taken from an answer that
  came without them;
- an answer that changes by what it is chosen (Vary), or that may not be kept any more, refreshes nothing. One that may
  not be kept for its request's sake alone (credentials, no-store) leaves the copy as it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgeproxy.caching import coding, field_lines
from edgeproxy.caching.storing import Keep, judge
from edgeproxy.http.dates import http_date, parse_http_date
from edgeproxy.http.etags import EntityTag, is_strong_match, is_weak_match, parse_entity_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeproxy.caching.outcomes import NotStored
    from edgeproxy.caching.stored import Stored
    from edgeproxy.ruleset.modifiers import Cache

_FOR_EDGE: Final = frozenset((b"surrogate-control",))
# §3.2 excepts Content-Length and Content-Range, and whatever the copy's use rests on. A digest of a 304's content would
# be one of nothing. The entity-tag is the copy's own, or there would be no update; that of a coded copy says so.
_LASTING: Final = frozenset(
    (
        b"accept-ranges",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"content-type",
        b"digest",
        b"etag",
        b"repr-digest",
    )
)
_ACCEPT_ENCODING: Final = "accept-encoding"


def edge_lines(lines: bytes) -> bytes:
    """Of an answer's field lines those for Stored.edge_lines."""
    return field_lines.only(lines, _FOR_EDGE)


def condition_lines(stored: Stored) -> bytes:
    """The conditions of a request that asks for a copy anew (§4.3.1); nothing for one without validators."""
    etag = coding.original_etag(stored)
    lines = b"" if etag is None else f"If-None-Match: {etag}\r\n".encode("latin-1")
    if stored.last_modified is not None:
        lines += f"If-Modified-Since: {http_date(stored.last_modified)}\r\n".encode()
    return lines


def refreshed(
    stored: Stored,
    lines_of_304: bytes,
    policy: Cache,
    values: Mapping[str, str],
    requested: float,
    received: float,
    *,
    has_query: bool = False,
) -> Stored | None:
    """The copy after a 304; `values` are those of the request that it answers, `has_query` is of its target. The same
    copy: it is right for this request, and no fresher than it was. None: the 304 does not speak of this copy, or leaves
    nothing that may be kept: the copy is to go.
    """
    if not _is_of(stored, lines_of_304):
        return None
    return _updated(stored, lines_of_304, policy, values, requested, received, has_query)


def after_head(
    stored: Stored,
    status: int,
    lines: bytes,
    policy: Cache,
    values: Mapping[str, str],
    requested: float,
    received: float,
    *,
    has_query: bool = False,
) -> Stored:
    """A GET's copy after the answer to a HEAD that it could have been chosen for (§4.3.5): updated, stale, or as it was
    where the answer names neither a version nor a length.
    """
    if status != 200 or stored.status != 200:
        return stored
    agrees = [same for same in _agreements(stored, lines) if same is not None]
    stale = replace(stored, purged=received if stored.purged is None else stored.purged)
    if not all(agrees):
        return stale
    names_a_version = field_lines.has(lines, b"etag") or field_lines.has(lines, b"last-modified")
    if not names_a_version:
        return stored
    return _updated(stored, lines, policy, values, requested, received, has_query) or stale


def _is_of(stored: Stored, lines: bytes) -> bool:
    """§4.3.4: a strong validator must be the copy's; a weak one must be as good as its."""
    tag, date = _etag(lines), _last_modified(lines)
    own = coding.original_etag(stored)
    if tag is not None and (own is not None or not tag.weak):
        return own is not None and (is_weak_match if tag.weak else is_strong_match)(tag, own)
    if date is not None:
        return date == stored.last_modified
    return tag is None


def _agreements(stored: Stored, lines: bytes) -> tuple[bool | None, ...]:
    """Whether what a HEAD's answer says of the content is so of the copy's; None for what it does not say."""
    tag, date = field_lines.value(lines, b"etag"), field_lines.value(lines, b"last-modified")
    length = None if stored.coding else field_lines.value(lines, b"content-length")
    return (
        None if tag is None else _etag(lines) == coding.original_etag(stored),
        None if date is None else _last_modified(lines) == stored.last_modified,
        None if length is None else length == str(stored.size),
    )


def _updated(
    stored: Stored,
    news: bytes,
    policy: Cache,
    values: Mapping[str, str],
    requested: float,
    received: float,
    has_query: bool,
) -> Stored | None:
    merged = _merged(stored.lines + stored.edge_lines, news, received)
    may_be_coded_here = bool(stored.coding or policy.compress)
    if _selecting(merged, may_be_coded_here) != _selecting(stored.lines, may_be_coded_here):
        return None

    def judged(values: Mapping[str, str]) -> Keep | NotStored:
        return judge(
            "GET", values, stored.status, merged, policy, requested, received, body_is_in_key=False, has_query=has_query
        )

    keep = judged(values)
    if not isinstance(keep, Keep):
        return stored if isinstance(judged({}), Keep) else None
    had_codings = may_be_coded_here and _ACCEPT_ENCODING in _names(stored.lines)
    return replace(
        stored,
        lines=coding.with_vary(keep.lines) if had_codings else keep.lines,
        terms=keep.terms,
        tags=keep.tags if field_lines.has(news, b"surrogate-key") else stored.tags,
        last_modified=keep.last_modified,
        purged=None,
        edge_lines=edge_lines(merged),
    )


def _merged(lines: bytes, news: bytes, received: float) -> bytes:
    """§3.2: what came takes the place of what was there under its name. A message without a Date is as old as its
    arrival (RFC 9110 §6.6.1), not as the one before it; a Last-Modified that is no date says nothing.
    """
    if not field_lines.has(news, b"date"):
        news += f"Date: {http_date(received)}\r\n".encode()
    lasting = _LASTING if _last_modified(news) is not None else _LASTING | {b"last-modified"}
    fresh = field_lines.without(news, lasting)
    return field_lines.without(lines, frozenset(name for name, _ in field_lines.named(fresh))) + fresh


def _selecting(lines: bytes, may_be_coded_here: bool) -> frozenset[str]:
    """What Vary names, but for what the edge itself may have added there."""
    names = _names(lines)
    return names - {_ACCEPT_ENCODING} if may_be_coded_here else names


def _names(lines: bytes) -> frozenset[str]:
    listed = (field_lines.value(lines, b"vary") or "").split(",")
    return frozenset(name for name in (text.strip(" \t").lower() for text in listed) if name)


def _etag(lines: bytes) -> EntityTag | None:
    return parse_entity_tag(field_lines.value(lines, b"etag") or "")


def _last_modified(lines: bytes) -> int | None:
    return parse_http_date(field_lines.value(lines, b"last-modified") or "")
