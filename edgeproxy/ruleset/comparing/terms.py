"""What a rule does with every request that it takes, whatever its path: the aspects that are constant, in words.

Law: two rules with the same words here differ, if at all, in what they make of a request's path, query or method.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from hashlib import blake2b
from typing import Final, assert_never

from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.ignores import written_ignore
from edgeproxy.ruleset.model import Action, Fault, Files, Forward, Redirect, RedirectMap, Respond, Rule
from edgeproxy.ruleset.modifiers import Cache, Fallback, KeyHeader, RuleLimits, Shadow
from edgeproxy.ruleset.quantities import written_duration, written_share, written_size

_SHOWN: Final = 60  # characters of a body


class Aspect(StrEnum):
    """What can differ between two treatments of a request, the weightiest first."""

    ACTION = "action"
    LOCATION = "location"
    ANSWER = "answer"  # the head and body that the edge answers with
    PATH = "path"  # that a backend is asked for, or that is looked up
    QUERY = "query"  # that a backend is asked for
    HEADERS = "headers"  # that a backend is asked with, Host among them
    SAFETY = "safety"
    LIFETIME = "lifetime"
    CACHE = "cache"
    TAGS = "tags"
    VERIFY = "verify"
    FALLBACK = "fallback"
    SHADOW = "shadow"
    LIMITS = "limits"
    UPGRADE = "upgrade"
    ANSWER_HEADERS = "answer headers"


Terms = dict[Aspect, str]


def terms_of(rule: Rule) -> Terms:
    return dict(_terms(rule))


def _terms(rule: Rule) -> Iterator[tuple[Aspect, str]]:
    action, more = rule.action, rule.modifiers
    yield Aspect.ACTION, action_of(action)
    match action:
        case Redirect(lifetime=lifetime) | RedirectMap(lifetime=lifetime):
            yield Aspect.LIFETIME, "not said" if lifetime is None else written_duration(lifetime)
        case Respond():
            yield Aspect.ANSWER, _answer(action)
        case Forward() | Files():
            pass
        case _:
            assert_never(action)
    asked = ([] if more.rewrite.host is None else [f"Host: {more.rewrite.host}"]) + edits(more.rewrite.headers)
    if asked:
        yield Aspect.HEADERS, ", ".join(asked)
    if more.cache is not None:
        yield Aspect.CACHE, cache_terms(more.cache)
    if more.fallback is not None:
        yield Aspect.FALLBACK, fallback_terms(more.fallback)
    if more.shadow is not None:
        yield Aspect.SHADOW, shadow_terms(more.shadow)
    limits = limit_terms(more.limits)
    if limits:
        yield Aspect.LIMITS, limits
    if more.upgrade:
        yield Aspect.UPGRADE, ", ".join(sorted(more.upgrade))
    if more.rewrite.answer_headers:
        yield Aspect.ANSWER_HEADERS, ", ".join(edits(more.rewrite.answer_headers))


def action_of(action: Action) -> str:
    match action:
        case Forward(to=to):
            kind = "split" if isinstance(to, Split) else "cutover" if isinstance(to, Cutover) else "backend"
            return f"forward to {kind} {to.name}"
        case Redirect(status=status) | RedirectMap(status=status):
            return f"redirect {status}"
        case Respond(fault=Fault(code=code)):
            return f"XML-RPC fault {code}"
        case Respond(status=status):
            return f"respond {status}"
        case Files(directory=directory):
            return f"files from {directory}"
        case _:
            assert_never(action)


def cache_terms(cache: Cache) -> str:
    said = [found_terms(cache)]
    if cache.negative is not None:
        said.append(f"redirects, 404 and the like {fresh_terms(cache.negative)}")
    if cache.accept:
        said.append(f"one each of {', '.join(cache.accept)}")
    said.append(f"by {', '.join(key_parts(cache)) or 'method, host and path alone'}")
    if cache.compress:
        said.append(f"compressed as {', '.join(cache.compress)}")
    if cache.share_arms:
        said.append("shared by arms")
    if cache.heed_clients:
        said.append("newer for clients that ask for it")
    return "; ".join(said)


def found_terms(cache: Cache) -> str:
    """For how long what was found is given."""
    said = [fresh_terms(cache.fresh)]
    if cache.stale_while_revalidate is not None:
        said.append(f"then {written_duration(cache.stale_while_revalidate)} while it is asked for anew")
    if cache.stale_if_error is not None:
        said.append(f"{written_duration(cache.stale_if_error)} when the backend fails")
    if cache.immutable:
        said.append("immutable")
    return ", ".join(said)


def fresh_terms(seconds: float | None) -> str:
    if seconds is None:
        return "as long as the answer says"
    return f"fresh {written_duration(seconds)}" if seconds else "never fresh"


def key_parts(cache: Cache) -> list[str]:
    """What tells answers apart beside method, host and path."""
    if cache.key is None:
        return ["query"]
    return sorted(f"header {each.name}" if isinstance(each, KeyHeader) else each.value for each in cache.key)


def fallback_terms(fallback: Fallback) -> str:
    return f"{fallback.to.name} on {', '.join([*sorted(fallback.on), *map(str, sorted(fallback.statuses))])}"


def shadow_terms(shadow: Shadow) -> str:
    without = ", ".join(map(written_ignore, shadow.ignore))
    compared = f"compared as {shadow.compare}{f' without {without}' if without else ''}"
    return f"{written_share(shadow.share)} % to {shadow.to.name}, {compared}"


def limit_terms(limits: RuleLimits) -> str:
    said = [] if limits.body is None else [f"body {written_size(limits.body)}"]
    if limits.time is not None:
        said.append(f"time {written_duration(limits.time)}")
    if limits.rate is not None:
        said.append(f"rate {limits.rate.text}, burst {limits.rate.burst}")
    return ", ".join(said)


def edits(headers: tuple[tuple[str, str | None], ...]) -> list[str]:
    """Header fields that are set, and those that are taken away, by name."""
    said = [f"no {name}" if value is None else f"{name}: {value}" for name, value in headers]
    return sorted(said, key=str.lower)


def _answer(action: Respond) -> str:
    head = "".join(f"{line}; " for line in sorted(f"{name}: {value}" for name, value in action.headers))
    body = repr(action.body.decode("utf-8", "replace"))
    if len(body) > _SHOWN:
        body = f"{body[:_SHOWN]}… ({len(action.body)} octets, {blake2b(action.body, digest_size=4).hexdigest()})"
    return f"{head}{body}"
