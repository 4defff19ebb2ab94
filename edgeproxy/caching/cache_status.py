"""What the edge says of itself in Cache-Status (RFC 9211): one member, as a field line of its own.

Laws of this module:
- `hit` and `fwd` never stand together (§2.1, §2.2); an answer that was forwarded for says why, always;
- `detail` is a word of Outcome or NotStored, and only where the parameters do not say it already.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from edgeproxy.caching.outcomes import NotStored, Outcome


class Forward(StrEnum):
    """Why a request went on to a backend (§2.2)."""

    BYPASS = "bypass"  # the cache was told not to handle it
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    MISS = "miss"
    REQUEST = "request"  # a fresh copy was there, and the request's own words forbade it
    STALE = "stale"
    PARTIAL = "partial"


_START: Final = b"Cache-Status: edgeproxy; "


def line(
    outcome: Outcome,
    *,
    ttl: int | None = None,
    stored: bool = False,
    not_stored: NotStored | None = None,
    forwarded_status: int | None = None,
    collapsed: bool = False,
    forward: Forward | None = None,
) -> bytes:
    """`ttl`: seconds for which the answer is still fresh, below 0 for how long it has been stale (§2.4). `forward`:
    where the caller knows better than the outcome says why it went on.
    """
    if outcome is Outcome.HIT and ttl is not None:  # PERF: the hit path's; what follows comes to the same
        return b"%bhit; ttl=%d\r\n" % (_START, ttl)
    return (
        _START
        + "; ".join(
            [
                *_how(outcome, forward, not_stored),
                *([] if forwarded_status is None else [f"fwd-status={forwarded_status}"]),
                *([] if ttl is None else [f"ttl={ttl}"]),
                *(["stored"] if stored else []),
                *(["collapsed"] if collapsed or outcome is Outcome.COLLAPSED else []),
                *_detail(outcome, not_stored),
            ]
        ).encode()
        + b"\r\n"
    )


def _how(outcome: Outcome, forward: Forward | None, not_stored: NotStored | None) -> list[str]:
    match outcome:
        case Outcome.HIT | Outcome.STALE:
            return ["hit"]
        case Outcome.STALE_IF_ERROR | Outcome.REVALIDATED:
            default = Forward.STALE
        case Outcome.COLLAPSED | Outcome.MISS | Outcome.UNCACHEABLE:
            default = Forward.METHOD if not_stored is NotStored.METHOD else Forward.MISS
        case Outcome.BYPASS:
            default = Forward.BYPASS
        case Outcome.ONLY_IF_CACHED:
            return []  # neither: nothing was there, and nobody was asked
        case _:
            assert_never(outcome)
    return [f"fwd={forward or default}"]


def _detail(outcome: Outcome, not_stored: NotStored | None) -> list[str]:
    if not_stored is not None:
        return [] if not_stored is NotStored.METHOD else [f"detail={not_stored}"]
    return [f"detail={outcome}"] if outcome in (Outcome.STALE_IF_ERROR, Outcome.ONLY_IF_CACHED) else []
