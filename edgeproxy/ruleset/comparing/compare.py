"""The kinds of request whose treatment two rulesets change, without a capture: by sets, not by samples.

Law: of every pair of rules, an old one and the new one in its place, that gets a request, it is told what changes, or
shown that nothing does, or said that this is not decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from edgeproxy.ruleset.checker.facets import Facets, TooManyFacets
from edgeproxy.ruleset.comparing.change import Change, Undecided
from edgeproxy.ruleset.comparing.declarations import Redeclared, redeclared
from edgeproxy.ruleset.comparing.nobody import Nobody
from edgeproxy.ruleset.comparing.pairs import Pairs
from edgeproxy.ruleset.comparing.settling import Settler
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.comparing.terms import Aspect
from edgeproxy.ruleset.model import Ruleset

_BY_PATH = frozenset((Aspect.LOCATION, Aspect.PATH, Aspect.QUERY, Aspect.TAGS, Aspect.VERIFY))


@dataclass(frozen=True, slots=True)
class Comparison:
    """`groups`: changes of which the same differs, from the same to the same, as far as the path does not matter."""

    groups: tuple[tuple[Change, ...], ...]
    undecided: tuple[Undecided, ...]
    redeclared: tuple[Redeclared, ...]

    @property
    def is_same(self) -> bool:
        return not (self.groups or self.undecided or self.redeclared)


def compare(old: Ruleset, new: Ruleset) -> Comparison:
    try:
        facets = Facets(old, new)
    except TooManyFacets as error:
        return Comparison((), (Undecided(None, None, f"{error.place}: {error}."),), redeclared(old, new))
    before, after = Side(old, facets), Side(new, facets)
    settler = Settler(before, after, facets)
    changes: list[Change] = []
    undecided: list[Undecided] = []
    pairs = Pairs(before, after)
    nobody = Nobody(before, after, facets).changes(pairs.alike)
    for found in chain(map(settler.settle, pairs), nobody):
        if isinstance(found, Change):
            changes.append(found)
        elif found is not None:
            undecided.append(found)
    return Comparison(_grouped(changes), tuple(undecided), redeclared(old, new))


def _grouped(changes: Sequence[Change]) -> tuple[tuple[Change, ...], ...]:
    groups: dict[object, list[Change]] = {}
    for change in changes:
        groups.setdefault(_kind(change), []).append(change)
    return tuple(tuple(group) for group in sorted(groups.values(), key=lambda group: _rank(group[0])))


def _kind(change: Change) -> object:
    before, after = change.before.said, change.after.said
    told = [(each, before.get(each), after.get(each)) for each in change.aspects if each not in _BY_PATH]
    return change.aspects, before[Aspect.ACTION], after[Aspect.ACTION], tuple(told)


def _rank(change: Change) -> tuple[bool, list[int], int]:
    """What is done before how it is done, then in the order of the new file; what no rule takes last."""
    order = list(Aspect)
    rule = change.after.rule or change.before.rule
    return rule is None, [order.index(each) for each in change.aspects[:1]], 0 if rule is None else rule.index
