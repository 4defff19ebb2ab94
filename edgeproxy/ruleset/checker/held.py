"""How long a client or cache keeps a redirect by itself, without asking again.

Laws of this module:
- a 301 or 308 without a lifetime is kept for ever: RFC 9111 §4.2.2 allows it, and pip and poetry never ask again;
- a redirect with a lifetime is kept so long, whatever its status; others are not kept;
- only what GET and HEAD asked for is kept (RFC 9110 §9.2.3: no cache keeps another method's answers);
- what a backend answers under a rule with a cache, the edge keeps too: as long as the rule says, and then while it
  may be given stale.
"""

from __future__ import annotations

import re
from typing import Final

from edgeproxy.ruleset.modifiers import Cache
from edgeproxy.ruleset.quantities import written_duration

FOR_EVER: Final = float("inf")
KEPT_METHODS: Final = ("GET", "HEAD")
_PERMANENT: Final = frozenset((301, 308))
_MAX_AGE: Final = re.compile(r"(?:s-maxage|max-age)\s*=\s*\"?([0-9]+)", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r"\b(?:no-store|no-cache)\b", re.IGNORECASE)


def kept_for(status: int, lifetime: float | None) -> float:
    """In seconds: FOR_EVER, or 0 for what is not kept."""
    if lifetime is not None:
        return max(0.0, lifetime)
    return FOR_EVER if status in _PERMANENT else 0.0


def kept_by_edge(cache: Cache | None, lifetime: float | None) -> float:
    """Of a backend's redirect with this lifetime of its own."""
    if cache is None:
        return 0.0
    fresh = (lifetime or 0.0) if cache.negative is None else cache.negative
    return fresh + max(cache.stale_while_revalidate or 0.0, cache.stale_if_error or 0.0)


def told_lifetime(cache_control: str | None) -> float | None:
    """The longest lifetime that a Cache-Control gives; None where it says nothing of it."""
    if cache_control is None:
        return None
    if _FORBIDDEN.search(cache_control):
        return 0.0
    ages = [float(each) for each in _MAX_AGE.findall(cache_control)]
    return max(ages, default=None)


def spell(kept: float) -> str:
    """For messages, after `kept` or `holds it`."""
    return "for ever" if kept == FOR_EVER else f"for {written_duration(kept)}"
