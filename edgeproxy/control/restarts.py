"""Decisions about workers: how long to wait before the next try, and who has been silent for too long. Pure."""

from __future__ import annotations

from typing import Final

_STEADY: Final = 10.0  # seconds: a worker that lived so long did not die of its start
_FIRST: Final = 0.1
_MOST: Final = 5.0


class Restarts:
    """How one worker's successors are started: the first at once, then, while they die young, ever more slowly."""

    __slots__ = ("_pause",)

    def __init__(self) -> None:
        self._pause = 0.0

    def pause_after(self, lived: float) -> float:
        """Seconds to wait after a worker that lived so long."""
        if lived >= _STEADY:
            self._pause = 0.0
        pause = self._pause
        self._pause = min(max(_FIRST, pause * 2), _MOST)
        return pause


class Attention:
    """How long a worker may have been silent, by a supervisor that looks every now and then.

    A supervisor that was itself stopped (a debugger, a suspended machine) has heard nobody, and that is no worker's
    fault: after a look that comes late, everybody's silence counts from then.
    """

    __slots__ = ("_limit", "_looked", "_since")

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._looked = self._since = now

    def look(self, now: float) -> None:
        if now - self._looked > self._limit / 2:
            self._since = now
        self._looked = now

    def is_hung(self, heard: float) -> bool:
        """Whether a worker that was last heard then has been silent for too long at the last look."""
        return self._looked - max(heard, self._since) > self._limit
