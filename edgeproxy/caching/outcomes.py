"""What becomes of a request at the cache, and of an answer that might be kept.

The values are the metric labels, the log words and the details of Cache-Status (RFC 9211), all in one.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What the cache did for one request."""

    HIT = "hit"  # a fresh copy was given
    STALE = "stale"  # a stale copy was given, and somebody asks for a new one (RFC 5861 §3)
    STALE_IF_ERROR = "stale_if_error"  # a stale copy was given, since the backend failed (RFC 5861 §4)
    REVALIDATED = "revalidated"  # the backend said that the copy is still right (RFC 9111 §4.3)
    COLLAPSED = "collapsed"  # the answer to somebody else's request was given (RFC 9111 §4)
    MISS = "miss"  # the backend was asked, and its answer kept
    UNCACHEABLE = "uncacheable"  # the backend was asked, and its answer not kept: NotStored says why
    BYPASS = "bypass"  # the request does not use the cache
    ONLY_IF_CACHED = "only_if_cached"  # it wanted a copy or nothing, and there was none (RFC 9111 §5.2.1.7)


class NotStored(StrEnum):
    """Why an answer was not kept."""

    METHOD = "method"  # of the request: not GET, and no safe call by its body
    CONTENT = "content"  # the request had content that is no part of the key
    NO_STORE = "no_store"
    PRIVATE = "private"
    SET_COOKIE = "set_cookie"
    AUTHORIZATION = "authorization"  # RFC 9111 §3.5: the answer does not say that others may have it
    COOKIE = "cookie"  # the request had one, and the answer does not say that others may have it
    VARY = "vary"  # `*`, or more names than are kept
    STATUS = "status"  # it may not be kept without knowing what it means (RFC 9111 §3)
    PARTIAL = "partial"  # 206: only whole answers are kept
    NO_LIFETIME = "no_lifetime"  # nothing says how long it is fresh, and no validator lets it be asked for anew
    UNSAFE_FIELDS = "unsafe_fields"  # its head is too large to be kept, or cannot be read in one way
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"  # it ended before its end
    DIGEST = "digest"  # it has not the digest that its rule asks for
    CHANGING = "changing"  # a file was written to just now, and may be once more without a trace
    PURGED = "purged"  # while it was on its way
    NO_ROOM = "no_room"  # the disk is full or fails
