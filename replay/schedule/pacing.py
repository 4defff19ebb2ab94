"""When each request is due: as it was recorded, faster or slower; at a fixed rate; or at random.

Laws of this module:
- what comes out is in order of time, and those of one lane are in the order in which they came in;
- each round of a loop is a run of its own, with lanes of its own: nobody's connection goes on from its end to its
  beginning;
- chance comes from a seed: the same one makes the same schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from random import Random
from typing import assert_never

from replay.planned import Planned


@dataclass(frozen=True, slots=True)
class AsRecorded:
    """`speed`: 2 is in half of the time."""

    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Fixed:
    """So many a second, one as far from the next as all others."""

    rate: float


@dataclass(frozen=True, slots=True)
class Poisson:
    """So many a second in the long run, each without regard to the others, as many independent clients come."""

    rate: float
    seed: int = 0


Pace = AsRecorded | Fixed | Poisson


def schedule(
    recorded: Callable[[], Iterable[Planned]], pace: Pace, *, loops: int = 1, longest: float | None = None
) -> Iterator[Planned]:
    """`recorded` gives the same requests each time, in the order of their recorded times (`at`). `loops` 0: without an
    end. `longest`: seconds after which nothing more is due.
    """
    match pace:
        case AsRecorded(speed=speed):
            played = _as_recorded(recorded, speed, loops)
        case Fixed(rate=rate):
            played = _timed(recorded, (number / rate for number in count()), loops)
        case Poisson(rate=rate, seed=seed):
            played = _timed(recorded, arrivals(rate, Random(seed)), loops)
        case _:
            assert_never(pace)
    return played if longest is None else takewhile(lambda each: each.at < longest, played)


def arrivals(rate: float, dice: Random) -> Iterator[float]:
    at = 0.0
    while True:
        at += dice.expovariate(rate)
        yield at


def _as_recorded(recorded: Callable[[], Iterable[Planned]], speed: float, loops: int) -> Iterator[Planned]:
    begin = 0.0
    for round_ in _rounds(loops):
        first, last, number = None, 0.0, 0
        for each in recorded():
            if first is None:
                first = each.at
            last, number = (each.at - first) / speed, number + 1
            yield due(each, begin + last, round_)
        if first is None:
            return
        # As far as all are from one to the next; where all are of one moment, a second, or there would be no end to it.
        begin += last + (last / (number - 1) if last else 1 / speed)


def _timed(recorded: Callable[[], Iterable[Planned]], times: Iterator[float], loops: int) -> Iterator[Planned]:
    for round_ in _rounds(loops):
        is_empty = True
        for each in recorded():
            is_empty = False
            yield due(each, next(times), round_)
        if is_empty:
            return


def _rounds(loops: int) -> Iterable[int]:
    return range(loops) if loops else count()


def due(each: Planned, at: float, round_: int = 0) -> Planned:
    """PERF: dataclasses.replace takes three times as long."""
    lane = f"{each.lane}/{round_}" if round_ and each.lane else each.lane
    return Planned(at, lane, each.method, each.url, each.headers, each.body, each.label, each.recorded)
