"""Which resource is asked for when; and what the edge has before the load begins.

Laws:
- arrivals are a Poisson process: nobody waits for anybody else's answer;
- before the load the edge has what an edge would that began empty and carried this load for so long: each resource was
  asked for last some time ago, exponential with its own rate, and is there if the edge was there by then. Files only as
  far as the disk takes them, those asked for last first: what the least of policies, LRU, would have kept;
- it is brought in by that age, the oldest first.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from loadtests.edge2018.population import Kind, Population


@dataclass(frozen=True, slots=True)
class Schedule:
    """Requests by number: the second, from the beginning, at which each is meant to be sent, and what it is for."""

    due: Sequence[float]
    resources: Sequence[int]


def arrivals(population: Population, seed: int, rate: float, seconds: float) -> Schedule:
    dice = Random(seed)
    gaps = (dice.expovariate(rate) for _ in range(int(rate * seconds * 1.1) + 100))
    due = array("d", (at for at in accumulate(gaps) if at < seconds))
    return Schedule(due, array("L", population.draw(dice, len(due))))


def kept_before(population: Population, seed: int, rate: float, uptime: float, octets: float) -> Sequence[int]:
    """What an edge has after that many seconds of load, if it has room for so many octets of files."""
    dice = Random(seed)
    ages = [(dice.expovariate(share * rate), resource) for resource, share in enumerate(population.shares())]
    kept: list[int] = []
    for age, resource in sorted(ages):
        if age >= uptime:
            break
        if population.kind_of(resource) is Kind.FILE:
            octets -= population.sizes[resource]
            if octets < 0:
                continue
        kept.append(resource)
    return array("L", reversed(kept))
