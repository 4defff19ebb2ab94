"""`query` of a rule: which parameters go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgeproxy.ruleset.actions import ACTIONS
from edgeproxy.ruleset.modifiers import DROP_QUERY, KEEP_QUERY, QueryPolicy
from edgeproxy.ruleset.nodes import Items, Node
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_conditions import read_parameter_text
from edgeproxy.ruleset.shape import Findings, read_items, read_value, report_twice

_WHAT: Final = "`query` of a rule is keep, drop, or a list of the parameters that go on"
_WORDS: Final = {"keep": KEEP_QUERY, "drop": DROP_QUERY}
_SENDS_IT_ON: Final = ("forward", "redirect")


def read_query_policy(findings: Findings, node: Node, rule: Mapping[str, Node]) -> QueryPolicy | None:
    if any(action in rule for action in ACTIONS) and not any(action in rule for action in _SENDS_IT_ON):
        findings.report(
            Code.CONFLICTING_KEYS,
            node.place,
            "a `query` in a rule that neither forwards nor redirects",
            "the edge answers such requests itself: no query goes on.",
            "remove it; to match on the query, write it into `match`.",
        )
    if not isinstance(node, Items):
        return read_value(findings, node, _read_word, _WHAT)
    if not node.nodes:
        findings.report(Code.EMPTY_VALUE, node.place, "an empty list", f"{_WHAT}.", "write drop if none goes on.")
        return None
    nodes = read_items(findings, node, _WHAT) or ()
    found = [read_value(findings, each, read_parameter_text, "it is the name of a parameter") for each in nodes]
    report_twice(findings, nodes, "parameter")
    names = frozenset(each for each in found if each is not None)
    return QueryPolicy(names) if None not in found else None


def _read_word(text: str) -> QueryPolicy:
    policy = _WORDS.get(text)
    if policy is None:
        meant = text.lower()
        raise Refusal(
            Code.BAD_CHOICE,
            f"{text!r} is not what becomes of a query",
            f"{_WHAT}.",
            f"write {meant}." if meant in _WORDS else f"write [{text}] if only this parameter goes on.",
        )
    return policy
