"""The match of a rule: which requests it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.matching import Condition, Match, PathRegex, Where, Window
from edgeproxy.ruleset.nodes import Items, Node, Table
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.read_conditions import read_conditions
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_path_regex import parse_path_regex
from edgeproxy.ruleset.read_where import read_where
from edgeproxy.ruleset.shape import MATCH, PATH, Findings, read_items, read_set, read_table, read_value, report_twice
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.ruleset.values import read_method, read_scheme

_CALL_METHOD = "POST"  # the XML-RPC specification: a call is a POST


@dataclass(frozen=True, slots=True)
class Matched:
    """The parts of a match; None for each that could not be read."""

    hosts: tuple[Host, ...] | None = None
    path: PathTemplate | PathRegex | None = None
    methods: frozenset[str] | None = None
    schemes: frozenset[Scheme] | None = None
    where: tuple[Where, ...] | None = None
    conditions: tuple[Condition, ...] | None = None

    def during(self, windows: tuple[Window, ...] | None) -> Match | None:
        """The whole match of a rule with these windows, when every part of it could be read."""
        if self.hosts is None or self.path is None or self.methods is None or self.schemes is None:
            return None
        if self.where is None or self.conditions is None or windows is None:
            return None
        return Match(self.hosts, self.path, self.methods, self.schemes, self.where, self.conditions, windows)


class MatchReader:
    def __init__(self, findings: Findings, hosts: Declared[Host]) -> None:
        self._findings = findings
        self._hosts = hosts

    def read(self, node: Node) -> Matched:
        table = read_table(self._findings, node, MATCH)
        if table is None:
            return Matched()
        path = self._read_path(table["path"]) if "path" in table else None
        methods = self._read_methods(table["methods"]) if "methods" in table else frozenset()
        conditions = read_conditions(self._findings, table)
        self._check_call(table, methods)
        return Matched(
            self._read_hosts(table["host"]) if "host" in table else tuple(self._hosts.values.values()),
            path,
            methods,
            self._read_schemes(table["scheme"]) if "scheme" in table else frozenset(),
            self._read_where(table["where"], path) if "where" in table else (),
            conditions,
        )

    def _read_path(self, node: Node) -> PathTemplate | PathRegex | None:
        if not isinstance(node, Table):
            return read_value(self._findings, node, parse_path_template, "it is a path, or a table of `regex`")
        table = read_table(self._findings, node, PATH) or {}
        if "regex" not in table:
            return None
        return read_value(self._findings, table["regex"], parse_path_regex, "it is a regular expression")

    def _read_methods(self, node: Node) -> frozenset[str] | None:
        return read_set(self._findings, node, read_method, "method", "`methods` is a list, as in [GET, HEAD]")

    def _read_schemes(self, node: Node) -> frozenset[Scheme] | None:
        """Every scheme is none in particular: so rules that mean the same are the same."""
        alone = node if isinstance(node, Items) else Items((node,), node.place)
        schemes = read_set(self._findings, alone, read_scheme, "scheme", "`scheme` is http or https")
        return frozenset() if schemes == frozenset(Scheme) else schemes

    def _read_hosts(self, node: Node) -> tuple[Host, ...] | None:
        nodes = (node,) if not isinstance(node, Items) else read_items(self._findings, node, "`host` names hosts")
        if nodes is None:
            return None
        found = [self._hosts.find(self._findings, each) for each in nodes]
        report_twice(self._findings, nodes, "host")
        known = tuple(host for host in found if host is not None)
        return known if len(known) == len(found) else None

    def _read_where(self, node: Node, path: PathTemplate | PathRegex | None) -> tuple[Where, ...] | None:
        return read_where(self._findings, node, None if path is None else path.captures)

    def _check_call(self, table: Mapping[str, Node], methods: frozenset[str] | None) -> None:
        others = sorted((methods or frozenset()) - {_CALL_METHOD})
        if "xmlrpc" not in table or not others:
            return
        self._findings.report(
            Code.CONFLICTING_VALUES,
            table["xmlrpc"].place,
            f"an XML-RPC call by {' or '.join(others)}",
            "a call is a POST: with another method the rule could never match.",
            f"write methods: [{_CALL_METHOD}].",
            Related(table["methods"].place, "the methods are given here"),
        )
