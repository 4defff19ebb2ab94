"""What a process that runs users has: where the edge is, what the index has, what clients have kept, and its share of
the load.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from loadtests.users.arrivals import Arrival, dice_of
from loadtests.users.chosen import Due
from loadtests.users.headers import UV_PAGE, filled
from loadtests.users.kinds import Client, walk_of
from loadtests.users.lanes import Lanes, Sender
from loadtests.users.open_loop import OpenLoop
from loadtests.users.pages import names_of
from loadtests.users.popularity import Ranks
from loadtests.users.profiles import Profile
from loadtests.users.steps import Ask, Heard, Walk, World
from loadtests.users.wire import Connections, Place, Wire

TIMEOUT: Final = 30.0  # seconds for a whole answer
_MOST_NAMES: Final = (
    10_000  # of projects that are asked for: fewer than one request in a hundred is for what is behind them
)


class CannotAsk(Exception):
    """The index has not told what there is; the message says why."""


class ToLocust:
    """Reports requests as Locust's own users do."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.resent = 0

    def on_request(self, method: str, name: str, seconds: float, octets: int, fault: Exception | None) -> None:
        self._environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=seconds * 1_000,
            response_length=octets,
            exception=fault,
            context={},
            response=None,
        )

    def on_resent(self) -> None:
        self.resent += 1


@dataclass(slots=True)
class Memory:
    """What clients of one kind have kept, and the serials that a mirror has seen."""

    known: dict[str, Heard] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)


class Process:
    """`loop`: where arrivals are dealt; None: users are Locust's own closed loop."""

    def __init__(self, environment: Any, index: str) -> None:
        self._environment = environment
        self._index = index
        self._names: Sequence[str] = ()
        self._ranks = Ranks(0)
        self._memories = {client: Memory() for client in Client}
        self.reporter = ToLocust(environment)
        self.profile: Profile | None = None
        self.loop: OpenLoop | None = None
        self.lanes = Lanes(self.connect)
        self.sender = Sender()

    # -- open loop ------------------------------------------------------------------------------------------------

    def begin(self, schedule: Iterator[Arrival] | Iterator[Due], profile: Profile | None, patience: float) -> None:
        """A run."""
        self.end()
        self.profile = profile
        name = "played" if profile is None else "arrivals"
        self.loop = OpenLoop(self._environment.stats, schedule, name, patience)
        self.loop.start()

    def end(self) -> None:
        if self.loop is not None:
            self.loop.stop()

    def arrive(self, arrival: Arrival) -> None:
        """One client, from its coming to its going."""
        assert self.profile is not None, "there are arrivals where there is a profile"
        dice = dice_of(self.profile, arrival.number)
        world = World(self._names, self._ranks, dice, self._index)
        if arrival.is_warm:
            memory = self._memories[arrival.client]
            world.known, world.serials = memory.known, memory.serials
        self.walk(walk_of(arrival.client)(world))

    def told(self) -> Mapping[str, Any] | None:
        """How far it is."""
        if self.loop is None:
            return None
        self.loop.progress.resent = self.reporter.resent
        return self.loop.progress.words()

    # -- for all ----------------------------------------------------------------------------------------------------

    def world(self, client: Client, dice: Any) -> World:
        """Of one of Locust's own users, which stays, and keeps what it is answered. Raises CannotAsk."""
        if not self._names:
            self.know(names_at(self.place, self._index))
        memory = self._memories[client]
        return World(self._names, self._ranks, dice, self._index, known=memory.known, serials=memory.serials)

    def walk(self, walk: Walk) -> None:
        connections = self.connect()
        try:
            Wire(connections, self.reporter, time.perf_counter).walk(walk)
        finally:
            connections.close()

    def know(self, names: Sequence[str]) -> None:
        if list(names) != list(self._names):
            self._names, self._ranks = list(names), Ranks(len(names))

    def connect(self) -> Connections:
        return Connections(self.place, TIMEOUT, self.reporter)

    @property
    def place(self) -> Place:
        return Place.of(self._environment.host or "")


def names_at(place: Place, index: str, first: Sequence[str] = ()) -> Sequence[str]:
    """Of the projects of an index, those named `first` before the others. Raises CannotAsk."""
    names: list[str] = []
    faults = _Faults()

    def looking() -> Walk:
        url = f"{index}/simple/"
        answer = yield Ask("index", url, filled(UV_PAGE, url))
        assert answer is not None, "every question has an answer"
        names.extend(names_of(answer))

    connections = Connections(place, TIMEOUT, faults)
    Wire(connections, faults, time.perf_counter).walk(looking())
    connections.close()
    if not names:
        raise CannotAsk(f"{index}/simple/ at {place.host}:{place.port}: {faults.last or 'the index has no projects'}")
    there = set(names)
    ordered = dict.fromkeys(chain((name for name in first if name in there), names))
    return list(ordered)[:_MOST_NAMES]


class _Faults:
    """For what is no load: the last fault."""

    def __init__(self) -> None:
        self.last: Exception | None = None

    def on_request(self, method: str, name: str, seconds: float, octets: int, fault: Exception | None) -> None:
        self.last = fault or self.last

    def on_resent(self) -> None:
        """It does not matter here."""
