"""How often each of many things is asked for: a broken power law of its rank, fitted to a finite sample.

The law: the thing at rank r is asked for in proportion to r^-head up to the rank `turn`, to r^-tail beyond, without a
jump between, and there are `items` things (facts of PyPI: flat head, steep tail; one exponent fits badly).

The fit is by maximum likelihood on counts, and not on ranks: ranks by observed frequency are not ranks by popularity,
and a regression on them is too steep at its end. What is compared is the frequency spectrum: how many things were
asked for once, twice, three times, … in classes that widen (binned: Virkar & Clauset 2014). Each thing's count is
Poisson with its law's mean, so the law says how many things each class should have, and the number found is Poisson
about that. The things never asked for are the class 0, which nobody sees and the law fills: so what a sample misses
is in `items` (LNRE models: Baayen 2001; Evert 2004). Where the tail is steep the sample says little of that number;
then the smallest that fits is taken.
"""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import ceil, erf, exp, log, sqrt
from random import Random
from typing import Final

from replay.model.searching import Point, least

MOST_ITEMS: Final = 2_000_000
_LEAST_REQUESTS, _LEAST_ITEMS = 30, 3  # for a fit
_EXACT: Final = 60  # ranks that are taken one by one; beyond, cells of ranks whose ends are so far apart:
_RATIO: Final = 1.06
_STEEPEST: Final = 4.0
_NEVER: Final = 1e-9
_LARGE: Final = 500  # requests: fewer say too little for a search from many beginnings


@dataclass(frozen=True, slots=True)
class PowerLaw:
    head: float
    tail: float
    turn: float
    items: int

    def weight(self, rank: float) -> float:
        """Beside that at rank 1."""
        if rank <= self.turn:
            return float(rank**-self.head)
        return float(self.turn ** (self.tail - self.head) * rank**-self.tail)

    def draw(self, dice: Random, items: int) -> int:
        """A rank from 1, of the first so many."""
        table = _table(self, min(items, self.items))
        return min(bisect(table, dice.random() * table[-1]), len(table) - 1) + 1


@lru_cache(64)
def _table(law: PowerLaw, items: int) -> Sequence[float]:
    return array("d", accumulate(law.weight(rank) for rank in range(1, items + 1)))


@dataclass(frozen=True, slots=True)
class Fitted:
    """`unseen`: things that there are by the law and that nobody asked for. `chao`: how many there are at least,
    whatever the law (Chao 1984), by those asked for once and twice.
    """

    law: PowerLaw
    requests: int
    seen: int
    unseen: int
    chao: int


def fit(counts: Sequence[int]) -> Fitted | None:
    """`counts`: requests for each thing that was asked for. None: they are too few to say anything."""
    requests, seen = sum(counts), len(counts)
    if requests < _LEAST_REQUESTS or seen < _LEAST_ITEMS:
        return None
    edges = _edges(max(counts))
    found = _classes(counts, edges)
    once, twice = (sum(count == each for count in counts) for each in (1, 2))

    def cost(point: Point) -> float:
        law, outside = _law_of(point, seen)
        expected = expected_classes(law, requests, edges)
        fits = sum(e - o * log(e + 1e-12) for o, e in zip(found, expected, strict=True))
        # Weak opinions, for samples that say nothing: exponents near 1, no more things than needed.
        opinion = (law.head - 0.8) ** 2 / 8 + (law.tail - 1.2) ** 2 / 8 + 0.3 * log(law.items / seen)
        return fits + opinion + 1e3 * outside

    starts = [(head, tail, share * log(seen), 0.7) for head, tail in ((0.6, 1.3), (0.9, 0.9)) for share in (0.35, 0.7)]
    if requests < _LARGE:
        starts = starts[:1]
    found_at = [least(cost, start, (0.3, 0.4, 0.8, 0.8), 400 if requests >= _LARGE else 150) for start in starts]
    best, _ = min(found_at, key=lambda pair: pair[1])
    if requests >= _LARGE:
        best, _ = least(cost, best, (0.05, 0.05, 0.3, 0.3), 200)
    law, _ = _law_of(best, seen)
    return Fitted(law, requests, seen, law.items - seen, ceil(once * (once - 1) / (2 * (twice + 1))))


def expected_classes(law: PowerLaw, requests: int, edges: Sequence[int]) -> list[float]:
    """How many things should be asked for so often, in each class of counts from one edge to before the next."""
    weights = [(law.weight(sqrt(begin * (end - 1))), end - begin) for begin, end in _cells(law.items)]
    total = sum(weight * number for weight, number in weights)
    classes = [0.0] * (len(edges) - 1)
    for weight, number in weights:
        _add_cell(classes, edges, requests * weight / total, number)
    return classes


def _law_of(point: Point, seen: int) -> tuple[PowerLaw, float]:
    """And how far the point is outside of what can be."""
    head, tail, turn, more = point
    most = log(MOST_ITEMS / seen) if seen < MOST_ITEMS else 0.0
    kept = (min(max(head, 0.0), _STEEPEST), min(max(tail, 0.0), _STEEPEST), min(max(more, 0.0), most))
    items = ceil(seen * exp(kept[2]))
    inside = min(max(turn, log(2)), log(max(items / 2, 2)))
    outside = abs(head - kept[0]) + abs(tail - kept[1]) + abs(more - kept[2]) + abs(turn - inside)
    return PowerLaw(kept[0], kept[1], exp(inside), items), outside


def _edges(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, …, and one beyond all."""
    edges = [1, 2]
    while edges[-1] <= most:
        edges.append(max(edges[-1] + 1, 3 * edges[-1] // 2 if edges[-1] & (edges[-1] - 1) == 0 else 4 * edges[-1] // 3))
    return [*edges, 1 << 62]


def _classes(counts: Sequence[int], edges: Sequence[int]) -> list[int]:
    found = [0] * (len(edges) - 1)
    for count in counts:
        found[bisect(edges, count) - 1] += 1
    return found


@lru_cache(16)
def _cells(items: int) -> Sequence[tuple[int, int]]:
    """Ranks from one to before the other."""
    cells = [(rank, rank + 1) for rank in range(1, min(items, _EXACT) + 1)]
    begin = _EXACT + 1
    while begin <= items:
        end = min(max(begin + 1, int(begin * _RATIO)), items + 1)
        cells.append((begin, end))
        begin = end
    return cells


def _add_cell(classes: list[float], edges: Sequence[int], mean: float, number: int) -> None:
    """Each of so many things has a Poisson count."""
    if mean < 30.0:
        chance, at = exp(-mean), 0
        for count in range(1, int(mean + 8 * sqrt(mean) + 8)):
            chance *= mean / count
            if chance < _NEVER and count > mean:
                return
            while edges[at + 1] <= count:
                at += 1
                if at == len(classes):
                    return
            classes[at] += number * chance
        return
    reach = 8 * sqrt(mean)
    first = max(bisect(edges, mean - reach) - 1, 0)
    before = 0.0
    for at in range(first, len(classes)):
        below = 1.0 if edges[at + 1] > mean + reach else _below(edges[at + 1], mean)
        classes[at] += number * (below - before)
        before = below
        if below == 1.0:
            return


def _below(count: int, mean: float) -> float:
    """The chance of a smaller Poisson count (Wilson & Hilferty 1931), for means that are not small."""
    cubed = (mean / count) ** (1 / 3)
    return (1 - erf((cubed - (1 - 1 / (9 * count))) / sqrt(2 / (9 * count)))) / 2
