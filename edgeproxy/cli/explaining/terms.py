"""What the rule that takes a request says of it beside its action: safety, time, and what a service's answer is kept
by. files.py has what is kept of a directory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgeproxy.cli.explaining.explanation import Keeping, Kept, Opening
from edgeproxy.cli.explaining.request import Request
from edgeproxy.proxy.cache.cache_plan import DEFAULT_KEY
from edgeproxy.ruleset.arms import Cutover
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.comparing.terms import found_terms, fresh_terms
from edgeproxy.ruleset.leads import asked_path, kept_query
from edgeproxy.ruleset.model import Forward, Rule
from edgeproxy.ruleset.modifiers import Cache, KeyHeader, KeyPart, Safety
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


def kept_of(
    rule: Rule, cache: Cache, request: Request, captures: Mapping[str, str], arm: str | None, settings: CacheSettings
) -> Kept:
    return Kept(
        of=Keeping.ANSWERS,
        why_not=_why_not(rule, cache, request),
        where="in memory" if settings.directory is None else f"in memory, and on disk in {settings.directory}",
        key=tuple(_key(rule, cache, request, captures, arm)),
        found=found_terms(cache),
        negative=fresh_terms(cache.negative),
        codings=tuple(coding.value for coding in cache.compress),
        heeds_clients=cache.heed_clients,
        tags=tuple(tag.expand(captures) for tag in cache.tags),
        verify=verified(cache, captures),
        only_if=_only_if(request),
    )


def verified(cache: Cache, captures: Mapping[str, str]) -> str | None:
    return None if cache.verify is None else f"{cache.verify[0]} is {cache.verify[1].expand(captures)}"


def opening_of(rule: Rule, now: float) -> Opening | None:
    windows = rule.match.during
    if not windows:
        return None
    change = next_change(windows, now)
    return Opening(is_any_open(windows, now), None if change is None else written_moment(change))


def _why_not(rule: Rule, cache: Cache, request: Request) -> str | None:
    method = request.method
    if method in ("GET", "HEAD") and rule.modifiers.safety is not Safety.UNSAFE:
        return None
    if not is_safe(method, rule.modifiers.safety):
        return f"a {method} is not safe, so its answer is not kept"
    if method != "POST":
        return f"kept is what a GET brings, or a POST that only reads: a request of {method} is passed on"
    return None if cache.key and KeyPart.BODY in cache.key else "the body of the POST is not in the key"


def _only_if(request: Request) -> str | None:
    """RFC 9111 §3.5, and the edge's like treatment of cookies."""
    if "authorization" in request.headers:
        return "the answer says public, s-maxage or must-revalidate, for the request has Authorization"
    if "cookie" in request.headers:
        return "the answer says public, s-maxage, must-revalidate or Vary: Cookie, for the request has a Cookie"
    return None


def _key(rule: Rule, cache: Cache, request: Request, captures: Mapping[str, str], arm: str | None) -> Iterator[str]:
    """The parts of the cache's key, in words."""
    target = request.target
    yield address(request, asked_path(rule, target.path, captures))
    for part in DEFAULT_KEY if cache.key is None else cache.key:
        match part:
            case KeyPart.QUERY:
                kept = kept_query(target.query, rule.modifiers.query)
                yield "no query" if kept is None else f"the query {kept}"
            case KeyPart.BODY:
                yield "the body"
            case KeyHeader():
                yield header_told(part, request)
    if cache.accept:
        yield f"{' or '.join(cache.accept)}, by Accept"
    yield from arm_told(rule, cache, request, arm)


def arm_told(rule: Rule, cache: Cache, request: Request, arm: str | None) -> Iterator[str]:
    if arm is not None and not cache.share_arms:
        yield f"the arm {arm}"
    elif request.side is not None and isinstance(rule.action, Forward) and isinstance(rule.action.to, Cutover):
        yield f"the arm {arm} by Edge-Arm"


def address(request: Request, path: str) -> str:
    """Method, scheme, host and path of a key."""
    method = "GET" if request.method == "HEAD" else request.method  # which is answered from what a GET brought
    return f"{method} {request.target.scheme}://{request.target.authority}{path}"


def header_told(part: KeyHeader, request: Request) -> str:
    return f"{part.name}: {request.headers.get(part.name, '')}".rstrip()
