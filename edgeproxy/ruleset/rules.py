"""The rules of a rule file, in file order: match, action, limits, upgrade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.actions import ACTIONS, ActionReader, Scope
from edgeproxy.ruleset.arms import Split
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.matching import Match
from edgeproxy.ruleset.model import Action, Forward, Rule
from edgeproxy.ruleset.modifiers import Modifiers, Rate, RuleLimits
from edgeproxy.ruleset.nodes import Items, Node
from edgeproxy.ruleset.origins import DirectoryBackend, Host
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.quantities import read_rate, written_rate
from edgeproxy.ruleset.read_limits import COUNT, SIZE, WAIT
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.shape import (
    MATCH,
    RULE,
    RULE_LIMITS,
    Findings,
    Kind,
    read_fields,
    read_items,
    read_table,
    read_value,
    report_twice,
)
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.ruleset.values import read_method, read_name, read_protocol, read_scheme

T = TypeVar("T")
_LIMITS: Final = {
    "body": SIZE,
    "time": WAIT,
    "rate": Kind(read_rate, "it is a rate, as in 10/s"),
    "burst": COUNT,
}
_OF_A_FORWARD: Final = ("body", "time")  # the limits of what goes to a backend


@dataclass(frozen=True, slots=True)
class _Matched:
    """The parts of a match; None for each that could not be read."""

    hosts: tuple[Host, ...] | None = None
    path: PathTemplate | None = None
    methods: frozenset[str] | None = None
    schemes: frozenset[Scheme] | None = None

    def whole(self) -> Match | None:
        if self.hosts is None or self.path is None or self.methods is None or self.schemes is None:
            return None
        return Match(self.hosts, self.path, self.methods, self.schemes)


class RuleReader:
    """Rules, in file order."""

    def __init__(self, findings: Findings, hosts: Declared[Host], scope: Scope) -> None:
        self._findings = findings
        self._hosts = hosts
        self._scope = scope
        self._names: dict[str, Place] = {}

    def read_all(self, node: Node) -> tuple[Rule, ...]:
        items = read_items(self._findings, node, "`rules` is a list of rules") or ()
        rules = [self._read(index, item) for index, item in enumerate(items)]
        return tuple(rule for rule in rules if rule is not None)

    def _read(self, index: int, node: Node) -> Rule | None:
        table = read_table(self._findings, node, RULE)
        if table is None:
            return None
        name = self._read_name(table["name"]) if "name" in table else None
        matched = self._read_match(table["match"]) if "match" in table else _Matched()
        scope = self._scope.within(node.place.file)
        action = ActionReader(self._findings, scope, matched.path).read(table, node.place)
        limits = self._read_limits(table["limits"], table) if "limits" in table else RuleLimits()
        upgrade = self._read_upgrade(table["upgrade"], table, action) if "upgrade" in table else frozenset()
        match = matched.whole()
        if name is None or match is None or action is None:
            return None
        return Rule(name, index, match, action, node.place, Modifiers(limits, upgrade))

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

    def _read_match(self, node: Node) -> _Matched:
        table = read_table(self._findings, node, MATCH)
        if table is None:
            return _Matched()
        hosts: tuple[Host, ...] | None = tuple(self._hosts.values.values())
        if "host" in table:
            hosts = self._read_hosts(table["host"])
        path = None
        if "path" in table:
            path = read_value(self._findings, table["path"], parse_path_template, "it is a path")
        methods: frozenset[str] | None = frozenset()
        if "methods" in table:
            methods = self._read_set(table["methods"], read_method, "method", "`methods` is a list, as in [GET, HEAD]")
        schemes: frozenset[Scheme] | None = frozenset()
        if "scheme" in table:
            schemes = self._read_schemes(table["scheme"])
        return _Matched(hosts, path, methods, schemes)

    def _read_schemes(self, node: Node) -> frozenset[Scheme] | None:
        """Every scheme is none in particular: so rules that mean the same are the same."""
        alone = node if isinstance(node, Items) else Items((node,), node.place)
        schemes = self._read_set(alone, read_scheme, "scheme", "`scheme` is http or https")
        return frozenset() if schemes == frozenset(Scheme) else schemes

    def _read_hosts(self, node: Node) -> tuple[Host, ...] | None:
        nodes = (node,) if not isinstance(node, Items) else read_items(self._findings, node, "`host` names hosts")
        if nodes is None:
            return None
        found = [self._hosts.find(self._findings, each) for each in nodes]
        report_twice(self._findings, nodes, "host")
        known = tuple(host for host in found if host is not None)
        return known if len(known) == len(found) else None

    def _read_set(self, node: Node, read: Callable[[str], T], noun: str, what: str) -> frozenset[T] | None:
        """The values of a list whose order does not count."""
        nodes = read_items(self._findings, node, what)
        if nodes is None:
            return None
        found = [read_value(self._findings, each, read, f"it is a {noun}") for each in nodes]
        report_twice(self._findings, nodes, noun)
        known = frozenset(each for each in found if each is not None)
        return known if None not in found else None

    def _read_limits(self, node: Node, rule: Mapping[str, Node]) -> RuleLimits:
        table = read_table(self._findings, node, RULE_LIMITS) or {}
        given = read_fields(self._findings, table, _LIMITS)
        if "forward" not in rule and any(action in rule for action in ACTIONS):
            for key in _OF_A_FORWARD:
                if key in table:
                    why = "the edge answers such requests itself: it passes no body on and waits for nobody."
                    self._report_not_forwarded(table[key].place, f"a limit of `{key}`", why)
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
        protocols = self._read_set(node, read_protocol, "protocol", what) or frozenset()
        if "forward" not in rule and any(each in rule for each in ACTIONS):
            why = "the edge answers such requests itself: there is no backend to switch to another protocol with."
            self._report_not_forwarded(node.place, "an `upgrade`", why)
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

    def _report_not_forwarded(self, place: Place, what: str, why: str) -> None:
        self._findings.report(
            Code.CONFLICTING_KEYS,
            place,
            f"{what} in a rule that does not forward",
            why,
            "remove it, or `forward` the requests.",
        )


def _directory_of(action: Action | None) -> DirectoryBackend | None:
    """The directory that an action may forward to."""
    if not isinstance(action, Forward):
        return None
    backends = [arm.backend for arm in action.to.arms] if isinstance(action.to, Split) else [action.to]
    return next((backend for backend in backends if isinstance(backend, DirectoryBackend)), None)
