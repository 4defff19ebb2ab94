"""Rules as values, for tests that make many of them, and the matcher that tries one after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import re2

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.conditions import captures_of, takes
from edgeproxy.ruleset.matching import Condition, Facts, Fits, Match, Matches, ParameterIs, PathRegex, Where, Window
from edgeproxy.ruleset.model import (
    Action,
    NoRule,
    RedirectMap,
    Respond,
    Routed,
    Routing,
    Rule,
    UnknownHost,
    WrongMethod,
)
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.origins import Host, HostKind
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.template import PathTemplate

ONE = Host("one", ("one.test",), HostKind.APP)
TWO = Host("two", ("two.test",), HostKind.APP)


def rule(
    index: int,
    path: str | PathTemplate | PathRegex = "/{rest*}",
    *,
    hosts: Sequence[Host] = (ONE,),
    methods: Sequence[str] = (),
    schemes: Sequence[Scheme] = (),
    where: Sequence[Where] = (),
    conditions: Sequence[Condition] = (),
    during: Sequence[Window] = (),
    moves: Mapping[str, str] | None = None,
    off: str | None = None,
) -> Rule:
    template = parse_path_template(path) if isinstance(path, str) else path
    action: Action = Respond(200, (), b"")
    if moves is not None:
        action = RedirectMap(Moves(Path("moves.csv"), dict(moves)), 301, None)
    match = Match(
        tuple(hosts), template, frozenset(methods), frozenset(schemes), tuple(where), tuple(conditions), tuple(during)
    )
    return Rule(f"r{index}", index, match, action, Place("rules.yaml", index + 1, 1), off=off)


def path_regex(source: str) -> PathRegex:
    """Captures are what its groups match; a capture of one dot does not count, as in rule files."""
    expression = re2.compile(source)

    def split(path: str) -> Mapping[str, str] | None:
        found = expression.fullmatch(path)
        groups = {} if found is None else {name: value or "" for name, value in found.groupdict().items()}
        return None if found is None or "." in groups.values() else groups

    names = tuple(re.findall(r"\(\?P<(\w+)>", source))
    return PathRegex(source, names, frozenset(names), split)


def matches(regex: str) -> Matches:
    return Matches(regex, lambda text: re.fullmatch(regex, text) is not None)


def fits(regex: str, *, wanted: bool = True) -> Fits:
    return Fits(regex, wanted, lambda text: re.fullmatch(regex, text) is not None)


def route_naively(
    rules: Sequence[Rule], hosts: Sequence[Host], method: str, scheme: Scheme, name: str, path: str, facts: Facts
) -> Routing:
    """What routing means: the first rule, in file order, that takes the request; else why none does."""
    host = next((each for each in hosts if name in each.names), None)
    if host is None:
        return UnknownHost()
    allow: set[str] = set()
    for each in rules:
        captures = captures_of(each, path) if host in each.match.hosts else None
        if captures is None:
            continue
        if takes(each, method, scheme, facts):
            return Routed(each, captures, host)
        if each.off is None and each.takes(scheme) and method not in each.match.methods and _asks_so(each, facts):
            allow |= each.match.methods
    return WrongMethod(host, tuple(sorted(allow))) if allow else NoRule(host)


def _asks_so(each: Rule, facts: Facts) -> bool:
    """Whether the query is what a rule asks for, as far as the request line decides."""
    by_query = tuple(c for c in each.match.conditions if isinstance(c, ParameterIs))
    bare = replace(
        each, match=replace(each.match, methods=frozenset(), schemes=frozenset(), conditions=by_query, during=())
    )
    return takes(bare, "", Scheme.HTTP, facts)
