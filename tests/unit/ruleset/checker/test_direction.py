"""Redirects that turn round: which old ones count, for how long, and what is safe."""

from __future__ import annotations

from pathlib import Path

from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import Code, Problem

HEAD = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}, old: {names: [old.test]}}
backends: {modern: {url: "http://127.0.0.1:8081"}}
rules:
"""
REST = '  - {name: rest, match: {path: "/{rest*}"}, forward: {backend: modern}}\n'


def ruleset_of(match: str, redirect: str, name: str = "rules.yaml") -> Ruleset:
    rule = f"  - {{name: moved, match: {{{match}, methods: [GET, HEAD]}}, redirect: {{{redirect}}}}}\n"
    return parse_ruleset(HEAD + rule + REST, name, base=Path("/srv"))


def flips(ruleset: Ruleset, *after: Ruleset) -> list[Problem]:
    return [problem for problem in check_ruleset(ruleset, after).findings if problem.code is Code.DIRECTION_FLIP]


THERE = 'host: app, path: "/a/{x}"', 'to: "https://old.test/b/{x}"'
BACK = 'host: old, path: "/b/{x}"', 'to: "https://pypi.test/a/{x}"'


def test_a_redirect_may_turn_when_nobody_holds_the_old_one() -> None:
    back = ruleset_of(BACK[0], f"{BACK[1]}, status: 301")
    assert flips(back, ruleset_of(THERE[0], f"{THERE[1]}, status: 302")) == []
    assert flips(back, ruleset_of(THERE[0], f"{THERE[1]}, status: 302, lifetime: 0s")) == []


def test_the_plan_says_how_long_to_wait() -> None:
    back = ruleset_of(BACK[0], f"{BACK[1]}, status: 302")
    (flip,) = flips(back, ruleset_of(THERE[0], f"{THERE[1]}, status: 302, lifetime: 2h", "old.yaml"))
    assert "2. wait 2h," in flip.remedy
    assert flip.evidence is not None
    assert flip.evidence.witness == "GET https://pypi.test/a/a"
    assert [hop.location for hop in flip.evidence.hops] == ["https://old.test/b/a", "https://pypi.test/a/a"]
    assert flip.evidence.condition == "while a client or cache holds the 302 of old.yaml:6 (for 2h)"


def test_waiting_does_not_help_against_what_is_held_for_ever() -> None:
    back = ruleset_of(BACK[0], f"{BACK[1]}, status: 302")
    (flip,) = flips(back, ruleset_of(THERE[0], f"{THERE[1]}, status: 308"))
    assert "waiting does not help" in flip.remedy


def test_every_earlier_ruleset_counts() -> None:
    first = ruleset_of(THERE[0], f"{THERE[1]}, status: 301", "first.yaml")
    between = ruleset_of("host: app, path: /other", 'to: "/else"', "between.yaml")
    (flip,) = flips(ruleset_of(BACK[0], f"{BACK[1]}, status: 302"), first, between)
    assert flip.related is not None
    assert flip.related.place.file == "first.yaml"


def test_the_same_direction_is_no_flip() -> None:
    there = ruleset_of(THERE[0], f"{THERE[1]}, status: 301")
    assert flips(there, there) == []


def test_paths_that_only_look_alike_do_not_come_back() -> None:
    longer = ruleset_of('host: old, path: "/b/{x}"', 'to: "https://pypi.test/a/b/{x}"')
    report = check_ruleset(longer, [ruleset_of(THERE[0], f"{THERE[1]}, status: 301")])
    assert report.findings == ()


def test_a_filter_turns_round_for_the_names_that_it_changes() -> None:
    old = ruleset_of('host: app, path: "/p/pyopenssl"', 'to: "/p/pyOpenSSL", status: 301')
    new = ruleset_of(
        'host: app, path: "/p/{x}", where: {x: {not_normalized: pep503}}', 'to: "/p/{x|pep503}", status: 301'
    )
    (flip,) = flips(new, old)
    assert flip.evidence is not None
    assert flip.evidence.witness == "GET https://pypi.test/p/pyopenssl"
