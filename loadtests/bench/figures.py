"""From rounds to figures: medians, their spread, and ratios of what was measured in the same round.

Laws:
- one result per (case, proxy, round); a result is a figure or the reason why there is none;
- each figure has one cost, in seconds a request or octets a connection: medians and ratios are of costs;
- a ratio pairs the rounds, since what disturbs the machine in a round disturbs both sides of it;
- no ratio from a proxy with a fault in any round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.bench.idle import Growth
from loadtests.bench.load import Load


@dataclass(frozen=True, slots=True)
class Worked:
    """CPU time under load. `fault` says why the figures must not be compared."""

    cpu_seconds: float
    load: Load
    fault: str | None

    @property
    def is_counted(self) -> bool:
        return self.load.requests > 0

    @property
    def cost(self) -> float:
        """Seconds per request."""
        return self.cpu_seconds / self.load.requests

    @property
    def busy(self) -> float:
        """The share of one core that was used."""
        return self.cpu_seconds / self.load.seconds


@dataclass(frozen=True, slots=True)
class Held:
    """Memory of idle connections."""

    growth: Growth

    @property
    def fault(self) -> str | None:
        return self.growth.fault

    @property
    def is_counted(self) -> bool:
        return self.growth.connections > 0

    @property
    def cost(self) -> float:
        """Octets per connection."""
        return self.growth.grown / self.growth.connections


@dataclass(frozen=True, slots=True)
class Failed:
    fault: str


Measured = Worked | Held
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
class LoadFigures:
    rate: float
    p50: float
    p99: float
    busy: float
    errors: int  # of all rounds


@dataclass(frozen=True, slots=True)
class IdleFigures:
    connections: int
    resident: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians over rounds of one proxy on one case."""

    proxy: str
    cost: Spread
    figures: LoadFigures | IdleFigures
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
    counted = [result for result in results if not isinstance(result, Failed) and result.is_counted]
    if not counted:
        return Unmeasured(proxy, fault_among(results) or "no round was measured")
    return Summary(proxy, spread_of([one.cost for one in counted]), _figures_of(counted), fault_among(results))


def _figures_of(counted: Sequence[Measured]) -> LoadFigures | IdleFigures:
    worked = [one for one in counted if isinstance(one, Worked)]
    if worked:
        return LoadFigures(
            rate=median(one.load.rate for one in worked),
            p50=median(one.load.p50 for one in worked),
            p99=median(one.load.p99 for one in worked),
            busy=median(one.busy for one in worked),
            errors=sum(one.load.errors + one.load.refused for one in worked),
        )
    held = [one.growth for one in counted if isinstance(one, Held)]
    return IdleFigures(held[0].connections, median(growth.resident for growth in held))


def ratio_of(of: tuple[str, Sequence[Result]], to: tuple[str, Sequence[Result]]) -> Ratio | NoRatio:
    """The cost of one to that of another, round by round."""
    for name, results in (of, to):
        if fault_among(results) is not None:
            return NoRatio(of[0], to[0], f"{name} had a fault")
    rounds = [
        ours.cost / theirs.cost
        for ours, theirs in zip(of[1], to[1], strict=True)
        if not isinstance(ours, Failed) and not isinstance(theirs, Failed) and theirs.cost > 0
    ]
    if not rounds:
        return NoRatio(of[0], to[0], f"{to[0]} cost too little to be counted")
    return Ratio(of[0], to[0], spread_of(rounds))


def order_of(names: Sequence[str], number: int) -> tuple[str, ...]:
    """The order in a round, rotated so that nobody is always first."""
    start = number % len(names) if names else 0
    return (*names[start:], *names[:start])
