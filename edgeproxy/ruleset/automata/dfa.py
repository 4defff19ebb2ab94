"""Deterministic automata over an open alphabet, and the one walk that builds them.

Laws of this module:
- a state is a row of moves by character, a default for every other character there is, and whether it accepts;
- the first state is the start; `DEAD` is no state: nothing is accepted from there on;
- every automaton is trimmed: each state is reached, and from each state something is accepted. So the empty language
  has no states, and a walk that is alive leads somewhere;
- no move equals its row's default, so a row tells by itself which characters it treats apart;
- work is bounded: a walk that finds more states than its limit ends with TooLarge; all walks together, see `effort`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from edgeproxy.ruleset.automata.effort import spend
from edgeproxy.ruleset.automata.errors import TooLarge

DEAD: Final = -1
_STATES: Final = 20_000  # some 0.3 s of subset construction
_GROWTH: Final = 4
_MOST_PARTING: Final = 2_000_000  # moves that are looked at to minimise an automaton: some 1 s

Node = TypeVar("Node", bound=Hashable)
Row = tuple[Mapping[str, Node | None], Node | None]


@dataclass(frozen=True, slots=True)
class Dfa:
    """Rows by number of state. Nobody changes them once they are here."""

    moves: Sequence[dict[str, int]]
    defaults: Sequence[int]
    accepting: Sequence[bool]

    def __len__(self) -> int:
        return len(self.moves)


EMPTY: Final = Dfa((), (), ())


def walked(dfa: Dfa, state: int, word: str) -> int:
    """Where a word leads."""
    for character in word:
        if state < 0:
            break
        state = dfa.moves[state].get(character, dfa.defaults[state])
    return state


def limit_for(*sizes: int) -> int:
    """How many states an automaton made of automata of these sizes may have."""
    return _STATES + _GROWTH * sum(sizes)


def explore(
    start: Node, step: Callable[[Node], Row[Node]], accepts: Callable[[Node], bool], limit: int = _STATES
) -> Dfa:
    """The automaton whose states are the nodes found from `start`. `step` gives a node's moves and its default."""
    numbers: dict[Node, int] = {start: 0}
    nodes: list[Node] = [start]
    moves: list[dict[str, int]] = []
    defaults: list[int] = []
    find = numbers.get
    for node in nodes:  # which grows meanwhile
        targets, other = step(node)
        spend(1 + len(targets))
        default = DEAD
        if other is not None:
            default = find(other, DEAD)
            if default < 0:
                default = numbers[other] = len(nodes)
                nodes.append(other)
        row: dict[str, int] = {}
        for character, target in targets.items():
            if target is None:
                number = DEAD
            else:
                number = find(target, DEAD)
                if number < 0:
                    number = numbers[target] = len(nodes)
                    nodes.append(target)
            if number != default:
                row[character] = number
        moves.append(row)
        defaults.append(default)
        if len(nodes) > limit:
            raise TooLarge(limit)
    return trimmed(moves, defaults, [accepts(node) for node in nodes])


def trimmed(moves: Sequence[dict[str, int]], defaults: Sequence[int], accepting: Sequence[bool], start: int = 0) -> Dfa:
    """The automaton of these rows, from `start` on, without states that are not reached or lead nowhere."""
    alive = _leading(moves, defaults, accepting)
    if not alive[start]:
        return EMPTY
    order, numbers = [start], {start: 0}
    for state in order:  # which grows meanwhile
        for target in (*moves[state].values(), defaults[state]):
            if target >= 0 and alive[target] and target not in numbers:
                numbers[target] = len(order)
                order.append(target)
    if start == 0 and len(order) == len(moves) and order == list(range(len(order))):
        return Dfa(moves, defaults, accepting)
    new_moves, new_defaults = [], []
    for state in order:
        default = numbers.get(defaults[state], DEAD)
        row = {character: numbers.get(target, DEAD) for character, target in moves[state].items()}
        new_moves.append({character: target for character, target in row.items() if target != default})
        new_defaults.append(default)
    return Dfa(new_moves, new_defaults, [accepting[state] for state in order])


def _leading(moves: Sequence[dict[str, int]], defaults: Sequence[int], accepting: Sequence[bool]) -> list[bool]:
    """From which states something is accepted."""
    before = predecessors(moves, defaults)
    alive = list(accepting)
    stack = [state for state, accepts in enumerate(accepting) if accepts]
    while stack:
        for state in before[stack.pop()]:
            if not alive[state]:
                alive[state] = True
                stack.append(state)
    return alive


def predecessors(moves: Sequence[dict[str, int]], defaults: Sequence[int]) -> list[list[int]]:
    before: list[list[int]] = [[] for _ in moves]
    for state, row in enumerate(moves):
        default = defaults[state]
        if default >= 0:
            before[default].append(state)
        for target in {*row.values()}:
            if target >= 0:
                before[target].append(state)
    return before


def minimised(dfa: Dfa) -> Dfa:
    """The smallest automaton of the same language; or the same one, where that takes too long (`[a-z]{1,900}`)."""
    if len(dfa) < 2:
        return dfa
    block_of, blocks = _first_blocks(dfa)
    before = predecessors(dfa.moves, dfa.defaults)
    dirty = set(range(len(blocks)))
    looked_at = 0
    while dirty:
        block = dirty.pop()
        looked_at += sum(1 + len(dfa.moves[state]) for state in blocks[block])
        if looked_at > _MOST_PARTING:
            return dfa
        for part in _parts(dfa, blocks[block], block_of):
            for state in part:
                block_of[state] = len(blocks)
            blocks[block] -= part
            blocks.append(part)
            dirty.update(block_of[each] for state in part for each in before[state])
            dirty.update((block, len(blocks) - 1))
    if len(blocks) == len(dfa):
        return dfa
    return _quotient(dfa, block_of, blocks)


def _first_blocks(dfa: Dfa) -> tuple[list[int], list[set[int]]]:
    """States that differ in how near the end is, or in which characters lead on, are not the same."""
    ends = distances(dfa)
    numbers: dict[Hashable, int] = {}
    block_of: list[int] = []
    blocks: list[set[int]] = []
    for state, row in enumerate(dfa.moves):
        default = dfa.defaults[state]
        apart = frozenset(row) if default < 0 else frozenset(c for c, target in row.items() if target < 0)
        block = numbers.setdefault((ends[state], default < 0, apart), len(blocks))
        if block == len(blocks):
            blocks.append(set())
        blocks[block].add(state)
        block_of.append(block)
    return block_of, blocks


def distances(dfa: Dfa) -> list[int]:
    """Of each state, how many characters it takes to be accepted."""
    before = predecessors(dfa.moves, dfa.defaults)
    found = [0 if accepts else DEAD for accepts in dfa.accepting]
    queue = [state for state, accepts in enumerate(dfa.accepting) if accepts]
    for state in queue:  # which grows meanwhile
        for each in before[state]:
            if found[each] < 0:
                found[each] = found[state] + 1
                queue.append(each)
    return found


def _parts(dfa: Dfa, members: set[int], block_of: list[int]) -> list[set[int]]:
    """What the members of a block must be parted into, without the largest part."""
    parts: dict[Hashable, set[int]] = {}
    for state in members:
        default = dfa.defaults[state]
        other = block_of[default] if default >= 0 else DEAD
        row = ((c, block_of[target] if target >= 0 else DEAD) for c, target in dfa.moves[state].items())
        parts.setdefault((other, frozenset(move for move in row if move[1] != other)), set()).add(state)
    return sorted(parts.values(), key=len)[:-1]


def _quotient(dfa: Dfa, block_of: list[int], blocks: list[set[int]]) -> Dfa:
    moves: list[dict[str, int]] = []
    defaults: list[int] = []
    accepting: list[bool] = []
    for members in blocks:
        state = min(members)
        default = block_of[dfa.defaults[state]] if dfa.defaults[state] >= 0 else DEAD
        row = {c: block_of[target] if target >= 0 else DEAD for c, target in dfa.moves[state].items()}
        moves.append({c: target for c, target in row.items() if target != default})
        defaults.append(default)
        accepting.append(dfa.accepting[state])
    return trimmed(moves, defaults, accepting, block_of[0])
