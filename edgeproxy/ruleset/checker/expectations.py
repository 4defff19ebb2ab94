"""Expect: each case of each rule, by the functions that the edge decides with.

Laws of this module:
- a case says what becomes of a request, whichever rule sees to it: one that another rule takes is fine;
- one that fails shows the trace: who took the request, and why the rules above did not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgeproxy.ruleset.cases import Case, is_met, outcome_of
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.model import NoRule, Routed, Routing, Rule, Ruleset, UnknownHost, WrongMethod, describe_action
from edgeproxy.ruleset.modifiers import Expectation
from edgeproxy.ruleset.problems import Code, Evidence, Problem, Related
from edgeproxy.ruleset.trace import why_not

_LISTED: Final = 8


def expectations(checking: Checking) -> Said:
    ruleset = checking.ruleset
    found = (
        _judge(ruleset, rule, each) for rule in ruleset.rules if rule.off is None for each in rule.modifiers.expect
    )
    return Said(tuple(problem for problem in found if problem is not None))


def _judge(ruleset: Ruleset, rule: Rule, expectation: Expectation) -> Problem | None:
    case = expectation.case
    outcome = outcome_of(ruleset, case)
    if is_met(case.expected, outcome):
        return None
    target = case.target
    routing = ruleset.route(case.method, target.scheme, target.host, target.path, case.facts)
    trace = tuple(_trace(ruleset, rule, case, routing))
    return Problem(
        Code.EXPECT_FAILED,
        expectation.place,
        f"expected {case.expected}, and it is {outcome}",
        _why(routing),
        "correct the rules, or the case if this is what is meant.",
        trace[0] if trace else None,
        trace[1:],
        evidence=Evidence(f"{case.method} {case.url}"),
    )


def _why(routing: Routing) -> str:
    match routing:
        case Routed(rule=taker):
            return f"the rule {taker.name!r} takes the request: {describe_action(taker.action)}."
        case WrongMethod(host=host):
            return f"no rule of the host {host.name!r} takes the request by this method."
        case NoRule(host=host):
            return f"no rule of the host {host.name!r} takes the request."
        case UnknownHost():
            return "no host of the rule file has this name."


def _trace(ruleset: Ruleset, rule: Rule, case: Case, routing: Routing) -> Iterator[Related]:
    """Who took it; the rule that the case stands in; and, the nearest first, those above of the same host."""
    if isinstance(routing, UnknownHost):
        return
    taker = routing.rule if isinstance(routing, Routed) else None
    if taker is not None and taker is not rule:
        yield Related(taker.place, f"{taker.name!r} takes it")
    end = len(ruleset.rules) if taker is None else taker.index
    above = [each for each in ruleset.rules[:end] if each is not rule and routing.host in each.match.hosts]
    asked = [rule] if rule is not taker else []
    for each in (*asked, *above[: -_LISTED - 1 : -1]):
        reason = why_not(each, routing.host, case.method, case.target, case.facts)
        yield Related(each.place, f"not {each.name!r}: {reason or 'it stands below'}")
