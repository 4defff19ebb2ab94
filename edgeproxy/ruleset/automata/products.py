"""What two automata have in common, or not: walks over pairs of states."""

from __future__ import annotations

from edgeproxy.ruleset.automata.dfa import DEAD, EMPTY, Dfa, Row, explore, limit_for
from edgeproxy.ruleset.automata.effort import spend

Pair = tuple[int, int]


def intersection(left: Dfa, right: Dfa) -> Dfa:
    if not left or not right:
        return EMPTY

    def step(pair: Pair) -> Row[Pair]:
        row, other = common_row(left, right, *pair)
        return row, other

    def accepts(pair: Pair) -> bool:
        return left.accepting[pair[0]] and right.accepting[pair[1]]

    return explore((0, 0), step, accepts, limit_for(len(left), len(right)))


def difference(left: Dfa, right: Dfa) -> Dfa:
    if not left or not right:
        return left

    def step(pair: Pair) -> Row[Pair]:
        p, q = pair
        row, default = left.moves[p], left.defaults[p]
        if q < 0:
            return {c: (t, DEAD) if t >= 0 else None for c, t in row.items()}, (default, DEAD) if default >= 0 else None
        other_row, other_default = right.moves[q], right.defaults[q]
        targets: dict[str, Pair | None] = {}
        for c, t in row.items():
            targets[c] = (t, other_row.get(c, other_default)) if t >= 0 else None
        if default < 0:
            return targets, None
        for c, t in other_row.items():
            if c not in row:
                targets[c] = (default, t)
        return targets, (default, other_default)

    def accepts(pair: Pair) -> bool:
        return left.accepting[pair[0]] and (pair[1] < 0 or not right.accepting[pair[1]])

    return explore((0, 0), step, accepts, limit_for(len(left), len(right)))


def complement(dfa: Dfa) -> Dfa:
    if not dfa:
        return Dfa(({},), (0,), (True,))

    def step(state: int) -> Row[int]:
        if state < 0:
            return {}, DEAD
        return dfa.moves[state], dfa.defaults[state]

    return explore(0, step, lambda state: state < 0 or not dfa.accepting[state], limit_for(len(dfa)))


def common_row(left: Dfa, right: Dfa, p: int, q: int) -> tuple[dict[str, Pair | None], Pair | None]:
    """Where both go from these states together."""
    a, b = left.moves[p], right.moves[q]
    other_a, other_b = left.defaults[p], right.defaults[q]
    targets: dict[str, Pair | None] = {}
    if other_a < 0 and (other_b >= 0 or len(a) <= len(b)):
        for c, t in a.items():
            u = b.get(c, other_b)
            if u >= 0:
                targets[c] = (t, u)
        return targets, None
    if other_b < 0:
        for c, u in b.items():
            t = a.get(c, other_a)
            if t >= 0:
                targets[c] = (t, u)
        return targets, None
    for c in a.keys() | b.keys():
        t, u = a.get(c, other_a), b.get(c, other_b)
        targets[c] = (t, u) if t >= 0 and u >= 0 else None
    return targets, (other_a, other_b)


def overlaps(left: Dfa, right: Dfa) -> bool:
    """Whether a word is in both.

    PERF: pairs are numbers here and below, p * width + q: 80 us for two templates that part behind a `{name}`, where
    tuples took 115 us.
    """
    if not left or not right:
        return False
    width = len(right)
    seen = {0}
    stack = [0]
    while stack:
        spend(1)
        p, q = divmod(stack.pop(), width)
        if left.accepting[p] and right.accepting[q]:
            return True
        a, b = left.moves[p], right.moves[q]
        other_a, other_b = left.defaults[p], right.defaults[q]
        if other_a < 0 and (other_b >= 0 or len(a) <= len(b)):
            found = {t * width + u for c, t in a.items() if (u := b.get(c, other_b)) >= 0}
        elif other_b < 0:
            found = {t * width + u for c, u in b.items() if (t := a.get(c, other_a)) >= 0}
        else:
            pairs = [(a.get(c, other_a), b.get(c, other_b)) for c in a.keys() | b.keys()]
            found = {t * width + u for t, u in [*pairs, (other_a, other_b)] if t >= 0 and u >= 0}
        found -= seen
        seen |= found
        stack += found
    return False


def is_within(left: Dfa, right: Dfa, p: int = 0, q: int = 0, covered: set[int] | None = None) -> bool:
    """Whether all that `left` accepts from p on, `right` accepts from q on. Found pairs are added to `covered`."""
    if not left:
        return True
    if not right:
        return False
    known = covered if covered is not None else set()
    width = len(right)
    seen = {p * width + q}
    stack = [p * width + q]
    while stack:
        spend(1)
        p, q = divmod(stack.pop(), width)
        if left.accepting[p] and not right.accepting[q]:
            return False
        targets = _within_targets(left, right, p, q)
        if targets is None:
            return False
        targets -= seen
        targets -= known
        seen |= targets
        stack += targets
    known |= seen
    return True


def _within_targets(left: Dfa, right: Dfa, p: int, q: int) -> set[int] | None:
    """The pairs that follow, or None when `left` goes on alone: trimmed, it accepts something there."""
    row, default = left.moves[p], left.defaults[p]
    other_row, other_default = right.moves[q], right.defaults[q]
    width = len(right)
    targets: set[int] = set()
    for c, t in row.items():
        if t >= 0:
            u = other_row.get(c, other_default)
            if u < 0:
                return None
            targets.add(t * width + u)
    if default >= 0:
        others = [u for c, u in other_row.items() if c not in row]
        if other_default < 0 or any(u < 0 for u in others):
            return None
        targets.add(default * width + other_default)
        targets.update(default * width + u for u in others)
    return targets
