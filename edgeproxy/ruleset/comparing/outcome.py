"""What a ruleset does with one request, aspect by aspect: by the functions that the edge decides with.

Law: two outcomes are equal where nobody could tell the two rulesets apart by this request, as far as rules decide.
A Location counts by where it leads, not by how it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from edgeproxy.http.redirection import resolve
from edgeproxy.http.target import Target
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.comparing.terms import Aspect, Terms, terms_of
from edgeproxy.ruleset.follow import url_of
from edgeproxy.ruleset.leads import asked_path, kept_query, location
from edgeproxy.ruleset.model import (
    Files,
    Forward,
    NoRule,
    Redirect,
    RedirectMap,
    Respond,
    Routed,
    Routing,
    Rule,
    UnknownHost,
    WrongMethod,
)
from edgeproxy.ruleset.origins import DirectoryBackend
from edgeproxy.ruleset.safety import is_safe

TermsOf = Callable[[Rule], Terms]

_OF_ACTIONS: Final = frozenset(
    (Aspect.LOCATION, Aspect.ANSWER, Aspect.PATH, Aspect.QUERY, Aspect.HEADERS, Aspect.SAFETY, Aspect.LIFETIME)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rule`: None where none takes the request."""

    rule: Rule | None
    said: Mapping[Aspect, str]

    def differs(self, other: Outcome) -> tuple[Aspect, ...]:
        """In which aspects; in the order of Aspect. What only one of two actions has goes without saying."""
        found = [each for each in Aspect if self.said.get(each) != other.said.get(each)]
        if Aspect.ACTION in found:
            found = [each for each in found if each not in _OF_ACTIONS or (each in self.said and each in other.said)]
        return tuple(found)


def outcome_of(routing: Routing, asked: Asked, terms: TermsOf = terms_of) -> Outcome:
    match routing:
        case Routed(rule=rule, captures=captures):
            return Outcome(rule, {**terms(rule), **dict(_by_request(rule, captures, asked))})
        case UnknownHost():
            return Outcome(None, {Aspect.ACTION: "421: the host is not declared"})
        case NoRule():
            return Outcome(None, {Aspect.ACTION: "404: no rule takes the path"})
        case WrongMethod():
            return Outcome(None, {Aspect.ACTION: "405: no rule takes the method"})
        case _:
            assert_never(routing)


def _by_request(rule: Rule, captures: Mapping[str, str], asked: Asked) -> Iterator[tuple[Aspect, str]]:
    action, more = rule.action, rule.modifiers
    match action:
        case Redirect() | RedirectMap():
            where_to = location(action, asked.path, captures, asked.query, more.query)
            yield from _location(rule, where_to, asked)
        case Forward(to=to):
            yield Aspect.PATH, asked_path(rule, asked.path, captures)
            if not isinstance(to, DirectoryBackend):
                yield Aspect.QUERY, kept_query(asked.query, more.query) or "none"
            yield Aspect.SAFETY, "safe" if is_safe(asked.method, more.safety) else "unsafe"
        case Files(path=path):
            yield Aspect.PATH, asked.path if path is None else path.expand(captures)
        case Respond():
            pass
        case _:
            assert_never(action)
    if more.cache is not None:
        if more.cache.tags:
            yield Aspect.TAGS, ", ".join(sorted(tag.expand(captures) for tag in more.cache.tags))
        if more.cache.verify is not None:
            digest, wanted = more.cache.verify
            yield Aspect.VERIFY, f"{digest} {wanted.expand(captures)}"


def _location(rule: Rule, where_to: str, asked: Asked) -> Iterator[tuple[Aspect, str]]:
    for name, value in rule.modifiers.rewrite.answer_headers:  # they have the last word
        if name.lower() == "location":
            if value is None:
                return
            where_to = value
    yield Aspect.LOCATION, led(asked, where_to)


def led(asked: Asked, where_to: str) -> str:
    """Where a Location leads whoever asked; as it is written where that is no URL of a site."""
    base = Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)
    target = resolve(base, where_to)
    if target is None:
        return where_to
    _, hash_sign, fragment = where_to.partition("#")
    return f"{url_of(target)}{hash_sign}{fragment}"
