"""When sessions begin: a Poisson process that changes between a busy and a quiet state (MMPP with two states).

The fit is by moments (Heffes & Lucantoni 1986; Fischer & Meier-Hellstern 1993): the rate; the index of dispersion of
counts (variance by mean, 1 for Poisson) over windows of many lengths, which says how much the rate changes and how
fast it is forgotten; and the skewness of counts, which says how rare the busy state is. What is fitted are sessions,
not requests: the rest of the burstiness is within them.

A process with two states knows one time scale. Traffic that is bursty on all of them, or has days and nights, is not
like it beyond; `dispersion` has what was seen beside what is fitted, so it can be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from typing import Final

SCALES: Final = (1.0, 10.0, 60.0)  # seconds, of windows
_LEAST_WINDOWS: Final = 20
_POISSON: Final = 0.1  # an excess of dispersion below this, at the longest scale, is none
_RAREST: Final = 0.01  # of the time that is busy


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Index of dispersion of counts over windows of so many seconds: seen, and by the fit."""

    seconds: float
    seen: float
    fitted: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Sessions a second while it is busy and while it is quiet, and how long, on average, it stays so (seconds)."""

    busy_rate: float
    quiet_rate: float
    busy_for: float
    quiet_for: float
    dispersion: tuple[Dispersion, ...] = ()

    @property
    def rate(self) -> float:
        busy = self.busy_for / (self.busy_for + self.quiet_for)
        return busy * self.busy_rate + (1 - busy) * self.quiet_rate

    def draw(self, dice: Random) -> Iterator[float]:
        """Without end, from a moment like any other."""
        now, is_busy = 0.0, dice.random() * (self.busy_for + self.quiet_for) < self.busy_for
        while True:
            end = now + dice.expovariate(1 / (self.busy_for if is_busy else self.quiet_for))
            rate = self.busy_rate if is_busy else self.quiet_rate
            at = now
            while rate > 0 and (at := at + dice.expovariate(rate)) < end:
                yield at
            now, is_busy = end, not is_busy

    def scaled(self, rate: float, speed: float) -> Arrivals:
        """So many times the sessions, in the same bursts; all of it so many times as fast."""
        more = rate * speed
        return Arrivals(self.busy_rate * more, self.quiet_rate * more, self.busy_for / speed, self.quiet_for / speed)


def fit(starts: Sequence[float], seconds: float) -> Arrivals:
    """`starts`: of sessions, sorted, from the beginning of the capture, which is so long."""
    rate = len(starts) / seconds
    scales = list(_scales(seconds))
    seen = [(scale, dispersion_of(starts, seconds, scale)) for scale in scales]
    excess, forgets = _excess(seen, seconds)
    at_last = excess * _reached(forgets * scales[-1]) if scales else 0.0
    if at_last < _POISSON:
        fitted = Arrivals(rate, rate, 1.0, 1.0)
    else:
        variance = excess * forgets * rate / 2  # of the rate
        fitted = _of_moments(rate, variance, forgets, _skewness(starts, seconds, rate, variance, forgets))
    shown = tuple(Dispersion(scale, idc, _by(fitted, scale)) for scale, idc in seen if scale in SCALES)
    return Arrivals(fitted.busy_rate, fitted.quiet_rate, fitted.busy_for, fitted.quiet_for, shown)


def dispersion_of(times: Sequence[float], seconds: float, scale: float) -> float:
    """Variance of counts by their mean, over windows that lie side by side."""
    windows, counts = _counted(times, seconds, scale)
    mean = counts.total() / max(windows, 1)
    if windows < 2 or not mean:
        return 1.0
    return _apart(windows, counts, mean, 2) / (windows - 1) / mean


def counts_of(times: Sequence[float], seconds: float, scale: float) -> list[int]:
    """Of each window: there are few."""
    windows, counts = _counted(times, seconds, scale)
    return [counts[window] for window in range(windows)]


def _counted(times: Sequence[float], seconds: float, scale: float) -> tuple[int, Counter[int]]:
    """How many windows there are, and counts of those that have any: one time that is wrong by years makes billions."""
    windows = int(seconds / scale)
    return windows, Counter(min(int(at / scale), windows - 1) for at in times if at < windows * scale)


def _apart(windows: int, counts: Counter[int], mean: float, power: int) -> float:
    """The sum of what all counts are away from the mean, to that power."""
    return sum((count - mean) ** power for count in counts.values()) + (windows - len(counts)) * (-mean) ** power


def _scales(seconds: float) -> Iterator[float]:
    wanted = sorted({0.1 * 10 ** (step / 4) for step in range(24)} | set(SCALES))
    return (scale for scale in wanted if scale * _LEAST_WINDOWS <= seconds)


def _reached(x: float) -> float:
    """What part of the excess shows in a window of so many times as the state is remembered for."""
    return 1 - (1 - exp(-x)) / x if x > 1e-6 else x / 2


def _by(arrivals: Arrivals, scale: float) -> float:
    """The index of dispersion that the process has."""
    forgets = 1 / arrivals.busy_for + 1 / arrivals.quiet_for
    busy = arrivals.busy_for / (arrivals.busy_for + arrivals.quiet_for)
    variance = busy * (1 - busy) * (arrivals.busy_rate - arrivals.quiet_rate) ** 2
    return 1 + 2 * variance / (arrivals.rate * forgets) * _reached(forgets * scale)


def _excess(seen: Sequence[tuple[float, float]], seconds: float) -> tuple[float, float]:
    """What the index comes to beyond 1, and how fast states are forgotten: least squares, by how well each is known."""
    best = (float("inf"), 0.0, 1.0)
    for step in range(-12, 13):
        forgets = 10 ** (step / 6)
        terms = [(seconds / scale / max(idc, 0.1) ** 2, _reached(forgets * scale), idc - 1) for scale, idc in seen]
        known = sum(weight * part**2 for weight, part, _ in terms)
        excess = sum(weight * part * found for weight, part, found in terms) / known if known else 0.0
        miss = sum(weight * (found - max(excess, 0.0) * part) ** 2 for weight, part, found in terms)
        best = min(best, (miss, max(excess, 0.0), forgets))
    return best[1], best[2]


def _skewness(starts: Sequence[float], seconds: float, rate: float, variance: float, forgets: float) -> float:
    """Of the rate, by the third factorial cumulant of counts in windows that are short beside a state."""
    scale = max(0.3 / forgets, min(2 / rate, 1 / forgets))
    windows, counts = _counted(starts, seconds, scale)
    if windows < _LEAST_WINDOWS:
        return 0.0
    mean = counts.total() / windows
    second, third = (_apart(windows, counts, mean, power) / windows for power in (2, 3))
    cumulant = third - 3 * second + 2 * mean
    return float(cumulant / scale**3 / max(variance, 1e-12) ** 1.5)


def _of_moments(rate: float, variance: float, forgets: float, skewness: float) -> Arrivals:
    busy = (1 - skewness / sqrt(4 + skewness**2)) / 2
    most = rate**2 / (rate**2 + variance)  # more would make the quiet rate negative
    busy = min(max(busy, _RAREST), most)
    apart = sqrt(variance / (busy * (1 - busy)))
    quiet = max(rate - busy * apart, 0.0)
    return Arrivals(quiet + apart, quiet, 1 / (forgets * (1 - busy)), 1 / (forgets * busy))
