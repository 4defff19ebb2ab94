"""From method, host name and path to the first rule, in file order, that takes them.

Laws of this module:
- the answer is that of trying every rule in file order;
- its cost grows with the length of the path and not with the number of rules, save those that differ in a regular
  expression or an affix at the same point of the same path: these are tried one after the other;
- a router is built once and never changes.

Each group of host names has a trie over the segments of its rules' paths. A walk follows every branch that a path
fits, and leaves out branches in which no rule comes before the best one found so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.conditions import captures_of, takes
from edgeproxy.ruleset.matching import NO_FACTS, Facts, PathRegex
from edgeproxy.ruleset.model import NoRule, RedirectMap, Routed, Routing, Rule, UnknownHost, WrongMethod
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.segment import (
    Affixed,
    Expression,
    Literal,
    Mixed,
    Segment,
    Whole,
    nameless,
    show,
    tester,
)

_NEVER: Final = 1 << 62  # after every rule
_UNKNOWN_HOST: Final = UnknownHost()


@dataclass(slots=True)
class _End:
    """The rules whose templates end at one point of the trie: they match the same paths and differ in methods."""

    rules: list[Rule] = field(default_factory=list)
    by_method: dict[str, Rule] = field(default_factory=dict)
    otherwise: Rule | None = None  # the first that takes every method

    def add(self, rule: Rule) -> None:
        """Rules come in file order: the first for a method stays."""
        self.rules.append(rule)
        if self.otherwise is not None:
            return  # every method is taken
        for method in rule.match.methods:
            self.by_method.setdefault(method, rule)
        if not rule.match.methods:
            self.otherwise = rule


@dataclass(slots=True)
class _Node:
    """A point between two segments. `lowest` is the index of the first rule at or below it."""

    lowest: int = _NEVER
    literals: dict[str, _Node] = field(default_factory=dict)
    patterns: dict[Segment, tuple[Callable[[str], bool], _Node]] = field(default_factory=dict)
    whole: _Node | None = None
    end: _End | None = None
    rest: _End | None = None


class Router:
    """Immutable once built; see the head of the module."""

    __slots__ = ("_by_name", "_groups", "_linear")

    def __init__(self, hosts: Sequence[Host], rules: Sequence[Rule]) -> None:
        self._linear = rules if any(_is_special(rule) for rule in rules) else None
        self._groups = tuple((host, _tries(host, rules)) for host in hosts)
        self._by_name: Mapping[str, tuple[Host, Mapping[Scheme, _Node], NoRule]] = {
            name: (host, tries, NoRule(host)) for host, tries in self._groups for name in host.names
        }

    def route(self, method: str, scheme: Scheme, host: str, path: str, facts: Facts = NO_FACTS) -> Routing:
        """For a host name in lower case, without port, and a normalised path."""
        known = self._by_name.get(host)
        if known is None:
            return _UNKNOWN_HOST
        group, tries, no_rule = known
        if self._linear is not None:
            return _first_of(self._linear, group, method, scheme, path, facts) or no_rule
        root = tries[scheme]
        parts = path.split("/")
        if parts[0]:
            return no_rule
        rule = _first(root, parts, 1, method, _NEVER)
        if rule is not None and not isinstance(rule.match.path, PathRegex):
            return Routed(rule, rule.match.path.capture(parts), group)
        allow = {name for end in _ends(root, parts, 1) for name in end.by_method}
        return WrongMethod(group, tuple(sorted(allow))) if allow else no_rule

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """The tries as text: a line for each segment, and the rules that end there."""
        lines: list[str] = []
        for host, tries in self._groups:
            names = ", ".join(host.names)
            if tries[Scheme.HTTP] is tries[Scheme.HTTPS]:
                lines += [f"{host.name}: {names}", *_lines(tries[Scheme.HTTP], "  ")]
                continue
            for scheme, root in tries.items():
                lines += [f"{host.name} by {scheme}: {names}", *_lines(root, "  ")]
        return "\n".join(lines)


def _tries(host: Host, rules: Sequence[Rule]) -> Mapping[Scheme, _Node]:
    """A host's trie for each scheme; one for both where its rules do not tell them apart."""
    own = [rule for rule in rules if host in rule.match.hosts]
    if not any(rule.match.schemes for rule in own):
        return dict.fromkeys(Scheme, _trie(own))
    return {scheme: _trie([rule for rule in own if rule.takes(scheme)]) for scheme in Scheme}


def _trie(rules: Sequence[Rule]) -> _Node:
    root = _Node()
    for rule in rules:
        _insert(root, rule)
    return root


def _first(node: _Node, parts: Sequence[str], at: int, method: str, before: int) -> Rule | None:
    """The first rule below a node that takes the parts from `at` on, if it comes before that index.

    PERF: the last branch is followed in this loop, not by a call: most paths have one branch at every node.
    """
    best: Rule | None = None
    last = len(parts)
    while at < last:
        rest = node.rest
        if rest is not None:
            rule = rest.by_method.get(method, rest.otherwise)
            if rule is not None and rule.index < before:
                best, before = rule, rule.index
        part = parts[at]
        at += 1
        following = node.literals.get(part)
        if node.patterns:
            for matches, child in node.patterns.values():
                if child.lowest < before and matches(part):
                    rule = _first(child, parts, at, method, before)
                    if rule is not None:
                        best, before = rule, rule.index
        whole = node.whole
        if whole is not None and part:
            if following is not None and following.lowest < before:
                rule = _first(following, parts, at, method, before)
                if rule is not None:
                    best, before = rule, rule.index
            following = whole
        if following is None or following.lowest >= before:
            return best
        node = following
    end = node.end
    if end is not None:
        rule = end.by_method.get(method, end.otherwise)
        if rule is not None and rule.index < before:
            return rule
    return best


def _ends(node: _Node, parts: Sequence[str], at: int) -> Iterator[_End]:
    """Every end that a path reaches, whatever the method."""
    if at == len(parts):
        if node.end is not None:
            yield node.end
        return
    if node.rest is not None:
        yield node.rest
    part = parts[at]
    if part in node.literals:
        yield from _ends(node.literals[part], parts, at + 1)
    if node.whole is not None and part:
        yield from _ends(node.whole, parts, at + 1)
    for matches, child in node.patterns.values():
        if matches(part):
            yield from _ends(child, parts, at + 1)


def _is_special(rule: Rule) -> bool:
    match = rule.match
    return bool(
        isinstance(match.path, PathRegex)
        or match.where
        or match.is_conditional
        or isinstance(rule.action, RedirectMap)
        or rule.off
    )


def _first_of(
    rules: Sequence[Rule], host: Host, method: str, scheme: Scheme, path: str, facts: Facts
) -> Routing | None:
    allow: set[str] = set()
    for rule in rules:
        if host not in rule.match.hosts:
            continue
        captures = captures_of(rule, path)
        if captures is None:
            continue
        if takes(rule, method, scheme, facts):
            return Routed(rule, captures, host)
        if rule.off is None and method not in rule.match.methods and rule.takes(scheme):
            allow |= rule.match.methods
    return WrongMethod(host, tuple(sorted(allow))) if allow else None


def _insert(root: _Node, rule: Rule) -> None:
    if isinstance(rule.match.path, PathRegex):
        return
    node = root
    node.lowest = min(node.lowest, rule.index)
    for segment in rule.match.path.segments:
        node = _child(node, segment)
        node.lowest = min(node.lowest, rule.index)
    if rule.match.path.rest is None:
        node.end = node.end or _End()
        node.end.add(rule)
    else:
        node.rest = node.rest or _End()
        node.rest.add(rule)


def _child(node: _Node, segment: Segment) -> _Node:
    match segment:
        case Literal(text=text):
            if text not in node.literals:
                node.literals[text] = _Node()
            return node.literals[text]
        case Whole():
            node.whole = node.whole or _Node()
            return node.whole
        case Affixed() | Expression() | Mixed():
            return node.patterns.setdefault(nameless(segment), (tester(segment), _Node()))[1]
        case _:
            assert_never(segment)


def _lines(node: _Node, indent: str) -> Iterator[str]:
    """A line for each branch, with the rules that end there."""
    branches = [(text, child) for text, child in node.literals.items()]
    if node.whole is not None:
        branches.append(("{}", node.whole))
    branches += [(show(segment), child) for segment, (_, child) in node.patterns.items()]
    for text, child in branches:
        yield f"{indent}/{text}{_rules(child.end)}"
        yield from _lines(child, f"{indent}  ")
    if node.rest is not None:
        yield f"{indent}/{{*}}{_rules(node.rest)}"


def _rules(end: _End | None) -> str:
    rules = end.rules if end is not None else ()
    return "".join(f"  [{rule.index}] {rule.name} {' '.join(sorted(rule.match.methods))}".rstrip() for rule in rules)
