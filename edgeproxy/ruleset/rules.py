"""The rules of a rule file, in file order: match, action, modifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from edgeproxy.ruleset.actions import ACTIONS, ActionReader, Scope
from edgeproxy.ruleset.arms import backends_of
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.model import Action, Forward, Rule
from edgeproxy.ruleset.modifiers import KEEP_QUERY, NO_MODIFIERS, Modifiers, Rate, RuleLimits
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import DirectoryBackend, Host
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_rate, written_rate
from edgeproxy.ruleset.read_during import read_during
from edgeproxy.ruleset.read_limits import COUNT, SIZE, WAIT
from edgeproxy.ruleset.read_match import Matched, MatchReader
from edgeproxy.ruleset.read_modifiers import ModifierReader, report_not_forwarded
from edgeproxy.ruleset.read_query_policy import read_query_policy
from edgeproxy.ruleset.shape import (
    RULE,
    RULE_LIMITS,
    Findings,
    Kind,
    read_fields,
    read_items,
    read_set,
    read_table,
    read_value,
)
from edgeproxy.ruleset.values import read_name, read_protocol, read_reason

_LIMITS: Final = {
    "body": SIZE,
    "time": WAIT,
    "rate": Kind(read_rate, "it is a rate, as in 10/s"),
    "burst": COUNT,
}
_NO_MODIFIERS_IN: Final = frozenset({"name", "match", "during", "off", *ACTIONS})
_OF_A_FORWARD: Final = ("body", "time")  # the limits of what goes to a backend


class RuleReader:
    """Rules, in file order."""

    def __init__(self, findings: Findings, hosts: Declared[Host], scope: Scope) -> None:
        self._findings = findings
        self._matches = MatchReader(findings, hosts)
        self._scope = scope
        self._names: dict[str, Place] = {}

    def read_all(self, node: Node) -> tuple[Rule, ...]:
        items = read_items(self._findings, node, "`rules` is a list of rules") or ()
        rules = [self._read(index, item) for index, item in enumerate(items)]
        return tuple(rule for rule in rules if rule is not None)

    def _read(self, index: int, node: Node) -> Rule | None:
        findings = self._findings
        table = read_table(findings, node, RULE)
        if table is None:
            return None
        name = self._read_name(table["name"]) if "name" in table else None
        matched = self._matches.read(table["match"]) if "match" in table else Matched()
        during = read_during(findings, table["during"]) if "during" in table else ()
        off = read_value(findings, table["off"], read_reason, "it says why the rule is off") if "off" in table else None
        scope = self._scope.within(node.place.file)
        action = ActionReader(findings, scope, matched.path).read(table, node.place)
        # PERF: most rules have none: 0.2 us instead of 13.
        has_modifiers = not table.keys() <= _NO_MODIFIERS_IN
        modifiers = self._read_modifiers(table, action, matched) if has_modifiers else NO_MODIFIERS
        match = matched.during(during)
        if name is None or match is None or action is None:
            return None
        return Rule(name, index, match, action, node.place, modifiers, off)

    def _read_modifiers(self, table: Mapping[str, Node], action: Action | None, matched: Matched) -> Modifiers:
        limits = self._read_limits(table["limits"], table) if "limits" in table else RuleLimits()
        upgrade = self._read_upgrade(table["upgrade"], table, action) if "upgrade" in table else frozenset()
        query = read_query_policy(self._findings, table["query"], table) if "query" in table else None
        more = ModifierReader(self._findings, self._scope.backends, matched, action).read(table)
        return replace(more, limits=limits, upgrade=upgrade, query=query or KEEP_QUERY)

    def _read_name(self, node: Node) -> str | None:
        name = read_value(self._findings, node, read_name, "it is the name of a rule")
        if name is None:
            return None
        first = self._names.setdefault(name, node.place)
        if first is not node.place:
            self._findings.report(
                Code.DUPLICATE_NAME,
                node.place,
                f"two rules are named {name!r}",
                "metrics, logs and traces tell rules apart by their names.",
                "give this one another name.",
                Related(first, "first defined here"),
            )
        return name

    def _read_limits(self, node: Node, rule: Mapping[str, Node]) -> RuleLimits:
        table = read_table(self._findings, node, RULE_LIMITS) or {}
        given = read_fields(self._findings, table, _LIMITS)
        if "forward" not in rule and any(action in rule for action in ACTIONS):
            for key in _OF_A_FORWARD:
                if key in table:
                    why = "the edge answers such requests itself: it passes no body on and waits for nobody."
                    report_not_forwarded(self._findings, table[key].place, f"a limit of `{key}`", why)
        if "burst" in given and "rate" not in table:
            self._findings.report(
                Code.MISSING_KEY,
                table["burst"].place,
                "a `burst` without a `rate`",
                "it says how many requests of a client may come at once, ahead of its rate.",
                f"add `rate: {given['burst']}/s`, or remove `burst`.",
            )
        if "rate" not in given:
            return RuleLimits(given.get("body"), given.get("time"))
        count, seconds = given["rate"]
        rate = Rate(seconds / count, given.get("burst", count), written_rate(count, seconds))
        return RuleLimits(given.get("body"), given.get("time"), rate)

    def _read_upgrade(self, node: Node, rule: Mapping[str, Node], action: Action | None) -> frozenset[str]:
        what = "`upgrade` is a list of protocols, as in [websocket]"
        protocols = read_set(self._findings, node, read_protocol, "protocol", what) or frozenset()
        if "forward" not in rule and any(each in rule for each in ACTIONS):
            why = "the edge answers such requests itself: there is no backend to switch to another protocol with."
            report_not_forwarded(self._findings, node.place, "an `upgrade`", why)
        directory = _directory_of(action)
        if directory is not None:
            self._findings.report(
                Code.CONFLICTING_KEYS,
                node.place,
                f"an `upgrade` with the backend {directory.name!r}, which is a directory",
                "its files are read: there is nobody to switch to another protocol with.",
                "remove `upgrade`, or forward to a backend with a `url`.",
            )
        return protocols


def _directory_of(action: Action | None) -> DirectoryBackend | None:
    """The directory that an action may forward to."""
    if not isinstance(action, Forward):
        return None
    return next((backend for backend in backends_of(action.to) if isinstance(backend, DirectoryBackend)), None)
