"""From method, host name and path to the first rule, in file order, that takes them.

Laws of this module:
- the answer is that of trying every rule in file order by `edgeproxy.ruleset.conditions`;
- its cost grows with the length of the path and not with the number of rules, save those that differ, at the same
  point of the same path, in a segment's regular expression or affix, or in a condition that is no exact value: these
  are tried one after the other, in file order;
- a router is built once and never changes.

Each group of host names has, for each scheme, a trie over the segments of its plain rules' paths, one of its
conditional rules', and its path regexes. A walk follows every branch that a path fits, and leaves out what has no rule
before the best one found so far: conditional rules cost nothing where a plain rule stands before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.candidates import Candidates, Line, Search
from edgeproxy.ruleset.dispatch import Conditional, ConditionalEnd
from edgeproxy.ruleset.matching import NO_FACTS, Facts, PathRegex
from edgeproxy.ruleset.model import NoRule, Routed, Routing, Rule, UnknownHost, WrongMethod
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.plain_rules import PlainEnd, first, is_plain, plain_trie
from edgeproxy.ruleset.regexes import Regexes
from edgeproxy.ruleset.template import PathTemplate
from edgeproxy.ruleset.trie import NEVER, Node, ends, insert, lines

_UNKNOWN_HOST = UnknownHost()


@dataclass(frozen=True, slots=True)
class _Index:
    """The rules of one host by one scheme. `lowest` is the first conditional one's index."""

    plain: Node[PlainEnd]
    conditional: Node[ConditionalEnd]
    regexes: Regexes
    lowest: int


class Router:
    """Immutable once built; see the head of the module."""

    __slots__ = ("_by_name", "_groups")

    def __init__(self, hosts: Sequence[Host], rules: Sequence[Rule]) -> None:
        """Rules in file order. Those that are off take nothing."""
        live = [rule for rule in rules if rule.off is None]
        self._groups = tuple((host, _indexes(host, live)) for host in hosts)
        self._by_name: Mapping[str, tuple[Host, Mapping[Scheme, _Index], NoRule]] = {
            name: (host, indexes, NoRule(host)) for host, indexes in self._groups for name in host.names
        }

    def route(self, method: str, scheme: Scheme, host: str, path: str, facts: Facts = NO_FACTS) -> Routing:
        """For a host name in lower case, without port, and a normalised path."""
        known = self._by_name.get(host)
        if known is None:
            return _UNKNOWN_HOST
        group, indexes, no_rule = known
        index = indexes[scheme]
        parts = path.split("/")
        if parts[0]:
            return no_rule
        rule = first(index.plain, parts, 1, method, NEVER)
        if rule is not None and rule.index < index.lowest and not isinstance(rule.match.path, PathRegex):
            return Routed(rule, rule.match.path.capture(parts), group)
        if index.lowest == NEVER:
            return _unsettled(index, parts, no_rule)
        return _search(index, Line(group, method, path, parts, facts.query), rule, no_rule).choose(facts)

    def candidates(self, method: str, scheme: Scheme, host: str, path: str, query: str | None) -> Candidates:
        """What the request line decides, for a host name in lower case, without port, and a normalised path."""
        known = self._by_name.get(host)
        if known is None:
            return Candidates(_UNKNOWN_HOST)
        group, indexes, no_rule = known
        parts = path.split("/")
        if parts[0]:
            return Candidates(no_rule)
        index = indexes[scheme]
        rule = first(index.plain, parts, 1, method, NEVER)
        return _search(index, Line(group, method, path, parts, query), rule, no_rule)

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """The tries as text: a line for each segment, and the rules that end there."""
        described: list[str] = []
        for host, indexes in self._groups:
            names = ", ".join(host.names)
            if indexes[Scheme.HTTP] is indexes[Scheme.HTTPS]:
                described += [f"{host.name}: {names}", *_described(indexes[Scheme.HTTP])]
                continue
            for scheme, index in indexes.items():
                described += [f"{host.name} by {scheme}: {names}", *_described(index)]
        return "\n".join(described)


def _search(index: _Index, line: Line, plain: Rule | None, no_rule: NoRule) -> Candidates:
    """`plain` is the first rule without conditions that takes the line."""
    routed = None
    if plain is not None and not isinstance(plain.match.path, PathRegex):
        routed = Routed(plain, plain.match.path.capture(line.parts), line.host)
    if index.lowest >= (NEVER if plain is None else plain.index):
        return Candidates(routed or _unsettled(index, line.parts, no_rule))
    search = Search(line, routed)
    _visit(index.conditional, line.parts, 1, search)
    if index.regexes.lowest < search.before:
        for end in index.regexes.hits(line.path):
            search.visit(end)
    if search.is_settled:
        return search.candidates(no_rule)
    return search.candidates(_unsettled(index, line.parts, no_rule, search.allow))


def _unsettled(
    index: _Index, parts: Sequence[str], no_rule: NoRule, allow: frozenset[str] = frozenset()
) -> NoRule | WrongMethod:
    """The outcome when no rule takes the request. `allow` are the methods of conditional rules for its path."""
    methods = {name for end in ends(index.plain, parts, 1) for name in end.by_method}
    if allow:
        methods |= allow
    return WrongMethod(no_rule.host, tuple(sorted(methods))) if methods else no_rule


def _visit(node: Node[ConditionalEnd], parts: Sequence[str], at: int, search: Search) -> None:
    """Every end that the path reaches and that has a rule in time."""
    if node.lowest >= search.before:
        return
    if at == len(parts):
        if node.end is not None:
            search.visit(node.end)
        return
    if node.rest is not None:
        search.visit(node.rest)
    part = parts[at]
    following = node.literals.get(part)
    if following is not None:
        _visit(following, parts, at + 1, search)
    if node.whole is not None and part:
        _visit(node.whole, parts, at + 1, search)
    for matches, child in node.patterns.values():
        if child.lowest < search.before and matches(part):
            _visit(child, parts, at + 1, search)


def _indexes(host: Host, rules: Sequence[Rule]) -> Mapping[Scheme, _Index]:
    """A host's rules by scheme; one index for both where they do not tell schemes apart."""
    own = [rule for rule in rules if host in rule.match.hosts]
    if not any(rule.match.schemes for rule in own):
        return dict.fromkeys(Scheme, _index(own))
    return {scheme: _index([rule for rule in own if rule.takes(scheme)]) for scheme in Scheme}


def _index(rules: Sequence[Rule]) -> _Index:
    plain = plain_trie([rule for rule in rules if is_plain(rule)])
    conditional = [Conditional.of(rule) for rule in rules if not is_plain(rule)]
    trie = Node[ConditionalEnd]()
    by_shape: dict[object, tuple[PathTemplate, list[Conditional]]] = {}
    by_regex: list[Conditional] = []
    for each in conditional:
        path = each.rule.match.path
        if isinstance(path, PathRegex):
            by_regex.append(each)
        else:
            by_shape.setdefault(path.shape, (path, []))[1].append(each)
    for template, own in by_shape.values():
        insert(trie, template, ConditionalEnd(own))
    regexes = Regexes(by_regex)
    return _Index(plain, trie, regexes, min(trie.lowest, regexes.lowest))


def _described(index: _Index) -> Iterator[str]:
    yield from lines(index.plain, "  ", lambda end: _rules(end.rules))
    if index.lowest == NEVER:
        return
    yield "  with conditions:"
    yield from lines(index.conditional, "    ", _conditional)
    for end in index.regexes:
        yield f"    {end.rules[0].rule.match.path}{_conditional(end)}"


def _conditional(end: ConditionalEnd) -> str:
    """The rules, and by what they are told apart."""
    keys = [f"  ({key}: {len(table)} values)" for key, table in (*end.by_line, *end.by_facts)]
    return _rules([each.rule for each in end.rules]) + "".join(keys)


def _rules(rules: Sequence[Rule]) -> str:
    return "".join(f"  [{rule.index}] {rule.name} {' '.join(sorted(rule.match.methods))}".rstrip() for rule in rules)
