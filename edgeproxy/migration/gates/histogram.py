"""How long exchanges took: counts in fixed buckets, so that histograms of workers and nodes merge by adding.

Laws of this module:
- buckets are those of HdrHistogram with 64 to each power of two of microseconds: no two times in one are further apart
  than 1/64 (1.6 %) of the lesser, from 1 µs on;
- all is plain ints; what merges has lost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_MICRO: Final = 1_000_000
_LONGEST: Final = (1 << 32) - 1  # microseconds, 71 minutes: what takes longer counts as that


@dataclass(frozen=True, slots=True)
class Buckets:
    """2**`bits` of them to each power of two of microseconds, up to `longest` microseconds."""

    bits: int
    longest: int

    def of(self, seconds: float) -> int:
        """The bucket of a time; a longer time never has a lower one."""
        micros = int(seconds * _MICRO)
        if not 0 <= micros <= self.longest:
            micros = 0 if micros < 0 else self.longest
        shift = micros.bit_length() - self.bits - 1
        return micros if shift <= 0 else (shift << self.bits) + (micros >> shift)

    def least(self, bucket: int) -> float:
        """The least time in a bucket, in seconds. That of the next one is the end of this."""
        octave = 1 << self.bits
        if bucket < 2 * octave:
            return bucket / _MICRO
        shift = (bucket >> self.bits) - 1
        return (((bucket & (octave - 1)) + octave) << shift) / _MICRO

    def middle(self, bucket: int) -> float:
        return (self.least(bucket) + self.least(bucket + 1)) / 2


_BUCKETS: Final = Buckets(6, _LONGEST)
bucket_of, least_of = _BUCKETS.of, _BUCKETS.least


class Histogram:
    """Counts by bucket."""

    __slots__ = ("counts", "total")

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self.counts = dict(counts)
        self.total = sum(self.counts.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it grows

    def note(self, seconds: float) -> None:
        bucket = bucket_of(seconds)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1

    def add(self, other: Histogram) -> None:
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total

    def quantile_bucket(self, share: float) -> int | None:
        """The lowest bucket that has, with those below it, this share of all; None of nothing."""
        wanted = share * self.total
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return bucket
        return None

    def quantile(self, share: float) -> float | None:
        """The middle of that bucket, in seconds."""
        bucket = self.quantile_bucket(share)
        return None if bucket is None else _BUCKETS.middle(bucket)

    def above(self, bucket: int) -> int:
        """How many are in higher buckets."""
        return sum(count for each, count in self.counts.items() if each > bucket)

    def fade(self) -> None:
        """Forget half of it, so that what comes counts more than what was."""
        self.counts = {bucket: half for bucket, count in self.counts.items() if (half := count // 2)}
        self.total = sum(self.counts.values())
