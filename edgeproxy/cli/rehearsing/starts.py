"""Where the walks of a rehearsal begin: requests of every rule.

Laws of this module:
- a rule's requests are its own: the edge's router gives each to it, at the moment that the request has;
- what is known says more than what is made up: cases of `expect` first, then paths that were given and what they are
  made of in other spellings, then what is captured, and one that is made up of what the rule really gets;
- a call is made with the parameters that are known of it: those of its case, or of a captured call of that method;
- where a moment (`during`) gives a request to another rule, that is a start of its own; so is each form of content that
  a rule tells apart (`cache: {accept: …}`);
- bounded for each rule, and in turns: of each rule the first, then of each the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Final

from edgeproxy.caching.variants import accept_line
from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.rehearsing.calls import CALL_TYPE, document_of
from edgeproxy.cli.rehearsing.captured import Captured
from edgeproxy.cli.rehearsing.walk import Origin, Start
from edgeproxy.http.target import Scheme, Target
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.getting import first_got
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.model import Routed, Rule, Ruleset
from edgeproxy.ruleset.modifiers import Variant
from edgeproxy.ruleset.openings import is_any_open
from edgeproxy.ruleset.probing.witnesses import Bindings, Known
from edgeproxy.ruleset.template import PathTemplate

_HERE: Final = "127.0.0.1"
_METHODS: Final = ("GET", "HEAD")
_CASES: Final = 40  # of one rule
_KNOWN: Final = 40
_SPELLED: Final = 6
_MOMENTS: Final = 64  # that are tried with one request


@dataclass(frozen=True, slots=True)
class Starts:
    """In turns. `unfound`: rules of which no request was found, and why."""

    starts: tuple[Start, ...]
    unfound: tuple[tuple[Rule, str], ...]


def starts_of(ground: Ground, known: Sequence[Known], captured: Iterable[Captured], now: float) -> Starts:
    """`known`: paths that were given; those of the cases come beside."""
    return _Starting(ground, known, now).all(captured)


class _Starting:
    def __init__(self, ground: Ground, known: Sequence[Known], now: float) -> None:
        self._ground = ground
        self._ruleset = ground.ruleset
        self._now = now
        self._known = known
        cases = [*_known_of_cases(self._ruleset)]
        self._bindings = Bindings(self._ruleset, [*known, *cases])
        self._called: dict[tuple[int, str], Request] = {}  # by rule and method: a call with its body
        self._found: dict[int, dict[object, Start]] = {rule.index: {} for rule in self._ruleset.rules}

    def all(self, captured: Iterable[Captured]) -> Starts:
        unfound: list[tuple[Rule, str]] = []
        live = [rule for rule in self._ruleset.rules if rule.off is None]
        cases = [start for rule in live for start in self._cases(rule)]
        seen = [Start(each.request, each.rule, Origin.CAPTURED, each.hits, each.status) for each in captured]
        for start in (*cases, *seen):
            if start.request.call is not None and start.request.body is not None:
                self._called.setdefault((start.rule.index, start.request.call), start.request)
        paths = (start for rule in live for start in self._of_paths(rule))
        for start in (*cases, *paths, *seen):
            self._add(start)
        for rule in live:
            why = self._make_up(rule)
            if why is not None and not self._found[rule.index]:
                unfound.append((rule, why))
            self._add_variant(rule)
        self._add_moments()
        turns = zip_longest(*(list(each.values()) for each in self._found.values()))
        return Starts(tuple(start for turn in turns for start in turn if start is not None), tuple(unfound))

    # -- what is known --------------------------------------------------------------------------------------------

    def _cases(self, rule: Rule) -> Iterator[Start]:
        """As they are written; those without a time ask now."""
        for each in rule.modifiers.expect[:_CASES]:
            case, facts = each.case, each.case.facts
            at = facts.now or self._now
            body = None if case.params is None or facts.call is None else document_of(facts.call, case.params)
            request = Request(case.method, case.target, facts.headers, facts.client, facts.call, at, body=body)
            taker = self._taker(request)
            if taker is not None:  # another rule's, maybe
                yield Start(request, taker, Origin.EXPECT)

    def _of_paths(self, rule: Rule) -> Iterator[Start]:
        method = next((each for each in _METHODS if not rule.match.methods or each in rule.match.methods), None)
        if method is None:
            return
        given = (each for each in self._known if each.host is None or self._is_host(rule, each.host))
        yield from islice(self._at(rule, method, given, Origin.KNOWN), _KNOWN)
        path = rule.match.path
        if isinstance(path, PathTemplate) and path.captures and not path.takes_every_path:
            spelled = (Known(each) for each in self._bindings.paths(path, rule.match.where))
            yield from islice(self._at(rule, method, spelled, Origin.SPELLED), _SPELLED)

    def _at(self, rule: Rule, method: str, paths: Iterable[Known], origin: Origin) -> Iterator[Start]:
        """On the first host by which the rule gets it."""
        for each in paths:
            hosts = [name for host in rule.match.hosts for name in host.names[:1]] if each.host is None else [each.host]
            schemes = [s for s in (Scheme.HTTPS, Scheme.HTTP) if rule.takes(s) and each.scheme in (None, s)]
            targets = (Target(host, host, each.path, each.query, scheme) for host in hosts for scheme in schemes)
            requests = (Request(method, target, {}, _HERE, None, self._now) for target in targets)
            own = next((request for request in requests if self._taker(request) is rule), None)
            if own is not None:
                yield Start(own, rule, origin)

    @staticmethod
    def _is_host(rule: Rule, name: str) -> bool:
        return any(name in host.names for host in rule.match.hosts)

    # -- what is made up ------------------------------------------------------------------------------------------

    def _make_up(self, rule: Rule) -> str | None:
        """Why there is none."""
        territory = self._ground.territory(rule)
        if territory is None:
            return "its conditions exclude each other"
        try:
            asked = first_got(self._ground, territory)
        except Unsupported as error:
            return str(error)
        if asked is None:
            return "the rules before it take all that it could take"
        target = Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)
        request = Request(asked.method, target, dict(asked.headers), asked.client or _HERE, asked.call, asked.now)
        nows = (replace(request, at=at) for at in (self._now, asked.now))
        own = next((each for each in nows if self._taker(each) is rule), None)
        if own is None:
            return "its requests depend on the client's socket"
        self._add(Start(own, rule, Origin.MADE_UP))
        return None

    def _add_variant(self, rule: Rule) -> None:
        """JSON is asked for too, where the rule tells it apart: what nothing says is HTML."""
        cache, own = rule.modifiers.cache, self._found[rule.index]
        if cache is None or Variant.JSON not in cache.accept:
            return
        first = next((each for each in own.values() if each.request.method in _METHODS), None)
        if first is not None:
            accept = accept_line(Variant.JSON).decode().partition(": ")[2].strip()
            asked = replace(first.request, headers={**first.request.headers, "accept": accept})
            if self._taker(asked) is rule:
                self._add(replace(first, request=asked))

    def _add_moments(self) -> None:
        """The same requests when other rules take them."""
        moments = self._ground.facets.moments[:_MOMENTS]
        windowed = any(rule.match.during for rule in self._ruleset.rules if rule.off is None)
        if not windowed or len(moments) < 2:
            return
        for start in [each for own in list(self._found.values()) for each in list(own.values())]:
            takers = {start.rule.index}
            for moment in moments:
                later = replace(start.request, at=moment)
                taker = self._taker(later)
                if taker is not None and taker.index not in takers:
                    takers.add(taker.index)
                    self._add(Start(later, taker, start.origin))

    # -- all ------------------------------------------------------------------------------------------------------

    def _add(self, start: Start) -> None:
        request = start.request
        known = None if request.call is None else self._called.get((start.rule.index, request.call))
        if request.body is None and known is not None:
            headers = {"content-type": known.headers.get("content-type", CALL_TYPE), **request.headers}
            start = replace(start, request=replace(request, headers=headers, body=known.body))
        self._found[start.rule.index].setdefault(_identity(start), start)

    def _taker(self, request: Request) -> Rule | None:
        target = request.target
        routing = self._ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
        return routing.rule if isinstance(routing, Routed) else None


def _identity(start: Start) -> object:
    """Equal where the edge would do the same: of moments, whether the rule's windows are open is one all the same."""
    request = start.request
    is_open = is_any_open(start.rule.match.during, request.at)
    return request.method, request.url, request.call, request.body, tuple(sorted(request.headers.items())), is_open


def _known_of_cases(ruleset: Ruleset) -> Iterator[Known]:
    for rule in ruleset.rules:
        for each in rule.modifiers.expect:
            target = each.case.target
            yield Known(target.path, target.query, target.host, target.scheme)
