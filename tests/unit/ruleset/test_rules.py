"""What the limits, the upgrades and the schemes of a rule become."""

from __future__ import annotations

from pathlib import Path

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import NoRule, Routed, Rule, Ruleset, WrongMethod
from edgeproxy.ruleset.modifiers import Rate, RuleLimits

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "http://127.0.0.1:8082"}}
rules:
"""


def ruleset_of(*rules: str) -> Ruleset:
    return parse_ruleset(HEAD + "".join(f"  - {rule}\n" for rule in rules), "rules.yaml", base=Path("/"))


def forwarding(more: str) -> Rule:
    return ruleset_of(f"{{name: a, match: {{path: /a}}, forward: {{backend: modern}}{more}}}").rules[0]


def taken(ruleset: Ruleset, method: str, scheme: Scheme, path: str) -> str | None:
    routing = ruleset.route(method, scheme, "pypi.test", path)
    return routing.rule.name if isinstance(routing, Routed) else None


def test_a_rule_without_limits_has_none_of_its_own_and_lets_nobody_switch() -> None:
    rule = forwarding("")
    assert (rule.modifiers.limits, rule.modifiers.upgrade, rule.match.schemes) == (
        RuleLimits(),
        frozenset(),
        frozenset(),
    )


def test_limits_are_octets_seconds_and_a_rate() -> None:
    rule = forwarding(", limits: {body: 100MiB, time: 5m, rate: 10/s, burst: 20}")
    assert rule.modifiers.limits == RuleLimits(100 * 2**20, 300.0, Rate(0.1, 20))


def test_a_burst_is_the_number_in_the_rate_unless_it_is_given() -> None:
    assert forwarding(", limits: {rate: 30/m}").modifiers.limits.rate == Rate(2.0, 30)
    assert forwarding(", limits: {rate: 1/h}").modifiers.limits.rate == Rate(3600.0, 1)


def test_what_the_edge_answers_itself_may_have_a_rate() -> None:
    rule = ruleset_of("{name: a, match: {path: /a}, respond: {status: 403}, limits: {rate: 1/s}}").rules[0]
    assert rule.modifiers.limits == RuleLimits(rate=Rate(1.0, 1))


def test_protocols_are_in_lower_case() -> None:
    assert forwarding(", upgrade: [WebSocket, irc/6.9]").modifiers.upgrade == {"websocket", "irc/6.9"}


def test_a_rule_takes_requests_of_its_scheme_only() -> None:
    ruleset = ruleset_of(
        "{name: plain, match: {path: /a, scheme: http}, respond: {status: 403}}",
        "{name: both, match: {path: /a, scheme: [http, https]}, respond: {status: 404}}",
        "{name: secure, match: {path: /b, scheme: https, methods: [GET]}, respond: {status: 404}}",
    )
    assert ruleset.rules[1].match.schemes == frozenset()
    assert taken(ruleset, "GET", Scheme.HTTP, "/a") == "plain"
    assert taken(ruleset, "GET", Scheme.HTTPS, "/a") == "both"
    assert taken(ruleset, "GET", Scheme.HTTPS, "/b") == "secure"
    assert isinstance(ruleset.route("GET", Scheme.HTTP, "pypi.test", "/b"), NoRule)
    assert isinstance(ruleset.route("PUT", Scheme.HTTPS, "pypi.test", "/b"), WrongMethod)
