"""From the nodes of a rule file to a ruleset, or to every problem that it has.

Law: one cause gives one problem. What refers to something that could not be read is not blamed for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.actions import ActionReader, Scope
from edgeproxy.ruleset.declare import Declared, HostReader, declare, read_listen
from edgeproxy.ruleset.declare_backends import BackendReader, SplitReader, check_moves
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.model import Backend, Host, Listener, Match, Place, Rule, Ruleset
from edgeproxy.ruleset.nodes import Items, Node, Table, Text
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.reach import dead_rules
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.router import Router
from edgeproxy.ruleset.shape import FILE, MATCH, RULE, Findings, Shape, read_items, read_table, read_value
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.ruleset.values import read_method, read_name

LANGUAGE_VERSION: Final = "1"
_DIGEST_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line replaces: the listen addresses, and the URL or directory of declared backends."""

    listen: tuple[Listener, ...] = ()
    backends: Mapping[str, str] = field(default_factory=dict)


NO_OVERRIDES: Final = Overrides()


@dataclass(frozen=True, slots=True)
class Source:
    """A rule file as read; `base` is where its relative directories are looked up."""

    text: str
    base: Path

    @property
    def digest(self) -> str:
        return blake2b(self.text.encode(), digest_size=_DIGEST_OCTETS).hexdigest()


def compile_ruleset(
    findings: Findings, root: Table, source: Source, overrides: Overrides, generation: int
) -> Ruleset | None:
    """The ruleset of a root table; None when anything is wrong with it."""
    sections = _sections(findings, root, overrides)
    if sections is None:
        return None
    listen = overrides.listen or (read_listen(findings, sections["listen"]) if "listen" in sections else ())
    hosts = declare(findings, sections.get("hosts"), "host", HostReader(findings).read)
    backend_reader = BackendReader(findings, source.base, overrides.backends)
    backends: Declared[Backend] = declare(findings, sections.get("backends"), "backend", backend_reader.read)
    check_moves(findings, backends, overrides.backends, root.place)
    splits = declare(findings, sections.get("splits"), "split", SplitReader(findings, backends).read)
    if "hosts" not in sections:
        hosts.readable = False  # the missing section has been told of
    reader = RuleReader(findings, hosts, Scope(source.base, backends, splits))
    rules = reader.read_all(sections["rules"]) if "rules" in sections else ()
    if hosts.whole:
        findings.problems.extend(dead_rules(rules))
    if findings.problems:
        return None
    known = tuple(hosts.values.values())
    return Ruleset(
        generation,
        source.digest,
        listen,
        (),
        DEFAULT_LIMITS,
        known,
        tuple(backends.values.values()),
        tuple(splits.values.values()),
        rules,
        Router(known, rules),
    )


def _sections(findings: Findings, root: Table, overrides: Overrides) -> Mapping[str, Node] | None:
    """The sections of a file of this language; of a file of another one nothing could be said."""
    version = next((value for key, value in root.entries if key.value == "edge"), None)
    if version is not None and not (isinstance(version, Text) and version.value == LANGUAGE_VERSION):
        findings.report(
            Code.LANGUAGE_VERSION,
            version.place,
            "a version of the rule language that this edge does not know",
            f"it knows version {LANGUAGE_VERSION}.",
            f"write `edge: {LANGUAGE_VERSION}`.",
        )
        return None
    return read_table(findings, root, _without_listen(FILE) if overrides.listen else FILE)


def _without_listen(shape: Shape) -> Shape:
    required = tuple(key for key in shape.required if key != "listen")
    return replace(shape, required=required, optional=(*shape.optional, "listen"))


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
        hosts, path, methods = self._read_match(table["match"]) if "match" in table else (None, None, None)
        action = ActionReader(self._findings, self._scope, path).read(table, node.place)
        if name is None or hosts is None or path is None or methods is None or action is None:
            return None
        return Rule(name, index, Match(hosts, path, methods), action, node.place)

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

    def _read_match(self, node: Node) -> tuple[tuple[Host, ...] | None, PathTemplate | None, frozenset[str] | None]:
        """Hosts, path and methods; None for each that could not be read."""
        table = read_table(self._findings, node, MATCH)
        if table is None:
            return None, None, None
        hosts: tuple[Host, ...] | None = tuple(self._hosts.values.values())
        if "host" in table:
            hosts = self._read_hosts(table["host"])
        path = None
        if "path" in table:
            path = read_value(self._findings, table["path"], parse_path_template, "it is a path")
        methods: frozenset[str] | None = frozenset()
        if "methods" in table:
            methods = self._read_methods(table["methods"])
        return hosts, path, methods

    def _read_hosts(self, node: Node) -> tuple[Host, ...] | None:
        nodes = (node,) if not isinstance(node, Items) else read_items(self._findings, node, "`host` names hosts")
        if nodes is None:
            return None
        found = [self._hosts.find(self._findings, each) for each in nodes]
        self._check_twice(nodes, "host")
        known = tuple(host for host in found if host is not None)
        return known if len(known) == len(found) else None

    def _read_methods(self, node: Node) -> frozenset[str] | None:
        nodes = read_items(self._findings, node, "`methods` is a list of methods, as in [GET, HEAD]")
        if nodes is None:
            return None
        found = [read_value(self._findings, each, read_method, "it is a method") for each in nodes]
        self._check_twice(nodes, "method")
        known = frozenset(method for method in found if method is not None)
        return known if None not in found else None

    def _check_twice(self, nodes: tuple[Node, ...], what: str) -> None:
        places: dict[str, Place] = {}
        for node in nodes:
            if not isinstance(node, Text):
                continue
            first = places.setdefault(node.value, node.place)
            if first is not node.place:
                self._findings.report(
                    Code.DUPLICATE_VALUE,
                    node.place,
                    f"the {what} {node.value} is listed twice",
                    "once says the same.",
                    "remove one.",
                    Related(first, "first listed here"),
                )
