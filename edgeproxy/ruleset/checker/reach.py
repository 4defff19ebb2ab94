"""Reach: rules that can never match, hosts that no rule answers, and requests that no rule takes.

Laws of this module:
- a rule is dead when the rules before it, alone or together, take every request that it could take; what is said to
  cover it is as few rules as are needed, the first of the file first;
- a gap is a request of a declared host that no rule takes. One is told for each host: a GET, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.paths import NORMAL_PATHS
from edgeproxy.ruleset.checker.boxes import Box
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.covering import covering
from edgeproxy.ruleset.checker.facets import Dimension
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.search import Witness, left_of_language, left_of_words
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import Rule, WrongMethod
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.problems import Code, Evidence, Problem, Related

_LISTED: Final = 8


def reach(checking: Checking) -> Said:
    ground = checking.ground
    dead = [problem for rule in ground.ruleset.rules if rule.off is None for problem in _rule(ground, rule)]
    hosts = [problem for host in ground.ruleset.hosts for problem in _host(ground, host)]
    return Said((*dead, *hosts))


def first_request(ground: Ground, territory: Territory) -> Witness | None:
    """A request that a rule gets. Raises Unsupported."""

    def takers(path: str) -> list[Territory]:
        return ground.takers(path, territory.index)

    if territory.is_listed:
        return left_of_words(territory.box, territory.listed(), takers)
    rivals = ground.rivals(territory.box, territory.prefix, territory.index)
    return left_of_language(territory.box, territory.wide, rivals, takers, territory.takes)


# -- rules ----------------------------------------------------------------------------------------------------------


def _rule(ground: Ground, rule: Rule) -> Iterator[Problem]:
    territory = ground.territory(rule)
    if territory is None:
        yield _self_dead(rule, "its conditions exclude each other: no request has all that they ask for.")
        return
    try:
        if first_request(ground, territory) is not None:
            return
        by = covering(ground, territory)
    except Unsupported as error:
        yield _undecided(rule, error)
        return
    if by:
        yield _dead(rule, by)
    else:
        yield _self_dead(rule, "no path of a request, as the edge normalises it, fits its `path` and `where`.")


def _dead(rule: Rule, by: list[Rule]) -> Problem:
    if len(by) == 1:
        why = f"{by[0].name!r} stands before it and takes every request that it could take."
        note, remedy = "this rule takes them", "move it before that rule, or remove it."
    else:
        why = f"{_names(by)} stand before it and together take every request that it could take."
        note, remedy = "this rule takes some of them", "move it before one of those rules, or remove it."
    related = [Related(each.place, note) for each in by[:_LISTED]]
    return Problem(
        Code.DEAD_RULE,
        rule.place,
        f"the rule {rule.name!r} can never match",
        why,
        remedy,
        related[0],
        tuple(related[1:]),
    )


def _self_dead(rule: Rule, why: str) -> Problem:
    message = f"the rule {rule.name!r} can never match"
    remedy = 'correct its match, or say that it is meant to be dead: off: "why".'
    return Problem(Code.DEAD_RULE, rule.place, message, why, remedy)


def _undecided(rule: Rule, error: Unsupported) -> Problem:
    return Problem(
        Code.UNDECIDED,
        rule.place,
        f"whether the rule {rule.name!r} can ever match is not decided",
        f"{error}.",
        "make its match, or those of the rules before it, simpler.",
    )


def _names(rules: list[Rule]) -> str:
    names = [repr(rule.name) for rule in rules]
    if len(names) > _LISTED:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more rules"
    return f"{', '.join(names[:-1])} and {names[-1]}"


# -- hosts ----------------------------------------------------------------------------------------------------------


def _host(ground: Ground, host: Host) -> Iterator[Problem]:
    if not any(host in each.rule.match.hosts for each in ground.territories.values()):
        yield Problem(
            Code.HOST_WITHOUT_RULES,
            host.place,
            f"no rule answers for the host {host.name!r}",
            "every request for it is answered with 404.",
            "write a rule for it, or remove the host: then it is answered with 421.",
        )
        return
    try:
        found = _gap(ground, host)
    except Unsupported as error:
        yield Problem(
            Code.UNDECIDED,
            host.place,
            f"whether every request for the host {host.name!r} has a rule is not decided",
            f"{error}.",
            "make the matches of its rules simpler.",
        )
        return
    if found is not None:
        yield _gap_problem(ground, host, found)


def _gap(ground: Ground, host: Host) -> Witness | None:
    facets = ground.facets
    box = facets.with_masks(facets.universe, {Dimension.HOST: facets.of_hosts((host,))})
    assert box is not None
    by_get = facets.with_masks(box, {Dimension.METHOD: facets.methods(("GET",))})
    return (None if by_get is None else _left_over(ground, by_get)) or _left_over(ground, box)


def _left_over(ground: Ground, box: Box) -> Witness | None:
    return left_of_language(box, NORMAL_PATHS, ground.rivals(box, "/"), ground.takers, lambda _: True)


def _gap_problem(ground: Ground, host: Host, found: Witness) -> Problem:
    asked = ground.facets.asked(*found)
    routing = asked.routed_by(ground.ruleset)
    status = "405" if isinstance(routing, WrongMethod) else "404"
    return Problem(
        Code.GAP,
        host.place,
        f"some requests for the host {host.name!r} have no rule",
        f"the edge answers them with {status}.",
        'where this is not meant, end the host\'s rules with one for path: "/{rest*}".',
        evidence=Evidence(str(asked), condition=ground.facets.condition(asked)),
    )
