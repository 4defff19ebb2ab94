"""What a request line decides of a look-up, and what it leaves to headers, client, call and time.

Laws of this module:
- the candidates are the conditional rules that the request line fits and that come, in file order, before the first
  rule that it settles; of these the first whose conditions hold takes the request, else the settled one does;
- where the line settles no rule, `otherwise` says why: NoRule, or WrongMethod with the methods of all rules whose path,
  captures and query the request has, whether or not their other conditions would hold: these depend on who asks, and
  Allow speaks of the resource. A rule for this very method whose conditions fail adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from edgeproxy.ruleset.conditions import fulfils, parameters, suits
from edgeproxy.ruleset.dispatch import (
    ByCapture,
    ByParameter,
    Conditional,
    ConditionalEnd,
    FactsKey,
    LineKey,
    Table,
    fact,
)
from edgeproxy.ruleset.matching import Facts, PathRegex
from edgeproxy.ruleset.model import Routed, Routing
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.trie import NEVER

Captured = tuple[tuple[str, ...], Mapping[str, str]]  # a template's captures: their names in order, and the values
Candidate = tuple[Conditional, Routed]


class Line:
    """What a request line and its Host say that rules ask for."""

    def __init__(self, host: Host, method: str, path: str, parts: Sequence[str], query: str | None) -> None:
        """`parts` are the path's, split at its slashes."""
        self.host = host
        self.method = method
        self.path = path
        self.parts = parts
        self._query = query

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        return parameters(self._query)

    def captured(self, end: ConditionalEnd) -> Captured | None:
        """The captures of an end that the path reaches; None: a regular expression does not take it after all."""
        first = end.rules[0]
        path = first.rule.match.path
        captures = path.match(self.path) if isinstance(path, PathRegex) else path.capture(self.parts)
        return None if captures is None else (first.names, captures)

    def captures(self, each: Conditional, captured: Captured) -> Mapping[str, str] | None:
        """A rule's captures, when it fits the line but for its method; None when it does not."""
        if each.moves is not None and each.moves.target(self.path) is None:
            return None
        if each.by_query and not all(suits(c.value, self.parameters.get(c.name)) for c in each.by_query):
            return None
        names, values = captured
        if each.names != names:  # of the same template, by other names
            values = {own: values[name] for own, name in zip(each.names, names, strict=True)}
        return values if fulfils(each.where, values) else None

    def suits_method(self, each: Conditional) -> bool:
        return not each.methods or self.method in each.methods


@dataclass(frozen=True, slots=True)
class Deferred:
    """Rules of which a fact picks some. `before`: the index from which on rules come too late."""

    key: FactsKey
    table: Table
    captured: Captured
    line: Line
    before: int

    def told(self, facts: Facts) -> Iterator[Candidate]:
        return self._fitting(self.table.get(fact(self.key, facts)))

    def every(self) -> Iterator[Candidate]:
        return self._fitting(self.table)

    def _fitting(self, rules: Iterable[Conditional]) -> Iterator[Candidate]:
        line = self.line
        for each in rules:
            if each.index < self.before and line.suits_method(each):
                captures = line.captures(each, self.captured)
                if captures is not None:
                    yield each, Routed(each.rule, captures, line.host)


class Candidates:
    """Immutable; see the head of the module. Iterate for the candidates, each with its captures, in file order."""

    __slots__ = ("_deferred", "_found", "otherwise")

    def __init__(self, otherwise: Routing, found: Sequence[Candidate] = (), deferred: Sequence[Deferred] = ()) -> None:
        """`found` are in file order."""
        self.otherwise = otherwise
        self._found = found
        self._deferred = deferred

    @property
    def is_settled(self) -> bool:
        """Whether the request line decides: there are no candidates, only `otherwise`."""
        return not self._found and not self._deferred

    @property
    def needs_call(self) -> bool:
        """Whether a candidate asks for an XML-RPC method."""
        return any(each.needs_call for each, _ in self._found) or any(d.table.needs_call for d in self._deferred)

    @property
    def size(self) -> int:
        """How many things these candidates hold; rules in tables are not held."""
        return len(self._found) + len(self._deferred)

    def choose(self, facts: Facts) -> Routing:
        found = self._found
        if self._deferred:
            found = sorted((*found, *(each for one in self._deferred for each in one.told(facts))), key=_index)
        for each, routed in found:
            if each.holds(facts):
                return routed
        return self.otherwise

    def __iter__(self) -> Iterator[Routed]:
        found = (*self._found, *(each for one in self._deferred for each in one.every()))
        yield from (routed for _, routed in sorted(found, key=_index))


def _index(candidate: Candidate) -> int:
    return candidate[0].index


class Search:
    """A look-up under way: visit the ends that the path reaches, in any order, then take the candidates."""

    __slots__ = ("_allow", "_deferred", "_found", "_line", "_settled", "before")

    def __init__(self, line: Line, settled: Routed | None) -> None:
        """`settled`: by a rule without conditions."""
        self._line = line
        self._settled = settled
        self.before = NEVER if settled is None else settled.rule.index  # rules from this index on come too late
        self._found: list[Candidate] = []
        self._deferred: list[tuple[FactsKey, Table, Captured]] = []
        self._allow: set[str] = set()

    @property
    def is_settled(self) -> bool:
        return self._settled is not None

    @property
    def allow(self) -> frozenset[str]:
        """Methods of rules that the line fits but for its method. Of no meaning once a rule is settled."""
        return frozenset(self._allow)

    def visit(self, end: ConditionalEnd) -> None:
        if end.lowest >= self.before:
            return
        captured = self._line.captured(end)
        if captured is None:
            return
        self._try(end.others, captured)
        for key, table in end.by_line:
            if table.lowest < self.before:
                self._try(table.get(self._value(key, captured)), captured)
        for facts_key, table in end.by_facts:
            if table.lowest < self.before:
                self._deferred.append((facts_key, table, captured))
                self._note_methods(table, captured)

    def candidates(self, unsettled: Routing) -> Candidates:
        """`unsettled`: the outcome where no rule takes the request."""
        before = self.before
        found = sorted((each for each in self._found if each[0].index < before), key=_index)
        deferred = [
            Deferred(key, table, captured, self._line, before)
            for key, table, captured in self._deferred
            if table.lowest < before
        ]
        return Candidates(unsettled if self._settled is None else self._settled, found, deferred)

    def _value(self, key: LineKey, captured: Captured) -> str | None:
        match key:
            case ByCapture(at=at):
                names, values = captured
                return values[names[at]]
            case ByParameter(name=name):
                return self._line.parameters.get(name)
            case _:
                assert_never(key)

    def _try(self, rules: Iterable[Conditional], captured: Captured) -> None:
        """Look at rules in file order, until one is settled."""
        line = self._line
        for each in rules:
            if each.index >= self.before:
                return
            if not line.suits_method(each):
                self._note_method(each, captured)
                continue
            captures = line.captures(each, captured)
            if captures is None:
                continue
            routed = Routed(each.rule, captures, line.host)
            if not each.needs_facts:
                self._settled, self.before = routed, each.index
                return
            self._found.append((each, routed))

    def _note_method(self, each: Conditional, captured: Captured) -> None:
        is_news = self._settled is None and not each.methods <= self._allow
        if is_news and self._line.captures(each, captured) is not None:
            self._allow |= each.methods

    def _note_methods(self, table: Table, captured: Captured) -> None:
        if self._settled is not None:
            return
        self._allow.update(*(methods for methods in table.method_sets if self._line.method not in methods))
        for each in table.picky:
            if not self._line.suits_method(each):
                self._note_method(each, captured)
