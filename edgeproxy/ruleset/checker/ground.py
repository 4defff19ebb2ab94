"""A ruleset's territories, and which of them could take a path or meet another.

Law: a territory is found by its prefix, up to a slash: two that overlap have one of their prefixes begin the other.
So an exact path costs a look-up and as many more as it has slashes, not as many as there are rules.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from edgeproxy.ruleset.automata.language import outside, texts
from edgeproxy.ruleset.checker.boxes import Box, cells, meet
from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.spaces import Requests, Space
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import RedirectMap, Rule, Ruleset

_LONG_MAP: Final = 64  # pairs: an automaton without the paths of 5,000 takes a second each time it is made
_EVERY_RULE: Final = 1 << 62  # an index after all


class Ground:
    """One ruleset beside facets that know it."""

    def __init__(self, ruleset: Ruleset, facets: Facets) -> None:
        self.ruleset = ruleset
        self.facets = facets
        self.territories: dict[int, Territory] = {}  # by index of rule: of those that are not off and have a box
        for rule in ruleset.rules:
            box = facets.box(rule.match) if rule.off is None else None
            if box is not None:
                self.territories[rule.index] = Territory(rule, box)
        self._domains: dict[int, Requests] = {}

    def territory(self, rule: Rule) -> Territory | None:
        """None for a rule that is off, or whose conditions exclude each other."""
        return self.territories.get(rule.index)

    def takers(self, path: str, before: int = _EVERY_RULE) -> list[Territory]:
        """Whose match takes a path, whatever the box, in file order; only those of rules before an index."""
        found = [each for each in self._exact.get(path, ()) if each.index < before]
        for prefix in _prefixes(path):
            found += [each for each in self._by_prefix.get(prefix, ()) if each.index < before and each.takes(path)]
        return sorted(found, key=lambda each: each.index)

    def rivals(self, box: Box, prefix: str, before: int = _EVERY_RULE) -> list[Territory]:
        """The territories of languages and maps that could overlap, in file order; only those of rules before."""
        found = [each for key in _prefixes(prefix) for each in self._by_prefix.get(key, ())]
        start = bisect_left(self._prefixes, prefix)
        for key in self._prefixes[start:]:
            if not key.startswith(prefix):
                break
            if key != prefix:
                found += self._by_prefix[key]
        near = [each for each in found if each.index < before and meet(each.box, box) is not None]
        return sorted(near, key=lambda each: each.index)

    def exact_below(self, prefix: str) -> Iterator[Territory]:
        """The rules of one exact path that begins so."""
        at = bisect_left(self._exact_paths, prefix)
        while at < len(self._exact_paths) and self._exact_paths[at].startswith(prefix):
            yield from self._exact[self._exact_paths[at]]
            at += 1

    def domain(self, territory: Territory, *, within: Requests | None = None) -> Requests:
        """What a rule really gets: its territory without those before it. Exact where no doubt is; else maybe more.

        A long map before it is not taken away: that would take an automaton of all its paths.

        Raises Unsupported.
        """
        mine = Requests([Space(territory.box, territory.wide)])
        if within is not None:
            return self._domain(territory, mine & within)
        if territory.index not in self._domains:
            self._domains[territory.index] = self._domain(territory, mine)
        return self._domains[territory.index]

    def _domain(self, territory: Territory, mine: Requests) -> Requests:
        left = [self._left(space, territory) for space in mine]
        return Requests(space for requests in left for space in requests)

    def _left(self, space: Space, territory: Territory) -> Requests:
        before = self.rivals(space.box, territory.prefix, territory.index)
        rivals = [each for each in before if not _is_long(each) and each.sure.overlaps(space.paths)]
        exact = [each for each in self.exact_below(territory.prefix) if each.index < territory.index]
        words: dict[Box, list[str]] = {}
        for each in exact:
            for path in each.listed():
                if meet(each.box, space.box) is not None and space.paths.contains(path):
                    words.setdefault(each.box, []).append(path)
        taken = [(each.box, each.sure) for each in rivals] + [(box, texts(paths)) for box, paths in words.items()]
        if not taken:
            return Requests([space])
        known: dict[tuple[int, ...], Space] = {}
        parts: list[Space] = []
        for box, holders in cells(space.box, [box for box, _ in taken]):
            if holders not in known:
                known[holders] = Space(box, outside(space.paths, [taken[number][1] for number in holders]))
            parts.append(Space(box, known[holders].paths))
        return Requests(parts)

    @cached_property
    def _exact(self) -> dict[str, list[Territory]]:
        found: dict[str, list[Territory]] = {}
        for each in self.territories.values():
            if not _is_sought(each):
                for path in each.listed():
                    found.setdefault(path, []).append(each)
        return found

    @cached_property
    def _exact_paths(self) -> Sequence[str]:
        return sorted(self._exact)

    @cached_property
    def _by_prefix(self) -> dict[str, list[Territory]]:
        found: dict[str, list[Territory]] = {}
        for each in self.territories.values():
            if _is_sought(each):
                found.setdefault(each.prefix, []).append(each)
        return found

    @cached_property
    def _prefixes(self) -> Sequence[str]:
        return sorted(self._by_prefix)


def _is_sought(territory: Territory) -> bool:
    """Whether its paths are sought by prefix. A map's are: it finds one of a million by itself."""
    return isinstance(territory.rule.action, RedirectMap) or not territory.is_listed


def _is_long(territory: Territory) -> bool:
    action = territory.rule.action
    return isinstance(action, RedirectMap) and len(action.moves) > _LONG_MAP


def _prefixes(path: str) -> Iterator[str]:
    """The beginnings of a path that end with a slash."""
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)
