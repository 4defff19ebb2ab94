"""Segments of several captures: which texts they match, by the captures that RE2 chooses.

Laws of this module:
- RE2 prefers the leftmost way through an expression (the first of `Nfa.ways`), and of the captures on it, none may be
  `.` or `..` or end within an escape: a text whose preferred way breaks this does not match, though another would
  not. So a state of the automaton is the list of ways in the order of preference, each with what its capture ends in;
- what the captures hold is told one by one, over all ways: that is an over-approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from edgeproxy.ruleset.automata.dfa import EMPTY, Dfa, Row, explore
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language, texts
from edgeproxy.ruleset.automata.nfa import Guard, Nfa, determinised, moves_of
from edgeproxy.ruleset.automata.normal import SPELLED
from edgeproxy.ruleset.automata.syntax import Chain, Expression, Group, parse
from edgeproxy.ruleset.segment import Mixed

_DOT_SEGMENTS: Final = texts((".", ".."))


class Held(Enum):
    """What the open capture of a way holds so far."""

    NONE_OPEN = "none open"
    EMPTY = "empty"
    DOT = "."
    DOTS = ".."
    PERCENT = "…%"
    HALF_ESCAPE = "…%X"
    WHOLE = "whole"


_BROKEN: Final = frozenset({Held.DOT, Held.DOTS, Held.PERCENT, Held.HALF_ESCAPE})


@dataclass(frozen=True, slots=True)
class Way:
    """Where a preferred way has come to, and whether a capture on it is none."""

    state: int
    held: Held
    is_broken: bool


@dataclass(frozen=True, slots=True)
class Ways:
    """In the order of preference."""

    ways: tuple[Way, ...]
    at_start: bool


def parts_of(segment: Mixed) -> tuple[Expression, ...]:
    """The parts of the segment's expression: a Group for each capture. Raises Unsupported."""
    expression = parse(segment.regex)
    parts = expression.parts if isinstance(expression, Chain) else (expression,)
    if sum(isinstance(part, Group) for part in parts) != len(segment.names):
        raise Unsupported("captures whose expressions run into each other")
    return parts


def mixed_language(segment: Mixed) -> Language:
    """The texts that the segment matches, among those that can be a segment. Raises Unsupported."""
    return Language(_Preferred(parts_of(segment)).automaton())


class _Preferred:
    def __init__(self, parts: tuple[Expression, ...]) -> None:
        self._nfa = Nfa()
        self._opens: set[int] = set()
        self._closes: set[int] = set()
        state = self._nfa.end
        for part in reversed(parts):
            if isinstance(part, Group):
                state = self._nfa.passing(state)
                self._closes.add(state)
                state = self._nfa.passing(self._nfa.add(part, state))
                self._opens.add(state)
            else:
                state = self._nfa.add(part, state)
        self._start = state

    def automaton(self) -> Dfa:
        start = self._closed((Way(self._start, Held.NONE_OPEN, False),), at_start=True, at_end=False)
        return explore(start, self._step, self._accepts) if start is not None else EMPTY

    def _accepts(self, ways: Ways) -> bool:
        ended = self._closed(ways.ways, at_start=ways.at_start, at_end=True)
        preferred = next((way for way in ended.ways if way.state == self._nfa.end), None) if ended else None
        return preferred is not None and not preferred.is_broken

    def _step(self, ways: Ways) -> Row[Ways]:
        edges = []
        for way in ways.ways:
            takes = self._nfa.takes[way.state]
            if takes is not None:
                edges.append((takes[0], Way(takes[1], way.held, way.is_broken)))
        row, other = moves_of(edges)
        for character in ".%":  # which change what a capture holds, unlike any other
            row.setdefault(character, other)
        memo: dict[tuple[tuple[Way, ...], str], Ways | None] = {}

        def following(found: tuple[Way, ...], character: str) -> Ways | None:
            key = (found, character if character in ".%" else "")
            if key not in memo:
                moved = tuple(Way(way.state, _holding(way.held, character), way.is_broken) for way in found)
                memo[key] = self._closed(moved, at_start=False, at_end=False)
            return memo[key]

        return {c: following(found, c) for c, found in row.items()}, following(other, "")

    def _closed(self, ways: tuple[Way, ...], *, at_start: bool, at_end: bool) -> Ways | None:
        """Where the ways lead without a character; of those that meet, the preferred one stays."""
        nfa = self._nfa
        seen: set[int] = set()
        found: list[Way] = []
        stack = list(reversed(ways))
        while stack:
            way = stack.pop()
            if way.state in seen:
                continue
            seen.add(way.state)
            guard = nfa.guards.get(way.state)
            if nfa.takes[way.state] is not None or way.state == nfa.end or (guard is Guard.END and not at_end):
                found.append(way)
                continue
            if guard is Guard.START and not at_start:
                continue
            held, is_broken = way.held, way.is_broken
            if way.state in self._closes:
                held, is_broken = Held.NONE_OPEN, is_broken or held in _BROKEN
            elif way.state in self._opens:
                held = Held.EMPTY
            stack += [Way(state, held, is_broken) for state in reversed(nfa.ways[way.state])]
        return Ways(tuple(found), at_start) if found else None


def _holding(held: Held, character: str) -> Held:
    """What a capture holds after one more character."""
    if held is Held.NONE_OPEN:
        return held
    if character == "%":
        return Held.PERCENT
    if held is Held.PERCENT:
        return Held.HALF_ESCAPE
    if character == "." and held is Held.EMPTY:
        return Held.DOT
    if character == "." and held is Held.DOT:
        return Held.DOTS
    return Held.WHOLE


def mixed_captures(segment: Mixed, segments: Dfa) -> dict[str, Language]:
    """What each capture can hold where the segment's text is one of these."""
    parts = parts_of(segment)
    takes = [_part_language(part).dfa for part in parts]
    starts = [frozenset({0} if segments else ())]
    for part in takes:
        starts.append(_reached(segments, starts[-1], part))
    ends = frozenset(state for state, accepts in enumerate(segments.accepting) if accepts)
    found: list[Language] = []
    for part, start, own in reversed(list(zip(takes, starts, parts, strict=False))):
        if isinstance(own, Group):
            found.append(_between(segments, start, part, ends))
        ends = frozenset(state for state in start if _reached(segments, frozenset((state,)), part) & ends)
    return dict(zip(segment.names, reversed(found), strict=True))


def _part_language(part: Expression) -> Language:
    nfa = Nfa()
    language = Language(determinised(nfa, nfa.add(part, nfa.end)))
    return (language & SPELLED) - _DOT_SEGMENTS if isinstance(part, Group) else language


def _reached(segments: Dfa, states: frozenset[int], part: Dfa) -> frozenset[int]:
    """Where the words of a part lead from these states."""
    if not part:
        return frozenset()
    seen = {(state, 0) for state in states}
    stack = list(seen)
    while stack:
        state, own = stack.pop()
        row = segments.moves[state]  # segments name their characters: there is no default
        for c, target in row.items():
            following = part.moves[own].get(c, part.defaults[own])
            pair = (target, following)
            if target >= 0 and following >= 0 and pair not in seen:
                seen.add(pair)
                stack.append(pair)
    return frozenset(state for state, own in seen if part.accepting[own])


def _between(segments: Dfa, starts: frozenset[int], part: Dfa, ends: frozenset[int]) -> Language:
    """The words of a part that lead from one of the starts to one of the ends."""

    def step(node: tuple[frozenset[int], int]) -> Row[tuple[frozenset[int], int]]:
        states, own = node
        found: dict[str, set[int]] = {}
        for state in states:
            for c, target in segments.moves[state].items():
                found.setdefault(c, set()).add(target)
        row: dict[str, tuple[frozenset[int], int] | None] = {}
        for c, targets in found.items():
            following = part.moves[own].get(c, part.defaults[own])
            row[c] = (frozenset(targets), following) if following >= 0 else None
        return row, None

    def accepts(node: tuple[frozenset[int], int]) -> bool:
        return part.accepting[node[1]] and not node[0].isdisjoint(ends)

    return Language(explore((starts, 0), step, accepts)) if part and starts else Language(EMPTY)
