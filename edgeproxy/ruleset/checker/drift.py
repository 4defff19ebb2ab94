"""Drift: what a backend reads of requests, by its declaration (`reads`), and a rule takes away.

Laws of this module:
- a declaration counts for a rule if the rule asks that backend, as an arm, fallback or shadow, for a path of it, after
  `rewrite`, by a method of it;
- a method is taken away where the rule's host, for paths that the rule forwards there, answers it with 405: a rule
  that sees to it otherwise has an author who meant it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked_paths import Meeting, meeting
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.facets import Axis, Dimension
from edgeproxy.ruleset.checker.getting import Part, Way, first_got, shown, undecided, ways
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.search import left_of_language
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.modifiers import Cache, KeyHeader, KeyPart, Variant
from edgeproxy.ruleset.origins import DeclaredRead, HostKind, HttpBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Evidence, Problem, Related

# Headers by which a cache picks a part of an answer, or says that there is no newer one: it needs no key for them.
_OF_THE_CACHE: Final = frozenset(
    ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "cache-control")
)


@dataclass(frozen=True, slots=True)
class _Loss:
    """Something that a rule takes away from what a backend reads."""

    code: Code
    place: Place
    what: str
    why: str
    remedy: str


def drift(checking: Checking) -> Said:
    ground = checking.ground
    return Said(tuple(problem for each in ground.territories.values() for problem in _rule(ground, each)))


def _rule(ground: Ground, territory: Territory) -> Iterator[Problem]:
    for way in ways(territory.rule):
        if isinstance(way.backend, HttpBackend):
            for read in way.backend.declares.reads:
                try:
                    yield from _read(ground, territory, way, read)
                except Unsupported as error:
                    yield undecided(territory.rule, f"{territory.rule.name!r} keeps what {way} reads", error)


def _read(ground: Ground, territory: Territory, way: Way, read: DeclaredRead) -> Iterator[Problem]:
    losses = list(_losses(territory.rule, way, read))
    missing = sorted(read.methods - territory.rule.match.methods) if territory.rule.match.methods else []
    if not losses and not missing:
        return
    met = meeting(territory, read.path)
    if met is None:
        return
    if losses:
        shows, is_met = _shown(ground, territory, met, read)
        if is_met:
            for each in losses:
                yield _problem(each, read, shows)
    if missing and way.part is Part.FORWARD:
        yield from _lost_methods(ground, territory, way, read, missing, met)


def _shown(ground: Ground, territory: Territory, met: Meeting, read: DeclaredRead) -> tuple[Evidence | None, bool]:
    """A request that the rule gets and the declaration is of; and whether there is one. Raises Unsupported."""
    if met.asked is not None:
        return None, True
    masks: dict[Axis, int] = {Dimension.METHOD: ground.facets.methods(read.methods)}
    asked = first_got(ground, territory, masks, met.paths)
    if asked is not None:
        return shown(ground, asked), True
    if not met.is_whole:
        raise Unsupported("a few paths were tried, and other rules take these")
    return None, False


def _problem(loss: _Loss, read: DeclaredRead, shows: Evidence | None) -> Problem:
    related = Related(read.place, "it is declared here")
    return Problem(loss.code, loss.place, loss.what, loss.why, loss.remedy, related, evidence=shows)


# -- parameters, headers, keys --------------------------------------------------------------------------------------


def _losses(rule: Rule, way: Way, read: DeclaredRead) -> Iterator[_Loss]:
    keep = rule.modifiers.query.keep
    dropped = sorted(read.query - keep) if keep is not None else []
    if dropped:
        yield _Loss(
            Code.DRIFT_QUERY,
            rule.place,
            f"the rule {rule.name!r} drops {_listed('the parameter', dropped)}, which {way} reads",
            f"{way.backend.name} answers as if the client had not sent {_them(dropped)}.",
            f"let its `query` keep {', '.join(dropped)}.",
        )
    yield from _lost_headers(rule, way, read)
    if rule.modifiers.cache is not None and way.part is not Part.SHADOW:
        yield from _left_out(rule, rule.modifiers.cache, way, read)


def _lost_headers(rule: Rule, way: Way, read: DeclaredRead) -> Iterator[_Loss]:
    removed = {name.lower() for name, value in rule.modifiers.rewrite.headers if value is None}
    lost = sorted(read.headers & removed)
    if lost:
        yield _Loss(
            Code.DRIFT_HEADER,
            rule.place,
            f"the rule {rule.name!r} removes {_listed('the header', lost)}, which {way} reads",
            f"{way.backend.name} answers as if the client had not sent {_them(lost)}.",
            f"do not remove {_them(lost)} in `rewrite`.",
        )
    withheld = sorted(read.headers & CREDENTIAL_NAMES) if way.part is not Part.SHADOW else []
    if withheld and any(host.kind is HostKind.CONTENT for host in rule.match.hosts):
        yield _Loss(
            Code.DRIFT_HEADER,
            rule.place,
            f"{way} reads {_listed('the header', withheld)}, which the rule {rule.name!r} cannot pass on",
            "the edge takes credentials off requests for content hosts.",
            "serve the content host from a backend that needs none.",
        )


def _left_out(rule: Rule, cache: Cache, way: Way, read: DeclaredRead) -> Iterator[_Loss]:
    """What the backend reads and the cache does not tell answers apart by."""
    key = (KeyPart.QUERY,) if cache.key is None else cache.key
    keep = rule.modifiers.query.keep
    passed = read.query if keep is None else read.query & keep
    parameters = sorted(passed) if KeyPart.QUERY not in key else []
    known = {part.name for part in key if isinstance(part, KeyHeader)} | _OF_THE_CACHE
    if any(isinstance(each, Variant) for each in cache.accept):
        known.add("accept")
    headers = sorted(read.headers - known)
    if parameters:
        yield _Loss(
            Code.QUERY_NOT_IN_KEY,
            cache.place,
            f"the cache of {rule.name!r} does not tell answers apart by {_listed('the parameter', parameters)}, "
            f"which {way} reads",
            "a client gets the answer that another one asked for.",
            "add `query` to the cache's `key`; or, if it does not matter, `query: drop` to the rule.",
        )
    if headers:
        yield _Loss(
            Code.DRIFT_KEY,
            cache.place,
            f"the cache of {rule.name!r} does not tell answers apart by {_listed('the header', headers)}, "
            f"which {way} reads",
            "unless each of its answers names it in Vary, a client gets one that was made for another.",
            f"add {', '.join(f'header:{name}' for name in headers)} to the cache's `key`{_or_accept(headers)}.",
        )


def _or_accept(headers: list[str]) -> str:
    return ", or `accept:` with the variants there are" if "accept" in headers else ""


def _them(names: list[str]) -> str:
    return "them" if len(names) > 1 else "it"


def _listed(noun: str, names: list[str]) -> str:
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names)}"


# -- methods --------------------------------------------------------------------------------------------------------


def _lost_methods(
    ground: Ground, territory: Territory, way: Way, read: DeclaredRead, missing: list[str], met: Meeting
) -> Iterator[Problem]:
    rule, facets = territory.rule, ground.facets
    opened = facets.opened(territory.box, (Dimension.METHOD,))
    box = facets.with_masks(opened, {Dimension.METHOD: facets.methods(missing)})
    if box is None or met.asked is not None:
        return
    rivals = ground.rivals(box, territory.prefix)
    left = left_of_language(box, met.paths, rivals, ground.takers, territory.takes)
    if left is None and not met.is_whole:
        raise Unsupported("a few paths were tried, and other rules take these")
    if left is not None:
        asked = facets.asked(*left)
        yield Problem(
            Code.DRIFT_METHOD,
            rule.place,
            f"no rule passes {asked.method} on for a path that {rule.name!r} forwards, and {way} reads it",
            "the edge answers it with 405, where the backend has an answer.",
            f"add {asked.method} to the rule's `methods`, or write a rule for it.",
            Related(read.place, "it is declared here"),
            evidence=shown(ground, asked),
        )
