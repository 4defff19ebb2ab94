"""Whether a copy may be given for a request that it fits (RFC 9111 §4.2, §5.2.1; RFC 5861, RFC 8246).

Laws of this module:
- a copy is FRESH only within its lifetime, and never once it was purged; one that is no-cache is asked for each time;
- what must be revalidated is never given stale, whoever would take it: rule, client, or RFC 5861's windows;
- of a client's wishes only `only-if-cached` always counts; the others where the rule heeds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from edgeproxy.caching import vary
from edgeproxy.caching.directives import NOTHING, Directives, asked, min_fresh, seconds
from edgeproxy.caching.stored import Stored, Terms
from edgeproxy.ruleset.modifiers import Cache


class Use(Enum):
    """What to do with a copy."""

    FRESH = "fresh"  # give it
    STALE = "stale"  # give it, and ask anew (RFC 5861 §3, RFC 9111 §5.2.1.2)
    VALIDATE = "validate"  # ask whether it is still right
    UNAVAILABLE = "unavailable"  # only a copy is wanted, and this one may not be given: 504 (§5.2.1.7)


def decide(values: Mapping[str, str], terms: Terms, purged: float | None, now: float, policy: Cache) -> Use:
    """PERF: a request without Cache-Control and Pragma costs 1 µs; its copy's terms alone decide."""
    said = asked(values) if "cache-control" in values or "pragma" in values else NOTHING
    state = _state(terms, purged, now)
    use = _use(state, terms, said if policy.heed_clients else NOTHING)
    return Use.UNAVAILABLE if use is Use.VALIDATE and "only-if-cached" in said else use


def asks_not_to_store(values: Mapping[str, str]) -> bool:
    """§5.2.1.5."""
    return "cache-control" in values and "no-store" in asked(values)


def wants_only_a_copy(values: Mapping[str, str]) -> bool:
    """§5.2.1.7: where there is none, the answer is 504."""
    return "cache-control" in values and "only-if-cached" in asked(values)


def is_for_the_backend(values: Mapping[str, str]) -> bool:
    """§4.3.2: If-Match and If-Unmodified-Since are not for caches, which MUST NOT evaluate them. Whoever fetches a file
    in pieces says by them of which version, so they are not ignored either: the request goes on as it is.
    """
    return "if-match" in values or "if-unmodified-since" in values


def may_stand_in(values: Mapping[str, str], terms: Terms, purged: float | None, now: float, policy: Cache) -> bool:
    """Whether a copy may be given since the backend failed (RFC 5861 §4). A client's max-age and min-fresh do not count
    then, whatever they say; its no-cache does, and its stale-if-error and max-stale may allow more than the answer.
    """
    said = asked(values) if policy.heed_clients else NOTHING
    if terms.no_cache or "no-cache" in said:
        return False
    state = _state(terms, purged, now)
    if state.is_fresh:
        return True
    if terms.must_revalidate:
        return False
    window = max(terms.if_error, terms.while_revalidate, seconds(said, "stale-if-error") or 0.0)
    return state.stale_for < window or _takes_stale(said, state.stale_for)


def may_be_joined(stored: Stored, values: Mapping[str, str], now: float, policy: Cache) -> bool:
    """Whether an answer whose head was there before the request may be given to it while the content comes: as a copy
    may (§4). One that must be asked for anew each time may not, however long its content takes.
    """
    if not vary.matches(stored.selecting, values, policy):
        return False
    return decide(values, stored.terms, stored.purged, now, policy) in (Use.FRESH, Use.STALE)


class _State(NamedTuple):
    """`stale_for`: seconds since it was no longer fresh, by its age or by a purge; below 0 while it is."""

    age: float
    is_fresh: bool
    stale_for: float


def _state(terms: Terms, purged: float | None, now: float) -> _State:
    age = terms.age(now)
    if purged is None:
        return _State(age, age < terms.fresh, age - terms.fresh)
    return _State(age, False, max(0.0, now - purged, age - terms.fresh))


def _use(state: _State, terms: Terms, said: Directives) -> Use:
    if terms.no_cache or "no-cache" in said:
        return Use.VALIDATE
    if state.is_fresh:
        return Use.FRESH if terms.immutable or _is_new_enough(state, said) else Use.VALIDATE
    if terms.must_revalidate or "min-fresh" in said or not _is_young_enough(state.age, said):
        return Use.VALIDATE
    if "max-stale" in said:
        return Use.STALE if _takes_stale(said, state.stale_for) else Use.VALIDATE
    # §5.2.1.1: who says max-age, and no max-stale, does not want a stale answer
    return Use.STALE if state.stale_for < terms.while_revalidate and "max-age" not in said else Use.VALIDATE


def _is_new_enough(state: _State, said: Directives) -> bool:
    return _is_young_enough(state.age, said) and -state.stale_for >= min_fresh(said)


def _is_young_enough(age: float, said: Directives) -> bool:
    most = seconds(said, "max-age")
    return most is None or age <= most


def _takes_stale(said: Directives, stale_for: float) -> bool:
    """§5.2.1.2: by up to so many seconds; without a number, by any."""
    if "max-stale" not in said:
        return False
    return said["max-stale"] is None or stale_for <= (seconds(said, "max-stale") or 0.0)
