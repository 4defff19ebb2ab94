"""Rules of which a template, methods, schemes and hosts are all: the usual ones, found in one walk of a trie."""

from __future__ import annotations

from collections.abc import Sequence

from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.ruleset.trie import Node, insert


class PlainEnd:
    """The rules whose templates end at one point: they match the same paths and differ in methods."""

    __slots__ = ("by_method", "lowest", "otherwise", "rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Rules in file order: the first for a method is its rule."""
        self.rules = tuple(rules)
        self.lowest = rules[0].index
        self.by_method: dict[str, Rule] = {}
        self.otherwise: Rule | None = None  # the first that takes every method
        for rule in rules:
            if not rule.match.methods:
                self.otherwise = rule
                break  # every method is taken
            for method in rule.match.methods:
                self.by_method.setdefault(method, rule)


def is_plain(rule: Rule) -> bool:
    match = rule.match
    special = isinstance(match.path, PathRegex) or isinstance(rule.action, RedirectMap)
    return not (special or match.where or match.is_conditional or rule.off is not None)


def plain_trie(rules: Sequence[Rule]) -> Node[PlainEnd]:
    by_shape: dict[object, tuple[PathTemplate, list[Rule]]] = {}
    for rule in rules:
        if isinstance(rule.match.path, PathTemplate):
            by_shape.setdefault(rule.match.path.shape, (rule.match.path, []))[1].append(rule)
    root = Node[PlainEnd]()
    for template, own in by_shape.values():
        insert(root, template, PlainEnd(own))
    return root


def first(node: Node[PlainEnd], parts: Sequence[str], at: int, method: str, before: int) -> Rule | None:
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
                    rule = first(child, parts, at, method, before)
                    if rule is not None:
                        best, before = rule, rule.index
        whole = node.whole
        if whole is not None and part:
            if following is not None and following.lowest < before:
                rule = first(following, parts, at, method, before)
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
