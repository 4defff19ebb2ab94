"""The words of an automaton, those first that a person would choose.

A row's default stands for every character that the row does not name: here for each printable ASCII character among
them, or for one other when ASCII is used up. So two words that no automaton in play tells apart are not both told.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from edgeproxy.ruleset.automata.dfa import Dfa
from edgeproxy.ruleset.automata.effort import spend

_PREFERRED: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_.~/" + "+,;=:@!$&'()*%"
_ASCII: Final = _PREFERRED + "".join(c for c in map(chr, range(0x20, 0x7F)) if c not in _PREFERRED)
_RANK: Final = {c: rank for rank, c in enumerate(_ASCII)}
_FIRST_BEYOND: Final = 0xE9  # é
_PRIVATE_USE: Final = 0xE000
_SURROGATES: Final = 0xD800


def rank(character: str) -> int:
    """The lower, the sooner it is chosen."""
    return _RANK.get(character, ord(character) + len(_ASCII))


def others(named: Iterable[str]) -> Iterator[str]:
    """The characters that stand for all that are not named."""
    known = frozenset(named)
    ascii_ones = [c for c in _ASCII if c not in known]
    if ascii_ones:
        return iter(ascii_ones)
    beyond = chain(range(_FIRST_BEYOND, _SURROGATES), range(_PRIVATE_USE, 0x110000), range(0x80, _FIRST_BEYOND))
    controls = chain(range(0x20), (0x7F,))
    return iter([next((c for c in map(chr, chain(beyond, controls)) if c not in known), "")])


def choices(dfa: Dfa, state: int) -> list[tuple[str, int]]:
    """The moves from a state that lead on, in the order of preference."""
    row, default = dfa.moves[state], dfa.defaults[state]
    found = [(c, target) for c, target in row.items() if target >= 0]
    if default >= 0:
        found += [(c, default) for c in others(row) if c]
    return sorted(found, key=_by_rank)


def _by_rank(move: tuple[str, int]) -> int:
    return rank(move[0])


def shortest(dfa: Dfa) -> str | None:
    """The first of `words`."""
    if not dfa:
        return None
    came: dict[int, tuple[int, str]] = {0: (0, "")}
    queue = [0]
    for state in queue:  # which grows meanwhile
        if dfa.accepting[state]:
            return _way(came, state)
        for c, target in choices(dfa, state):
            if target not in came:
                came[target] = (state, c)
                queue.append(target)
    return None


def _way(came: dict[int, tuple[int, str]], state: int) -> str:
    found: list[str] = []
    while state:
        state, character = came[state]
        found.append(character)
    return "".join(reversed(found))


def words(dfa: Dfa) -> Iterator[str]:
    """All words, in order of length and then of preference."""
    if not dfa:
        return
    reaching = [{state for state, accepts in enumerate(dfa.accepting) if accepts}]
    rows = zip(dfa.moves, dfa.defaults, strict=True)
    targets = [{target for target in (*row.values(), default) if target >= 0} for row, default in rows]
    spend(2 * len(dfa))
    cyclic = has_cycle(dfa)
    while cyclic or len(reaching) <= len(dfa):
        if 0 in reaching[-1]:
            yield from _of_length(dfa, reaching)
        spend(1 + len(dfa) // 4)
        near = reaching[-1]
        reaching.append({state for state, found in enumerate(targets) if not found.isdisjoint(near)})


def _of_length(dfa: Dfa, reaching: list[set[int]]) -> Iterator[str]:
    """The words as long as `reaching` says: from which states the end can be had in 0, 1, … characters."""
    length = len(reaching) - 1
    if length == 0:
        yield ""
        return
    chosen = [""] * length
    stack = [iter(choices(dfa, 0))]
    while stack:
        depth = len(stack)
        for c, target in stack[-1]:
            if target in reaching[length - depth]:
                chosen[depth - 1] = c
                if depth == length:
                    yield "".join(chosen)
                else:
                    stack.append(iter(choices(dfa, target)))
                    break
        else:
            stack.pop()


def has_cycle(dfa: Dfa) -> bool:
    """Whether there is no longest word: every state of a trimmed automaton is on the way to one."""
    waiting = [0] * len(dfa)  # how many states still lead here
    for row, default in zip(dfa.moves, dfa.defaults, strict=True):
        for target in {*row.values(), default}:
            if target >= 0:
                waiting[target] += 1
    if dfa and waiting[0]:
        return True
    stack, done = [0] if dfa else [], 0
    while stack:
        state = stack.pop()
        done += 1
        for target in {*dfa.moves[state].values(), dfa.defaults[state]}:
            if target >= 0:
                waiting[target] -= 1
                if not waiting[target]:
                    stack.append(target)
    return done < len(dfa)


def common_prefix(dfa: Dfa) -> str:
    """The longest text with which every word begins."""
    state, prefix = 0, []
    while dfa and not dfa.accepting[state] and dfa.defaults[state] < 0 and len(dfa.moves[state]) == 1:
        ((c, state),) = dfa.moves[state].items()
        prefix.append(c)
    return "".join(prefix)
