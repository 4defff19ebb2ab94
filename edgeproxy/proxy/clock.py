"""The shell's clock: loop time, the time of day, the Date field, made once a second, and the sweep of deadlines.

Why a sweep and not a timer each: a deadline moves with every read. Moving it is one attribute store; looking at
10,000 of them takes about a millisecond, four times a second.

Law: the late are told a few at a time. Who comes at once is late at once (an attack, a reconnecting fleet), and what a
thousand of them cost together, tens of milliseconds, would be everybody's delay.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop, Handle
from typing import Final, Protocol

from edgeproxy.http.dates import http_date

NEVER = float("inf")
_AT_A_TIME: Final = 4  # late ones told before others get their turn: to break off a large answer costs a millisecond


class Waiting(Protocol):
    """Something with a deadline in loop time (NEVER: none)."""

    deadline: float

    def on_deadline(self) -> None: ...


class Clock:
    """Loop time, the current Date line, and the deadlines of all that waits."""

    __slots__ = ("_date_line", "_handle", "_loop", "_second", "_tick", "now", "waiting", "wall")

    def __init__(self, loop: AbstractEventLoop, tick: float) -> None:
        self._loop = loop
        self._tick = tick
        self._second = -1
        self._date_line = b""
        self._handle: Handle | None = None
        self.now = loop.time
        self.wall = time.time  # seconds since the epoch, for the Date line and for rules with a `during`
        self.waiting: set[Waiting] = set()

    def start(self) -> None:
        self._handle = self._loop.call_later(self._tick, self._sweep)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def date_line(self) -> bytes:
        """`Date: …`, without CRLF (RFC 9110 §6.6.1)."""
        second = int(self.wall())
        if second != self._second:
            self._second = second
            self._date_line = f"Date: {http_date(second)}".encode()
        return self._date_line

    def _sweep(self) -> None:
        now = self.now()
        self._tell([waiting for waiting in self.waiting if waiting.deadline <= now])

    def _tell(self, late: list[Waiting]) -> None:
        now = self.now()
        for _ in range(min(_AT_A_TIME, len(late))):
            waiting = late.pop()
            if waiting.deadline <= now and waiting in self.waiting:  # it may have moved, or ended, meanwhile
                waiting.deadline = NEVER
                waiting.on_deadline()
        if late:
            self._handle = self._loop.call_soon(self._tell, late)
        else:
            self._handle = self._loop.call_later(self._tick, self._sweep)
