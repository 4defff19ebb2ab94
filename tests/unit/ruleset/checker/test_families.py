"""What the families say where the corpus has no story of it: which part of a rule, on which host, by which way."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.getting import first_got, ways
from edgeproxy.ruleset.checker.isolation import is_isolated
from edgeproxy.ruleset.checker.sites import site_of
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.problems import Code, Problem
from edgeproxy.ruleset.safety import is_safe

HEAD = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}, content: {names: [files.pypihosted.test], kind: content}}
backends:
  modern: {url: "http://127.0.0.1:8081", reads: [{path: "/search/", methods: [GET, HEAD], query: [q], headers: [range]}]}
  legacy: {url: "http://127.0.0.1:8082", reads: [{path: "/a/{x}/", methods: [GET, HEAD], headers: [authorization]}]}
  store: {url: "http://127.0.0.1:8083"}
  uploads: {directory: uploads}
cutovers: {reads: {from: legacy, to: modern, steps: [1, 100], hold: 10m}}
rules:
"""
REST = """\
  - {name: rest, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}
  - {name: rest-of-content, match: {host: content, path: "/{rest*}"}, respond: {status: 404}}
"""


def ruleset_of(*rules: str) -> Ruleset:
    lines = [f"  - {{name: r{number}, {rule}}}\n" for number, rule in enumerate(rules)]
    return parse_ruleset(HEAD + "".join(lines) + REST, "rules.yaml", base=Path("/srv"))


def findings(*rules: str) -> list[Problem]:
    return list(check_ruleset(ruleset_of(*rules)).findings)


def codes(*rules: str) -> list[Code]:
    return [problem.code for problem in findings(*rules)]


# -- what a rule gets -----------------------------------------------------------------------------------------------


def test_a_request_that_a_rule_gets_is_one_that_the_router_gives_it() -> None:
    ruleset = ruleset_of(
        'match: {host: app, path: "/{x:[a-m]}", methods: [GET]}, respond: {status: 404}',
        'match: {host: app, path: "/{x:[a-n]}"}, respond: {status: 404}',
    )
    ground = Checking(ruleset).ground
    asked = first_got(ground, ground.territories[1])
    assert asked is not None
    routing = asked.routed_by(ruleset)
    assert isinstance(routing, Routed)
    assert routing.rule.name == "r1"


def test_a_rule_asks_both_arms_its_fallback_and_its_shadow() -> None:
    rule = ruleset_of(
        'match: {host: app, path: "/simple/", methods: [GET]}, forward: {cutover: reads}, '
        "fallback: {to: store, on: [5xx]}, shadow: {to: store, percent: 1}"
    ).rules[0]
    assert [str(way) for way in ways(rule)] == ["legacy", "modern", "its fallback store", "its shadow store"]


# -- expect ---------------------------------------------------------------------------------------------------------


def test_the_cases_of_a_rule_that_is_off_are_not_looked_at() -> None:
    rule = 'match: {host: app, path: /x}, respond: {status: 204}, expect: ["GET https://pypi.test/x -> 204"]'
    assert codes(rule) == []
    assert codes(f"{rule}, off: not yet") == []
    assert codes(f"{rule.replace('204', '205', 1)}") == [Code.EXPECT_FAILED]


def test_a_trace_names_no_more_than_the_nearest_rules() -> None:
    above = [f'match: {{host: app, path: "/{number}"}}, respond: {{status: 404}}' for number in range(20)]
    last = 'match: {host: app, path: "/x"}, respond: {status: 204}, expect: ["GET https://pypi.test/x -> 205"]'
    (problem,) = findings(*above, last)
    notes = [related.note for related in (problem.related, *problem.also) if related is not None]
    assert notes == [f"not 'r{number}': path: it is for /{number}" for number in range(19, 11, -1)]


# -- content --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("files.pypihosted.test", "pypihosted.test"),
        ("a.b.co.uk", "b.co.uk"),
        ("me.github.io", "me.github.io"),
        ("test", None),
        ("127.0.0.1", None),
        ("[::1]", None),
    ],
)
def test_a_site_is_a_registrable_domain(name: str, site: str | None) -> None:
    assert site_of(name) == site


@pytest.mark.parametrize(
    ("policy", "isolates"),
    [
        ("sandbox", True),
        ("default-src 'none'; Sandbox allow-scripts", True),
        ("sandbox allow-same-origin", False),
        ("default-src 'self'", False),
        ("script-src sandbox", False),
    ],
)
def test_a_sandbox_isolates_unless_it_gives_the_origin_back(policy: str, *, isolates: bool) -> None:
    match = "match: {host: content, path: /x, methods: [GET]}, forward: {backend: uploads}"
    rule = ruleset_of(f'{match}, rewrite: {{answer_headers: {{content-security-policy: "{policy}"}}}}').rules[0]
    assert is_isolated(rule) is isolates


def test_a_rule_of_both_kinds_of_host_counts_only_where_it_is_reached() -> None:
    taken = 'match: {host: content, path: "/x/{rest*}"}, respond: {status: 404}'
    both = 'match: {host: [app, content], path: "/x/{rest*}", methods: [GET, HEAD]}, forward: {backend: modern}'
    assert codes(taken, both) == []
    assert codes(both) == [Code.CONTENT_APP_RULE]


def test_a_backend_that_app_hosts_only_read_files_from_is_a_store() -> None:
    files = 'match: {host: content, path: "/f/{rest*}", methods: [GET, HEAD]}, forward: {backend: store}'
    here = 'match: {host: app, path: "/f/{rest*}", methods: [GET, HEAD]}, forward: {backend: store}'
    assert codes(files, here) == [Code.CONTENT_ON_APP]
    assert codes(files, here.replace("[GET, HEAD]", "[GET, POST]")) == [Code.CONTENT_APP_RULE]


def test_an_application_may_have_files_where_the_app_host_redirects_to_them() -> None:
    files = 'match: {host: content, path: "/f/{rest*}", methods: [GET, HEAD]}, forward: {backend: modern}'
    away = (
        'match: {host: app, path: "/f/{rest*}"}, redirect: {to: "https://files.pypihosted.test/f/{rest}", status: 308}'
    )
    assert codes(files) == [Code.CONTENT_APP_RULE]
    assert codes(files, away) == []
    assert codes(f'{files}, rewrite: {{path: "/{{rest}}"}}', away) == [Code.CONTENT_APP_RULE]


def test_a_shadow_serves_nobody() -> None:
    rule = 'match: {host: content, path: "/f/{rest*}", methods: [GET, HEAD]}, forward: {backend: store}'
    assert codes(f"{rule}, shadow: {{to: modern, percent: 1}}") == []


# -- safety ---------------------------------------------------------------------------------------------------------


def test_a_rule_overrides_what_its_method_says() -> None:
    ruleset = ruleset_of("match: {host: app, path: /x}, safety: unsafe, forward: {backend: store}")
    assert is_safe("GET", None)
    assert not is_safe("POST", None)
    assert not is_safe("GET", ruleset.rules[0].modifiers.safety)


@pytest.mark.parametrize(
    ("on", "found"),
    [("connect", []), ("connect, tls", []), ("404", [Code.UNSAFE_FALLBACK]), ("reset", [Code.UNSAFE_FALLBACK])],
)
def test_a_fallback_repeats_what_was_sent(on: str, found: list[Code]) -> None:
    rule = "match: {host: app, path: /x, methods: [POST]}, forward: {backend: store}"
    assert codes(f"{rule}, fallback: {{to: modern, on: [{on}]}}") == found


@pytest.mark.parametrize(
    ("status", "found"),
    [(301, [Code.UNSAFE_REDIRECT]), (302, [Code.UNSAFE_REDIRECT]), (303, []), (307, []), (308, [])],
)
def test_clients_turn_writes_into_reads_by_some_redirects(status: int, found: list[Code]) -> None:
    assert codes(f"match: {{host: app, path: /x}}, redirect: {{to: /y, status: {status}}}") == found


# -- drift ----------------------------------------------------------------------------------------------------------


def test_a_declaration_counts_for_each_way_to_its_backend() -> None:
    match = "match: {host: app, path: /search/, methods: [GET, HEAD]}, query: drop"
    for way in (
        "forward: {backend: modern}",
        "forward: {cutover: reads}",
        "forward: {backend: store}, fallback: {to: modern, on: [5xx]}",
        "forward: {backend: store}, shadow: {to: modern, percent: 1}",
    ):
        assert codes(f"{match}, {way}") == [Code.DRIFT_QUERY]
    assert codes(f"{match}, forward: {{backend: legacy}}") == []


@pytest.mark.parametrize(
    ("path", "rewritten", "found"),
    [
        ("/s/{x}", "/search/", [Code.DRIFT_QUERY]),
        ("/s/{x}", "/{x}/", [Code.DRIFT_QUERY]),
        ("/s/{rest*}", "/{rest}", [Code.DRIFT_QUERY]),
        ("/s/{x:[a-f]+}", "/{x}/", []),
        ("/s/{x}", "/{x}", []),
        ("/search/", "/other/", []),
    ],
)
def test_the_path_that_counts_is_the_one_that_is_asked(path: str, rewritten: str, found: list[Code]) -> None:
    rule = f'match: {{host: app, path: "{path}", methods: [GET, HEAD]}}, query: drop, forward: {{backend: modern}}'
    assert codes(f'{rule}, rewrite: {{path: "{rewritten}"}}') == found


def test_what_an_expression_captures_is_tried_path_by_path() -> None:
    rule = "match: {host: app, path: {regex: '/s/(?P<x>[a-z]+)/'}, methods: [GET, HEAD]}, query: drop"
    assert codes(f"{rule}, forward: {{backend: modern}}, rewrite: {{path: '/{{x}}/'}}") == [Code.UNDECIDED]
    assert codes(f"{rule}, forward: {{backend: modern}}, rewrite: {{path: '/search/'}}") == [Code.DRIFT_QUERY]


def test_credentials_that_a_backend_reads_never_get_through_a_content_host() -> None:
    rule = 'match: {host: content, path: "/a/{x}/", methods: [GET, HEAD]}, forward: {backend: legacy}'
    assert codes(rule) == [Code.DRIFT_HEADER]


# -- binding --------------------------------------------------------------------------------------------------------


def test_a_header_that_is_no_secret_may_go_to_all() -> None:
    rule = "match: {host: app, path: /x, methods: [GET]}, forward: {cutover: reads}"
    assert codes(f"{rule}, rewrite: {{headers: {{X-Old: a}}}}") == []
    assert codes(f"{rule}, rewrite: {{headers: {{X-Api-Key: a}}}}") == [Code.UNBOUND_REWRITE]
