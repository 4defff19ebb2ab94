"""One request after another, as a client follows redirects: by the edge's own router and its own Locations.

Laws of this module:
- a step is concrete: a request, the lead that answers it, its Location, and what the client asks next;
- where the next request depends on the client, each way is a step of its own: a POST that becomes a GET or stays one
  (RFC 9110 §15.4.2), credentials that are told to another host or not;
- redirects from memory are steps beside those of the edge: the client may hold them, whatever the rules say now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import lcm
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.redirection import method_after, port_of, resolve
from edgeproxy.http.target import Target
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.facets import Facets, Header
from edgeproxy.ruleset.checker.guesses import Guess, Guesses, Spelling
from edgeproxy.ruleset.checker.held import KEPT_METHODS
from edgeproxy.ruleset.checker.hops import Lead, held_form, leads_of, own_held
from edgeproxy.ruleset.follow import own_ports
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.origins import HttpBackend

_VARIANTS: Final = 512
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """`given`: the request that the redirect was got by, where it comes from memory (other facts, same URL)."""

    asked: Asked
    lead: Lead
    location: str
    following: Asked | None  # None: it leads away from the hosts of the ruleset
    given: Asked | None = None
    spellings: tuple[Spelling, ...] = ()  # that the backend would have to know for it


@dataclass(frozen=True, slots=True)
class _Kept:
    """A redirect that a memory holds, and the request that it was given for."""

    held: Lead
    location: str
    given: Asked
    spellings: tuple[Spelling, ...]


class Book:
    """A ruleset's leads by rule."""

    def __init__(self, ruleset: Ruleset, age: int = 0) -> None:
        self.ruleset = ruleset
        self.leads = list(leads_of(ruleset.rules, age))
        self._by_rule: dict[int, list[Lead]] = {}
        for lead in self.leads:
            self._by_rule.setdefault(lead.rule.index, []).append(lead)

    def answers(self, asked: Asked, guesses: Guesses) -> Iterator[tuple[Lead, str, Guess]]:
        """The leads that may answer a request, with their Locations, or guesses at them."""
        routing = asked.routed_by(self.ruleset)
        if not isinstance(routing, Routed):
            return
        answered: set[str] = set()
        own: dict[
            str, tuple[Spelling, ...]
        ] = {}  # by channel: that this is how authors spell it, if a later one answers
        for lead in self._by_rule.get(routing.rule.index, ()):
            if lead.channel in answered:
                continue
            before = own.get(lead.channel, ())
            spelled = lead.own_spellings(asked.method, asked.path, routing.captures, asked.query)
            for location, guess in lead.locate(asked.method, asked.path, routing.captures, asked.query, guesses):
                if not spelled:
                    answered.add(lead.channel)
                yield lead, location, replace(guess, spellings=(*before, *guess.spellings)) if before else guess
            own[lead.channel] = (*before, *spelled)


class Simulator:
    """Steps through a ruleset and the redirects that are held from those before it."""

    def __init__(self, ruleset: Ruleset, after: Sequence[Ruleset], facets: Facets) -> None:
        self._facets = facets
        self.live = Book(ruleset)
        self.old = [Book(each, age) for age, each in enumerate(after, 1)]
        self._held: dict[tuple[int, int, str], Lead] = {
            lead.identity: lead for lead in own_held(ruleset, self.live.leads)
        }
        for book in self.old:
            for lead in book.leads:
                held = held_form(lead)
                if held is not None:
                    self._held[lead.identity] = held
        self._hosts = {name for host in ruleset.hosts for name in host.names}
        for each in after:
            self._hosts |= {name for host in each.hosts for name in host.names}
        self._ports = own_ports(ruleset)
        self._guesses = _guesses((ruleset, *after))
        self._period = _common_period(ruleset)
        self._keeps_own = any(not lead.age for lead in self._held.values())
        self.remembered_for = 0  # requests that were routed to tell what memories hold: the work of it
        self._remembered: dict[tuple[Book, Asked], Sequence[_Kept]] = {}

    @property
    def leads(self) -> list[Lead]:
        """Every lead, the live ones first."""
        return [*self.live.leads, *self._held.values()]

    def live_steps(self, asked: Asked) -> Iterator[Step]:
        """Every way on from a request that the edge itself answers, now."""
        for lead, location, guess in self.live.answers(asked, self._guesses):
            for following in self._following(asked, lead.status, location):
                yield Step(asked, lead, location, following, spellings=guess.spellings)

    def steps(self, asked: Asked) -> Iterator[Step]:
        """Every way on from a request, those of the edge itself first."""
        free: set[tuple[str, Asked | None]] = set()
        for step in self.live_steps(asked):
            if not (step.lead.is_bound_to_arm or step.spellings):
                free.add((step.location, step.following))
            yield step
        if asked.method in KEPT_METHODS and self._held:
            for step in self._from_memory(asked):
                if (step.location, step.following) not in free:  # what is so anyway needs no memory
                    if not step.spellings:
                        free.add((step.location, step.following))
                    yield step

    def _from_memory(self, asked: Asked) -> Iterator[Step]:
        books = (self.live, *self.old) if self._keeps_own else self.old
        for book in books:
            for kept in self._kept(book, asked):
                if kept.held.age or self._may_hold(kept.given.now, asked.now, kept.held.kept):
                    for following in self._following(asked, kept.held.status, kept.location):
                        yield Step(asked, kept.held, kept.location, following, kept.given, kept.spellings)

    def _may_hold(self, given: float, now: float, kept: float) -> bool:
        """Whether what was got at one moment may be held at another. Windows that come again and again have other
        such moments before and after.
        """
        if self._period is None:
            return given <= now < given + kept
        return (now - given) % self._period < kept

    def _kept(self, book: Book, asked: Asked) -> Sequence[_Kept]:
        """What a memory may hold for a URL. PERF: of old rulesets the URL alone tells it: walks come back to URLs."""
        is_own = book is self.live
        key = (book, asked if is_own else replace(asked, headers=(), client="", call=None, now=0.0))
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = list(self._holdable(book, asked, is_own=is_own))
        return found

    def _holdable(self, book: Book, asked: Asked, *, is_own: bool) -> Iterator[_Kept]:
        seen = set()
        for variant in islice(self._variants(asked, is_own=is_own), _VARIANTS):
            self.remembered_for += 1
            for lead, location, guess in book.answers(variant, self._guesses):
                held = self._held.get(lead.identity)
                key = (lead.identity, location, variant.now if is_own else None)
                if held is not None and key not in seen:
                    seen.add(key)
                    yield _Kept(held, location, variant, guess.spellings)

    def _variants(self, asked: Asked, *, is_own: bool) -> Iterator[Asked]:
        """The same URL, asked by others and at other times: those from whom a cache has what it gives this client.
        `is_own`: by the client itself, which changes its address and its credentials.
        """
        yield asked
        facets = self._facets
        fields = [
            [(axis.name, value) for value in each.values]
            for axis, each in facets.texts.items()
            if isinstance(axis, Header) and (not is_own or axis.name in CREDENTIAL_NAMES)
        ]
        own_first = (
            dict.fromkeys((asked.now, *facets.moments)),
            dict.fromkeys((asked.client, *facets.clients)),
        )
        stays = tuple(pair for pair in asked.headers if is_own and pair[0] not in CREDENTIAL_NAMES)
        for now, client in product(*own_first):
            for told in product(*fields):
                headers = (*stays, *((name, value) for name, value in told if value is not None))
                yield replace(asked, now=now, client=client, headers=headers, call=None)

    def _following(self, asked: Asked, status: int, location: str) -> Iterator[Asked | None]:
        base = Target(asked.host, asked.host, asked.path, asked.query, asked.scheme)
        target = resolve(base, location)
        if target is None or target.host not in self._hosts or port_of(target) not in self._ports:
            yield None
            return
        for method in methods_after(status, asked.method):
            call = asked.call if method == asked.method else None
            for headers in _told(asked, target.host):
                yield replace(
                    asked,
                    method=method,
                    scheme=target.scheme,
                    host=target.host,
                    path=target.path,
                    query=target.query,
                    headers=headers,
                    call=call,
                )


def _guesses(rulesets: Sequence[Ruleset]) -> Guesses:
    backends = [backend for each in rulesets for backend in each.backends if isinstance(backend, HttpBackend)]
    return Guesses(
        (rule for each in rulesets for rule in each.rules if rule.off is None),
        (redirect for backend in backends for redirect in backend.declares.redirects),
    )


def _common_period(ruleset: Ruleset) -> float | None:
    """After how many seconds all windows are as they were; None where some begin or end for good, or never change."""
    windows = [window for rule in ruleset.rules if rule.off is None for window in rule.match.during]
    if not windows or any(w.each is None or w.start is not None or w.end is not None for w in windows):
        return None
    return lcm(*(round((window.each or 0.0) * 1_000) for window in windows)) / 1_000


def simulator_of(checking: Checking) -> Simulator:
    return Simulator(checking.ruleset, checking.after, checking.facets)


def methods_after(status: int, method: str) -> tuple[str, ...]:
    """What clients ask by next, the commonest first: RFC 9110 §15.4 lets some repeat what others turn into a GET."""
    usual = method_after(status, method)
    if status == 303:
        return (usual,)
    if status == 302 and method not in KEPT_METHODS:  # requests makes a GET of any method
        return tuple(dict.fromkeys((usual, method, "GET")))
    return tuple(dict.fromkeys((usual, method)))


def _told(asked: Asked, host: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The header fields that the next request may have: credentials are for one host (RFC 9110 §15.4)."""
    if host == asked.host:
        return (asked.headers,)
    without = tuple(pair for pair in asked.headers if pair[0] not in CREDENTIAL_NAMES)
    return (asked.headers,) if without == asked.headers else (asked.headers, without)
