"""What load is: streams of clients that arrive at rates, and what happens to the edge meanwhile.

Law: rates are of arrivals, each a client that goes its way through the index; nobody waits for anybody to be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from loadtests.users.kinds import Client


class Spacing(StrEnum):
    EVEN = "even"  # each as far from the next as the rate says
    POISSON = "poisson"  # as many clients who know nothing of each other come


class Purged(StrEnum):
    PROJECTS = "projects"  # one after the other, the index page and the JSON of each
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Stage:
    """So long, from one rate (arrivals a second) evenly to the other."""

    seconds: float
    begins: float
    ends: float

    @property
    def arrivals(self) -> float:
        return self.seconds * (self.begins + self.ends) / 2


@dataclass(frozen=True, slots=True)
class Stream:
    """`clients`: shares of arrivals, of whatever sum; `warm`: the share of them that have kept what those before them
    were answered. It begins `after` so many seconds.
    """

    name: str
    clients: Mapping[Client, float]
    stages: tuple[Stage, ...]
    after: float = 0.0
    warm: float = 0.0

    @property
    def seconds(self) -> float:
        return self.after + sum(stage.seconds for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Purge:
    """Every so often, so many projects at a time, from `after` on for `lasts` seconds. `is_hard`: it is gone, not
    stale.
    """

    what: Purged
    after: float
    lasts: float
    every: float
    each: int
    is_hard: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """`factor`: by which all rates are multiplied; `users`: so many clients are under way at once, at most, on all
    workers; `patience`: seconds that an arrival waits for one of them; `projects`: the most popular first; those of the
    index that are not named come behind.
    """

    name: str
    about: str
    source: str
    streams: tuple[Stream, ...]
    purges: tuple[Purge, ...] = ()
    users: int = 100
    patience: float = 10.0
    spacing: Spacing = Spacing.EVEN
    factor: float = 1.0
    seed: int = 0
    projects: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return max(stream.seconds for stream in self.streams)


def constant(rate: float, seconds: float, clients: Mapping[Client, float], users: int) -> Profile:
    """A fixed rate of arrivals."""
    stream = Stream("everybody", clients, (Stage(seconds, rate, rate),), warm=0.5)
    return Profile("constant", f"{rate:g} arrivals a second", "", (stream,), users=users)
