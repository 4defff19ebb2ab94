"""The gate of latency: the new arm's 95th percentile is at most `ratio` times the old arm's.

How it works: let x be the old arm's 95th percentile, as it was known before a block. In the block, how many exchanges
of the new arm are slower than `ratio · x`, and how many of the old arm than x? If the bound holds, the former are no
larger share than the latter, which is 5 %: that is tested by betting.py, with 0 as the bound, and may be, since x was
chosen before what is judged by it. To compare in each block keeps what slows both arms from counting against the new
one. Confidence sequences for each arm's own quantile (Howard & Ramdas 2022, "Sequential estimation of quantiles with
applications to A/B testing and best-arm identification", Bernoulli 28(3), arXiv:1906.09712) could not do that.

Laws of this module:
- what is judged is the ratio at the old arm's 95th percentile as far as it was known. Where the times of both arms have
  the same distribution but for a factor, that is the ratio of their 95th percentiles whatever x is; else it comes near
  to that as x does;
- a bucket counts against the verdict: x is the end of its bucket for "worse", its beginning for "not worse". So of a
  true ratio within 3 % of the bound nothing may be said, ever;
- of the bucket that x is in, so much counts as slower as makes 5 %: an arm on which all takes the same time has a 95th
  percentile, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgeproxy.migration.gates.betting import Bets, Excess, Sample
from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.gates.evidence import Evidence, Gate, Side, Verdict
from edgeproxy.migration.gates.histogram import Histogram, bucket_of, least_of
from edgeproxy.migration.gates.shares import more_of, verdict_of

_QUANTILE: Final = 0.95
_LEAST_KNOWN: Final = 100  # exchanges of the old arm before it has a 95th percentile
_REMEMBERED: Final = 20_000  # of the old arm; then the past is halved
# What the interval is made of: ratios, as parts of the bound, each with a test of its own.
RUNGS: Final = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The old arm's 95th percentile: above `bucket`, and `part` of what is in it."""

    bucket: int
    part: float

    @classmethod
    def of(cls, old: Histogram) -> Threshold | None:
        bucket = old.quantile_bucket(_QUANTILE) if old.total >= _LEAST_KNOWN else None
        if bucket is None:
            return None
        return cls(bucket, ((1 - _QUANTILE) * old.total - old.above(bucket)) / old.counts[bucket])

    def slow_old(self, old: Histogram) -> float:
        return old.above(self.bucket) + self.part * old.counts.get(self.bucket, 0)

    def slow_new(self, new: Histogram, ratio: float) -> tuple[int, int]:
        """How many are slower than `ratio` times it: surely, and at most."""
        surely = new.above(bucket_of(ratio * least_of(self.bucket + 1)))
        return surely, new.above(bucket_of(ratio * least_of(self.bucket)) - 1)


class LatencyGate:
    def __init__(
        self, ratio: float, alpha: float, alpha_held: float, burst: int, rungs: Sequence[float] = RUNGS
    ) -> None:
        self._ratio = ratio
        self._burst = burst
        self._test = Excess(0.0, alpha, alpha_held)
        self._ladder = tuple((part * ratio, Bets.on_worse(), Bets.on_held()) for part in rungs)
        self._known = Histogram()  # the old arm before this block
        self._waiting = Block()
        self._old, self._new = Histogram(), Histogram()
        self._slow = (0.0, 0)
        self._judged = 0
        self._late = 0
        self._blocks = 0

    def absorb(self, block: Block) -> None:
        """As for errors, blocks are put together until both arms have an exchange."""
        self._late += block.new.late
        self._old.add(block.old.latency)
        self._new.add(block.new.latency)
        self._waiting.old.latency.add(block.old.latency)
        self._waiting.new.latency.add(block.new.latency)
        old, new = self._waiting.old.latency, self._waiting.new.latency
        threshold = Threshold.of(self._known)
        if threshold is not None and not (old.total and new.total):
            return
        if threshold is not None:
            self._judge(threshold, old, new)
        self._known.add(old)
        if self._known.total > _REMEMBERED:
            self._known.fade()
        self._waiting = Block()

    def _judge(self, threshold: Threshold, old: Histogram, new: Histogram) -> None:
        of_old = Sample(old.total / self._burst, threshold.slow_old(old) / self._burst)
        surely, at_most = threshold.slow_new(new, self._ratio)
        self._test.absorb(self._sample(new, surely), of_old, self._sample(new, at_most))
        for ratio, worse, held in self._ladder:
            surely_here, at_most_here = threshold.slow_new(new, ratio)
            worse.absorb(self._sample(new, surely_here), of_old)
            held.absorb(self._sample(new, at_most_here), of_old)
        self._slow = (self._slow[0] + threshold.slow_old(old), self._slow[1] + surely)
        self._judged += new.total
        self._blocks += 1

    def _sample(self, new: Histogram, slow: int) -> Sample:
        return Sample(new.total / self._burst, slow / self._burst)

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self._test, self._late / self._burst)

    def _interval(self) -> tuple[float | None, float | None]:
        test = self._test
        low = [ratio for ratio, worse, _ in self._ladder if worse.has(2 / test.alpha, 0.0)]
        high = [ratio for ratio, _, held in self._ladder if held.has(1 / test.alpha_held, 0.0)]
        return max(low, default=None), min(high, default=None)

    def evidence(self, now: float) -> Evidence:
        old, new = self._old.quantile(_QUANTILE), self._new.quantile(_QUANTILE)
        low, high = self._interval()
        return Evidence(
            gate=Gate.LATENCY,
            verdict=self.verdict,
            bound=self._ratio,
            old=Side(self._old.total, round(self._slow[0]), old),
            new=Side(self._new.total, self._slow[1], new),
            estimate=None if old is None or new is None else new / old,
            low=low,
            high=high,
            alpha=self._test.alpha,
            alpha_held=self._test.alpha_held,
            more_to_pass=more_of(self._test.times_to_held(), self._judged),
            more_to_fail=more_of(self._test.times_to_worse(), self._judged),
            blocks=self._blocks,
            at=now,
            late=max(self._late, 0),
        )
