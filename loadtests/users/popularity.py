"""Which of so many projects is asked for: the broken power law that was measured for PyPI (facts/pypi.md §6)."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random

from loadtests.edge2018.population import weight_of


class Ranks:
    """Of so many projects; the most popular is 0. Of few, all are of the law's flat head."""

    def __init__(self, projects: int) -> None:
        self._cumulated = list(accumulate(weight_of(rank + 1) for rank in range(projects)))

    def draw(self, dice: Random) -> int:
        at = bisect(self._cumulated, dice.random() * self._cumulated[-1])
        return min(at, len(self._cumulated) - 1)
