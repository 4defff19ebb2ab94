"""Requests that no rule takes, before and after, and that are answered otherwise: 404, 405 or 421.

Law: 405 is for what a rule with `methods` would take by another method, whoever asks and whenever (candidates.py says
why); 421 is for a host that is not declared; 404 is for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.automata.paths import NORMAL_PATHS
from edgeproxy.ruleset.checker.boxes import Box, meet
from edgeproxy.ruleset.checker.facets import Axis, Dimension, Facets, Header
from edgeproxy.ruleset.checker.search import Witness, left_of_language, left_of_words
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.comparing.change import Change, Undecided, shown
from edgeproxy.ruleset.comparing.sides import Side


class Nobody:
    def __init__(self, old: Side, new: Side, facets: Facets) -> None:
        self._sides = (old, new)
        self._facets = facets
        self._by_method = {id(side): _by_method(side, facets) for side in self._sides}

    def changes(self, alike: Sequence[frozenset[int]]) -> Iterator[Change | Undecided]:
        """`alike`: of each side, the indexes of the rules that have a twin on the other."""
        try:
            found = self._hosts()
            if found is not None:
                yield found
        except Unsupported as error:
            yield Undecided(None, None, f"{error}.")
        for number, side in enumerate(self._sides):
            for index, territory in self._by_method[id(side)].items():
                if index not in alike[number]:
                    yield from self._method(side, territory)

    def _hosts(self) -> Change | None:
        """A request for a host that only one side declares."""
        names = [{name for host in side.ruleset.hosts for name in host.names} for side in self._sides]
        masks: dict[Axis, int] = {Dimension.HOST: self._facets.host_names(names[0] ^ names[1])}
        box = self._facets.with_masks(self._facets.universe, masks)
        return None if box is None else self._shown(self._left(box, NORMAL_PATHS, "/", None))

    def _method(self, side: Side, territory: Territory) -> Iterator[Change | Undecided]:
        """A request that gets 405 because of a rule of this side, and something else on the other."""
        other = self._sides[1] if side is self._sides[0] else self._sides[0]
        try:
            words = territory.words
            if words is None:
                found = self._left(territory.box, territory.wide, territory.prefix, other, territory)
            else:
                found = left_of_words(territory.box, words, lambda word: self._takers(word, other))
            change = self._shown(found)
        except Unsupported as error:
            is_old = side is self._sides[0]
            rule = territory.rule
            said = f"who gets 405 for this rule's methods: {error}."
            yield Undecided(rule if is_old else None, None if is_old else rule, said, is_by_method=True)
            return
        if change is not None:
            yield change

    def _left(
        self, box: Box, paths: Language, prefix: str, other: Side | None, own: Territory | None = None
    ) -> Witness | None:
        rivals = [each for side in self._sides for each in side.ground.rivals(box, prefix)]
        if other is not None:
            near = other.ground.rivals(self._facets.universe, prefix)
            wider = (self._by_method[id(other)].get(each.index) for each in near)
            rivals += [each for each in wider if each is not None and meet(each.box, box) is not None]
        is_path = (lambda _: True) if own is None else own.takes
        return left_of_language(box, paths, rivals, lambda word: self._takers(word, other), is_path)

    def _takers(self, word: str, other: Side | None) -> list[Territory]:
        found = [each for side in self._sides for each in side.ground.takers(word)]
        if other is not None:
            wider = (self._by_method[id(other)].get(each.index) for each in other.ground.takers(word))
            found += [each for each in wider if each is not None]
        return found

    def _shown(self, found: Witness | None) -> Change | None:
        return None if found is None else shown(self._facets.asked(*found), *self._sides, self._facets)


def _by_method(side: Side, facets: Facets) -> dict[int, Territory]:
    """The rules for whose sake 405 is answered, by index, each with the requests that it is."""
    found = {}
    told: tuple[Axis, ...] = (
        Dimension.CLIENT,
        Dimension.MOMENT,
        Dimension.METHOD,
        *(a for a in facets.axes if isinstance(a, Header)),
    )
    for index, territory in side.ground.territories.items():
        methods = territory.rule.match.methods
        if methods:
            masks: dict[Axis, int] = {Dimension.METHOD: ~facets.methods(methods)}
            box = facets.with_masks(facets.opened(territory.box, told), masks)
            if box is not None:
                found[index] = Territory(territory.rule, box)
    return found
