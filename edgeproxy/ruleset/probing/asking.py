"""The questions for a ruleset: for each declared redirect, then for each rule that forwards.

Laws of this module:
- a question is what the edge would send: a GET or HEAD that no rule declares unsafe, without any credential;
- no question is asked twice, and the most important come first: a bound cuts off the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import quote_plus

from edgeproxy.http.target import Scheme, Target
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.facets import Axis, Dimension
from edgeproxy.ruleset.checker.getting import first_got, ways
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.leads import asked_path, kept_query
from edgeproxy.ruleset.matching import Begins, Facts, OneOf, ParameterIs, Presence
from edgeproxy.ruleset.model import Forward, Routed, Rule
from edgeproxy.ruleset.origins import DeclaredRedirect, HttpBackend
from edgeproxy.ruleset.probing.question import Question
from edgeproxy.ruleset.probing.witnesses import Bindings, Known, made_up
from edgeproxy.ruleset.safety import is_safe

_METHODS: Final = ("GET", "HEAD")
_OF_A_REDIRECT: Final = 4  # questions
_OF_A_RULE: Final = 4
_KNOWN_OF_A_RULE: Final = 40  # paths that were given, of one rule


@dataclass(frozen=True, slots=True)
class Asking:
    """`unasked`: questions beyond the bound."""

    questions: tuple[Question, ...]
    unasked: int


class Asker:
    def __init__(self, ground: Ground, known: Sequence[Known]) -> None:
        self._ground = ground
        self._ruleset = ground.ruleset
        self._known = known
        self._bindings = Bindings(ground.ruleset, known)

    def asking(self, most: int) -> Asking:
        found: dict[object, Question] = {}
        for question in self._questions():
            found.setdefault(question.identity, question)
        questions = tuple(found.values())
        return Asking(questions[:most], max(0, len(questions) - most))

    def _questions(self) -> Iterator[Question]:
        for backend in self._ruleset.backends:
            if isinstance(backend, HttpBackend):
                for redirect in backend.declares.redirects:
                    yield from islice(self._of_redirect(backend, redirect), _OF_A_REDIRECT)
        for rule in self._ruleset.rules:
            if rule.off is None and isinstance(rule.action, Forward):
                yield from self._of_rule(rule)

    def _of_redirect(self, backend: HttpBackend, redirect: DeclaredRedirect) -> Iterator[Question]:
        method = next((m for m in _METHODS if not redirect.methods or m in redirect.methods), None)
        if method is None:
            return
        for each in self._known:
            if redirect.path.match(each.path) is not None and (not redirect.query or each.query):
                yield from self._of_backend(backend, method, each)
        query = _query_of(redirect.query)
        paths = (*self._bindings.paths(redirect.path, redirect.where), *made_up(redirect.path, redirect.where))
        for path in paths:
            yield from self._of_backend(backend, method, Known(path, query))

    def _of_backend(self, backend: HttpBackend, method: str, known: Known) -> Iterator[Question]:
        """A path that is asked of a backend: by the first host whose rules would, or as if one would."""
        askers = list(self._askers(backend))
        for scheme, host in self._origins(askers, known):
            target = Target(host, host, known.path, known.query, scheme)
            found = self._ask(method, target, backend)
            if found is not None and found.path == known.path:
                yield found
                return
        if askers:
            own = backend.authority.partition(":")[0]
            is_host = any(own in host.names for host in self._ruleset.hosts)
            name = own if is_host else askers[0].match.hosts[0].names[0]
            target = Target(name, name, known.path, known.query, _schemes(askers[0])[0])
            if not self._is_unsafe(method, target):
                yield Question(backend, method, known.path, known.query, backend.authority, target, None)

    def _of_rule(self, rule: Rule) -> Iterator[Question]:
        methods = [m for m in _METHODS if not rule.match.methods or m in rule.match.methods]
        if not methods or not is_safe(methods[0], rule.modifiers.safety):
            return
        method = methods[0]
        known = list(islice(self._known_of(rule, method), _KNOWN_OF_A_RULE))
        backends = [way.backend for way in ways(rule) if isinstance(way.backend, HttpBackend)]
        for target in (*known, *islice(self._made_up(rule, method), max(1, _OF_A_RULE - len(known)))):
            for backend in dict.fromkeys(backends):
                found = self._ask(method, target, backend)
                if found is not None and found.rule is rule:
                    yield found

    def _known_of(self, rule: Rule, method: str) -> Iterator[Target]:
        for each in self._known:
            for scheme, host in self._origins([rule], each):
                target = Target(host, host, each.path, each.query, scheme)
                routed = self._routed(method, target)
                if routed is not None and routed.rule is rule:
                    yield target
                    break

    def _made_up(self, rule: Rule, method: str) -> Iterator[Target]:
        territory = self._ground.territory(rule)
        if territory is None:
            return
        masks: dict[Axis, int] = {Dimension.METHOD: self._ground.facets.methods((method,))}
        try:
            asked = first_got(self._ground, territory, masks)
        except Unsupported:
            return
        if asked is not None:
            yield Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)

    def _ask(self, method: str, target: Target, backend: HttpBackend) -> Question | None:
        """What the edge would ask a backend for a client's request; None where it would not."""
        routed = self._routed(method, target)
        if routed is None or backend not in [way.backend for way in ways(routed.rule)]:
            return None
        rule = routed.rule
        if not is_safe(method, rule.modifiers.safety):
            return None
        path = asked_path(rule, target.path, routed.captures)
        query = kept_query(target.query, rule.modifiers.query)
        return Question(backend, method, path, query, rule.modifiers.rewrite.host or backend.authority, target, rule)

    def _is_unsafe(self, method: str, target: Target) -> bool:
        routed = self._routed(method, target)
        return routed is not None and not is_safe(method, routed.rule.modifiers.safety)

    def _routed(self, method: str, target: Target) -> Routed | None:
        facts = Facts(query=target.query)
        routing = self._ruleset.route(method, target.scheme, target.host, target.path, facts)
        return routing if isinstance(routing, Routed) else None

    def _askers(self, backend: HttpBackend) -> Iterator[Rule]:
        for rule in self._ruleset.rules:
            if rule.off is None and any(way.backend == backend for way in ways(rule)):
                yield rule

    @staticmethod
    def _origins(rules: Sequence[Rule], known: Known) -> Iterator[tuple[Scheme, str]]:
        """The schemes and hosts to try, each once."""
        tried: dict[tuple[Scheme, str], None] = {}
        for rule in rules:
            for host in rule.match.hosts:
                name = host.names[0] if known.host is None else known.host
                if name in host.names:
                    for scheme in _schemes(rule) if known.scheme is None else (known.scheme,):
                        tried[scheme, name] = None
        yield from tried


def _schemes(rule: Rule) -> tuple[Scheme, ...]:
    return tuple(scheme for scheme in (Scheme.HTTPS, Scheme.HTTP) if rule.takes(scheme))


def _query_of(conditions: Sequence[ParameterIs]) -> str | None:
    """A query that has what these ask for, as far as it is plain."""
    values = {each.name: _value(each) for each in conditions}
    pairs = [f"{quote_plus(name, safe=':')}={quote_plus(value)}" for name, value in values.items() if value is not None]
    return "&".join(pairs) or None


def _value(condition: ParameterIs) -> str | None:
    match condition.value:
        case OneOf(values=values):
            return min(values)
        case Begins(text=text):
            return text
        case Presence(wanted=True):
            return "1"
        case _:
            return None
