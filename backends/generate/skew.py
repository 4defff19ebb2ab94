"""How uneven an index is, as read off PyPI (facts, section 6).

Downloads by rank are flat at the head and steep in the tail: no one power law fits, so there are three pieces.
Releases and sizes are right-skewed too; popular projects have more of both.
"""

from __future__ import annotations

import random
from typing import Final

# From this rank on, and the exponent up to the next one (log-log slopes of April 2025).
_PIECES: Final = ((1, 0.66), (100, 1.03), (330, 1.9))

MOST_RELEASES: Final = 300
_LARGEST: Final = 2 << 20  # bytes of padding


def weights(count: int) -> list[float]:
    """The share of all downloads that each rank has, the most popular first."""
    made: list[float] = []
    for rank in range(1, count + 1):
        weight = 1.0
        for (start, exponent), (end, _) in zip(_PIECES, (*_PIECES[1:], (count + 1, 0.0)), strict=True):
            if rank >= start:
                weight *= (min(rank, end) / start) ** -exponent
        made.append(weight)
    total = sum(made)
    return [weight / total for weight in made]


def release_count(rank: int, count: int, dice: random.Random) -> int:
    """A few for most, hundreds for some: a Pareto tail, with a longer one for the first hundredth of ranks."""
    alpha = 0.7 if rank <= max(1, count // 100) else 1.25
    return min(MOST_RELEASES, int(dice.paretovariate(alpha)))


def padding_size(median: int, dice: random.Random) -> int:
    """Log-normal: the mean is some five times the median, and a few files have most of the bytes."""
    return min(_LARGEST, int(median * dice.lognormvariate(0, 1.8))) if median else 0
