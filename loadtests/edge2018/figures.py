"""From what was seen to figures.

Laws:
- only requests that were meant for the measured time count, whenever they were answered;
- a latency is from the time a request was meant for to the last octet of its answer;
- a request that was not answered as it should be is a failure, and never left out of a share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Final

from loadtests.edge2018.population import Kind, Population
from loadtests.edge2018.run import CpuUse, Filled, Run
from loadtests.edge2018.schedule import Schedule

RATE_2018: Final = 2_623.0  # 6.8 thousand million a month (facts/pypi.md §6)
GBIT_2018: Final = 4.6  # 1.5 PB a month
LEAST_SHARE: Final = 0.989
MOST_AT_BACKEND: Final = 30.0
_HIT: Final = "hit"  # how Cache-Status begins for what the edge had (RFC 9211 §2.1)


@dataclass(frozen=True, slots=True)
class Latencies:
    """In seconds."""

    requests: int
    p50: float
    p99: float
    p999: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run: requests meant for it, those that reached the backend in it, the p99 of the former."""

    meant: int
    reached: int
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    seconds: float
    meant: int
    answered: int
    reached: int
    octets: int  # of content
    latencies: Mapping[str, Latencies]
    late: Latencies  # from meant to sent: what the load maker added itself
    said: Mapping[str, int]  # of Cache-Status
    faults: Mapping[str, int]
    connections: int
    cpu: CpuUse
    filled: Filled
    series: Sequence[Second]
    told: Sequence[str]  # by the edge, of trouble

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def share(self) -> float:
        """Answered by the edge itself."""
        return 1 - self.reached / self.meant

    @property
    def at_backend(self) -> float:
        return self.reached / self.seconds

    @property
    def gbit(self) -> float:
        return self.octets * 8 / self.seconds / 1e9


def latencies_of(values: Iterable[float]) -> Latencies:
    ordered = sorted(values)
    if not ordered:
        return Latencies(0, nan, nan, nan, nan)
    p50, p99, p999 = (_at(ordered, share) for share in (0.5, 0.99, 0.999))
    return Latencies(len(ordered), p50, p99, p999, ordered[-1])


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def figures_of(run: Run, schedule: Schedule, asked_for: Population, settle: float, seconds: float) -> Figures:
    seen, due = run.seen, schedule.due
    measured = [number for number in range(len(due)) if due[number] >= settle]
    answered = [number for number in measured if seen.ended[number] >= 0]
    reached = [at for at in run.reached if settle <= at < seconds]
    return Figures(
        seconds=seconds - settle,
        meant=len(measured),
        answered=len(answered),
        reached=len(reached),
        octets=sum(asked_for.sizes[schedule.resources[number]] for number in answered),
        latencies=dict(_rows(run, schedule, asked_for, answered)),
        late=latencies_of(seen.sent[number] - due[number] for number in measured if seen.sent[number] >= 0),
        said=dict(Counter(seen.words[seen.said[number]] for number in answered)),
        faults=dict(Counter(fault for number, fault in seen.faults if number < 0 or due[number] >= settle)),
        connections=seen.connections,
        cpu=run.cpu,
        filled=run.filled,
        series=tuple(_series(run, schedule, reached, measured, settle, seconds)),
        told=run.told,
    )


def _rows(
    run: Run, schedule: Schedule, asked_for: Population, answered: Sequence[int]
) -> Iterator[tuple[str, Latencies]]:
    seen, due = run.seen, schedule.due
    took = {number: seen.ended[number] - due[number] for number in answered}
    hits = {index for index, word in enumerate(seen.words) if word.startswith(_HIT)}
    kinds = {number: asked_for.kind_of(schedule.resources[number]) for number in answered}
    yield "all", latencies_of(took.values())
    yield "hits", latencies_of(took[number] for number in answered if seen.said[number] in hits)
    yield "the rest", latencies_of(took[number] for number in answered if seen.said[number] not in hits)
    for kind in Kind:
        yield kind.value, latencies_of(took[number] for number in answered if kinds[number] is kind)


def _series(
    run: Run, schedule: Schedule, reached: Sequence[float], measured: Sequence[int], settle: float, seconds: float
) -> Iterator[Second]:
    at_backend = Counter(int(at - settle) for at in reached)
    took: defaultdict[int, list[float]] = defaultdict(list)
    for number in measured:
        due, ended = schedule.due[number], run.seen.ended[number]
        took[int(due - settle)].append(ended - due if ended >= 0 else inf)
    for second in range(int(seconds - settle)):
        yield Second(len(took[second]), at_backend[second], latencies_of(took[second]).p99)


def verdicts_of(figures: Figures, rate: float) -> Iterator[str]:
    """What was not held."""
    if figures.rate < 0.99 * rate:
        yield f"only {figures.rate:,.0f} of {rate:,.0f} requests/s were answered"
    if figures.share < LEAST_SHARE:
        yield f"the edge answered {figures.share:.2%}, and should at least {LEAST_SHARE:.1%}"
    if figures.at_backend > MOST_AT_BACKEND:
        yield f"{figures.at_backend:.1f} requests/s reached the backend, and {MOST_AT_BACKEND:.0f} should at most"
    if figures.answered < figures.meant:
        yield f"{figures.meant - figures.answered} requests were not answered as they should be"
    if figures.told:
        yield f"the edge told of trouble in {len(figures.told)} lines, first: {figures.told[0]}"
