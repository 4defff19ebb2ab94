"""Preconditions (RFC 9110 §13): whether a request for a representation that exists goes on.

Law: the order is §13.2.2's. A field that is present silences the weaker one of its pair even when it is
malformed; a malformed date is no condition at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from edgeproxy.http.dates import parse_http_date
from edgeproxy.http.etags import (
    EntityTag,
    is_strong_match,
    is_weak_match,
    parse_entity_tag,
    parse_entity_tags,
)


class Verdict(Enum):
    """What the preconditions of a request say."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not_modified"
    PRECONDITION_FAILED = "precondition_failed"


_READS: Final = frozenset(("GET", "HEAD"))
_WITHOUT_REPRESENTATION: Final = frozenset(("CONNECT", "OPTIONS", "TRACE"))  # §13.2.1


def evaluate(method: str, headers: Mapping[str, str], etag: EntityTag | None, last_modified: int | None) -> Verdict:
    """The verdict on a request's preconditions; the representation's validators may be unknown (None)."""
    if method in _WITHOUT_REPRESENTATION:
        return Verdict.PROCEED
    if not _may_act(headers, etag, last_modified):
        return Verdict.PRECONDITION_FAILED
    if not _is_current_copy(method, headers, etag, last_modified):
        return Verdict.PROCEED
    return Verdict.NOT_MODIFIED if method in _READS else Verdict.PRECONDITION_FAILED


def if_range_holds(field: str, etag: EntityTag | None, last_modified: int | None, now: float) -> bool:
    """§13.1.5: whether the part a client has and the part it asks for are of one representation."""
    if '"' in field[:3]:
        tag = parse_entity_tag(field)
        return tag is not None and etag is not None and is_strong_match(tag, etag)
    date = parse_http_date(field, now)
    # §8.8.2.2: a date of this very second is a weak validator, for the second change may be yet to come.
    return date is not None and date == last_modified and date + 1 <= now


def _may_act(headers: Mapping[str, str], etag: EntityTag | None, last_modified: int | None) -> bool:
    """Steps 1 and 2: If-Match, or else If-Unmodified-Since."""
    if_match = headers.get("if-match")
    if if_match is not None:
        return _names(if_match, etag, is_strong_match)
    date = _date(headers.get("if-unmodified-since"))
    return date is None or last_modified is None or last_modified <= date


def _is_current_copy(
    method: str, headers: Mapping[str, str], etag: EntityTag | None, last_modified: int | None
) -> bool:
    """Steps 3 and 4: If-None-Match, or else, for a read, If-Modified-Since."""
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        return _names(if_none_match, etag, is_weak_match)
    if method not in _READS:
        return False
    date = _date(headers.get("if-modified-since"))
    return date is not None and last_modified is not None and last_modified <= date


def _names(field: str, etag: EntityTag | None, is_match: Callable[[EntityTag, EntityTag], bool]) -> bool:
    if field == "*":  # any representation, and one exists
        return True
    return etag is not None and any(is_match(tag, etag) for tag in parse_entity_tags(field))


def _date(field: str | None) -> int | None:
    return None if field is None else parse_http_date(field)
