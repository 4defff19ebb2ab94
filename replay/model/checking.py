"""How far a model's traffic is like a capture: each figure beside the capture's, how far apart they are, and whether
that is much.

Two look-alikes of the same model differ, too. So each distance stands beside that from the farthest of three others
(`noise`), and what is within half as much again is like. Where traffic is not like the capture, it is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from random import Random
from typing import Final

from edgeproxy.capture.record import Captured
from edgeproxy.migration.comparing.families import OTHER
from replay.model.fitting import CannotFit, rows_of
from replay.model.hits import POLICIES
from replay.model.measuring import POINTS, Extent, Traffic, farthest, kolmogorov, measured, steps_apart, total_variation
from replay.model.model import Model
from replay.model.rows import Full
from replay.model.virtual import rows_of as rows_of_model

_OTHERS: Final = 3  # look-alikes with which the first one is compared
_NOISE: Final = 1.5  # so many times the distance of the one that is farthest is none

# What no model of this kind has, whatever is measured.
NOT_IN_IT: Final = (
    "days and nights, and whatever else changes over the time of the capture: a look-alike is the same at any time",
    "what clients do because of each other or of the same event: a release that all fetch, a retry when answers fail",
    "what becomes popular or old: popularity is one law for all the time, and who is popular is drawn by names' order",
    "dependences between projects: what a session asks for is drawn project by project",
    "what becomes of answers: no redirect is followed, no failed request is repeated, no range goes on",
    "sizes by project: only a route's sizes are known, and the target has its own",
)


@dataclass(frozen=True, slots=True)
class Measure:
    """`distance`, of the kind `by`, at most `bound` or half as much again as `noise`: like."""

    name: str
    by: str
    seen: str
    made: str
    distance: float
    noise: float
    bound: float

    @property
    def is_like(self) -> bool:
        return self.distance <= max(self.bound, _NOISE * self.noise)


@dataclass(frozen=True, slots=True)
class Check:
    model: Model
    seen: Traffic
    made: Traffic
    measures: tuple[Measure, ...]
    left_out: Mapping[str, int]

    @property
    def unlike(self) -> list[Measure]:
        return [each for each in self.measures if not each.is_like]


def check(model: Model, records: Iterable[Captured], dice: Random) -> Check:
    """Raises CannotFit when there is nothing to compare with."""
    left: Counter[str] = Counter()
    rows = _known(rows_of(records, left), model, left)
    if not rows:
        raise CannotFit("there is no request of the model's routes that it could be compared with")
    extent = Extent.of(rows)
    seen = measured(rows, extent, dice)
    drawn = (rows_of_model(model, extent.requests, extent.seconds, dice) for _ in range(1 + _OTHERS))
    made, *others = [measured(each, extent, dice) for each in drawn]
    return Check(model, seen, made, tuple(_measures(seen, made, others)), dict(left))


def _known(rows: Sequence[Full], model: Model, left: Counter[str]) -> list[Full]:
    """Those of which the model has anything to say."""
    routes = {route.name for route in model.routes}
    kinds = {client.kind for client in model.clients}
    kept = [row for row in rows if row.route in routes]
    if len(kept) < len(rows):
        left["not in it"] = len(rows) - len(kept)
    for row in kept:
        if row.kind not in kinds:
            row.kind = OTHER
    return kept


def _measures(seen: Traffic, made: Traffic, others: Sequence[Traffic]) -> Iterator[Measure]:
    for each in (*_COMPARED, *map(_burstiness, seen.dispersion)):
        apart, noise = each.apart(seen, made), max(each.apart(made, other) for other in others)
        yield Measure(each.name, each.by, each.said(seen), each.said(made), apart, noise, each.bound)


@dataclass(frozen=True, slots=True)
class _Compared:
    name: str
    by: str
    bound: float
    said: Callable[[Traffic], str]
    apart: Callable[[Traffic, Traffic], float]


def _burstiness(scale: float) -> _Compared:
    """The index of dispersion of requests, not of sessions alone."""
    return _Compared(
        f"burstiness over {scale:g} s",
        _FACTOR,
        log(1.5),
        lambda one: f"{one.dispersion.get(scale, 1.0):.3g}",
        lambda one, other: _factor(one.dispersion.get(scale, 1.0), other.dispersion.get(scale, 1.0)),
    )


def _factor(one: float, other: float) -> float:
    return abs(log(max(one, 1e-9) / max(other, 1e-9)))


def _median(values: Sequence[float]) -> float:
    return values[len(values) // 2] if values else 0.0


def _most(shares: Mapping[str, float]) -> str:
    name, share = next(iter(shares.items()), ("nothing", 0.0))
    return f"{len(shares)}, most: {name} {share:.0%}"


def _percents(values: Sequence[float]) -> str:
    return " ".join(f"{100 * value:.0f}" for value in values) + " %"


_SHARE: Final = "total variation"
_KS: Final = "Kolmogorov-Smirnov"
_APART: Final = "greatest distance"
_FACTOR: Final = "log of the factor"
_COMPARED: Final = (
    _Compared("routes", _SHARE, 0.05, lambda one: _most(one.routes), lambda a, b: total_variation(a.routes, b.routes)),
    _Compared("clients", _SHARE, 0.05, lambda one: _most(one.kinds), lambda a, b: total_variation(a.kinds, b.kinds)),
    _Compared("what follows what", _SHARE, 0.05, lambda one: f"{len(one.steps)} routes", steps_apart),
    _Compared(
        "requests of a session",
        _KS,
        0.1,
        lambda one: f"median {_median(one.lengths):g}, mean {sum(one.lengths) / len(one.lengths):.1f}",
        lambda one, other: kolmogorov(one.lengths, other.lengths),
    ),
    _Compared(
        "pauses in a session",
        _KS,
        0.1,
        lambda one: f"median {_median(one.pauses):.3g} s",
        lambda one, other: kolmogorov(one.pauses, other.pauses),
    ),
    _Compared("requests a second", _FACTOR, 0.1, lambda one: f"{one.rate:.3g}", lambda a, b: _factor(a.rate, b.rate)),
    _Compared(
        "between requests",
        _KS,
        0.1,
        lambda one: f"median {_median(one.gaps):.3g} s",
        lambda one, other: kolmogorov(one.gaps, other.gaps),
    ),
    _Compared(
        "rate over time", _APART, 0.1, lambda one: f"varies by {one.uneven:.0%}", lambda a, b: abs(a.uneven - b.uneven)
    ),
    _Compared("things", _FACTOR, 0.1, lambda one: f"{one.things:,}", lambda a, b: _factor(a.things, b.things)),
    _Compared(
        "popularity",
        _APART,
        0.05,
        lambda one: f"the first 10 have {one.popular[POINTS.index(10)]:.0%}",
        lambda one, other: farthest(one.popular, other.popular),
    ),
    *(
        _Compared(
            f"hits of {policy}",
            _APART,
            0.03,
            lambda one, policy=policy: _percents(one.hits[policy]),  # type: ignore[misc]
            lambda one, other, policy=policy: farthest(one.hits[policy], other.hits[policy]),  # type: ignore[misc]
        )
        for policy in POLICIES
    ),
    _Compared(
        "hits by order",
        _APART,
        0.02,
        lambda one: f"{100 * one.local:.1f} % more than shuffled",
        lambda one, other: abs(one.local - other.local),
    ),
    _Compared(
        "asked at once",
        _APART,
        0.02,
        lambda one: f"{one.together:.1%} after another's by 0.1 s",
        lambda one, other: abs(one.together - other.together),
    ),
)
