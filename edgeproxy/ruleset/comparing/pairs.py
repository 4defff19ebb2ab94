"""Which rules, one of each ruleset, could take the same request.

Laws of this module:
- twins are rules that take the same requests, other rules aside: one match, whatever the captures' names are;
- a pair is left out where twins show that it has no request: what a rule's twin takes before the other rule of the pair
  is looked at, that rule never gets. So of two rulesets that are alike next to nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

from edgeproxy.ruleset.checker.boxes import meet
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import RedirectMap, Rule

Pair = tuple[Territory | None, Territory | None]  # None: no rule takes it


class Pairs:
    def __init__(self, old: Side, new: Side) -> None:
        self._old, self._new = old, new
        self._twins, self._twins_back = _twins(old, new), _twins(new, old)

    @property
    def alike(self) -> tuple[frozenset[int], frozenset[int]]:
        """Of each side, the rules that have a twin, by index."""
        return frozenset(self._twins), frozenset(self._twins_back)

    def __iter__(self) -> Iterator[Pair]:
        """Those of the old rules in file order, then what no old rule takes."""
        for territory in self._old.ground.territories.values():
            for rival in self._rivals(territory):
                if self._may_share(territory, rival):
                    yield territory, rival
            if territory.index not in self._twins:
                yield territory, None
        for territory in self._new.ground.territories.values():
            if territory.index not in self._twins_back:
                yield None, territory

    def _rivals(self, old: Territory) -> Iterator[Territory]:
        """New rules whose territories could overlap an old one's, in file order."""
        ground = self._new.ground
        found: dict[int, Territory] = {}
        if old.words is not None and not isinstance(old.rule.action, RedirectMap):
            for word in old.words:
                found |= {each.index: each for each in ground.takers(word) if meet(each.box, old.box) is not None}
        else:
            found |= {each.index: each for each in ground.rivals(old.box, old.prefix)}
            exact = (each for each in ground.exact_below(old.prefix) if meet(each.box, old.box) is not None)
            found |= {each.index: each for each in exact}
        yield from (found[index] for index in sorted(found))

    def _may_share(self, old: Territory, new: Territory) -> bool:
        twin, twin_back = self._twins.get(old.index), self._twins_back.get(new.index)
        if twin is not None and twin < new.index:
            return False
        return twin_back is None or twin_back >= old.index


def _twins(one: Side, other: Side) -> Mapping[int, int]:
    """For rules of one side, by index, the first of the other that takes the same."""
    known: dict[object, int] = {}
    for territory in other.ground.territories.values():
        known.setdefault(_key(territory), territory.index)
    keys = ((index, _key(territory)) for index, territory in one.ground.territories.items())
    return {index: known[key] for index, key in keys if key in known}


def _key(territory: Territory) -> object:
    """Equal for rules that take the same."""
    rule = territory.rule
    path = rule.match.path
    numbers = {name: number for number, name in enumerate(path.captures)}
    where = frozenset((numbers[each.capture], each.predicate) for each in rule.match.where)
    by_path = path.source if isinstance(path, PathRegex) else path.shape
    return territory.box, by_path, where, _paths_of_map(rule)


def _paths_of_map(rule: Rule) -> str:
    if not isinstance(rule.action, RedirectMap):
        return ""
    digest = blake2b(digest_size=16)
    for path in sorted(path for path, _ in rule.action.moves.pairs()):
        digest.update(path.encode() + b"\n")
    return digest.hexdigest()
