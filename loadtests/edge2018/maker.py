"""The load maker: it asks at intended times and measures from them.

Laws:
- the load is open: a request that is answered late puts off no other one. What is slow is not left out of the figures
  by asking less (coordinated omission), since latencies are from the time a request was meant for;
- each connection is a client: it has a User-Agent of its own, and ends after so many requests;
- it is cheap: one thread, epoll(7), no event loop, no copies of contents.
"""

from __future__ import annotations

import resource
import select
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtests.edge2018.answers import Broken, Connection
from loadtests.edge2018.population import Population
from loadtests.edge2018.schedule import Schedule

_CLIENTS: Final = 500  # different header sections
_ADDRESSES: Final = 100  # of clients: the edge limits the connections of each
_PATIENCE: Final = 30.0  # seconds after the last request
_LONGEST_WAIT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """How a schedule is carried out: on so many connections, or more, up to `most`, when all are busy."""

    connections: int
    most: int
    per_connection: int  # requests


@dataclass(slots=True)
class Observed:
    """By number of the request, in seconds after the beginning: when it was sent, and when its answer was complete
    (-1: never). `began` is on the monotonic clock. `said`: which of `words`, of the edge's Cache-Status, each got.
    `faults`: what was wrong with which; -1: with no request at all.
    """

    began: float
    sent: array[float]
    ended: array[float]
    said: array[int]
    words: Sequence[str] = ()
    faults: list[tuple[int, str]] = field(default_factory=list)
    connections: int = 0  # opened in all
    cpu_seconds: float = 0.0


def block_of(client: int) -> bytes:
    """What pip 10.0.1, of April 2018, sends; clients differ in what they run on."""
    about = (
        f'{{"cpu":"x86_64","implementation":{{"name":"CPython","version":"3.6.{client % 10}"}},"system":"{client}"}}'
    )
    return (
        "Host: pypi.test\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
        f"User-Agent: pip/10.0.1 {about}\r\nConnection: keep-alive\r\n\r\n"
    ).encode()


class Maker:
    """Carries out one schedule."""

    def __init__(self, port: int, asked_for: Population, way: Way, schedule: Schedule) -> None:
        number = len(schedule.due)
        self._port = port
        self._asked_for = asked_for
        self._way = way
        self._due, self._resources = schedule.due, schedule.resources
        self._blocks = [block_of(client) for client in range(_CLIENTS)]
        self._epoll = select.epoll()
        self._all: dict[int, Connection] = {}
        self._idle: deque[Connection] = deque()
        self._words: dict[str, int] = {}
        self._next = self._under_way = 0
        self._seen = Observed(0.0, _times(number), _times(number), array("i", [-1]) * number)

    def carry_out(self, begun: Callable[[float], None]) -> Observed:
        """`begun` is told when, on the monotonic clock."""
        seen, number = self._seen, len(self._due)
        while len(self._all) < self._way.connections:
            self._open()
        used, seen.began = _cpu_seconds(), time.monotonic()
        begun(seen.began)
        while self._next < number or self._under_way:
            now = time.monotonic() - seen.began
            if self._next == number and now > seen.sent[-1] + _PATIENCE:
                break
            self._send_what_is_due(now)
            self._take_what_comes()
        seen.cpu_seconds = _cpu_seconds() - used
        seen.words = tuple(self._words)
        for connection in self._all.values():
            if connection.number >= 0:
                seen.faults.append((connection.number, "no answer in time"))
            connection.sock.close()
        return seen

    def _send_what_is_due(self, now: float) -> None:
        due, asked_for = self._due, self._asked_for
        while self._next < len(due) and due[self._next] <= now:
            if not self._idle:
                if len(self._all) < self._way.most:
                    self._open()
                return  # those that come are taken first
            connection, number = self._idle.popleft(), self._next
            wanted = self._resources[number]
            self._next += 1
            self._under_way += 1
            self._seen.sent[number] = time.monotonic() - self._seen.began
            try:
                connection.ask(number, wanted, asked_for.path_of(wanted), asked_for.sizes[wanted])
            except OSError as error:
                self._fail(connection, str(error.strerror))

    def _take_what_comes(self) -> None:
        wait = _LONGEST_WAIT
        if self._next < len(self._due):
            wait = min(wait, self._due[self._next] - (time.monotonic() - self._seen.began))
        if wait <= 0 and not self._idle:
            wait = _LONGEST_WAIT  # for a connection
        if wait > 0:
            select.select([self._epoll], [], [], wait)  # in parts of a millisecond, which epoll_wait(2) does not know
        for descriptor, _ in self._epoll.poll(0):
            connection = self._all.get(descriptor)
            if connection is not None:
                self._on_event(connection)

    def _on_event(self, connection: Connection) -> None:
        try:
            if not connection.ready:
                self._on_connected(connection)
            elif connection.number < 0:
                self._on_idle_end(connection)
            elif connection.on_readable():
                self._finish(connection)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(connection, str(error.strerror))
        except Broken as error:
            self._fail(connection, str(error))

    def _on_connected(self, connection: Connection) -> None:
        if connection.has_failed():
            self._seen.faults.append((-1, "no connection"))
            self._close(connection)
            return
        connection.ready = True
        self._epoll.modify(connection.sock, select.EPOLLIN)
        self._idle.append(connection)

    def _on_idle_end(self, connection: Connection) -> None:
        """The edge has ended a connection that waited: that is its right."""
        self._idle.remove(connection)
        self._close(connection)

    def _finish(self, connection: Connection) -> None:
        number, seen = connection.number, self._seen
        seen.ended[number] = time.monotonic() - seen.began
        seen.said[number] = self._words.setdefault(connection.cache, len(self._words))
        connection.number = -1
        self._under_way -= 1
        if connection.asked >= self._way.per_connection:
            self._close(connection)
        else:
            self._idle.append(connection)

    def _fail(self, connection: Connection, fault: str) -> None:
        self._seen.faults.append((connection.number, fault))
        self._under_way -= 1
        self._close(connection)

    def _open(self) -> None:
        connection = Connection(
            self._port,
            self._blocks[self._seen.connections % _CLIENTS],
            f"127.0.0.{2 + self._seen.connections % _ADDRESSES}",
        )
        self._seen.connections += 1
        self._all[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock, select.EPOLLIN | select.EPOLLOUT)

    def _close(self, connection: Connection) -> None:
        del self._all[connection.sock.fileno()]
        connection.sock.close()
        if len(self._all) < self._way.connections and self._next < len(self._due):
            self._open()


def _times(number: int) -> array[float]:
    return array("d", [-1.0]) * number


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
