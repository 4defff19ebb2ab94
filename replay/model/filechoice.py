"""Which of a project's files is asked for: Zipf's law over the newest ones, fitted by how often two requests are for
the same.

The chance of that (Simpson 1949) has an estimate that does not depend on how often each project was asked for; the
number of files is the one by which as many different ones should have been asked for as were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

from replay.model.sharing import rounded

_MOST_FILES: Final = 200

Choices = Mapping[str, Counter[str]]  # by project


def repeat_of(projects: Choices) -> float | None:
    pairs = sum(counts.total() * (counts.total() - 1) for counts in projects.values())
    same = sum(count * (count - 1) for counts in projects.values() for count in counts.values())
    return rounded(same / pairs, 3) if pairs else None


def files_of(projects: Choices, repeat: float | None) -> int | None:
    if repeat is None:
        return None
    seen = sum(len(counts) for counts in projects.values())
    asked = Counter(counts.total() for counts in projects.values())
    low, high = 1, _MOST_FILES
    while low < high:
        middle = (low + high) // 2
        if _different(asked, file_table(repeat, middle)) < seen:
            low = middle + 1
        else:
            high = middle
    return low


@lru_cache(4_096)
def file_table(repeat: float, number: int) -> Sequence[float]:
    """Cumulated weights of so many files, the newest first."""
    low, high = 0.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        weights = [rank**-middle for rank in range(1, number + 1)]
        if sum(weight**2 for weight in weights) / sum(weights) ** 2 < repeat:
            low = middle
        else:
            high = middle
    return list(accumulate(rank**-high for rank in range(1, number + 1)))


def _different(asked: Counter[int], table: Sequence[float]) -> float:
    """How many files should have been asked for, when so many projects were asked for so often."""
    shares = [(after - before) / table[-1] for before, after in pairwise((0.0, *table))]
    return sum(number * sum(1 - (1 - share) ** times for share in shares) for times, number in asked.items())
