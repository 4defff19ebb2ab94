"""Safety: requests that are sent again, copied or answered from memory though they may do something.

Laws of this module:
- a request is safe by its method, unless its rule says otherwise (edgeproxy.ruleset.safety);
- a rule is told of a method only if a request of that method reaches it: the witness;
- a redirect of every method is told of only if what it would lose, a write, is forwarded where it leads;
- a fallback after no connection repeats nothing: nothing was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, assert_never

from edgeproxy.http.redirection import resolve
from edgeproxy.http.request import METHODS
from edgeproxy.http.target import Target
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.facets import Axis, Dimension
from edgeproxy.ruleset.checker.getting import first_got, shown, undecided
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.leads import location
from edgeproxy.ruleset.model import Files, Forward, Redirect, RedirectMap, Respond, Routed, Rule
from edgeproxy.ruleset.modifiers import Fallback, KeyPart, Safety, Trouble
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Evidence, Problem
from edgeproxy.ruleset.safety import SAFE_METHODS

_EVERY: Final = tuple(sorted(method.decode() for method in METHODS))
_UNSAFE: Final = tuple(method for method in _EVERY if method not in SAFE_METHODS)
_CHANGED: Final = ("POST", "PUT", "PATCH", "DELETE")  # what clients make a GET of: all of them POST, some all four
_WITH_BODY: Final = ("POST", "PUT", "PATCH", "PROPFIND", "REPORT")
_CHANGING: Final = (301, 302)
_BEFORE_SENDING: Final = frozenset((Trouble.CONNECT, Trouble.TLS))


def repeats(checking: Checking) -> Said:
    ground = checking.ground
    return Said(tuple(problem for each in ground.territories.values() for problem in _rule(ground, each)))


def _rule(ground: Ground, territory: Territory) -> Iterator[Problem]:
    try:
        yield from _repeated(ground, territory)
        yield from _shared_answers(ground, territory)
        yield from _redirected(ground, territory)
    except Unsupported as error:
        yield undecided(territory.rule, f"the rule {territory.rule.name!r} repeats what is not safe", error)


def _request(ground: Ground, territory: Territory, methods: Iterable[str]) -> Evidence | None:
    """One with one of these methods that the rule gets."""
    asked = first_got(ground, territory, {Dimension.METHOD: ground.facets.methods(methods)})
    return None if asked is None else shown(ground, asked)


# -- shadow, cache, fallback ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Repeat:
    """What a rule does with requests that are only safe ones' to be done with."""

    code: Code
    modifier: str
    place: Place
    does: str
    why: str


def _repeats_of(rule: Rule) -> Iterator[_Repeat]:
    modifiers = rule.modifiers
    if modifiers.shadow is not None:
        why = f"the copy does at {modifiers.shadow.to.name} what the request does: it would be done twice."
        yield _Repeat(Code.UNSAFE_SHADOW, "shadow", modifiers.shadow.place, "shadows", why)
    if modifiers.cache is not None:
        why = "what is answered from memory is not done: the client is told that it was."
        yield _Repeat(Code.UNSAFE_CACHE, "cache", modifiers.cache.place, "caches", why)
    fallback = modifiers.fallback
    if fallback is not None and _may_repeat(fallback):
        why = f"the first backend may have done it before it failed, and {fallback.to.name} would do it again."
        yield _Repeat(Code.UNSAFE_FALLBACK, "fallback", fallback.place, "asks its fallback for", why)


def _may_repeat(fallback: Fallback) -> bool:
    return bool(fallback.statuses or fallback.on - _BEFORE_SENDING)


def _repeated(ground: Ground, territory: Territory) -> Iterator[Problem]:
    rule = territory.rule
    safety = rule.modifiers.safety
    repeats = list(_repeats_of(rule)) if safety is not Safety.SAFE else []
    if not repeats:
        return
    is_said = safety is Safety.UNSAFE
    found = _request(ground, territory, _EVERY if is_said else _UNSAFE)
    if found is not None:
        requests = "that it says are unsafe" if is_said else "that may not be repeated"
        for each in repeats:
            message = f"the rule {rule.name!r} {each.does} requests {requests}"
            yield Problem(each.code, each.place, message, each.why, _remedy(each, is_said=is_said), evidence=found)


def _remedy(repeat: _Repeat, *, is_said: bool) -> str:
    if is_said:
        return f"remove the {repeat.modifier}, or `safety: unsafe`, whichever is wrong."
    only_reads = (
        "give the rule methods: [GET, HEAD] and others a rule of their own; or, if they only read, `safety: safe`."
    )
    if repeat.code is Code.UNSAFE_FALLBACK:
        return f"{only_reads} The edge never asks a fallback for what may not be repeated."
    return only_reads


def _shared_answers(ground: Ground, territory: Territory) -> Iterator[Problem]:
    """Two calls that differ in their bodies alone, and share an answer."""
    rule = territory.rule
    cache = rule.modifiers.cache
    if cache is None or rule.modifiers.safety is not Safety.SAFE or (cache.key and KeyPart.BODY in cache.key):
        return
    found = _request(ground, territory, _WITH_BODY)
    if found is not None:
        yield Problem(
            Code.BODY_NOT_IN_KEY,
            cache.place,
            f"the rule {rule.name!r} keeps answers to requests with a body, and the body is not in their key",
            "two calls to one URL would get one answer, whatever they ask for.",
            "add `key: [query, body]` to the cache.",
            evidence=found,
        )


# -- redirects ------------------------------------------------------------------------------------------------------


def _redirected(ground: Ground, territory: Territory) -> Iterator[Problem]:
    rule = territory.rule
    status = _redirect_status(rule)
    if status not in _CHANGING:
        return
    methods: dict[Axis, int] = {Dimension.METHOD: ground.facets.methods(_CHANGED)}
    found = first_got(ground, territory, methods)
    if found is not None and (rule.match.methods or _is_taken(ground, found)):
        other = 308 if status == 301 else 307
        yield Problem(
            Code.UNSAFE_REDIRECT,
            rule.place,
            f"the rule {rule.name!r} redirects requests that write by {status}",
            "clients ask again by GET, without the body (RFC 9110 §15.4): what was to be done is not done.",
            f"answer with status: {other}, which keeps method and body; or give the rule methods: [GET, HEAD].",
            evidence=shown(ground, found),
        )


def _is_taken(ground: Ground, asked: Asked) -> bool:
    """Whether the write would be forwarded, had it come to where it is redirected to."""
    routing = asked.routed_by(ground.ruleset)
    where_to = None if not isinstance(routing, Routed) else _location(routing, asked)
    base = Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)
    led = None if where_to is None else resolve(base, where_to)
    if led is None:
        return False
    there = ground.ruleset.route(asked.method, led.scheme, led.host, led.path, replace(asked.facts, query=led.query))
    return isinstance(there, Routed) and isinstance(there.rule.action, Forward)


def _location(routed: Routed, asked: Asked) -> str | None:
    action = routed.rule.action
    if isinstance(action, Redirect | RedirectMap):
        return location(action, asked.path, routed.captures, asked.query, routed.rule.modifiers.query)
    return action.header("location") if isinstance(action, Respond) else None


def _redirect_status(rule: Rule) -> int | None:
    match rule.action:
        case Redirect(status=status) | RedirectMap(status=status):
            return status
        case Respond(status=status):
            return status if rule.action.header("location") is not None else None
        case Forward() | Files():
            return None
        case other:
            assert_never(other)
