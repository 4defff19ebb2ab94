"""What is wrong in a history: a naive reading of RFC 9111 where requests overlap.

For each request, the set of answers that it may have got; for each answer, that it is whole and of one version. Laws:
- it shares no code with `edgeproxy`, but for the reading of dates (`naive_cache`): it keeps nothing and waits for
  nothing, but looks back on all that happened;
- where the order of two events cannot be known from outside, both are allowed;
- an answer is its client's own (the origin was asked for it, by the same words, after the request had begun), or one
  for all: kept by its own word, for the same variant, taken by no purge that was done before the request began, and
  fresh when it did, or stale as far as that is allowed, or given by the origin only after it had begun.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from naive_cache import Record

from overlapping.history import Ending, Exchange, History, Purged, Sent

_WHOSE = ("authorization", "cookie", "x-a")  # by which a client's own words are told from another's


@dataclass(frozen=True)
class Version:
    """An answer for all, as of when the origin gave it or said that it is right (`by`). What it said to who had
    credentials is not kept (`is_kept`), but answers those who waited for it.
    """

    origin: Exchange
    by: Exchange
    record: Record
    is_kept: bool = True


def complaints(history: History) -> Iterator[str]:
    for sent in history.sent:
        why = _wrong_end(history, sent) if sent.headed is None else _wrong_answer(history, sent)
        if why is not None:
            yield f"{sent}: {why}"


def _wrong_end(history: History, sent: Sent) -> str | None:
    """Of a request without an answer."""
    if sent.ending is Ending.BROKEN and not _saw_failure(history, sent):
        return "the connection ended though the origin did not fail"
    return None


def _wrong_answer(history: History, sent: Sent) -> str | None:
    if sent.status == 304 and any(_is_own(sent, one) and _is_passed_on(one, sent) for one in history.exchanges):
        return None
    exchange = _answer_of(history, sent)
    if exchange is None:
        return _wrong_refusal(history, sent)
    why = _wrong_content(sent, exchange, compresses=history.rule.compresses)
    if why is not None:
        return why
    if sent.ending is Ending.BROKEN and not _saw_failure(history, sent):
        return "it broke off though the origin did not fail"
    if any(_is_own(sent, one) and _is_of(one, exchange) for one in history.exchanges):
        return None
    if "set-cookie" in sent.head:
        return f"it sets the cookie of client {exchange.client}"
    whys = [_why_not_for_all(history, sent, version) for version in versions(history, exchange)]
    return None if None in whys else f"{exchange.name} is not for it: {'; '.join(dict.fromkeys(map(str, whys)))}"


def _answer_of(history: History, sent: Sent) -> Exchange | None:
    """Whose answer it is, by its name or by its tag."""
    name = sent.head.get("x-number")
    if name is None and sent.status == 304:
        name = sent.head.get("etag", "").strip('"').removesuffix("-gzip")
    return None if name is None else history.of(name)


def _wrong_refusal(history: History, sent: Sent) -> str | None:
    """An answer of the edge's own."""
    if sent.status == 504 and "only-if-cached" in sent.fields.get("cache-control", ""):
        return None
    return None if sent.status == 502 and _saw_failure(history, sent) else "nothing explains this answer"


def _saw_failure(history: History, sent: Sent) -> bool:
    """Whether the origin failed, for the same target, while it ran; a 304 for what nobody has is a failure, too."""
    return any(
        (one.has_failed or one.status == 304)
        and one.target == sent.request.target
        and one.ended is not None
        and one.ended < (sent.ended or history.number)
        and (one.heard is None or one.heard > sent.begun)
        for one in history.exchanges
    )


# -- content --------------------------------------------------------------------------------------------------------


def _wrong_content(sent: Sent, exchange: Exchange, *, compresses: bool) -> str | None:
    body, content, is_whole = bytes(sent.body), exchange.content, sent.ending is Ending.WHOLE
    if sent.status == 304:
        tag = f'"{exchange.name}"'
        return None if tag in sent.fields.get("if-none-match", "") else "it has another tag than its client named"
    if sent.status == 206:
        first, last = _part(sent.head.get("content-range", ""))
        if "range" not in sent.fields:
            return "it is a part that nobody asked for"
        content = content[first : last + 1]
    elif sent.status != exchange.status:
        return f"its status is another than that of {exchange.name}"
    if "content-encoding" in sent.head:
        if not compresses or "gzip" not in sent.fields.get("accept-encoding", ""):
            return "it is in a coding that its client does not take"
        return None if not is_whole or gzip.decompress(body or gzip.compress(content)) == content else "other content"
    length = sent.head.get("content-length")
    if length is not None and int(length) != len(content):
        return f"its length is not that of {exchange.name}"
    if sent.request.method == "HEAD":
        return None if not body else "it has content"
    is_right = body == content if is_whole else content.startswith(body)
    return None if is_right else f"its content is not that of {exchange.name}: {body[:99]!r}"


def _part(content_range: str) -> tuple[int, int]:
    first, _, last = content_range.removeprefix("bytes ").partition("/")[0].partition("-")
    return int(first), int(last)


# -- for all --------------------------------------------------------------------------------------------------------


def _why_not_for_all(history: History, sent: Sent, version: Version) -> str | None:
    """None: whoever asks as this request does may have it."""
    policy, record = history.rule.policy, version.record
    if sent.request.method == "POST":
        return "a write is answered by the origin alone"
    why_not = record.may_be_kept()
    if why_not is not None:
        return why_not
    if not fits(history, record, sent):
        return "it is another variant"
    taken = [one for one in history.purges if _is_taken(version, one, sent)]
    if any(one.is_hard for one in taken):
        return f"{taken[0]} took it"
    if taken:
        wishes = {}
        stale_for = sent.begun_at - min(one.at for one in taken)
        if stale_for >= record.may_be_stale(wishes, policy, has_failed=_has_failed(history, sent)):
            return f"{taken[0]} made it stale"
    elif version.by.read is None or version.by.read > sent.begun:
        return None  # it is as new as one that the origin would have been asked for
    if not version.is_kept:
        return "it is known to be right only for who asked"
    return record.why_not_given(sent.fields, sent.begun_at, policy, has_failed=_has_failed(history, sent))


def fits(history: History, record: Record, sent: Sent) -> bool:
    rule = history.rule
    edges_own = {
        name for name, is_so in (("accept", rule.tells_types_apart), ("accept-encoding", rule.compresses)) if is_so
    }
    if rule.tells_types_apart and variant_of(record.asked_with) != variant_of(sent.fields):
        return False
    return record.target == sent.request.target and all(
        _plain(name, record.asked_with) == _plain(name, sent.fields) for name in record.vary if name not in edges_own
    )


def variant_of(fields: Mapping[str, str]) -> str:
    """PEP 691, of the requests of these programs."""
    return "json" if "json" in fields.get("accept", "") else "html"


def _plain(name: str, fields: Mapping[str, str]) -> str | None:
    value = fields.get(name)
    if value is None or name != "accept-encoding":
        return value
    return ",".join(sorted(part.strip() for part in value.split(",")))


def _is_taken(version: Version, purge: Purged, sent: Sent) -> bool:
    """Whether it was done before the request began, and not before the origin was asked for it. A hard one takes an
    answer for good: no later word makes it right.
    """
    asked = version.origin.asked if purge.is_hard else version.by.asked
    is_over = purge.done is not None and purge.done < sent.begun
    tags = version.origin.head.get("surrogate-key", "")
    return is_over and asked < purge.began and purge.takes(version.origin.target, tags)


def _has_failed(history: History, sent: Sent) -> bool:
    """Whether the origin had failed of late for this target, or was slow to fail for any."""
    for one in history.exchanges:
        when, at = (one.begun, one.begun_at) if one.status >= 500 else (one.ended, one.ended_at)
        is_failure = one.has_failed or one.status >= 500
        is_before = when is not None and sent.headed is not None and when < sent.headed
        if is_failure and is_before and (one.target == sent.request.target or at - one.asked_at >= 1):
            return True
    return False


# -- whose ----------------------------------------------------------------------------------------------------------


def _is_own(sent: Sent, exchange: Exchange) -> bool:
    """Whether the origin may have been asked on behalf of this very request."""
    return (
        (exchange.client, exchange.method, exchange.target) == (sent.client, sent.request.method, sent.request.target)
        and exchange.asked > sent.begun
        and all(exchange.fields.get(name) == sent.fields.get(name) for name in _WHOSE)
    )


def _is_passed_on(exchange: Exchange, sent: Sent) -> bool:
    """Whether the origin said to the client itself that nothing has changed, by whatever tag."""
    return exchange.status == 304 and exchange.head["etag"] == sent.head.get("etag")


def _is_of(exchange: Exchange, other: Exchange) -> bool:
    """Whether its answer is the other's: that itself, or the word that it is right."""
    return exchange is other or (exchange.status == 304 and exchange.head["etag"] == f'"{other.name}"')


def versions(history: History, origin: Exchange) -> Iterable[Version]:
    """What may be kept of an answer for all: as it came, and as each 304 of the origin made it."""
    if origin.method != "GET":
        return
    first = record_of(history, origin)
    yield Version(origin, origin, first)
    for one in history.exchanges:
        if one.status == 304 and one.head["etag"] == first.values.get("etag"):
            yield from _renewed(Version(origin, one, first), record_of(history, one))


def _renewed(old: Version, news: Record) -> Iterator[Version]:
    """For those whom it was for, and for who asked."""
    values = {name: value for name, value in old.record.values.items() if name != "date"} | dict(news.values)
    record = replace(old.record, values=values, requested=news.requested, received=news.received)
    of_who_asked = replace(record, asked_with=news.asked_with)
    is_kept = of_who_asked.may_be_kept() is None
    yield replace(old, record=record, is_kept=is_kept)
    if is_kept:
        yield replace(old, record=of_who_asked)


def record_of(history: History, exchange: Exchange) -> Record:
    asked_with = dict(exchange.fields)
    asked_with.pop("cache-control", None)
    asks = [
        one
        for one in history.sent
        if (one.client, one.request.target) == (exchange.client, exchange.target) and one.begun < exchange.asked
    ]
    if all("no-store" in one.fields.get("cache-control", "") for one in asks):
        asked_with["cache-control"] = "no-store"
    return Record(
        name=exchange.name,
        target=exchange.target,
        asked_with=asked_with,
        status=exchange.status,
        values=exchange.head,
        requested=exchange.asked_at,
        received=exchange.begun_at,
    )
