"""The model of traffic: what a model file says, as values.

Law: there is nothing in it but what is declared here: shares, quantiles, exponents, and of texts only routes, header
values and forms of user agents that enough clients share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from replay.model.agents import Agent
from replay.model.arrivals import Arrivals
from replay.model.headers import HeaderSet
from replay.model.popularity import PowerLaw
from replay.model.quantiles import Quantiles

VERSION: Final = 1
END: Final = "end"


class Relation(StrEnum):
    """What a request has to do with those before it in its session."""

    LAST = "last"  # it is for the project that was asked for last
    EARLIER = "earlier"  # for another one of this session's, that was not asked for on this route
    AGAIN = "again"  # for another one of this session's, that was
    NEW = "new"  # for one that it has not asked for
    NONE = "none"  # there is only one thing on its route


@dataclass(frozen=True, slots=True)
class Step:
    """The next request of a session."""

    to: str  # a route's name, or END
    of: Relation
    share: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """`values`: those that are shared; what is left of 1 is words, such as a search has."""

    name: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Route:
    """`repeat`: of two requests for files of one project, so many are for the same file; `files`: of a project, from
    which is chosen. `sizes`: octets of answers.
    """

    name: str
    label: str
    method: str
    scheme: str
    host: str
    path: str
    share: float
    query: tuple[Parameter, ...] = ()
    call: str | None = None
    popularity: PowerLaw | None = None
    seen: int = 0  # things that were asked for; the law says how many there are
    repeat: float | None = None
    files: int | None = None
    sizes: Quantiles | None = None
    statuses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walk:
    """Sessions of so many requests, from `least` to `most`: where they begin, and what follows what. `done`: what
    follows when everything that the session has asked for was asked for on that route, too, as when all is downloaded.
    """

    share: float
    least: int
    most: int
    first: Mapping[str, float]
    next: Mapping[str, tuple[Step, ...]]
    done: Mapping[str, tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class Client:
    """One kind. By name of route: `pauses` (seconds before a request; `*` for the others), `headers`, `conditional`,
    and `popularity`, where that is not the route's own.
    """

    kind: str
    share: float  # of sessions
    walks: tuple[Walk, ...]
    pauses: Mapping[str, Quantiles]
    agents: tuple[Agent, ...]
    headers: Mapping[str, tuple[HeaderSet, ...]]
    conditional: Mapping[str, float]
    popularity: Mapping[str, PowerLaw]
    sticks: float  # of requests for a file of a project of which the session has asked for one, that ask for the same
    reuse: float  # of requests to a host that the session has a connection to, that go over it


@dataclass(frozen=True, slots=True)
class About:
    """What it was fitted to. `shared_by`: clients that share whatever is in here. `left_out`: requests that are not
    in it.
    """

    requests: int
    sessions: int
    seconds: float
    clients: int
    shared_by: int
    session_gap: float
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Model:
    look_alike: int
    about: About
    arrivals: Arrivals
    routes: tuple[Route, ...]
    clients: tuple[Client, ...]

    @property
    def rate(self) -> float:
        """Requests a second, as they were seen."""
        return self.arrivals.rate * self.about.requests / self.about.sessions
