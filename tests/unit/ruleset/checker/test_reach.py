"""Reach where a rule file cannot plant it: maps, expressions that are only tried path by path, bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeproxy.ruleset.checker.boxes import includes, points
from edgeproxy.ruleset.checker.check import Report, check_ruleset
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import RedirectMap, Routed, Ruleset
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.router import Router

HEAD = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}}
rules:
"""


def ruleset_of(*rules: str) -> Ruleset:
    lines = [f"  - {{name: r{number}, {rule}, respond: {{status: 404}}}}\n" for number, rule in enumerate(rules)]
    return parse_ruleset(HEAD + "".join(lines), "rules.yaml", base=Path("/srv"))


def with_map(ruleset: Ruleset, index: int, targets: dict[str, str]) -> Ruleset:
    """The ruleset with a map for the action of one rule."""
    action = RedirectMap(Moves(Path("/srv/moves.csv"), targets), 308, None)
    rules = tuple(replace(rule, action=action) if rule.index == index else rule for rule in ruleset.rules)
    return replace(ruleset, rules=rules, router=Router(ruleset.hosts, rules))


def found(report: Report) -> list[tuple[Code, int]]:
    """The codes, each with the number of its rule."""
    first = HEAD.count("\n") + 1
    return [(problem.code, problem.place.line - first) for problem in report.findings if problem.place.line >= first]


def test_a_map_covers_an_exact_path_that_it_holds() -> None:
    ruleset = ruleset_of('match: {path: "/{rest*}"}', "match: {path: /a}", "match: {path: /b}")
    moves = with_map(ruleset, 0, {"/a": "/x", "/c": "/x"})
    assert found(check_ruleset(moves)) == [(Code.DEAD_RULE, 1)]


def test_a_map_is_dead_when_all_its_paths_are_taken() -> None:
    ruleset = ruleset_of('match: {path: "/{x:[a-z]+}"}', "match: {path: /1}", 'match: {path: "/{rest*}"}')
    assert found(check_ruleset(with_map(ruleset, 2, {"/a": "/x", "/1": "/x"}))) == [(Code.DEAD_RULE, 2)]
    assert found(check_ruleset(with_map(ruleset, 2, {"/a": "/x", "/2": "/x"}))) == []


def test_a_map_and_a_pattern_cover_together_what_neither_covers() -> None:
    ruleset = ruleset_of('match: {path: "/{rest*}"}', 'match: {path: "/{x:[b-z]}"}', 'match: {path: "/{x:[a-z]}"}')
    moves = with_map(ruleset, 0, {"/a": "/x"})
    (problem,) = [each for each in check_ruleset(moves).findings if each.code is Code.DEAD_RULE]
    assert [related.place.line for related in problem.parts] == [5, 6]


def test_a_map_takes_only_the_paths_that_its_own_match_takes() -> None:
    ruleset = ruleset_of('match: {path: "/a/{x}"}', "match: {path: /b}")
    assert found(check_ruleset(with_map(ruleset, 0, {"/b": "/x"}))) == [(Code.DEAD_RULE, 0)]


def test_ten_thousand_exact_paths_are_not_tried_for_a_rule_that_needs_another() -> None:
    exact = [f'match: {{path: "/p{number}"}}' for number in range(2_000)]
    ruleset = ruleset_of(*exact, 'match: {path: "/p{number:[0-9]{1,4}}"}')
    assert found(check_ruleset(ruleset)) == []


def test_a_pattern_of_few_paths_is_dead_when_each_has_a_rule() -> None:
    exact = [f'match: {{path: "/p{number}"}}' for number in range(20)]
    ruleset = ruleset_of(*exact, 'match: {path: "/p{number:1?[0-9]}"}')
    (problem,) = [each for each in check_ruleset(ruleset).findings if each.code is Code.DEAD_RULE]
    assert len(problem.parts) == 8  # of twenty, the first
    assert "and 12 more rules" in problem.why


def test_what_is_tried_path_by_path_and_never_left_over_is_undecided() -> None:
    regex = r"match: {path: {regex: '/(?P<x>.*)'}, where: {x: {not_in: ['%20']}}}"
    report = check_ruleset(ruleset_of(regex, 'match: {path: "/{x:[a-z]+}"}'))
    assert found(report) == [(Code.UNDECIDED, 1)]
    assert set(report.undecided) >= {problem for problem in report.findings if problem.place.line > 4}


def test_what_is_tried_path_by_path_is_still_found_alive() -> None:
    regex = r"match: {path: {regex: '/(?P<x>[a-z]*)'}, where: {x: {not_in: [ab]}}}"
    assert found(check_ruleset(ruleset_of(regex, "match: {path: /ab}", "match: {path: /abc}"))) == [(Code.DEAD_RULE, 2)]


def test_a_group_that_could_hold_a_part_of_an_escape_is_not_taken_for_all() -> None:
    ruleset = ruleset_of("match: {path: {regex: '/a(?P<x>.*)(?P<y>.)'}}", 'match: {path: "/a{x}"}')
    checking = Checking(ruleset)
    territory = checking.ground.territory(ruleset.rules[0])
    assert territory is not None
    assert territory.doubt is not None
    assert found(check_ruleset(ruleset)) == []  # /a alone, and /a%20, of which no group may be the last character


@pytest.mark.parametrize(
    ("regex", "is_sure"),
    [
        ("/a/(?P<x>[^/]+)/", True),
        ("/a/(?P<x>[^/]+)", True),
        ("/a/(?P<x>.*)/(?P<y>[^/)]+(a|b))/?", False),
        ("/a/(?P<x>[^/]+)/?", False),
        ("/a/v(?P<x>[^/]+)", False),
        ("/a/v(?P<x>[0-9]+)", True),
    ],
)
def test_groups_between_slashes_are_always_whole(regex: str, is_sure: bool) -> None:
    ruleset = ruleset_of(f"match: {{path: {{regex: '{regex}'}}}}")
    territory = Checking(ruleset).ground.territory(ruleset.rules[0])
    assert territory is not None
    assert (territory.doubt is None) == is_sure


def test_windows_whose_periods_never_meet_are_undecided() -> None:
    windows = [f"match: {{path: /}}, during: {{first: 1s, of_each: {each}s}}" for each in (86_399, 86_381, 86_357)]
    report = check_ruleset(ruleset_of(*windows))
    assert [problem.code for problem in report.findings] == [Code.UNDECIDED]
    assert report.verdicts == (f"undecided: {report.findings[0].why.removesuffix('.')}",)


def test_a_domain_is_what_the_router_leaves_a_rule() -> None:
    ruleset = ruleset_of("match: {path: /a}", 'match: {path: "/{x:[ab]}", methods: [GET]}', 'match: {path: "/{x}"}')
    checking = Checking(ruleset)
    ground, facets = checking.ground, checking.facets
    territory = ground.territory(ruleset.rules[2])
    assert territory is not None
    domain = ground.domain(territory)
    for box in points(facets.universe):
        for path in ("/a", "/b", "/c", "/c/d"):
            routing = facets.asked(box, path).routed_by(ruleset)
            is_its_own = isinstance(routing, Routed) and routing.rule is territory.rule
            assert any(includes(space.box, box) and path in space.paths for space in domain) == is_its_own
