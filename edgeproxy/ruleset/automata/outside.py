"""What is in one language and in none of many others, by a walk that builds no product.

Laws of this module:
- a node of the walk is a state of the language and the states of those others that may still take the word; an other
  that has fallen away costs nothing any more, so ten thousand literals cost little more than their own length;
- where one of the others alone takes all that the language takes from here on, the walk goes no further;
- the first word found is the shortest, and of those the one preferred (`words`).
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeproxy.ruleset.automata.dfa import EMPTY, Dfa, Row, explore, limit_for
from edgeproxy.ruleset.automata.errors import TooLarge
from edgeproxy.ruleset.automata.products import Pair, is_within
from edgeproxy.ruleset.automata.sums import States, Sum
from edgeproxy.ruleset.automata.words import has_cycle, others, rank

Node = tuple[int, States]


class Outside:
    """The walk over `language` beside the `others`. Neither it nor one of them is empty."""

    def __init__(self, language: Dfa, taken: Sequence[Dfa]) -> None:
        self._language = language
        self._taken = taken
        self._sum = Sum(taken)
        self._owners = dict(zip(self._sum.starts, taken, strict=True))
        self._endless: dict[int, bool] = {}  # by the first state of an other: whether it has infinitely many words
        self._covered: dict[int, set[Pair]] = {}
        self._uncovered: set[tuple[int, int]] = set()
        self._limit = limit_for(len(language), len(self._sum.moves))

    @property
    def start(self) -> Node | None:
        return self._node(0, self._sum.starts)

    def first(self) -> str | None:
        """The shortest word."""
        start = self.start
        if start is None:
            return None
        came: dict[Node, tuple[Node, str] | None] = {start: None}
        queue = [start]
        for node in queue:  # which grows meanwhile
            if self._accepts(node):
                return _way(came, node)
            targets, other = self._step(node)
            moves = [(c, target) for c, target in targets.items() if target is not None]
            if other is not None and other not in came:
                moves += [(c, other) for c in others(targets) if c]
            for c, target in sorted(moves, key=lambda move: rank(move[0])):
                if target not in came:
                    came[target] = (node, c)
                    queue.append(target)
            if len(queue) > self._limit:
                raise TooLarge(self._limit)
        return None

    def automaton(self) -> Dfa:
        """All words."""
        start = self.start
        return explore(start, self._step, self._accepts, self._limit) if start is not None else EMPTY

    def _accepts(self, node: Node) -> bool:
        return self._language.accepting[node[0]] and not self._sum.accepts(node[1])

    def _step(self, node: Node) -> Row[Node]:
        state, alive = node
        row, default = self._language.moves[state], self._language.defaults[state]
        targets, other = self._sum.targets(alive)
        found: dict[str, Node | None] = {}
        for c, target in row.items():
            found[c] = self._node(target, targets.get(c, other)) if target >= 0 else None
        if default < 0:
            return found, None
        for c, states in targets.items():
            if c not in row:
                found[c] = self._node(default, states)
        return found, self._node(default, other)

    def _node(self, state: int, alive: Sequence[int]) -> Node | None:
        """The node, or None when one of the others takes all that follows."""
        for other in alive:
            if self._covers(other, state):
                return None
        return state, tuple(sorted(alive))

    def _covers(self, other: int, state: int) -> bool:
        """Literals are not looked at: they end by themselves."""
        base = self._sum.base[other]
        endless = self._endless.get(base)
        if endless is None:
            endless = self._endless[base] = has_cycle(self._owners[base])
        if not endless or (other, state) in self._uncovered:
            return False
        pair = (state, other - base)
        covered = self._covered.setdefault(base, set())
        if pair in covered or is_within(self._language, self._owners[base], *pair, covered):
            return True
        self._uncovered.add((other, state))
        return False


def _way(came: dict[Node, tuple[Node, str] | None], node: Node) -> str:
    found: list[str] = []
    before = came[node]
    while before is not None:
        node, character = before
        found.append(character)
        before = came[node]
    return "".join(reversed(found))
