"""What a template captures from a set of paths.

Laws of this module:
- paths and captures are in the percent-encoded, normalised spelling;
- the captures of a set of paths are a union of products: what one segment holds may depend on another, so the paths
  are parted by where their automaton stands at the slashes. Within one product captures are independent;
- what is not exact says so: the captures that share one segment, and unions of too many products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from edgeproxy.ruleset.automata.dfa import DEAD, Dfa, trimmed, walked
from edgeproxy.ruleset.automata.language import NOTHING, Language, union
from edgeproxy.ruleset.automata.mixed import mixed_captures
from edgeproxy.ruleset.automata.normal import NORMAL_RESTS
from edgeproxy.ruleset.automata.templates import path_language, segment_language
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Mixed, Segment, Whole, nameless
from edgeproxy.ruleset.template import PathTemplate

_MOST_PRODUCTS: Final = 256


@dataclass(frozen=True, slots=True)
class Captures:
    """A product: each capture takes each of its texts beside each of the others'. Not `is_exact`: and maybe fewer."""

    by_name: Mapping[str, Language]
    is_exact: bool = True


def captured(template: PathTemplate, paths: Language) -> tuple[Captures, ...]:
    """The captures of those of the paths that match. Raises Unsupported."""
    every = path_language(template)
    if every.is_subset(paths):
        return _all_captures(template) if not every.is_empty() else ()
    return _Parting(template, (every & paths).minimised().dfa).products()


def _all_captures(template: PathTemplate) -> tuple[Captures, ...]:
    by_name: dict[str, Language] = {}
    for segment in template.segments:
        by_name |= _segment_captures(segment, segment_language(nameless(segment)))
    if template.rest is not None:
        by_name[template.rest] = NORMAL_RESTS
    return (Captures(by_name, all(map(_is_independent, template.segments))),)


def _is_independent(segment: Segment) -> bool:
    """Whether it holds one capture at most, whose text is then told by that of the segment."""
    return not isinstance(segment, Mixed) or len(segment.names) == 1


def _segment_captures(segment: Segment, taken: Language) -> dict[str, Language]:
    """What the captures of a segment hold where its text is one of those taken, which match."""
    match segment:
        case Literal():
            return {}
        case Whole(name=name) | Expression(name=name):
            return {name: taken}
        case Affixed(before=before, name=name, after=after):
            return {name: _stripped(taken.dfa, before, after)}
        case Mixed():
            return mixed_captures(segment, taken.dfa)
        case _:
            assert_never(segment)


def _stripped(dfa: Dfa, before: str, after: str) -> Language:
    """What stands between the two texts."""
    start = walked(dfa, 0, before)
    accepting = [(end := walked(dfa, state, after)) >= 0 and dfa.accepting[end] for state in range(len(dfa))]
    return Language(trimmed(dfa.moves, dfa.defaults, accepting, start)) if start >= 0 else NOTHING


class _Parting:
    """The products of one template over an automaton of paths that match it."""

    def __init__(self, template: PathTemplate, dfa: Dfa) -> None:
        self._segments = template.segments
        self._rest = template.rest
        self._dfa = dfa
        self._known: dict[tuple[int, int], tuple[Captures, ...]] = {}

    def products(self) -> tuple[Captures, ...]:
        return self._from(0, 0) if self._dfa else ()

    def _from(self, before: int, at: int) -> tuple[Captures, ...]:
        """The products of the segments from this one on, where the automaton stands before its slash."""
        state = self._dfa.moves[before].get("/", DEAD)
        if (state, at) not in self._known:
            self._known[state, at] = _bounded(self._after(state, at))
        return self._known[state, at]

    def _after(self, state: int, at: int) -> list[Captures]:
        if at == len(self._segments):
            assert self._rest is not None
            dfa = self._dfa
            return [Captures({self._rest: Language(trimmed(dfa.moves, dfa.defaults, dfa.accepting, state))})]
        segment = self._segments[at]
        is_last = at == len(self._segments) - 1 and self._rest is None
        found: list[Captures] = []
        for ends in self._borders(state, segment, is_last=is_last):
            own = self._held(segment, state, ends)
            following = (Captures({}),) if is_last else self._from(min(ends), at + 1)
            is_exact = _is_independent(segment)
            found += [Captures({**own, **each.by_name}, is_exact and each.is_exact) for each in following]
        return found

    def _borders(self, state: int, segment: Segment, *, is_last: bool) -> list[set[int]]:
        """Where the segment ends: the states with the same future together."""
        if isinstance(segment, Literal):
            return [{walked(self._dfa, state, segment.text)}]
        region = self._region(state)
        if is_last:
            return [{each for each in region if self._dfa.accepting[each]}]
        by_target: dict[int, set[int]] = {}
        for each in sorted(region):
            target = self._dfa.moves[each].get("/", DEAD)
            if target >= 0:
                by_target.setdefault(target, set()).add(each)
        return list(by_target.values())

    def _held(self, segment: Segment, state: int, ends: set[int]) -> dict[str, Language]:
        if isinstance(segment, Literal):
            return {}
        region = self._region(state)
        numbers = {each: number for number, each in enumerate(region)}
        rows = [
            {c: numbers[target] for c, target in self._dfa.moves[each].items() if c != "/" and target >= 0}
            for each in region
        ]
        taken = Language(trimmed(rows, [DEAD] * len(rows), [each in ends for each in region]))
        return _segment_captures(segment, taken)

    def _region(self, state: int) -> list[int]:
        """The states that a segment can be in which begins here. Paths name their characters: there is no default."""
        found, seen = [state], {state}
        for each in found:  # which grows meanwhile
            for c, target in self._dfa.moves[each].items():
                if c != "/" and target >= 0 and target not in seen:
                    seen.add(target)
                    found.append(target)
        return found


def _bounded(products: list[Captures]) -> tuple[Captures, ...]:
    """Too many products become one that has all of them and more."""
    if len(products) <= _MOST_PRODUCTS:
        return tuple(products)
    names = products[0].by_name
    return (Captures({name: union(each.by_name[name] for each in products) for name in names}, is_exact=False),)
