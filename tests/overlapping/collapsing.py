"""How often the origin may be asked: while it is asked for what all may have, nobody asks for the same.

Law: only that is looked at which must be so whatever the order of what happened at the same time. A fetch is needless
when another one was on its way before its request began, for the same key and, as far as its head was known, the same
variant, and nothing since made that one a fetch that a request does not wait for: a purge, a write, a wish of the
client, an answer that was for one client only.
"""

from __future__ import annotations

from collections.abc import Iterator

from overlapping.history import Exchange, History, Purged, Sent
from overlapping.oracle import fits, record_of, variant_of

_TRIES = 3  # fetches for other variants that a request waits for, before it asks alone


def needless(history: History) -> Iterator[str]:
    """Of one worker's edge. A content that is too large changes too much."""
    if any(one.says is not None and one.says.is_large for one in history.exchanges):
        return
    for fetch in history.exchanges:
        sent, other = _whose(history, fetch), _last_before(history, fetch)
        if sent is not None and other is not None and _is_to_be_waited_for(history, fetch, sent, other):
            yield f"{fetch}: for the request [{sent.begun}], which was to wait for {other}"


def _whose(history: History, fetch: Exchange) -> Sent | None:
    """The request that a client's connection was at; None: the origin was asked behind its back."""
    asked = fetch.asked
    waiting = [
        one
        for one in history.sent
        if one.client == fetch.client and one.begun < asked and (one.headed or one.ended or asked) >= asked
    ]
    at = waiting[0] if waiting else None
    return at if at is not None and (at.request.method, at.request.target) == (fetch.method, fetch.target) else None


def _of_the_key(history: History, fetch: Exchange) -> list[Exchange]:
    """The GETs before it."""
    variant = variant_of(fetch.fields) if history.rule.tells_types_apart else None
    return [
        one
        for one in history.exchanges[: fetch.number]
        if (one.method, one.target) == ("GET", fetch.target) and variant in (None, variant_of(one.fields))
    ]


def _last_before(history: History, fetch: Exchange) -> Exchange | None:
    """What a request finds on its way, if it is not over."""
    before = _of_the_key(history, fetch) if fetch.method == "GET" else []
    return before[-1] if before and (before[-1].ended is None or before[-1].ended > fetch.asked) else None


def _is_to_be_waited_for(history: History, fetch: Exchange, sent: Sent, other: Exchange) -> bool:
    by = _whose(history, other)
    since = 0 if by is None else by.begun
    known = [one for one in _of_the_key(history, fetch) if one.begun is not None and one.begun < fetch.asked]
    return (
        other.asked < sent.begun
        and not (history.rule.policy.heed_clients and "cache-control" in sent.fields)
        and not any(_is_between(one, since, fetch) for one in history.purges)
        and sum(one.asked > since for one in known) < _TRIES
        and all(_is_for_all(history, one) for one in known)
        and (other not in known or _suits(history, other, fetch, sent))
    )


def _is_between(purge: Purged, since: int, fetch: Exchange) -> bool:
    """Whether it may have taken what was on its way."""
    return purge.may_take(fetch.target) and purge.began < fetch.asked and (purge.done is None or purge.done > since)


def _is_for_all(history: History, one: Exchange) -> bool:
    """Whether it is clear that it was kept; else who asks next may be let alone with what is his."""
    record = record_of(history, one)
    wants_none = any(
        "no-store" in sent.fields.get("cache-control", "") for sent in history.sent if sent.client == one.client
    )
    if one.status == 304:
        return True  # it changes nothing of whose it is
    is_fresh = "no-cache" not in record.directives and record.first_age < record.lifetime(history.rule.policy)
    return record.may_be_kept() is None and is_fresh and not wants_none


def _suits(history: History, other: Exchange, fetch: Exchange, sent: Sent) -> bool:
    """Whether its head, which is known, is for the request, too."""
    record = record_of(history, other)
    return fits(history, record, sent) and record.age(fetch.asked_at) < record.lifetime(history.rule.policy)
