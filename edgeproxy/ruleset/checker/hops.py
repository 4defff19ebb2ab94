"""Leads: the ways by which a ruleset redirects a client.

Laws of this module:
- a lead is one source of redirects behind one rule: the rule itself, or one that a backend of the rule declares, for
  each arm of a split or cutover and for the fallback;
- what a lead answers is told by the functions that the edge answers with (`edgeproxy.ruleset.leads`);
- a held lead is the same redirect out of a client's or cache's memory: see `held`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.ruleset.arms import Cutover, Split, backends_of
from edgeproxy.ruleset.automata.respelled import project_of
from edgeproxy.ruleset.checker.guesses import NO_GUESS, Guess, Guesses, Spelling
from edgeproxy.ruleset.checker.held import kept_by_edge, kept_for, told_lifetime
from edgeproxy.ruleset.leads import asked_path, declared_captures, kept_query, location
from edgeproxy.ruleset.matching import ClientIn, HeaderIs
from edgeproxy.ruleset.model import Forward, Redirect, RedirectMap, Respond, Rule, Ruleset
from edgeproxy.ruleset.origins import Backend, DeclaredRedirect, HttpBackend
from edgeproxy.ruleset.place import Place

_LOCATION: Final = "location"
_CACHE_CONTROL: Final = "cache-control"


@dataclass(frozen=True, slots=True)
class Declared:
    """A redirect that a backend declares, and the way to that backend."""

    backend: HttpBackend
    redirect: DeclaredRedirect
    arm: Split | Cutover | None = None  # of which the backend is an arm
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Fixed:
    """A Location that is the same for every request: a `respond` with one, or a rule that sets its own."""

    location: str


Source = Redirect | RedirectMap | Fixed | Declared


@dataclass(frozen=True, slots=True, eq=False)
class Lead:
    """`kept` is for how many seconds a client, or the edge's cache, may hold its redirect; `age` counts the rulesets of
    `--after` from 1.
    """

    rule: Rule
    source: Source
    status: int
    kept: float
    age: int = 0
    is_held: bool = False
    fixed: str | None = None  # the Location that the rule's answer headers put in the place of any other

    @property
    def place(self) -> Place:
        return self.source.redirect.place if isinstance(self.source, Declared) else self.rule.place

    @property
    def identity(self) -> tuple[int, int, str]:
        """The same for a lead and its held form."""
        return self.age, self.rule.index, f"{self.place} {self.channel}"

    @property
    def by(self) -> str:
        """Who answers, as in Hop."""
        who = f"rule {self.rule.name}"
        if isinstance(self.source, Declared):
            kind = "fallback" if self.source.is_fallback else "backend"
            who = f"{kind} {self.source.backend.name} ({who})"
        if not self.is_held:
            return who
        return f"held since {self.rule.place.file}: {who}" if self.age else f"held: {who}"

    @property
    def is_bound_to_arm(self) -> bool:
        """Whether only clients on one arm get it."""
        cache = self.rule.modifiers.cache
        return (
            isinstance(self.source, Declared)
            and self.source.arm is not None
            and not self.is_held
            and not (cache is not None and cache.share_arms)
        )

    @property
    def is_certain(self) -> bool:
        """Whether its Location follows from the request, and not from what only a backend knows."""
        return self.fixed is not None or not isinstance(self.source, Declared) or not self.source.redirect.unknown

    def locate(
        self, method: str, path: str, captures: Mapping[str, str], query: str | None, guesses: Guesses
    ) -> Iterator[tuple[str, Guess]]:
        """Its Location for a request that the rule takes, or guesses at it; none where it does not answer."""
        for found, guess in self._locate(method, path, captures, query, guesses):
            yield found if self.fixed is None else self.fixed, guess
            if self.fixed is not None:
                return

    def _locate(
        self, method: str, path: str, captures: Mapping[str, str], query: str | None, guesses: Guesses
    ) -> Iterator[tuple[str, Guess]]:
        source, policy = self.source, self.rule.modifiers.query
        match source:
            case Redirect() | RedirectMap():
                yield location(source, path, captures, query, policy), NO_GUESS
            case Fixed(location=text):
                yield text, NO_GUESS
            case Declared(redirect=redirect):
                asked = asked_path(self.rule, path, captures)
                its = declared_captures(redirect, method, asked, kept_query(query, policy))
                if its is not None:
                    for guess in guesses.of(redirect, its):
                        yield redirect.to.expand({**its, **guess.values}), guess

    def own_spellings(
        self, method: str, path: str, captures: Mapping[str, str], query: str | None
    ) -> tuple[Spelling, ...]:
        """How authors spell their projects if it does not answer such a request, which it takes: as it is asked."""
        source = self.source
        if not isinstance(source, Declared) or all(each.of is None for each in source.redirect.unknown):
            return ()
        kept = kept_query(query, self.rule.modifiers.query)
        its = declared_captures(source.redirect, method, asked_path(self.rule, path, captures), kept) or {}
        own = (its.get(each.of or "") for each in source.redirect.unknown)
        return tuple((project_of(each), each) for each in own if each is not None)

    @property
    def channel(self) -> str:
        """Of the leads of one channel the first answers, but for spellings that are the authors' own."""
        if not isinstance(self.source, Declared):
            return ""
        arm = self.source.arm.name if self.source.arm is not None else ""
        return f"{self.source.backend.name} {arm} {self.source.is_fallback}"


def leads_of(rules: Sequence[Rule], age: int = 0) -> Iterator[Lead]:
    """The leads of a ruleset's rules, in file order."""
    for rule in rules:
        if rule.off is None:
            for source, status, kept in _sources(rule):
                lead = _edited(Lead(rule, source, status, kept, age))
                if lead is not None:
                    yield lead


def face_of(lead: Lead, box: object) -> object:
    """Equal for redirects held from several rulesets that are the same: from what, of this box, to what."""
    if not (lead.age and lead.is_held):
        return id(lead)
    match, rewritten = lead.rule.match, lead.rule.modifiers.rewrite.path
    source = lead.source
    target: object = source
    if isinstance(source, Redirect):
        target = source.to.source
    elif isinstance(source, Declared):
        its = source.redirect
        target = (its.path.source, its.where, its.to.source, None if rewritten is None else rewritten.source)
    return str(match.path), match.where, box, target, lead.status, lead.rule.modifiers.query, lead.fixed


def held_form(lead: Lead) -> Lead | None:
    """The lead out of a memory; None for one that nobody keeps."""
    return replace(lead, is_held=True) if lead.kept else None


def own_held(ruleset: Ruleset, leads: Sequence[Lead]) -> list[Lead]:
    """Those of a ruleset's own leads that a client may have got on another arm, at another moment, from another address
    or with other credentials than it has now.
    """
    changes = any(_may_change(rule) for rule in ruleset.rules if rule.off is None)
    found = (held_form(lead) for lead in leads if changes or lead.is_bound_to_arm)
    return [lead for lead in found if lead is not None]


def _may_change(rule: Rule) -> bool:
    """Whether one client's next request for the same URL may be another rule's."""
    return bool(rule.match.during) or any(
        isinstance(each, ClientIn) or (isinstance(each, HeaderIs) and each.name in CREDENTIAL_NAMES)
        for each in rule.match.conditions
    )


def _sources(rule: Rule) -> Iterator[tuple[Source, int, float]]:
    action = rule.action
    match action:
        case Redirect(status=status, lifetime=lifetime) | RedirectMap(status=status, lifetime=lifetime):
            yield action, status, kept_for(status, lifetime)
        case Respond(status=status):
            where_to, control = action.header(_LOCATION), action.header(_CACHE_CONTROL)
            if status in REDIRECTS and where_to is not None:
                yield Fixed(where_to), status, kept_for(status, told_lifetime(control))
        case Forward(to=to):
            for declared in _declared(to, rule):
                redirect = declared.redirect
                if redirect.status in REDIRECTS:
                    by_clients = kept_for(redirect.status, redirect.lifetime)
                    yield declared, redirect.status, max(by_clients, _by_edge(rule, redirect))
        case _:
            pass


def _declared(to: Backend | Split | Cutover, rule: Rule) -> Iterator[Declared]:
    arm = to if isinstance(to, Split | Cutover) else None
    for backend in backends_of(to):
        yield from _of_backend(backend, arm)
    fallback = rule.modifiers.fallback
    if fallback is not None:
        yield from _of_backend(fallback.to, is_fallback=True)


def _of_backend(
    backend: Backend, arm: Split | Cutover | None = None, *, is_fallback: bool = False
) -> Iterator[Declared]:
    if isinstance(backend, HttpBackend):
        for redirect in backend.declares.redirects:
            yield Declared(backend, redirect, arm, is_fallback)


def _edited(lead: Lead) -> Lead | None:
    """As the rule's answer headers leave it."""
    edits = {name.lower(): value for name, value in lead.rule.modifiers.rewrite.answer_headers}
    if _LOCATION in edits:
        where_to = edits[_LOCATION]
        if where_to is None:
            return None
        lead = replace(lead, fixed=where_to)
    if _CACHE_CONTROL in edits:
        kept = kept_for(lead.status, told_lifetime(edits[_CACHE_CONTROL]))
        source = lead.source
        by_edge = _by_edge(lead.rule, source.redirect) if isinstance(source, Declared) else 0.0
        lead = replace(lead, kept=max(kept, by_edge))
    return lead


def _by_edge(rule: Rule, redirect: DeclaredRedirect) -> float:
    return kept_by_edge(rule.modifiers.cache, redirect.lifetime)
