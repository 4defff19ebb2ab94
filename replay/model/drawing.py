"""Traffic drawn from a model: sessions that begin as arrivals say, each a walk over routes. What the things are
called does not matter here: they are ranks.

Laws of this module:
- it goes on without end, in order of time, and holds no more than the sessions that are under way;
- the same dice give the same traffic;
- a session is coherent: a file is one of the project that it has asked for, its metadata is that file's.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Final, Protocol

from replay.model.arrivals import Arrivals
from replay.model.asked import beside_of, project_place
from replay.model.filechoice import file_table
from replay.model.model import Client, Model, Route
from replay.model.popularity import MOST_ITEMS, PowerLaw
from replay.model.rows import PROJECTS
from replay.model.walking import Stop, walked

_TRIES: Final = 4  # for a thing that the session has not asked for
_MOST_LANES: Final = 8
_REPEAT: Final = 0.7  # where a model does not say it
EVEN: Final = PowerLaw(0.0, 0.0, 1.0, MOST_ITEMS)


class Things(Protocol):
    """What there is."""

    def number(self, route: Route) -> int:
        """Of things on a route, or of projects; 0: it cannot be asked for."""

    def files(self, rank: int) -> int:
        """Of the project at a rank, from 1."""


@dataclass(slots=True)
class Session:
    """`stops`: those that are left, the next one last. `ranks` and `files`: of its things, once they are chosen."""

    number: int
    client: Client
    agent: str | None
    stops: list[Stop]
    ranks: dict[tuple[str, int], int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    files: dict[int, int] = field(default_factory=dict)
    lanes: dict[str, list[int]] = field(default_factory=dict)  # by host
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, before it has a name. `rank`: of the project or thing; `file`: of the project's, from 0. None: there
    is none, or only one.
    """

    at: float
    session: Session
    route: Route
    rank: int | None
    file: int | None
    lane: int


def draw(model: Model, things: Things, dice: Random, arrivals: Arrivals, speed: float = 1.0) -> Iterator[Wanted]:
    """`arrivals`: those of the model, or as they are wanted; pauses are divided by `speed`."""
    drawing = _Drawing(model, things, dice)
    starts = arrivals.draw(dice)
    next_start, number = next(starts), 0
    waiting: list[tuple[float, int, Session]] = []
    while True:
        while not waiting or next_start <= waiting[0][0]:
            number += 1
            heappush(waiting, (next_start, number, drawing.begin(number)))
            next_start = next(starts)
        at, _, session = heappop(waiting)
        yield drawing.step(at, session)
        if session.stops:
            number += 1
            heappush(waiting, (at + drawing.pause(session) / speed, number, session))


def space_of(route: Route) -> str | None:
    """What ranks of a route are of: projects, which routes share, or its own things; None where there is one."""
    if beside_of(route.path) is not None or project_place(route.path) is not None:
        return PROJECTS
    return None if route.popularity is None else route.name


class _Drawing:
    def __init__(self, model: Model, things: Things, dice: Random) -> None:
        self._routes = {route.name: (route, things.number(route)) for route in model.routes}
        self._spaces = {route.name: space_of(route) for route in model.routes}
        self._clients = model.clients
        self._shares = list(accumulate(client.share for client in model.clients))
        self._things = things
        self._dice = dice

    def begin(self, number: int) -> Session:
        dice = self._dice
        client = self._clients[min(bisect(self._shares, dice.random() * self._shares[-1]), len(self._shares) - 1)]
        walk = dice.choices(client.walks, [each.share for each in client.walks])[0]
        return Session(number, client, _agent(client, dice), walked(walk, self._spaces, dice)[::-1])

    def step(self, at: float, session: Session) -> Wanted:
        stop = session.stops.pop()
        route, number = self._routes[stop.route]
        rank = file = None
        if number and stop.space is not None and stop.thing is not None:
            rank = session.ranks.get((stop.space, stop.thing))
            if rank is None:
                rank = session.ranks[stop.space, stop.thing] = self._new_rank(session, route, number)
            if beside_of(route.path) is not None:
                file = self._file(session, route, rank)
        return Wanted(at, session, route, rank, file, self._lane(session, route.host))

    def pause(self, session: Session) -> float:
        """Before the request that comes next."""
        pauses = session.client.pauses
        return pauses.get(session.stops[-1].route, pauses["*"]).draw(self._dice)

    def _new_rank(self, session: Session, route: Route, number: int) -> int:
        law = session.client.popularity.get(route.name) or route.popularity or EVEN
        rank = law.draw(self._dice, number)
        for _ in range(_TRIES):
            if rank not in session.taken:
                break
            rank = law.draw(self._dice, number)
        session.taken.add(rank)
        return rank

    def _file(self, session: Session, route: Route, rank: int) -> int | None:
        number, dice = self._things.files(rank), self._dice
        if not number:
            return None
        chosen_before = session.files.get(rank)
        if chosen_before is not None and dice.random() < session.client.sticks:
            return chosen_before
        number = min(number, route.files or number)
        table = file_table(_REPEAT if route.repeat is None else route.repeat, number)
        session.files[rank] = min(bisect(table, dice.random() * table[-1]), number - 1)
        return session.files[rank]

    def _lane(self, session: Session, host: str) -> int:
        lanes = session.lanes.setdefault(host, [])
        if lanes and self._dice.random() < session.client.reuse:
            return lanes[-1] if len(lanes) == 1 else self._dice.choice(lanes)
        session.opened += 1
        lanes.append(session.opened)
        del lanes[:-_MOST_LANES]
        return session.opened


def _agent(client: Client, dice: Random) -> str | None:
    if not client.agents:
        return None
    return dice.choices(client.agents, [each.share for each in client.agents])[0].draw(dice)
