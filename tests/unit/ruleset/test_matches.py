"""What the parts of a match become, and the windows, the reason for being off and the query policy of a rule."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import (
    NO_FACTS,
    Among,
    Begins,
    CallIs,
    ClientIn,
    Facts,
    Fits,
    Form,
    HeaderIs,
    InForm,
    Matches,
    OneOf,
    ParameterIs,
    Presence,
    Where,
    Window,
)
from edgeproxy.ruleset.model import NoRule, Routed, Rule, Ruleset
from edgeproxy.ruleset.modifiers import DROP_QUERY, KEEP_QUERY, QueryPolicy
from edgeproxy.ruleset.nodes import Items, Table, Text
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_conditions import read_query_conditions, read_where
from edgeproxy.ruleset.read_during import read_moment, written_moment
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.shape import Findings

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "http://127.0.0.1:8082"}}
rules:
"""
AT = Place("rules.yaml", 1, 1)


def ruleset_of(*rules: str) -> Ruleset:
    return parse_ruleset(HEAD + "".join(f"  - {rule}\n" for rule in rules), "rules.yaml", base=Path("/"))


def matching(match: str, more: str = "") -> Rule:
    return ruleset_of(f"{{name: a, match: {{{match}}}, forward: {{backend: modern}}{more}}}").rules[0]


def one_of(*values: str) -> OneOf:
    return OneOf(frozenset(values))


# -- where ----------------------------------------------------------------------------------------------------------


def test_a_path_has_a_hundred_segments_at_most_whatever_they_are() -> None:
    for begin in ("", "/{name}"):
        for end in ("/a", "/{rest*}"):
            fits = begin + "/a" * (99 - begin.count("/")) + end
            assert str(parse_path_template(fits)) == fits
            with pytest.raises(Refusal, match="more than 100 segments"):
                parse_path_template(f"/a/a{fits}")


def test_predicates_are_read_in_the_order_in_which_they_are_written() -> None:
    rule = matching('path: "/{a}/{b}", where: {b: {not_in: [json, doap]}, a: {normalized: lower, matches: "[a-z]+"}}')
    assert rule.match.where == (
        Where("b", Among(frozenset({"json", "doap"}), wanted=False)),
        Where("a", InForm(Form.LOWER, wanted=True)),
        Where("a", Fits("[a-z]+", wanted=True, test=bool)),
    )


def test_what_a_capture_is_one_of_is_normalised_as_paths_are() -> None:
    rule = matching('path: "/{rest*}", where: {rest: {in: ["%7ea", "%c3%a9", "x/y", "a?b", ""]}}')
    assert rule.match.where == (Where("rest", Among(frozenset({"~a", "%C3%A9", "x/y", "a%3Fb", ""}), wanted=True)),)


def test_a_value_that_only_some_predicates_leave_is_no_conflict() -> None:
    where = "where: {a: {in: [Flask, flask], not_in: [Flask], normalized: pep503, not_matches: '[0-9]+'}}"
    assert len(matching(f'path: "/{{a}}", {where}').match.where) == 4


def test_a_form_may_be_had_without_the_narrower_one() -> None:
    assert len(matching('path: "/{a}", where: {a: {normalized: lower, not_normalized: pep503}}').match.where) == 2


def test_a_rule_takes_only_the_paths_whose_captures_are_as_it_says() -> None:
    ruleset = ruleset_of(
        '{name: odd, match: {path: "/simple/{p}/", where: {p: {not_normalized: pep503}}}, respond: {status: 404}}',
        '{name: rest, match: {path: "/{rest*}"}, respond: {status: 404}}',
    )
    assert taken(ruleset, "/simple/Zope.Interface/") == "odd"
    assert taken(ruleset, "/simple/zope-interface/") == "rest"


def test_predicates_can_be_read_by_themselves() -> None:
    findings = Findings()
    node = Table(((Text("a", AT), Table(((Text("in", AT), Items((Text("x", AT),), AT)),), AT)),), AT)
    assert read_where(findings, node, ("a",)) == (Where("a", Among(frozenset({"x"}), wanted=True)),)
    assert read_where(findings, node, None) is not None  # of a path that could not be read every name may be a capture
    assert not findings.problems
    assert read_where(findings, node, ()) is None
    assert [problem.code for problem in findings.problems] == [Code.UNKNOWN_CAPTURE]


# -- conditions -----------------------------------------------------------------------------------------------------


def test_values_are_texts_beginnings_expressions_or_their_being_there() -> None:
    query = (
        '{":action": [rss, doap], name: {present: true}, c: {regex: "[0-9]+"}, q: {prefix: a b}, old: {present: false}}'
    )
    assert matching(f"path: /, query: {query}").match.conditions == (
        ParameterIs(":action", one_of("rss", "doap")),
        ParameterIs("name", Presence(wanted=True)),
        ParameterIs("c", Matches("[0-9]+", test=bool)),
        ParameterIs("q", Begins("a b")),
        ParameterIs("old", Presence(wanted=False)),
    )


def test_a_text_alone_is_the_value_also_when_it_is_empty_or_looks_like_something_else() -> None:
    conditions = matching('path: /, query: {a: "", b: 1, c: true, d: a%z}').match.conditions
    assert conditions == tuple(
        ParameterIs(name, one_of(value)) for name, value in zip("abcd", ["", "1", "true", "a%z"], strict=True)
    )


def test_header_names_are_in_lower_case_and_the_user_agent_is_one() -> None:
    rule = matching(
        'path: /, headers: {Accept: {regex: ".*json.*"}, X-Beta: "1", Cookie: {present: true}}, user_agent: {prefix: "Go-http-client/"}'
    )
    assert rule.match.conditions == (
        HeaderIs("accept", Matches(".*json.*", test=bool)),
        HeaderIs("x-beta", one_of("1")),
        HeaderIs("cookie", Presence(wanted=True)),
        HeaderIs("user-agent", Begins("Go-http-client/")),
    )


def test_clients_are_networks_and_an_address_is_one_of_its_own() -> None:
    rule = matching('path: /, client: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32", "::1"]')
    networks = ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128")
    assert rule.match.conditions == (ClientIn(tuple(map(ip_network, networks))),)


def test_calls_are_by_their_methods_or_any() -> None:
    assert matching("path: /pypi, methods: [POST], xmlrpc: [search, system.listMethods]").match.conditions == (
        CallIs(frozenset({"search", "system.listMethods"})),
    )
    assert matching("path: /pypi, xmlrpc: any").match.conditions == (CallIs(None),)


def test_a_rule_without_conditions_needs_no_facts() -> None:
    assert not matching('path: "/{a}", where: {a: {in: [x]}}, methods: [GET]').match.is_conditional
    assert matching("path: /, query: {a: {present: false}}").match.is_conditional


def test_all_conditions_of_a_rule_must_hold() -> None:
    ruleset = ruleset_of(
        "{name: both, match: {path: /, query: {a: x}, headers: {b: y}, client: [10.0.0.0/8]}, respond: {status: 404}}",
    )
    good = Facts(query="a=x", headers={"b": "y"}, client="10.1.2.3")
    assert taken(ruleset, "/", good) == "both"
    assert taken(ruleset, "/", Facts(query="a=x", headers={"b": "y"}, client="11.1.2.3")) is None
    assert taken(ruleset, "/", Facts(query="a=x", client="10.1.2.3")) is None


def test_conditions_on_a_query_can_be_read_by_themselves() -> None:
    findings = Findings()
    node = Table(((Text("q", AT), Text("x", AT)),), AT)
    assert read_query_conditions(findings, node) == (ParameterIs("q", one_of("x")),)
    assert not findings.problems
    assert read_query_conditions(findings, Text("q", AT)) is None
    assert [problem.code for problem in findings.problems] == [Code.WRONG_TYPE]


# -- windows --------------------------------------------------------------------------------------------------------


def test_a_window_is_in_seconds_since_the_epoch() -> None:
    during = "{first: 10m, of_each: 1h, after: 30m, from: 2024-09-05T12:00Z, until: 2024-09-12}"
    assert matching("path: /", f", during: {during}").match.during == (
        Window(1725537600.0, 1726099200.0, 3600.0, 1800.0, 600.0),
    )


def test_a_rule_may_have_several_windows() -> None:
    during = matching("path: /", ", during: [{until: 2024-09-05}, {first: 1h, of_each: 1d}]").match.during
    assert during == (Window(end=1725494400.0), Window(each=86400.0, first=3600.0))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0.0),
        ("1970-01-01T00:00Z", 0.0),
        ("1970-01-01T00:00:01Z", 1.0),
        ("2024-02-29T23:59:59Z", 1709251199.0),
        ("1969-12-31", -86400.0),
        ("0001-01-01", -62135596800.0),
        ("9999-12-31T23:59Z", 253402300740.0),
    ],
)
def test_times_are_in_utc(text: str, seconds: float) -> None:
    assert read_moment(text) == seconds
    assert read_moment(written_moment(seconds)) == seconds


# -- off and the query policy ---------------------------------------------------------------------------------------


def test_a_rule_that_is_off_stays_in_the_ruleset_and_takes_nothing() -> None:
    ruleset = ruleset_of(
        '{name: beta, match: {path: "/{rest*}"}, off: "until it is back", respond: {status: 404}}',
        "{name: all, match: {path: /}, respond: {status: 404}}",
        '{name: old, match: {path: /}, off: "superseded", respond: {status: 404}}',
    )
    assert [rule.off for rule in ruleset.rules] == ["until it is back", None, "superseded"]
    assert taken(ruleset, "/") == "all"
    assert taken(ruleset, "/x") is None


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("keep", KEEP_QUERY),
        ("drop", DROP_QUERY),
        ('[q, ":action"]', QueryPolicy(frozenset({"q", ":action"}))),
        ("[keep]", QueryPolicy(frozenset({"keep"}))),
    ],
)
def test_a_query_policy_names_what_goes_on(text: str, policy: QueryPolicy) -> None:
    assert matching("path: /", f", query: {text}").modifiers.query == policy


def test_a_query_goes_on_as_it_came_unless_a_rule_says_otherwise() -> None:
    assert matching("path: /").modifiers.query == KEEP_QUERY


def taken(ruleset: Ruleset, path: str, facts: Facts = NO_FACTS) -> str | None:
    routing = ruleset.route("GET", Scheme.HTTP, "pypi.test", path, facts)
    assert isinstance(routing, Routed | NoRule)
    return routing.rule.name if isinstance(routing, Routed) else None
