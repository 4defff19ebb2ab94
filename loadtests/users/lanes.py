"""Planned requests on their way: those of one lane one after the other, over connections of their own.

Law: a lane is in one user's hands at a time; what becomes due meanwhile waits in it.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from loadtests.users.wire import BROKEN, Connections
from replay.planned import Planned
from replay.sending.wire import Unsendable, Writer, authority_of

IDLE: Final = 15.0  # seconds after which a lane's connections are closed
_FREE: Final = ""


class Lane:
    """`key`: "" of what any connection may carry: then each request has a lane, out of those that are free."""

    __slots__ = ("connections", "is_taken", "key", "used", "waiting")

    def __init__(self, key: str, connections: Connections) -> None:
        self.key = key
        self.connections = connections
        self.waiting: deque[tuple[Planned, float]] = deque()
        self.is_taken = False
        self.used = 0.0


class Lanes:
    """Of one worker."""

    def __init__(self, connect: Callable[[], Connections]) -> None:
        self._connect = connect
        self._named: OrderedDict[str, Lane] = OrderedDict()  # the longest unused first
        self._free: deque[Lane] = deque()  # the last used last

    def take(self, planned: Planned, due: float) -> Lane | None:
        """The lane that is to be gone through; None: somebody does already."""
        if not planned.lane:
            lane = self._free.pop() if self._free else Lane(_FREE, self._connect())
        else:
            found = self._named.get(planned.lane)
            lane = Lane(planned.lane, self._connect()) if found is None else found
            self._named[planned.lane] = lane
            self._named.move_to_end(planned.lane)
        lane.waiting.append((planned, due))
        if lane.is_taken:
            return None
        lane.is_taken = True
        return lane

    def free(self, lane: Lane, now: float) -> None:
        """Nothing waits in it."""
        lane.is_taken = False
        lane.used = now
        if not lane.key:
            self._free.append(lane)

    def sweep(self, now: float) -> None:
        """Close the connections of what is not used any more."""
        while self._free and self._free[0].used <= now - IDLE:
            self._free.popleft().connections.close()
        for key, lane in list(self._named.items()):
            if lane.is_taken or lane.used > now - IDLE:
                break
            lane.connections.close()
            del self._named[key]


class Sender:
    """Sends what is planned: any answer is one, but for the site's own failures (5xx)."""

    def __init__(self) -> None:
        self._writer = Writer()

    def send(self, planned: Planned, connections: Connections) -> tuple[float, int, Exception | None]:
        """Seconds, octets of the content as it came, and what was wrong. Raises nothing."""
        began = time.perf_counter()
        try:
            octets = self._writer.octets(planned)
            response, content = connections.exchange(authority_of(planned.url), planned.method, octets)
        except (Unsendable, *BROKEN) as error:
            return time.perf_counter() - began, 0, error
        status = response.get_code()
        return time.perf_counter() - began, len(content), ServerError(str(status)) if status >= 500 else None


class ServerError(Exception):
    """5xx."""
