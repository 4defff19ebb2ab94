"""From rounds to figures: medians, their spread, and ratios of what was measured in the same round.

Laws:
- one result per (case, proxy, round); a result is a figure or the reason why there is none;
- a ratio pairs the rounds, since what disturbs the machine in a round disturbs both sides of it;
- no ratio from a proxy with a fault in any round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.bench.load import Load


@dataclass(frozen=True, slots=True)
class Measured:
    """`fault` says why the figures must not be compared."""

    cpu_seconds: float
    load: Load
    fault: str | None

    @property
    def cpu_per_request(self) -> float:
        return self.cpu_seconds / self.load.requests

    @property
    def busy(self) -> float:
        """The share of one core that was used."""
        return self.cpu_seconds / self.load.seconds


@dataclass(frozen=True, slots=True)
class Failed:
    fault: str


Result = Measured | Failed


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with the least and the greatest of its values."""

    middle: float
    least: float
    greatest: float


def spread_of(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians over rounds of one proxy on one case."""

    proxy: str
    cpu: Spread  # seconds per request
    rate: float
    p50: float
    p99: float
    busy: float
    errors: int  # of all rounds
    fault: str | None  # the first one


@dataclass(frozen=True, slots=True)
class Unmeasured:
    proxy: str
    fault: str


@dataclass(frozen=True, slots=True)
class Ratio:
    of: str
    to: str
    value: Spread


@dataclass(frozen=True, slots=True)
class NoRatio:
    of: str
    to: str
    fault: str


def fault_among(results: Sequence[Result]) -> str | None:
    return next((result.fault for result in results if result.fault is not None), None)


def summarise(proxy: str, results: Sequence[Result]) -> Summary | Unmeasured:
    measured = [result for result in results if isinstance(result, Measured) and result.load.requests]
    if not measured:
        return Unmeasured(proxy, fault_among(results) or "no round was measured")

    def middle(value: Callable[[Measured], float]) -> float:
        return median(map(value, measured))

    return Summary(
        proxy=proxy,
        cpu=spread_of([one.cpu_per_request for one in measured]),
        rate=middle(lambda one: one.load.rate),
        p50=middle(lambda one: one.load.p50),
        p99=middle(lambda one: one.load.p99),
        busy=middle(lambda one: one.busy),
        errors=sum(one.load.errors + one.load.refused for one in measured),
        fault=fault_among(results),
    )


def ratio_of(of: tuple[str, Sequence[Result]], to: tuple[str, Sequence[Result]]) -> Ratio | NoRatio:
    """CPU time per request of one proxy to that of another, round by round."""
    for name, results in (of, to):
        if fault_among(results) is not None:
            return NoRatio(of[0], to[0], f"{name} had a fault")
    rounds = [
        ours.cpu_per_request / theirs.cpu_per_request
        for ours, theirs in zip(of[1], to[1], strict=True)
        if isinstance(ours, Measured) and isinstance(theirs, Measured) and theirs.cpu_seconds > 0
    ]
    if not rounds:
        return NoRatio(of[0], to[0], "no CPU time was counted: measure for longer")
    return Ratio(of[0], to[0], spread_of(rounds))


def order_of(names: Sequence[str], number: int) -> tuple[str, ...]:
    """The order in a round, rotated so that nobody is always first."""
    start = number % len(names) if names else 0
    return (*names[start:], *names[:start])
