"""Who arrives when: numbers, times and kinds of clients, the same on every worker.

Laws of this module:
- it depends on the profile alone: chance comes from its seed, so workers agree without telling each other;
- even arrivals of a rate are exactly as many as it says; a rate that changes moves them, and loses none.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import accumulate, count
from math import sqrt
from random import Random
from typing import Final, NamedTuple

from loadtests.users.kinds import Client
from loadtests.users.profiles import Profile, Spacing, Stage, Stream

_ROUNDING: Final = 1e-9


class Arrival(NamedTuple):
    """`at`: seconds since the beginning of the run. `number`: among all of the profile's. `is_warm`: it has kept
    something.
    """

    at: float
    number: int
    client: Client
    is_warm: bool


def arrivals(profile: Profile) -> Iterator[Arrival]:
    """In order of time."""
    streams = [_of_stream(profile, index, stream) for index, stream in enumerate(profile.streams)]
    for number, (at, _, client, is_warm) in enumerate(heapq.merge(*streams)):
        yield Arrival(at, number, client, is_warm)


def dice_of(profile: Profile, number: int) -> Random:
    """Of one client."""
    return Random(f"{profile.seed}/{number}")


def _of_stream(profile: Profile, index: int, stream: Stream) -> Iterator[tuple[float, int, Client, bool]]:
    dice = Random(f"{profile.seed}/{stream.name}/{index}")
    clients, shares = tuple(stream.clients), list(accumulate(stream.clients.values()))
    for at in _times(stream.stages, profile.factor, _marks(profile.spacing, dice)):
        client = dice.choices(clients, cum_weights=shares)[0]
        yield stream.after + at, index, client, dice.random() < stream.warm


def _marks(spacing: Spacing, dice: Random) -> Iterator[float]:
    """When they would come at one a second."""
    if spacing is Spacing.EVEN:
        return map(float, count())
    return accumulate(dice.expovariate(1.0) for _ in count())


def _times(stages: tuple[Stage, ...], factor: float, marks: Iterator[float]) -> Iterator[float]:
    """Marks, moved so that they are as dense as the rates say: by the inverse of how many were to come until then."""
    mark, begin, before = next(marks), 0.0, 0.0
    for stage in stages:
        after = before + stage.arrivals * factor
        while mark < after - _ROUNDING:
            yield begin + _within(stage, factor, mark - before)
            mark = next(marks)
        begin, before = begin + stage.seconds, after


def _within(stage: Stage, factor: float, arrived: float) -> float:
    """When, in a stage, so many have come: the root of begins·t + (ends - begins)·t²/2·seconds = arrived."""
    arrived = max(arrived, 0.0) / factor
    steepness = (stage.ends - stage.begins) / (2 * stage.seconds)
    root = sqrt(max(stage.begins**2 + 4 * steepness * arrived, 0.0))
    return min(2 * arrived / (stage.begins + root), stage.seconds) if arrived else 0.0
