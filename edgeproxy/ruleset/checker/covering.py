"""By which rules a dead one is covered: as few as are needed.

The smallest set is not sought (that is hard), but one from which no rule can be left out: QuickXplain (Junker 2004),
which asks about halves, so that of many rules few questions find the few that count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgeproxy.ruleset.checker.boxes import includes
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.search import left_of_language, left_of_words
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import Rule

Covers = Callable[[Sequence[Territory]], bool]


def covering(ground: Ground, dead: Territory) -> list[Rule]:
    """In file order; none when the dead rule takes nothing by itself. Raises Unsupported."""

    def covers(chosen: Sequence[Territory]) -> bool:
        return _is_covered(ground, dead, chosen)

    if covers(()):
        return []
    candidates = _candidates(ground, dead)
    for each in candidates:
        if includes(each.box, dead.box) and covers((each,)):
            return [each.rule]
    return [each.rule for each in _needed((), candidates, covers, is_new=False)]


def _candidates(ground: Ground, dead: Territory) -> list[Territory]:
    """Those that take a part of what the dead rule could take, and maybe some more."""
    if dead.is_listed:
        found = {each.index: each for word in dead.listed() for each in ground.takers(word, dead.index)}
    else:
        found = {each.index: each for each in ground.rivals(dead.box, dead.prefix, dead.index)}
        exact = (each for each in ground.exact_below(dead.prefix) if each.index < dead.index)
        found |= {each.index: each for each in exact if any(map(dead.takes, each.listed()))}
    return [found[index] for index in sorted(found)]


def _is_covered(ground: Ground, dead: Territory, chosen: Sequence[Territory]) -> bool:
    indexes = {each.index for each in chosen}

    def takers(path: str) -> list[Territory]:
        return [each for each in ground.takers(path, dead.index) if each.index in indexes]

    if dead.is_listed:
        return left_of_words(dead.box, dead.listed(), takers) is None
    return left_of_language(dead.box, dead.wide, chosen, takers, dead.takes) is None


def _needed(
    given: Sequence[Territory], candidates: Sequence[Territory], covers: Covers, *, is_new: bool
) -> list[Territory]:
    """Those of the candidates that are needed beside the given ones. `is_new`: the given ones were not tried yet."""
    if is_new and covers(given):
        return []
    if len(candidates) < 2:
        return list(candidates)
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    of_second = _needed((*given, *first), second, covers, is_new=bool(first))
    of_first = _needed((*given, *of_second), first, covers, is_new=bool(of_second))
    return [*of_first, *of_second]
