"""A sequential test of how much more often something happens on the new arm than on the old one.

How it works: money is bet on each block of exchanges, by rules that cannot gain in the mean as long as the hypothesis
holds. Whoever has 1/alpha times what he began with has refuted it: by Ville's inequality (1939) that happens with
probability alpha at most, *ever*, however often anybody looks and whenever he stops. The frame is that of Howard,
Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
Statistics 49(2), arXiv:1810.08240, definition 1.

The bet. Of a block let n1, n0 be the exchanges of the new and the old arm, x1, x0 those in which it happened, p1, p0
how likely it was. For a factor r, with s = 1 - (r - 1) n1/n0 not below 0, the money is multiplied by

    e(r, d) = r^x1 · s^x0 · exp(-d n1 (r - 1))

An exchange of the new arm has the mean factor 1 + p1 (r - 1) <= exp(p1 (r - 1)), one of the old arm likewise with s,
so the mean of e(r, d) is at most exp(n1 (r - 1) (p1 - p0 - d)). That is at most 1 for r > 1 as long as p1 - p0 <= d,
and for r < 1 as long as p1 - p0 >= d. `r > 1` is a bet that the new arm is worse by more than d, `r < 1` that it is
not. It is the sub-Poisson case of the paper above, with lambda = log r, for two samples. p0 cancels in each block, as
in the blocks of Turner, Ly & Grünwald 2024, "Generic E-variables for exact sequential k-sample tests that allow for
optional stopping", JSPI 230, arXiv:2106.02693, and with the common drift of counts in Lindon & Malek, "Anytime-valid
inference for multinomial count data", NeurIPS 2022. So p0 need not be known, nor stay what it is: when both arms get
worse together, nothing is won.

Which r: all of a grid at once, each with its part of the money (a discrete mixture: Howard et al. 2021, section 3.3).
Neighbours differ by a factor of 2 or 4 in r - 1, so that one is near the best, and which that is need not be known.

Since when: bets on "worse" begin anew at each block, the t-th with 1/(t (t + 1)) of the money, which adds up to 1 (a
Shiryaev-Roberts sum with a prior: Shin, Ramdas & Rinaldo 2024, "E-detectors", NEJSDS 2(2), arXiv:2203.03532). Else an
arm that was well for an hour and then breaks would first have to win back what the bets have lost in that hour.

Laws of this module:
- against "worse" stands: in each block, p1 - p0 is at most the bound; against "not worse": over the new arm's exchanges
  so far, p1 - p0 is in the mean at least the bound. The one that is true is refuted, at any time, with at most the
  probability that the test was given;
- exchanges are independent, but for bursts (Sample), and a block's size does not depend on how its exchanges end. Those
  that hang end late, and badly: what waits for an answer counts against "not worse" as if it had happened in all of it;
- what is worse stays worse. "Not worse" is said of all that was seen, and may be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from typing import Final

# r - 1 of the bets on "worse", and on "not worse". The small ones are for what is often bad on both arms, and for a
# large share of the new arm, when there is little of the old one to compare with.
_RISES: Final = tuple(2.0**power for power in (-12, -10, -8, *range(-6, 9)))
_FALLS: Final = tuple(-(2.0**-power) for power in (13, 11, *range(9, 0, -1))) + tuple(
    2.0**-power - 1 for power in range(2, 7)
)
_MOST_LOST: Final = 0.9  # s is 0.1 at least: a single event on the old arm does not ruin a bet
_HUGE: Final = 300.0  # more, as a logarithm of money, is not told apart: its sums and products still fit a float
_FARTHEST: Final = float(1 << 40)  # times that nobody waits for


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one arm in a block: how many `exchanges` there were, in how many it happened; both divided by the burst.

    A burst is how many exchanges one cause may spoil: a client that asks again and again for the one page that is
    broken. For a cause that takes c exchanges at most, x of them bad, r^(x/c) <= 1 + (r - 1) x/c, since the left is
    convex in x: the bet stays fair when both counts are divided by c, whatever goes on within a burst. The price is
    that it takes c times as many exchanges.
    """

    exchanges: float
    events: float


@lru_cache(maxsize=1024)
def _bets(ratio: float, steps: tuple[float, ...]) -> tuple[tuple[float, float, float], ...]:
    """Of each bet r - 1, log r and log s. `ratio` is n1/n0."""
    most = _MOST_LOST / ratio if ratio else _RISES[-1]
    capped = (min(step, most) for step in steps)
    return tuple((step, log(1 + step), log(1 - step * ratio)) for step in capped)


class Bets:
    """What came of bets that began with the first block, against every d at once: the logarithm of a bet's money is
    its gain - d · its cost.
    """

    __slots__ = ("_costs", "_gains", "_steps")

    def __init__(self, steps: tuple[float, ...]) -> None:
        self._steps = steps
        self._gains = [0.0] * len(steps)
        self._costs = [0.0] * len(steps)

    @classmethod
    def on_worse(cls) -> Bets:
        return cls(_RISES)

    @classmethod
    def on_held(cls) -> Bets:
        return cls(_FALLS)

    def absorb(self, new: Sample, old: Sample, bound: float = 0.0) -> list[float]:
        """The logarithms of what this block multiplied the money by, against this bound."""
        exchanges, events, of_old = new.exchanges, new.events, old.events
        ratio = exchanges / old.exchanges if old.exchanges else 0.0
        bets = _bets(ratio, self._steps)
        gains = [events * log_new + of_old * log_old for _, log_new, log_old in bets]
        costs = [exchanges * step for step, _, _ in bets]
        self._gains = [had + more for had, more in zip(self._gains, gains, strict=True)]
        self._costs = [had + more for had, more in zip(self._costs, costs, strict=True)]
        return [gain - bound * cost for gain, cost in zip(gains, costs, strict=True)]

    def wealth(self, difference: float, times: float = 1.0) -> float:
        """What there is of 1, against this difference, after `times` as much of the same."""
        return self._mean(times * money for money in self._logs(difference))

    def has(self, wanted: float, difference: float, more: float = 0.0) -> bool:
        """Whether there is so much, were there as many `more` events on the new arm."""
        logs = self._logs(difference)
        if more:
            logs = [money + more * log(1 + step) for money, step in zip(logs, self._steps, strict=True)]
        # PERF: the mean reaches what its greatest does; so the usual no costs no exponentials.
        return max(logs) >= log(wanted) and self._mean(logs) >= wanted

    def _logs(self, difference: float) -> list[float]:
        return [gain - difference * cost for gain, cost in zip(self._gains, self._costs, strict=True)]

    def _mean(self, logs: Iterable[float]) -> float:
        return sum(exp(min(each, _HUGE)) for each in logs) / len(self._gains)


class Excess:
    """The test: is p1 - p0 above `bound`? `alpha` is the probability with which "worse" may be wrong, `alpha_held` that
    of "not worse".

    When no block has exchanges of the old arm, it is the test of p1 against the bound.
    """

    __slots__ = ("_begun", "_blocks", "_held", "_worse", "alpha", "alpha_held", "bound", "is_worse")

    def __init__(self, bound: float, alpha: float, alpha_held: float) -> None:
        self.bound = bound
        self.alpha = alpha
        self.alpha_held = alpha_held
        self.is_worse = False
        self._blocks = 0
        self._begun = [0.0] * len(_RISES)  # the money of all bets on "worse" with one r, whenever they began
        self._worse = Bets.on_worse()
        self._held = Bets.on_held()

    def absorb(self, new: Sample, old: Sample, new_at_most: Sample | None = None) -> None:
        """A block. `new_at_most`: for "not worse", where events are known with a margin only. Once it is worse, nothing
        more is taken in.
        """
        if self.is_worse:
            return
        self._blocks += 1
        part = 1 / (self._blocks * (self._blocks + 1) * len(_RISES))
        logs = self._worse.absorb(new, old, self.bound)
        self._begun = [(had + part) * exp(min(each, _HUGE)) for had, each in zip(self._begun, logs, strict=True)]
        self._held.absorb(new_at_most or new, old)
        self.is_worse = sum(self._begun) >= 1 / self.alpha

    def is_held(self, unknown: float = 0.0) -> bool:
        """Also if it happens in all of as many exchanges of the new arm that are not over yet."""
        return not self.is_worse and self._held.has(1 / self.alpha_held, self.bound, unknown)

    def interval(self) -> tuple[float, float]:
        """Where the mean of p1 - p0 over the new arm's exchanges lies, at all looks at once, but for a probability of
        alpha/2 that it is below, and alpha_held that it is above. Half of alpha, since bets from the first block on
        have half of the money: what lies above the bound as a whole is worse. For the lower end, blocks with little of
        the old arm count less.
        """
        low = _crossing(lambda difference: self._worse.has(2 / self.alpha, difference))
        high = -_crossing(lambda difference: self._held.has(1 / self.alpha_held, -difference))
        return low, high

    def times_to_worse(self) -> float | None:
        """How many times what there was it takes until it is worse, if it goes on so; None: that will not come."""
        return _times(self._worse, self.bound, 2 / self.alpha)

    def times_to_held(self) -> float | None:
        return _times(self._held, self.bound, 1 / self.alpha_held)


def _times(bets: Bets, bound: float, wanted: float) -> float | None:
    # The money is convex in the times and begins with 1: once it is enough, it stays so.
    if bets.wealth(bound, _FARTHEST) < wanted:
        return None
    least, most = 0.0, _FARTHEST
    while most - least > 1e-6 * most:
        middle = (least + most) / 2
        least, most = (least, middle) if bets.wealth(bound, middle) >= wanted else (middle, most)
    return most


def _crossing(is_refuted: Callable[[float], bool]) -> float:
    """Up to which difference, from -1 to 1, all are refuted."""
    least, most = -1.0, 1.0
    for _ in range(30):
        middle = (least + most) / 2
        least, most = (middle, most) if is_refuted(middle) else (least, middle)
    return least
