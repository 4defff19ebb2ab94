"""What the rule that takes a request says of it beside its action: cache, safety, time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgeproxy.cli.explaining.explanation import Kept, Opening
from edgeproxy.cli.explaining.request import Request
from edgeproxy.ruleset.comparing.terms import cache_terms
from edgeproxy.ruleset.leads import kept_query
from edgeproxy.ruleset.model import Forward, Rule
from edgeproxy.ruleset.modifiers import Cache, KeyHeader, KeyPart
from edgeproxy.ruleset.openings import is_any_open, next_change
from edgeproxy.ruleset.read_during import written_moment
from edgeproxy.ruleset.safety import is_safe


def safety_of(rule: Rule, method: str) -> str:
    """Empty where nothing is forwarded, and so nothing repeated."""
    if not isinstance(rule.action, Forward):
        return ""
    declared = rule.modifiers.safety
    word = "safe" if is_safe(method, declared) else "unsafe"
    return f"{word}, by the method {method}" if declared is None else f"{word}, as the rule declares"


def kept_of(rule: Rule, request: Request, captures: Mapping[str, str], arm: str | None) -> Kept | None:
    cache = rule.modifiers.cache
    if cache is None:
        return None
    verify = None if cache.verify is None else f"{cache.verify[0]} is {cache.verify[1].expand(captures)}"
    tags = tuple(tag.expand(captures) for tag in cache.tags)
    return Kept(_why_not(rule, request), cache_terms(cache), tuple(_key(rule, cache, request, arm)), tags, verify)


def opening_of(rule: Rule, now: float) -> Opening | None:
    windows = rule.match.during
    if not windows:
        return None
    change = next_change(windows, now)
    return Opening(is_any_open(windows, now), None if change is None else written_moment(change))


def _why_not(rule: Rule, request: Request) -> str | None:
    if is_safe(request.method, rule.modifiers.safety):
        return None
    return f"a {request.method} is not safe, so its answer is not kept"


def _key(rule: Rule, cache: Cache, request: Request, arm: str | None) -> Iterator[str]:
    """The parts of the cache's key, in words."""
    target = request.target
    yield f"{request.method} {target.scheme}://{target.authority}{target.path}"
    for part in (KeyPart.QUERY,) if cache.key is None else cache.key:
        match part:
            case KeyPart.QUERY:
                kept = kept_query(target.query, rule.modifiers.query)
                yield "no query" if kept is None else f"the query {kept}"
            case KeyPart.BODY:
                yield "the body"
            case KeyHeader(name=name):
                yield f"{name}: {request.headers.get(name, '')}".rstrip()
    if cache.accept:
        yield f"{' or '.join(sorted(cache.accept))}, by Accept"
    if arm is not None and not cache.share_arms:
        yield f"the arm {arm}"
