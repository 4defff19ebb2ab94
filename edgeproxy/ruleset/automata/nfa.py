"""Nondeterministic automata of expressions, in the order in which RE2 prefers the ways through them.

Laws of this module:
- a state takes one character (`takes`), or leads on to others without one (`ways`, the preferred first), or ends;
- the ways to a loop of what can be empty are RE2's: `x*` is then `(x+)?` (re2/compile.cc: Star).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar, assert_never

from edgeproxy.ruleset.automata.characters import Characters
from edgeproxy.ruleset.automata.dfa import EMPTY, Dfa, Row, explore
from edgeproxy.ruleset.automata.effort import spend
from edgeproxy.ruleset.automata.errors import TooLarge
from edgeproxy.ruleset.automata.syntax import Chain, Choice, Edge, Expression, Group, One, Repeat

_STATES: Final = 50_000
T = TypeVar("T")


class Guard(Enum):
    """Where alone a state may be passed."""

    START = "start"
    END = "end"


class Nfa:
    """An automaton that grows from its end: each part is built before what follows it."""

    def __init__(self) -> None:
        self.takes: list[tuple[Characters, int] | None] = [None]
        self.ways: list[tuple[int, ...]] = [()]
        self.guards: dict[int, Guard] = {}
        self.end: Final = 0

    def add(self, expression: Expression, after: int) -> int:
        """The state from which the expression leads to `after`."""
        match expression:
            case One(chosen=chosen):
                return self._state((chosen, after), ())
            case Chain(parts=parts):
                for part in reversed(parts):
                    after = self.add(part, after)
                return after
            case Choice(parts=parts):
                return self._state(None, tuple(self.add(part, after) for part in parts))
            case Repeat():
                return self._repeat(expression, after)
            case Edge(is_start=is_start):
                state = self._state(None, (after,))
                self.guards[state] = Guard.START if is_start else Guard.END
                return state
            case Group(part=part):
                return self.add(part, after)
            case _:
                assert_never(expression)

    def passing(self, after: int) -> int:
        """A state of its own on the way to `after`."""
        return self._state(None, (after,))

    def _state(self, takes: tuple[Characters, int] | None, ways: tuple[int, ...]) -> int:
        if len(self.takes) >= _STATES:
            raise TooLarge(_STATES)
        self.takes.append(takes)
        self.ways.append(ways)
        return len(self.takes) - 1

    def _repeat(self, expression: Repeat, after: int) -> int:
        part, least, most, greedy = expression.part, expression.least, expression.most, expression.greedy
        if most is None:
            if least == 0 and not can_be_empty(part):
                return self._loop(part, after, greedy)[1]
            state = self._loop(part, after, greedy)[0]
            if least == 0:
                return self._fork(state, after, greedy)
            copies = least - 1
        else:
            state, copies = after, least
            for _ in range(most - least):
                state = self._fork(self.add(part, state), after, greedy)
        for _ in range(copies):
            state = self.add(part, state)
        return state

    def _loop(self, part: Expression, after: int, greedy: bool) -> tuple[int, int]:
        """The state before the part, and the one that chooses between it and `after`."""
        choice = self._state(None, ())
        first = self.add(part, choice)
        self.ways[choice] = (first, after) if greedy else (after, first)
        return first, choice

    def _fork(self, state: int, after: int, greedy: bool) -> int:
        return self._state(None, (state, after) if greedy else (after, state))


def can_be_empty(expression: Expression) -> bool:
    match expression:
        case One():
            return False
        case Chain(parts=parts):
            return all(map(can_be_empty, parts))
        case Choice(parts=parts):
            return any(map(can_be_empty, parts))
        case Repeat(part=part, least=least):
            return least == 0 or can_be_empty(part)
        case Edge():
            return True
        case Group(part=part):
            return can_be_empty(part)
        case _:
            assert_never(expression)


@dataclass(frozen=True, slots=True)
class Ways:
    """The states that a text may lead to, those passed through left out."""

    states: tuple[int, ...]
    at_start: bool


def determinised(nfa: Nfa, start: int) -> Dfa:
    """By subset construction; the order of ways does not count here."""
    memo: dict[tuple[int, ...], Ways | None] = {(): None}

    def following(states: tuple[int, ...]) -> Ways | None:
        if states not in memo:
            memo[states] = _closed(nfa, states, at_start=False, at_end=False)
        return memo[states]

    def step(ways: Ways) -> Row[Ways]:
        spend(len(ways.states))
        edges = [taken for state in ways.states if (taken := nfa.takes[state]) is not None]
        row, other = moves_of(edges)
        return {c: following(targets) for c, targets in row.items()}, following(other)

    def accepts(ways: Ways) -> bool:
        ended = _closed(nfa, ways.states, at_start=ways.at_start, at_end=True)
        return ended is not None and nfa.end in ended.states

    first = _closed(nfa, (start,), at_start=True, at_end=False)
    return explore(first, step, accepts) if first is not None else EMPTY


def _closed(nfa: Nfa, states: tuple[int, ...], *, at_start: bool, at_end: bool) -> Ways | None:
    """What the states lead to without a character. A guard of the end stays: it may be passed later."""
    seen: set[int] = set()
    found: list[int] = []
    stack = list(states)
    while stack:
        state = stack.pop()
        if state in seen:
            continue
        seen.add(state)
        guard = nfa.guards.get(state)
        if nfa.takes[state] is not None or state == nfa.end or (guard is Guard.END and not at_end):
            found.append(state)
        elif guard is not Guard.START or at_start:
            stack += nfa.ways[state]
    return Ways(tuple(sorted(found)), at_start) if found else None


def moves_of(edges: Sequence[tuple[Characters, T]]) -> tuple[dict[str, tuple[T, ...]], tuple[T, ...]]:
    """Where edges lead, in their order: by each character that one names, and for every other character."""
    if len(edges) == 1:
        chosen, target = edges[0]
        if chosen.negated:
            return dict.fromkeys(chosen.members, ()), (target,)
        return dict.fromkeys(chosen.members, (target,)), ()
    bits = {members: 1 << at for at, members in enumerate({chosen.members for chosen, _ in edges})}
    masks: dict[str, int] = {}
    for members, bit in bits.items():
        for c in members:
            masks[c] = masks.get(c, 0) | bit
    targets = {
        mask: tuple(target for chosen, target in edges if bool(mask & bits[chosen.members]) != chosen.negated)
        for mask in {0, *masks.values()}
    }
    return {c: targets[mask] for c, mask in masks.items()}, targets[0]
