"""What traffic is like, in figures that can be set side by side, and how far apart two of them are."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random
from typing import Final

from replay.model.arrivals import SCALES, counts_of, dispersion_of
from replay.model.hits import POLICIES, capacities_of
from replay.model.model import END
from replay.model.rows import SESSION_GAP, Row, sessions_of

_TOGETHER: Final = 0.1  # seconds
_WINDOWS: Final = 20  # at the least, for the burstiness over them
_PARTS: Final = 20  # of a capture, for how its rate goes up and down
_LOCALITY_AT: Final = 3  # of CAPACITIES

# Numbers of things at which popularity is looked at: ten, and four to an octave.
POINTS: Final = tuple(sorted({10, *(round(2 ** (step / 4)) for step in range(81))}))

Shares = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Traffic:
    """`popular`: the share of requests that the most popular things have together, by how many they are. `local`:
    what LRU has more than it would have if the same requests came in any order. `together`: requests for what another
    client asked for within a tenth of a second. `uneven`: by how much the rate of twentieths varies.
    """

    requests: int
    things: int
    rate: float
    routes: Shares
    kinds: Shares
    popular: Sequence[float]
    gaps: Sequence[float]  # sorted
    dispersion: Mapping[float, float]
    lengths: Sequence[int]
    pauses: Sequence[float]
    steps: Mapping[str, Shares]
    hits: Mapping[str, Sequence[float]]
    local: float
    together: float
    uneven: float


@dataclass(frozen=True, slots=True)
class Extent:
    """Of the capture: what is told of other traffic is told of as much of it. `things`: by which capacities are."""

    requests: int
    seconds: float
    things: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Extent:
        return cls(len(rows), max(rows[-1].time - rows[0].time, 1.0), len({row.item for row in rows}))


def measured(all_rows: Sequence[Row], extent: Extent, dice: Random) -> Traffic:
    """Over time as long as the capture, and of requests as many; `dice` shuffle."""
    seconds = extent.seconds
    times = [at for at in (row.time - all_rows[0].time for row in all_rows) if at <= seconds]
    rows = all_rows[: extent.requests]
    items = [row.item for row in rows]
    sessions = sessions_of(rows, SESSION_GAP)
    capacities = capacities_of(extent.things)
    hits = {name: [ratio(items, capacity) for capacity in capacities] for name, ratio in POLICIES.items()}
    shuffled = dice.sample(items, len(items))
    counts = counts_of(times, seconds, seconds / _PARTS)
    return Traffic(
        requests=len(rows),
        things=len(set(items)),
        rate=len(times) / seconds,
        routes=_shares(Counter(row.route for row in rows)),
        kinds=_shares(Counter(row.kind for row in rows)),
        popular=_popular(items),
        gaps=sorted(after - before for before, after in pairwise(times)),
        dispersion={scale: dispersion_of(times, seconds, scale) for scale in SCALES if scale * _WINDOWS <= seconds},
        lengths=sorted(len(session) for session in sessions),
        pauses=sorted(after.time - before.time for session in sessions for before, after in pairwise(session)),
        steps=_steps(sessions),
        hits=hits,
        local=hits["LRU"][_LOCALITY_AT] - POLICIES["LRU"](shuffled, capacities[_LOCALITY_AT]),
        together=_together(rows),
        uneven=_variation(counts),
    )


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half of what shares differ by in all: what part of the one would have to be something else."""
    return sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in one.keys() | other.keys()) / 2


def kolmogorov(one: Sequence[float], other: Sequence[float]) -> float:
    """The greatest distance of two empirical distributions (Kolmogorov & Smirnov); both sorted."""
    if not one or not other:
        return 0.0 if len(one) == len(other) else 1.0
    points = sorted({*one, *other})
    return max(abs(bisect_right(one, x) / len(one) - bisect_right(other, x) / len(other)) for x in points)


def farthest(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two curves over the same points; the shorter one stays where it ends."""
    most = max(len(one), len(other))
    return max(abs(one[min(at, len(one) - 1)] - other[min(at, len(other) - 1)]) for at in range(most))


def steps_apart(one: Traffic, other: Traffic) -> float:
    """Total variation of what follows a route, weighed by how often the first has the route."""
    return sum(
        share * total_variation(one.steps.get(name, {}), other.steps.get(name, {}))
        for name, share in one.routes.items()
    )


def _popular(items: Sequence[Hashable]) -> list[float]:
    counts = sorted(Counter(items).values(), reverse=True)
    cumulated = list(accumulate(counts))
    return [cumulated[min(point, len(counts)) - 1] / len(items) for point in POINTS]


def _shares(counter: Counter[str]) -> Shares:
    total = counter.total()
    return {name: count / total for name, count in counter.most_common()}


def _steps(sessions: Sequence[Sequence[Row]]) -> Mapping[str, Shares]:
    counted: dict[str, Counter[str]] = {}
    for session in sessions:
        for before, after in zip(session, [*(row.route for row in session[1:]), END], strict=True):
            counted.setdefault(before.route, Counter())[after] += 1
    return {name: _shares(counter) for name, counter in counted.items()}


def _together(rows: Sequence[Row]) -> float:
    last: dict[str, tuple[float, str]] = {}
    number = 0
    for row in rows:
        at, client = last.get(row.item, (-1e9, ""))
        number += row.time - at <= _TOGETHER and client != row.client
        last[row.item] = row.time, row.client
    return number / len(rows)


def _variation(counts: Sequence[int]) -> float:
    mean = sum(counts) / max(len(counts), 1)
    if not mean:
        return 0.0
    return float((sum((count - mean) ** 2 for count in counts) / len(counts)) ** 0.5 / mean)
