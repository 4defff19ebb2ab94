"""Draws of what happens in a block of exchanges: exact, and fast since a table is made once for each block's size."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate
from math import exp, lgamma, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Final

from edgeproxy.migration.gates.histogram import Histogram, bucket_of

_TAIL: Final = 9.0  # standard deviations; what lies beyond has less than 1e-15


def binomial(dice: Random, exchanges: int, share: float) -> int:
    """How many of so many exchanges fail."""
    if share >= 1:
        return exchanges
    least, cumulated = _table(exchanges, share)
    return least + min(bisect_left(cumulated, dice.random()), len(cumulated) - 1)


def bursts(dice: Random, exchanges: int, share: float, burst: int) -> int:
    """The same, when failures come as whole bursts."""
    return min(burst * binomial(dice, max(exchanges // burst, 1), share), exchanges)


@lru_cache(maxsize=1 << 14)
def _table(exchanges: int, share: float) -> tuple[int, tuple[float, ...]]:
    if share <= 0:
        return 0, (1.0,)
    mean = exchanges * share
    far = _TAIL * sqrt(mean * (1 - share))
    least, most = max(int(mean - far), 0), min(int(mean + far) + 25, exchanges)
    return least, tuple(accumulate(exp(_log_of(exchanges, share, count)) for count in range(least, most + 1)))


def _log_of(exchanges: int, share: float, count: int) -> float:
    ways = lgamma(exchanges + 1) - lgamma(count + 1) - lgamma(exchanges - count + 1)
    return ways + count * log(share) + (exchanges - count) * log(1 - share)


class Times:
    """Latencies that are lognormal with this median, in seconds. `spread` is the standard deviation of their
    logarithm."""

    def __init__(self, median: float, spread: float, grain: int = 4_000) -> None:
        normal = NormalDist(log(median), spread)
        self._buckets = [bucket_of(exp(normal.inv_cdf((number + 0.5) / grain))) for number in range(grain)]

    def draw(self, dice: Random, exchanges: int) -> Histogram:
        counts: dict[int, int] = {}
        for bucket in dice.choices(self._buckets, k=exchanges):
            counts[bucket] = counts.get(bucket, 0) + 1
        return Histogram(counts.items())
