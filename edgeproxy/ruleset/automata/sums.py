"""Many automata at once: their union, and one after another, by one subset construction instead of pairwise.

Law: the states of all are numbered in one row, so a set of states, a sorted tuple of numbers, says of each automaton
where it is. An automaton that takes whatever follows is kept alone: the others cannot add anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice

from edgeproxy.ruleset.automata.dfa import DEAD, EMPTY, Dfa, Row, explore, limit_for
from edgeproxy.ruleset.automata.effort import spend

States = tuple[int, ...]


class Sum:
    """Automata side by side. `starts` are the numbers of their first states."""

    def __init__(self, parts: Sequence[Dfa]) -> None:
        self.moves: list[dict[str, int]] = []
        self.defaults: list[int] = []
        self.accepting: list[bool] = []
        self.base: list[int] = []  # of each state, the number of its automaton's first one
        self.starts: list[int] = []
        for part in parts:
            start = len(self.moves)
            self.starts.append(start)
            self.moves += part.moves
            self.defaults += part.defaults
            self.accepting += part.accepting
            self.base += [start] * len(part)

    def accepts(self, states: States) -> bool:
        accepting = self.accepting
        return any(accepting[state] for state in states)

    def takes_all(self, state: int) -> bool:
        """Whether everything is accepted from here on."""
        return self.accepting[state] and not self.moves[state] and self.defaults[state] == state - self.base[state]

    def targets(self, states: States) -> tuple[dict[str, list[int]], list[int]]:
        """Where these states go: by character, and for every other character."""
        found: dict[str, list[int]] = {}
        open_ended = []
        for state in states:
            if self.defaults[state] >= 0:
                open_ended.append(state)
                continue
            base = self.base[state]
            for c, target in self.moves[state].items():
                if c in found:
                    found[c].append(base + target)
                else:
                    found[c] = [base + target]
        if not open_ended:
            return found, []
        named = set(found).union(*[self.moves[state] for state in open_ended])
        spend(len(named) * (1 + len(open_ended)) + len(states))
        for c in named:
            into = found.setdefault(c, [])
            for state in open_ended:
                target = self.moves[state].get(c, self.defaults[state])
                if target >= 0:
                    into.append(self.base[state] + target)
        return found, [self.base[state] + self.defaults[state] for state in open_ended]

    def step(self, states: States) -> Row[States]:
        """A row of the union's subset construction."""
        if len(states) == 1:
            (state,) = states
            base, default = self.base[state], self.defaults[state]
            row: dict[str, States | None] = {
                c: (base + target,) if target >= 0 else None for c, target in self.moves[state].items()
            }
            return row, (base + default,) if default >= 0 else None
        targets, other = self.targets(states)
        return {c: self._set(found) for c, found in targets.items()}, self._set(other)

    def _set(self, states: list[int]) -> States | None:
        if len(states) < 2:
            return tuple(states) or None
        for state in states:
            if self.takes_all(state):
                return (state,)
        return tuple(sorted(states))


def union_of(parts: Sequence[Dfa]) -> Dfa:
    alive = [part for part in parts if part]
    if len(alive) < 2:
        return alive[0] if alive else EMPTY
    both = Sum(alive)
    return explore(tuple(both.starts), both.step, both.accepts, limit_for(len(both.moves)))


def chained(parts: Sequence[Dfa]) -> Dfa:
    """The words made of one word of each, in order."""
    if not all(parts):
        return EMPTY
    return _joined(parts) or _subsets(parts)


def _joined(parts: Sequence[Dfa]) -> Dfa | None:
    """By joining each automaton's start to the ends of those before, if where one ends is plain from a character.

    PERF: 100 us for `/simple/{name}/json`, where the subset construction takes 450 us.
    """
    moves: list[dict[str, int]] = [{}]
    defaults = [DEAD]
    ends = {0}
    for part in parts:
        entered = _add(part, moves, defaults, ends)
        if entered is None:
            return None
        ends = entered
    return Dfa(moves, defaults, [state in ends for state in range(len(moves))])


def _add(part: Dfa, moves: list[dict[str, int]], defaults: list[int], ends: set[int]) -> set[int] | None:
    """Add a part where the ends are; the new ends, or None when a character could lead on by both."""
    first, other = part.moves[0], part.defaults[0]
    for end in ends:
        if not _are_apart(moves[end], defaults[end], first, other):
            return None
    is_entered = 0 in part.defaults or any(0 in row.values() for row in part.moves)
    offset = len(moves) if is_entered else len(moves) - 1  # what is never come back to needs no state of its own
    begin = _shifted(first, offset)
    for row, default in islice(zip(part.moves, part.defaults, strict=True), 0 if is_entered else 1, None):
        moves.append(_shifted(row, offset))
        defaults.append(default + offset if default >= 0 else DEAD)
    for end in ends:
        row, default = moves[end], defaults[end]
        if default < 0 and other < 0:
            row.update(begin)
        elif other < 0:
            moves[end] = {**row, **begin}
        else:
            alive = {c: target for c, target in row.items() if target >= 0}
            moves[end] = {**begin, **alive}
            defaults[end] = other + offset
    entered = {offset + state for state, accepts in enumerate(part.accepting) if accepts and (state or is_entered)}
    return entered | ends if part.accepting[0] else entered


def _shifted(row: dict[str, int], offset: int) -> dict[str, int]:
    return {c: target + offset if target >= 0 else DEAD for c, target in row.items()}


def _are_apart(row: dict[str, int], default: int, first: dict[str, int], other: int) -> bool:
    if default >= 0 and other >= 0:
        return False
    if default >= 0:
        return all(row.get(c, default) < 0 for c in first)
    if other >= 0:
        return all(first.get(c, other) < 0 for c in row)
    return row.keys().isdisjoint(first)


def _subsets(parts: Sequence[Dfa]) -> Dfa:
    whole = Sum(parts)
    after = [*whole.starts[1:], DEAD]
    follows = dict(zip(whole.starts, after, strict=True))

    @cache
    def closed(states: States) -> States | None:
        found = set(states)
        stack = list(states)
        while stack:
            state = stack.pop()
            following = follows[whole.base[state]]
            if whole.accepting[state] and following >= 0 and following not in found:
                found.add(following)
                stack.append(following)
        return tuple(sorted(found)) or None

    def step(states: States) -> Row[States]:
        targets, other = whole.targets(states)
        return {c: closed(tuple(found)) for c, found in targets.items()}, closed(tuple(other))

    last = whole.starts[-1]

    def accepts(states: States) -> bool:
        return any(state >= last and whole.accepting[state] for state in states)

    start = closed((0,))
    assert start is not None
    return explore(start, step, accepts, limit_for(len(whole.moves)))
