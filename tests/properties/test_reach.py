"""Reach agrees with asking the edge's own router for every path up to a length, by every representative of the facets."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.reach import first_request, reach
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.problems import Code

HEAD = (
    'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {one: {names: [one.test]}, two: {names: [two.test]}}\nrules:\n'
)
TEMPLATES = st.sampled_from(
    [
        "/{rest*}",
        "/a/{rest*}",
        "/a",
        "/b",
        "/a/b",
        "/{x}",
        "/{x}/b",
        "/a/{x}",
        "/a{x}",
        "/{x}b",
        "/{x:[ab]}",
        "/{x:[ab]+}/b",
    ]
)
REGEXES = st.sampled_from(["/.*", "/a(/.*)?", "/(?P<x>[ab]+)", "/(a|b)(?P<x>.*)", "/[^a].*", "/a?/?b?"])
PATHS = st.one_of(TEMPLATES.map('"{}"'.format), REGEXES.map("{{regex: '{}'}}".format))
WHERE = st.sampled_from(
    [
        "normalized: pep503",
        "not_normalized: pep503",
        "in: [a, b]",
        "not_in: [a]",
        "matches: 'a.*'",
        "not_matches: '.*b'",
    ]
)
EXTRAS = st.sampled_from(
    [
        *("methods: [GET]", "methods: [GET, HEAD]", "methods: [POST]", "scheme: http", "scheme: https"),
        *("query: {q: x}", "query: {q: {present: false}}", "query: {q: {present: true}}", "query: {q: {regex: 'x.*'}}"),
        *("user_agent: {prefix: pip/}", "user_agent: {regex: 'p.*'}", "client: [10.0.0.0/8]", "client: [10.1.0.0/16]"),
        *("xmlrpc: [search]", "xmlrpc: [search, list]"),
    ]
)
DURING = st.sampled_from(
    ["", "", "{first: 30m, of_each: 1h}", "{after: 30m, first: 30m, of_each: 1h}", "{until: 2024-09-05T12:00Z}"]
)
RULES = st.tuples(
    st.sampled_from(["one", "two", "[one, two]"]), PATHS, st.lists(EXTRAS, max_size=2), st.none() | WHERE, DURING
)
SEGMENTS = ("a", "b", "ab", "A", "")
ASKED_PATHS = ["/" + "/".join(parts) for length in (1, 2, 3) for parts in product(SEGMENTS, repeat=length)]
QUERIES = (None, "q=x", "q=xa", "q=y")
AGENTS = ((), (("user-agent", "pip/1"),), (("user-agent", "poetry"),), (("user-agent", "uv"),))
CLIENTS = ("192.0.2.1", "10.0.0.1", "10.1.0.1", "")
VERBS = (
    ("GET", None),
    ("HEAD", None),
    ("POST", None),
    ("PUT", None),
    ("POST", "search"),
    ("POST", "list"),
    ("POST", ""),
)
MOMENTS = (1_725_536_000.0, 1_725_537_000.0, 1_725_538_000.0, 1_725_540_000.0)  # each half hour, before and after noon


def ruleset_of(rules: list[tuple[str, str, list[str], str | None, str]]) -> Ruleset | None:
    lines = []
    for number, (host, path, extras, where, during) in enumerate(rules):
        match = [f"host: {host}", f"path: {path}", *extras]
        if where is not None and ("{x" in path or "<x>" in path):
            match.append(f"where: {{x: {{{where}}}}}")
        more = f", during: {during}" if during else ""
        lines.append(f"  - {{name: r{number}, match: {{{', '.join(match)}}}{more}, respond: {{status: 200}}}}")
    try:
        return parse_ruleset(HEAD + "\n".join(lines) + "\n", "rules.yaml", base=Path("/"))
    except RuleFileError:
        return None  # a key twice, or a call by GET: not this test's business


def text_of(ruleset: Ruleset) -> str:
    return ruleset.sources["rules.yaml"]


def every_request(ruleset: Ruleset) -> list[Asked]:
    """By each thing that a rule looks at, what it tells apart: the others stay as they are."""
    text = text_of(ruleset)
    dimensions = product(
        Scheme if "scheme" in text else (Scheme.HTTPS,),
        ("one.test", "two.test"),
        VERBS if "xmlrpc" in text else VERBS[:4],
        QUERIES if "query" in text else (None,),
        AGENTS if "user_agent" in text else ((),),
        CLIENTS if "client" in text else ("",),
        MOMENTS if "during" in text else (0.0,),
    )
    return [
        Asked(verb, scheme, host, "/", query, headers, client, call, now)
        for scheme, host, (verb, call), query, headers, client, now in dimensions
    ]


@settings(max_examples=150)
@given(st.lists(RULES, min_size=1, max_size=5))
def test_reach_is_what_the_router_does(rules: list[tuple[str, str, list[str], str | None, str]]) -> None:
    ruleset = ruleset_of(rules)
    if ruleset is None:
        return
    checking = Checking(ruleset)
    findings = reach(checking).findings
    undecided = {problem.place for problem in findings if problem.code is Code.UNDECIDED}
    dead = {
        rule.index
        for rule in ruleset.rules
        if any(p.code is Code.DEAD_RULE and p.place == rule.place for p in findings)
    }

    for rule in ruleset.rules:
        if rule.index not in dead and rule.place not in undecided:
            territory = checking.ground.territory(rule)
            assert territory is not None
            witness = first_request(checking.ground, territory)
            assert witness is not None
            routed = checking.facets.asked(*witness).routed_by(ruleset)
            assert isinstance(routed, Routed)
            assert routed.rule is rule, text_of(ruleset)

    whole = {
        name
        for host in ruleset.hosts
        for name in host.names
        if not any(problem.place == host.place for problem in findings)
    }
    some = every_request(ruleset)
    for asked in some:
        for path in ASKED_PATHS if len(some) < 100 else ASKED_PATHS[:30]:
            routing = ruleset.route(asked.method, asked.scheme, asked.host, path, asked.facts)
            if isinstance(routing, Routed):
                assert routing.rule.index not in dead, f"{asked} {path}: {text_of(ruleset)}"
            else:
                assert asked.host not in whole, f"{asked} {path}: {text_of(ruleset)}"


@settings(max_examples=50)
@given(st.lists(RULES, min_size=2, max_size=6))
def test_every_rule_that_covers_a_dead_one_is_needed(rules: list[tuple[str, str, list[str], str | None, str]]) -> None:
    ruleset = ruleset_of(rules)
    if ruleset is None:
        return
    for problem in reach(Checking(ruleset)).findings:
        if problem.code is Code.DEAD_RULE and problem.related is not None:
            lines = {related.place.line for related in (problem.related, *problem.also)}
            assert is_dead(ruleset, problem.place.line, lines)
            for line in lines:
                assert not is_dead(ruleset, problem.place.line, lines - {line}), text_of(ruleset)


def is_dead(ruleset: Ruleset, line: int, others: set[int]) -> bool:
    """Whether the rule of a line is dead when of the rules before it only those of the other lines are there."""
    lines = text_of(ruleset).splitlines(keepends=True)
    kept = [each for number, each in enumerate(lines, 1) if number == line or number in others]
    alone = parse_ruleset(HEAD + "".join(kept), "rules.yaml", base=Path("/"))
    dead = [problem.place for problem in reach(Checking(alone)).findings if problem.code is Code.DEAD_RULE]
    return alone.rules[-1].place in dead
