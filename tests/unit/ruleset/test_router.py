"""The router over conditional rules: what it says of itself, and that it keeps to exact values, regexes and maps."""

from __future__ import annotations

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.matching import Among, CallIs, ClientIn, Facts, HeaderIs, OneOf, ParameterIs, Where
from edgeproxy.ruleset.model import NoRule, Routed, Routing, Rule, WrongMethod
from edgeproxy.ruleset.router import Router
from tests.rule_values import ONE, path_regex, rule


def name_of(routing: Routing) -> str:
    assert isinstance(routing, Routed)
    return routing.rule.name


def of_actions(number: int) -> list[Rule]:
    """Rules of one path that differ in a query parameter."""
    values = [OneOf(frozenset({f"a{index}"})) for index in range(number)]
    return [rule(i, "/pypi", methods=["GET"], conditions=[ParameterIs(":action", v)]) for i, v in enumerate(values)]


def test_a_router_prints_its_plain_rules_its_conditional_ones_and_what_tells_these_apart() -> None:
    rules = [
        *of_actions(3),
        rule(3, "/simple/{x}/", where=[Where("x", Among(frozenset("a"), True))]),
        rule(4, path_regex("/old/(?P<x>.*)")),
        rule(5, "/gone", off="never was"),
        rule(6, "/{rest*}", methods=["GET", "HEAD"]),
    ]
    assert str(Router([ONE], rules)).splitlines() == [
        "one: one.test",
        "  /{*}  [6] r6 GET HEAD",
        "  with conditions:",
        "    /pypi  [0] r0 GET  [1] r1 GET  [2] r2 GET  (query :action: 3 values)",
        "    /simple",
        "      /{}",
        "        /  [3] r3",
        "    /old/(?P<x>.*)  [4] r4",
    ]


def test_candidates_are_what_the_request_line_leaves_open() -> None:
    rules = [
        rule(0, "/pypi", conditions=[CallIs(frozenset({"search"}))]),
        rule(1, "/pypi", methods=["GET"], conditions=[ParameterIs("q", OneOf(frozenset({"x"})))]),
        rule(2, "/pypi", conditions=[HeaderIs("h", OneOf(frozenset({"x"})))]),
        rule(3, "/pypi", conditions=[ParameterIs("q", OneOf(frozenset({"y"})))]),
        rule(4, "/pypi"),
    ]
    router = Router([ONE], rules)
    found = router.candidates("POST", Scheme.HTTP, "one.test", "/pypi", "q=y")
    assert [each.rule.name for each in found] == ["r0", "r2"]
    assert name_of(found.otherwise) == "r3"
    assert found.needs_call
    assert name_of(found.choose(Facts(call="search"))) == "r0"
    assert name_of(found.choose(Facts(headers={"h": "x"}))) == "r2"
    settled = router.candidates("GET", Scheme.HTTP, "one.test", "/pypi", "q=x")
    assert [each.rule.name for each in settled] == ["r0"]
    assert name_of(settled.otherwise) == "r1"


def test_a_wrong_method_is_told_those_of_conditional_rules_that_the_request_line_fits() -> None:
    rules = [
        rule(0, "/a", methods=["PUT"], conditions=[ClientIn(())]),
        rule(1, "/a", methods=["DELETE"], conditions=[ParameterIs("q", OneOf(frozenset({"x"})))]),
        *(rule(i, "/b", methods=["POST"], conditions=[CallIs(frozenset({f"m{i}"}))]) for i in range(2, 6)),
    ]
    router = Router([ONE], rules)

    def asked(method: str, path: str, query: str | None = None) -> Routing:
        return router.route(method, Scheme.HTTP, "one.test", path, Facts(query=query))

    assert asked("GET", "/a") == WrongMethod(ONE, ("PUT",))  # who asks might have been let in
    assert asked("GET", "/a", "q=x") == WrongMethod(ONE, ("DELETE", "PUT"))
    assert asked("PUT", "/a") == NoRule(ONE)
    assert asked("GET", "/b") == WrongMethod(ONE, ("POST",))
    assert asked("POST", "/b") == NoRule(ONE)


def test_of_ten_thousand_rules_of_one_path_only_those_of_the_value_are_looked_at() -> None:
    router = Router([ONE], [*of_actions(10_000), rule(10_000, "/{rest*}")])
    found = router.candidates("GET", Scheme.HTTP, "one.test", "/pypi", ":action=a9999")
    assert found.is_settled
    assert name_of(found.otherwise) == "r9999"
    assert name_of(router.route("GET", Scheme.HTTP, "one.test", "/pypi", Facts(query=":action=none"))) == "r10000"


def test_path_regexes_too_many_for_one_set_are_asked_in_several() -> None:
    rules = [rule(i, path_regex(f"/area{i}/[a-z]{{1,40}}/[^/]*x{i}")) for i in range(3_000)]
    router = Router([ONE], rules)
    for index in (0, 1_499, 2_999):
        assert name_of(router.route("GET", Scheme.HTTP, "one.test", f"/area{index}/a/bx{index}")) == f"r{index}"
    assert router.route("GET", Scheme.HTTP, "one.test", "/area7/a/bx8") == NoRule(ONE)


def test_a_map_takes_its_own_paths_and_leaves_the_others() -> None:
    router = Router([ONE], [rule(0, moves={"/old": "/new"}), rule(1)])
    assert name_of(router.route("GET", Scheme.HTTP, "one.test", "/old")) == "r0"
    assert name_of(router.route("GET", Scheme.HTTP, "one.test", "/new")) == "r1"
