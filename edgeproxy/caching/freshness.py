"""How old an answer is, and how long it is fresh (RFC 9111 §4.2).

Laws of this module:
- an age is never negative, whatever the clocks of the edge and of the backend say;
- a date that is none, or comes twice, is stale where it ends something, and else is not there (§4.2.1, §5.3);
- what a rule overrides begins when the answer comes: a backend with a cache of its own, or with a clock that is late,
  takes nothing from it. All else is counted from the answer's own beginning, its Age and Date.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from edgeproxy.caching.directives import Governing, delta_seconds, seconds
from edgeproxy.caching.stored import Terms
from edgeproxy.http.dates import parse_http_date
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.ruleset.modifiers import Cache

MOST_BY_HEURISTIC: Final = 86_400.0  # a day; §4.2.2 leaves it to caches
_SHARE: Final = 0.1  # of the time since Last-Modified, as §4.2.2 says

# RFC 9110 §15.1, but for 206, which is not kept
HEURISTIC_STATUSES: Final = frozenset((200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501))
_FOUND: Final = frozenset((200, 203, 204))
_NEGATIVE: Final = REDIRECTS | {404, 405, 410, 414, 501}


class Arrival(NamedTuple):  # PERF: made in half the time of a frozen dataclass
    """An answer's head when it came: its fields, when it was made by its backend's clock, and how old it was."""

    status: int
    values: Mapping[str, str]
    received: float
    date: float
    age: float


def arrival(status: int, values: Mapping[str, str], requested: float, received: float) -> Arrival:
    """Its age is by its Date, or by its Age and the time that it took; an answer without a Date was made when it came
    (RFC 9110 §6.6.1).
    """
    said = date_of(values.get("date"), received)
    date = received if said is None else said
    delay = max(0.0, received - requested)
    age = max(0.0, received - date, _age_value(values.get("age")) + delay)
    return Arrival(status, values, received, date, age)


def fresh_for(answer: Arrival, governing: Governing, policy: Cache, *, may_guess: bool) -> float | None:
    """How long an answer is fresh, from when its age was 0; None: nothing says so."""
    overrides = _overriding(answer.status, policy)
    if overrides is not None:
        return answer.age + overrides
    explicit = lifetime(answer, governing)
    return heuristic(answer) if explicit is None and may_guess else explicit


def lifetime(answer: Arrival, governing: Governing) -> float | None:
    """By its own explicit word (§4.2.1); None: it does not say."""
    for name in ("s-maxage", "max-age"):
        number = seconds(governing.directives, name)
        if number is not None:
            return number
    expires = None if governing.by_targeted else answer.values.get("expires")
    if expires is None:
        return None
    end = date_of(expires, answer.received)
    return 0.0 if end is None else max(0.0, end - answer.date)  # §5.3: an invalid date, above all 0, is in the past


def heuristic(answer: Arrival) -> float | None:
    """A guess for an answer that says nothing (§4.2.2); None: there is nothing to guess by."""
    modified = date_of(answer.values.get("last-modified"), answer.received)
    if modified is None:
        return None
    return min(max(0.0, answer.date - modified) * _SHARE, MOST_BY_HEURISTIC)


def terms(answer: Arrival, governing: Governing, policy: Cache, fresh: float | None) -> Terms:
    """`fresh` is fresh_for's. Without it an answer is asked for anew each time, and at most stands in for an error."""
    directives = governing.directives
    grace = 0.0 if fresh is None else _window(policy.stale_while_revalidate, governing, "stale-while-revalidate")
    return Terms(
        born=answer.received - answer.age,
        fresh=fresh or 0.0,
        while_revalidate=grace,
        if_error=_window(policy.stale_if_error, governing, "stale-if-error"),
        must_revalidate=_must_revalidate(answer.status, governing, policy),
        no_cache="no-cache" in directives,
        immutable="immutable" in directives or (policy.immutable and answer.status in _FOUND),
    )


def _overriding(status: int, policy: Cache) -> float | None:
    """The rule's word for answers of this status."""
    if status in _FOUND:
        return policy.fresh
    return policy.negative if status in _NEGATIVE else None


def _must_revalidate(status: int, governing: Governing, policy: Cache) -> bool:
    """§5.2.2.10: s-maxage says proxy-revalidate, too; the rule that overrides it overrides this of it."""
    directives = governing.directives
    if "must-revalidate" in directives or "proxy-revalidate" in directives:
        return True
    return "s-maxage" in directives and _overriding(status, policy) is None


def _window(by_rule: float | None, governing: Governing, name: str) -> float:
    return by_rule if by_rule is not None else seconds(governing.directives, name) or 0.0


def _age_value(field: str | None) -> float:
    """§5.1: of several the first; what is no number is not there."""
    return 0.0 if field is None else delta_seconds(field.partition(",")[0].strip(" \t")) or 0.0


def date_of(field: str | None, now: float) -> int | None:
    """PERF: 0.3 µs instead of 4 µs for a date that was read before, as Date was by all answers of its second but one.
    To the day is near enough for `now`, by which a year of two digits has its century.
    """
    return None if field is None or len(field) > _LONGEST_DATE else _dated(field, now - now % 86_400)


_LONGEST_DATE: Final = 33  # Wednesday, 25-Nov-26 19:41:30 GMT
_dated: Final = lru_cache(maxsize=1024)(parse_http_date)
