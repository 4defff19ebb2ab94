"""How long things took: counts in the buckets of HdrHistogram, with three significant digits.

Laws of this module:
- 1,024 buckets to each power of two of microseconds: no two times in one are further apart than 0.1 % of the lesser;
- all is plain ints, in a dictionary that grows with what was seen and has a bound (24,576 buckets): histograms of
  workers and machines merge by adding.

Why not `hdrhistogram` of PyPI: it is alive and has wheels, and takes three times as long for one value (2.0 to 2.3 µs,
this 0.5 to 0.7, on a busy machine); a request notes up to five. Buckets are those of HdrHistogram, so its tools read
what `percentiles` makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from edgeproxy.migration.gates.histogram import Buckets

_LONGEST: Final = (1 << 34) - 1  # microseconds, 4.7 hours: what takes longer counts as that
_BUCKETS: Final = Buckets(10, _LONGEST)
bucket_of, least_of, middle_of = _BUCKETS.of, _BUCKETS.least, _BUCKETS.middle


class Histogram:
    __slots__ = ("counts", "most", "sum", "total")

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self.counts = dict(counts)
        self.total = sum(self.counts.values())
        self.sum = sum(middle_of(bucket) * count for bucket, count in self.counts.items())  # seconds
        self.most = max(map(middle_of, self.counts), default=0.0)

    def note(self, seconds: float) -> None:
        micros = int(seconds * 1_000_000)  # PERF: bucket_of, written out: a call costs as much again
        if not 0 <= micros <= _LONGEST:
            micros = 0 if micros < 0 else _LONGEST
        shift = micros.bit_length() - 11
        bucket = micros if shift <= 0 else (shift << 10) + (micros >> shift)
        counts = self.counts
        counts[bucket] = counts.get(bucket, 0) + 1
        self.total += 1
        self.sum += seconds
        if seconds > self.most:
            self.most = seconds

    def add(self, other: Histogram) -> None:
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total
        self.sum += other.sum
        self.most = max(self.most, other.most)

    @property
    def mean(self) -> float:
        return self.sum / self.total if self.total else 0.0

    def quantile(self, share: float) -> float | None:
        """In seconds: the middle of the lowest bucket that has, with those below it, this share. None of nothing."""
        wanted = share * self.total
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(middle_of(bucket), self.most)
        return None

    def percentiles(self) -> Iterator[tuple[float, float, int]]:
        """Of each bucket that has something: its time, the share of all that is not above it, and how many that are."""
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            yield min(middle_of(bucket), self.most), seen / self.total, seen
