"""An explanation for people, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from edgeproxy.cli.explaining.explanation import Arms, Asking, Explanation, Hop, Keeping, Kept, Part
from edgeproxy.ruleset.place import Place

_BODY = 200  # characters of a body that are shown
_STATUSES = {  # of what was found, and of what was not
    Keeping.ANSWERS: ("200, 203, 204", "redirects, 404, 405, 410, 414, 501"),
    Keeping.FILES: ("200", "404"),
}


def as_text(told: Explanation) -> str:
    return "\n".join(_lines(told))


def _lines(told: Explanation) -> Iterator[str]:
    call = "" if told.call is None else f", an XML-RPC call of {told.call!r}"
    yield f"request: {told.request}{call}"
    yield f"  from {told.client or 'a Unix socket'}, at {told.at}"
    yield f"host: {'not declared' if told.host is None else f'{told.host} ({told.host_kind})'}"
    for each in told.passed_by:
        yield f"not: {_where(each.place)}: {each.name}: {each.why}"
    if told.left_out:
        rules = "1 rule" if told.left_out == 1 else f"{told.left_out} rules"
        yield f"not: {rules} for other hosts or paths (--all tells of them)"
    if told.taker is not None:
        yield f"rule: {_where(told.taker.place)}: {told.taker.name}: {told.taker.action}"
        yield from (f"  {name} = {value}" for name, value in told.taker.captures.items())
    yield from _terms(told)
    if told.arms is not None:
        yield from _arms(told.arms)
    for ask in told.asks:
        yield from _asking(ask, told)
    if told.cache is not None:
        yield from _cache(told.cache)
    if told.answer is not None:
        yield f"answer: {told.answer.status}"
        yield from (f"  {field}" for field in told.answer.fields)
        if told.answer.body:
            body = told.answer.body
            yield f"  body: {body[:_BODY]!r}{'…' if len(body) > _BODY else ''}"
    yield from _walk(told)


def _terms(told: Explanation) -> Iterator[str]:
    if told.during is not None:
        change = "for good" if told.during.change is None else f"until {told.during.change}"
        yield f"  during: open {change}"
    if told.limits:
        yield f"  limits: {told.limits}"
    if told.upgrade:
        yield f"  upgrade: {told.upgrade}"
    if told.safety:
        yield f"  safety: {told.safety}"


def _arms(arms: Arms) -> Iterator[str]:
    shares = ", ".join(f"{share.backend} {share.percent:g} %" for share in arms.shares)
    resting = " (as it rests: what has been moved since, the running edge knows)" if arms.kind == "cutover" else ""
    yield f"{arms.kind}: {arms.name}: {shares}{resting}"
    for share in arms.shares:
        where = f"places from {share.low:g} % to below {share.high:g} %" if share.percent else "no place"
        yield f"  {share.backend}: {where}"
    yield f"  known by: {arms.known_by}"
    if arms.override is None:
        yield f"  place: {arms.place:g} %, so on the arm {arms.arm}"
        return
    yield f"  place: {arms.place:g} %, which does not count"
    by, where = arms.override, "" if arms.override.place is None else f"{_where(arms.override.place)}: "
    yield f"  {by.by}: {where}{by.what}: {by.arm}, {by.when}"
    yield f"  so on the arm {arms.arm}"


def _asking(ask: Asking, told: Explanation) -> Iterator[str]:
    yield f"{_heading(ask, told)} at {' or '.join(ask.places)}" if ask.file is None else f"{_heading(ask, told)}:"
    if ask.file is not None:
        yield f"  file: {ask.file}"
    if ask.line is not None:
        yield f"  {ask.line}"
    if ask.host is not None:
        yield f"  Host: {ask.host}"
    if ask.edits:
        yield f"  with {', '.join(ask.edits)}"
    if ask.answer_edits:
        yield f"  its answer gets {', '.join(ask.answer_edits)}"
    for each in ask.may_redirect:
        yield f"  may redirect: {each.status} to {each.location}, as {_where(each.place)} declares"


def _heading(ask: Asking, told: Explanation) -> str:
    match ask.part:
        case Part.FORWARD | Part.ARM:
            return f"ask: {ask.backend}"
        case Part.OTHER_ARM:
            return f"other arm: {ask.backend}"
        case Part.FALLBACK:
            return f"fallback: {told.fallback}: {ask.backend}"
        case Part.SHADOW:
            return f"shadow: {told.shadow}: {ask.backend}"
        case _:
            assert_never(ask.part)


def _cache(kept: Kept) -> Iterator[str]:
    if kept.why_not is not None:
        yield f"cache: not used: {kept.why_not}"
        return
    yield f"cache: {kept.where}"
    yield f"  key: {', '.join(kept.key)}"
    found, negative = _STATUSES[kept.of]
    yield f"  {found}: {kept.found}"
    yield f"  {negative}: {kept.negative}"
    if kept.codings:
        yield f"  given as {' or '.join(kept.codings)} to who takes it, if it is text"
    if kept.heeds_clients:
        yield "  a client may ask for a newer answer"
    if kept.tags:
        yield f"  tags: {', '.join(kept.tags)}"
    for needed in (kept.verify, kept.only_if):
        if needed is not None:
            yield f"  {'given' if kept.of is Keeping.FILES else 'kept'} only if {needed}"


def _walk(told: Explanation) -> Iterator[str]:
    """Nothing where the first answer is the last."""
    if not told.walk or told.walk[0].location is None:
        return
    yield "a client that follows:"
    for number, hop in enumerate(told.walk, 1):
        yield f"  {number}. {hop.request}"
        if hop.location is not None:
            yield f"     {hop.does}"
            yield from _by(hop)
    last = told.walk[-1]
    yield f"     {told.end}"
    if last.location is None:
        yield from _by(last)


def _by(hop: Hop) -> Iterator[str]:
    if hop.place is not None and hop.rule is not None:
        yield f"     by {hop.rule}, {_where(hop.place)}"


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}"
