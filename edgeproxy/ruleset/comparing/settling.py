"""Whether a pair of rules, an old one and the new one in its place, treats some request differently.

Laws of this module:
- a change has a request that shows it: both rulesets route it to the rules of the pair, and their outcomes differ;
- no change is a proof: the pair gets no request, or what it does is the same for every request. Where neither is had
  within bounds, it is undecided, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final
from urllib.parse import quote_plus

from edgeproxy.http.request import METHODS
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.checker.boxes import Box, meet, outside_all, points
from edgeproxy.ruleset.checker.facets import Axis, Dimension, Facets, Parameter
from edgeproxy.ruleset.checker.search import Witness, left_of_language, left_of_words
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.comparing.change import Change, Undecided, shown
from edgeproxy.ruleset.comparing.functions import Functions
from edgeproxy.ruleset.comparing.pairs import Pair
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.model import Forward, Redirect, RedirectMap, Rule
from edgeproxy.ruleset.origins import DirectoryBackend
from edgeproxy.ruleset.safety import is_safe

_WORDS: Final = 200  # paths that are tried where two rules may make different texts of them
_EVERY_WORD: Final = 2_000  # of a set of paths that is small enough to try all
# What filters and patterns treat differently, in the place of a segment.
_ODD: Final = ("A", "Ab-c_d.e", "a.b", "a--b", "a_b", "Z9", "%C3%A9", "a+b", "%21")


class Settler:
    def __init__(self, old: Side, new: Side, facets: Facets) -> None:
        self._old, self._new, self._facets = old, new, facets

    def settle(self, pair: Pair) -> Change | Undecided | None:
        old, new = pair
        box = _box(pair)
        if box is None:
            return None
        try:
            if old is None or new is None:
                return self._shown(self._first(pair, box))
            return self._settle(old, new, box)
        except Unsupported as error:
            return _undecided(pair, f"{error}.")

    def _settle(self, old: Territory, new: Territory, box: Box) -> Change | Undecided | None:
        pair = old, new
        if self._old.terms(old.rule) != self._new.terms(new.rule):
            return self._shown(self._first(pair, box))
        by_method = self._by_method(pair, box)
        if by_method is not None:
            return by_method
        by_query = self._by_query(pair, box)
        if by_query is not None:
            return by_query
        return self._by_path(old, new, box)

    # -- what does not depend on the path ---------------------------------------------------------------------------

    def _by_method(self, pair: Pair, box: Box) -> Change | None:
        """Methods that are safe by one rule and not by the other."""
        old, new = (each.rule for each in pair if each is not None)
        if not isinstance(old.action, Forward) or old.modifiers.safety is new.modifiers.safety:
            return None
        methods = {method.decode() for method in METHODS}
        told = [m for m in methods if is_safe(m, old.modifiers.safety) != is_safe(m, new.modifiers.safety)]
        masks: dict[Axis, int] = {Dimension.METHOD: self._facets.methods(told)}
        narrowed = self._facets.with_masks(box, masks) if told else None
        return None if narrowed is None else self._shown(self._first(pair, narrowed))

    def _by_query(self, pair: Pair, box: Box) -> Change | None:
        """Parameters that one rule keeps and the other does not."""
        old, new = (each.rule for each in pair if each is not None)
        keeps = old.modifiers.query.keep, new.modifiers.query.keep
        if keeps[0] == keeps[1] or not (_passes_query(old) or _passes_query(new)):
            return None
        for name in self._telling(*keeps):
            axis = Parameter(name)
            at = self._facets.at(axis)
            narrowed: Box | None = box
            if at is not None:
                values = self._facets.texts[axis].values
                mask = sum(1 << number for number, value in enumerate(values) if value is not None)
                narrowed = self._facets.with_masks(box, {axis: mask})
            found = None if narrowed is None else self._first(pair, narrowed)
            change = self._shown(found, None if at is not None else name)
            if change is not None:
                return change
        return None

    def _telling(self, one: frozenset[str] | None, other: frozenset[str] | None) -> Iterator[str]:
        """Names of parameters that one policy keeps and the other drops."""
        if one is not None and other is not None:
            yield from sorted(one ^ other)
            return
        kept = one if one is not None else other
        names = ("x", *(f"x{number}" for number in range(1, 1_000)))
        yield next(name for name in names if name not in (kept or ()) and self._facets.at(Parameter(name)) is None)

    # -- what rules make of a path ----------------------------------------------------------------------------------

    def _by_path(self, old: Territory, new: Territory, box: Box) -> Change | Undecided | None:
        functions = Functions(old.rule, new.rule)
        if functions.are_same(self._origin(box)):
            return None
        pair = old, new
        words = _words(pair)
        if words is not None:
            tried = (word for word in words if functions.may_differ_at(word))
            return next(self._changes(pair, box, tried), None)
        paths = old.wide & new.wide
        if paths.is_empty():
            return None
        found = next(self._changes(pair, box, _samples(paths)), None)
        if found is not None or self._first(pair, box) is None:
            return found
        if paths.is_finite() and sum(1 for _ in islice(paths.words(), _EVERY_WORD)) < _EVERY_WORD:
            return next(self._changes(pair, box, paths.words()), None)
        return _undecided(pair, f"{functions.what} the same for {_WORDS} paths; that it is so for all is not shown.")

    def _changes(self, pair: Pair, box: Box, words: Iterator[str]) -> Iterator[Change]:
        for word in words:
            if not _takes(pair, word):
                continue
            left = outside_all(box, (each.box for each in self._takers(pair, word)))
            for part in left:
                for point in self._points(part):
                    change = self._shown((point, word))
                    if change is not None:
                        yield change

    def _points(self, box: Box) -> Iterator[Box]:
        """The box by scheme and host: on these a Location depends; nothing else of a request makes a text."""
        front = (Dimension.SCHEME.value, Dimension.HOST.value)
        for point in points(tuple([box[at] for at in front])):
            narrowed = list(box)
            for at, mask in zip(front, point, strict=True):
                narrowed[at] = mask
            yield tuple(narrowed)

    def _origin(self, box: Box) -> str:
        """The scheme and host of every request of a box; "" where there are several."""
        if any(box[at.value].bit_count() != 1 for at in (Dimension.SCHEME, Dimension.HOST)):
            return ""
        asked = self._facets.asked(box, "/")
        return f"{asked.scheme}://{asked.host}"

    # -- requests of a pair -----------------------------------------------------------------------------------------

    def _first(self, pair: Pair, box: Box) -> Witness | None:
        """A request that both rules of the pair get. Raises Unsupported."""

        def takers(path: str) -> Sequence[Territory]:
            return self._takers(pair, path)

        words = _words(pair)
        if words is not None:
            return left_of_words(box, [word for word in words if _takes(pair, word)], takers)
        old, new = pair
        if old is not None and new is not None:
            paths, prefix = old.wide & new.wide, max(old.prefix, new.prefix, key=len)
        else:
            (only,) = (each for each in pair if each is not None)
            paths, prefix = only.wide, only.prefix
        if paths.is_empty():
            return None
        rivals = [*self._old.rivals(box, prefix, old), *self._new.rivals(box, prefix, new)]
        return left_of_language(box, paths, rivals, takers, lambda path: _takes(pair, path))

    def _takers(self, pair: Pair, path: str) -> list[Territory]:
        return [*self._old.takers(path, pair[0]), *self._new.takers(path, pair[1])]

    def _shown(self, found: Witness | None, parameter: str | None = None) -> Change | None:
        if found is None:
            return None
        asked = self._facets.asked(*found)
        if parameter is not None:
            pair = f"{quote_plus(parameter)}=1"
            asked = replace(asked, query=pair if asked.query is None else f"{asked.query}&{pair}")
        return shown(asked, self._old, self._new, self._facets)


def _undecided(pair: Pair, reason: str) -> Undecided:
    old, new = (None if each is None else each.rule for each in pair)
    return Undecided(old, new, reason)


def _box(pair: Pair) -> Box | None:
    first, *more = (each.box for each in pair if each is not None)
    return meet(first, more[0]) if more else first


def _words(pair: Pair) -> Sequence[str] | None:
    """The paths that are asked one by one, where a rule of the pair lists its own."""
    listed = [each.words for each in pair if each is not None and each.words is not None]
    return min(listed, key=len) if listed else None


def _takes(pair: Pair, path: str) -> bool:
    return all(each is None or each.takes(path) for each in pair)


def _passes_query(rule: Rule) -> bool:
    action = rule.action
    if isinstance(action, Forward):
        return not isinstance(action.to, DirectoryBackend)
    return isinstance(action, Redirect | RedirectMap)


def _samples(paths: Language) -> Iterator[str]:
    """The first paths, and the shortest with a segment that filters treat differently."""
    tried = list(islice(paths.words(), _WORDS))
    yield from tried
    for word in tried[:4]:
        parts = word.split("/")
        for at in range(1, len(parts)):
            for odd in _ODD:
                path = "/".join([*parts[:at], odd, *parts[at + 1 :]])
                if paths.contains(path):
                    yield path
