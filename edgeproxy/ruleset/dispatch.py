"""Conditional rules, and those of one path by the exact values that they ask for.

Laws of this module:
- what a rule asks of a request is parted by when it can be decided: the request line tells path, method, captures and
  query; headers, client, call and time are told later;
- of many rules at one path that differ in an exact value, only those of the request's value are looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from edgeproxy.ruleset.conditions import holds, is_open
from edgeproxy.ruleset.matching import Among, CallIs, Condition, Facts, HeaderIs, OneOf, ParameterIs, Where, Window
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.moves import Moves


@dataclass(frozen=True, slots=True)
class Conditional:
    """A rule that asks for more than a template and a method, made ready for look-ups."""

    rule: Rule
    index: int
    methods: frozenset[str]
    names: tuple[str, ...]  # of its captures
    where: tuple[Where, ...]
    moves: Moves | None
    by_query: tuple[ParameterIs, ...]
    by_facts: tuple[Condition, ...]  # the other conditions
    during: tuple[Window, ...]

    @classmethod
    def of(cls, rule: Rule) -> Conditional:
        match = rule.match
        moves = rule.action.moves if isinstance(rule.action, RedirectMap) else None
        by_query = tuple(each for each in match.conditions if isinstance(each, ParameterIs))
        by_facts = tuple(each for each in match.conditions if not isinstance(each, ParameterIs))
        names = tuple(match.path.captures)
        return cls(rule, rule.index, match.methods, names, match.where, moves, by_query, by_facts, match.during)

    @property
    def needs_facts(self) -> bool:
        return bool(self.by_facts or self.during)

    @property
    def needs_call(self) -> bool:
        return any(isinstance(each, CallIs) for each in self.by_facts)

    @property
    def asks_of_line(self) -> bool:
        """Whether more of the request line than path and method decides."""
        return bool(self.where or self.moves is not None or self.by_query)

    def holds(self, facts: Facts) -> bool:
        """Whether the request has what the request line does not tell."""
        if self.during and not any(is_open(window, facts.now) for window in self.during):
            return False
        return all(holds(each, facts) for each in self.by_facts)


# -- by what rules of one path can be told apart ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByCapture:
    at: int  # its position among the template's captures: each rule has names of its own

    def __str__(self) -> str:
        return f"capture {self.at + 1}"


@dataclass(frozen=True, slots=True)
class ByParameter:
    name: str

    def __str__(self) -> str:
        return f"query {self.name}"


@dataclass(frozen=True, slots=True)
class ByHeader:
    name: str

    def __str__(self) -> str:
        return f"header {self.name}"


@dataclass(frozen=True, slots=True)
class ByCall:
    def __str__(self) -> str:
        return "xmlrpc"


LineKey = ByCapture | ByParameter
FactsKey = ByHeader | ByCall
Key = LineKey | FactsKey
_LEAST: Final = 3  # rules, and values, that make a table worth its look-up


class Table:
    """The rules of one path that ask for exact values of one kind, by value, in file order."""

    __slots__ = ("_by_value", "lowest", "method_sets", "needs_call", "picky")

    def __init__(self, by_value: Mapping[str, Sequence[Conditional]]) -> None:
        self._by_value = {value: tuple(rules) for value, rules in by_value.items()}
        distinct = {each.index: each for rules in by_value.values() for each in rules}
        self.lowest = min(distinct)
        self.needs_call = any(each.needs_call for each in distinct.values())
        # For a 405: the methods of rules that the path alone fits, and the rules of which it is not enough.
        self.method_sets = frozenset(each.methods for each in distinct.values() if not each.asks_of_line)
        self.picky = tuple(distinct[index] for index in sorted(distinct) if distinct[index].asks_of_line)

    def get(self, value: str | None) -> tuple[Conditional, ...]:
        return () if value is None else self._by_value.get(value, ())

    def __iter__(self) -> Iterator[Conditional]:
        """Every rule, once."""
        yield from {each.index: each for rules in self._by_value.values() for each in rules}.values()

    def __len__(self) -> int:
        return len(self._by_value)


class ConditionalEnd:
    """The conditional rules of one template, whatever its captures are called, or of one regular expression."""

    __slots__ = ("by_facts", "by_line", "lowest", "others", "rules")

    def __init__(self, rules: Sequence[Conditional]) -> None:
        """Rules in file order."""
        self.rules = tuple(rules)
        self.lowest = rules[0].index
        tables, others = _parted(rules)
        self.others = tuple(others)  # without an exact value
        self.by_line: tuple[tuple[LineKey, Table], ...] = tuple(
            (key, table) for key, table in tables.items() if isinstance(key, ByCapture | ByParameter)
        )
        self.by_facts: tuple[tuple[FactsKey, Table], ...] = tuple(
            (key, table) for key, table in tables.items() if isinstance(key, ByHeader | ByCall)
        )


def fact(key: FactsKey, facts: Facts) -> str | None:
    match key:
        case ByHeader(name=name):
            return facts.headers.get(name)
        case ByCall():
            return facts.call
        case _:
            assert_never(key)


def _parted(rules: Sequence[Conditional]) -> tuple[dict[Key, Table], list[Conditional]]:
    """Tables, and the rules that are in none. A rule goes by what tells most rules apart; by the request line rather
    than by facts, if it can.
    """
    exact = {each.index: _exact_values(each) for each in rules}
    rules_of: Counter[Key] = Counter(key for keys in exact.values() for key in keys)
    distinct: dict[Key, set[str]] = defaultdict(set)
    for keys in exact.values():
        for key, values in keys.items():
            distinct[key] |= values
    tables: dict[Key, dict[str, list[Conditional]]] = {}
    others: list[Conditional] = []
    for each in rules:
        keys = exact[each.index]
        best = max(keys, key=lambda key: (len(distinct[key]), isinstance(key, ByCapture | ByParameter)), default=None)
        if best is None or min(len(distinct[best]), rules_of[best]) < _LEAST:
            others.append(each)
            continue
        table = tables.setdefault(best, {})
        for value in keys[best]:
            table.setdefault(value, []).append(each)
    return {key: Table(table) for key, table in tables.items() if table}, others


def _exact_values(each: Conditional) -> dict[Key, frozenset[str]]:
    """What a rule asks for, as far as it is exact values: the request has one of each key's."""
    found: dict[Key, frozenset[str]] = {}
    for where in each.where:
        if isinstance(where.predicate, Among) and where.predicate.wanted:
            found[ByCapture(each.names.index(where.capture))] = where.predicate.values
    for condition in (*each.by_query, *each.by_facts):
        match condition:
            case ParameterIs(name=name, value=OneOf(values=values)):
                found[ByParameter(name)] = values
            case HeaderIs(name=name, value=OneOf(values=values)):
                found[ByHeader(name)] = values
            case CallIs(methods=frozenset() as values):
                found[ByCall()] = values
            case _:
                pass
    return found
