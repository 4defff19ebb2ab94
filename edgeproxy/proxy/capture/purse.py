"""CPU time that a capture may take of its worker for what costs more than usual: to look through what a client has
made long on purpose. Pure: the clock is an argument.

Law: of what is beyond the usual no more is spent than one part in `PART` of the time, but for a beginning; who spent
too much at once waits so much longer.
"""

from __future__ import annotations

from typing import Final

USUAL: Final = 300_000  # nanoseconds, for one: what is new of a client's takes 20 to 60 µs
MOST: Final = 50_000_000  # nanoseconds that are saved up
PART: Final = 20


class Purse:
    __slots__ = ("_at", "_left")

    def __init__(self, now: int) -> None:
        """Times are in nanoseconds."""
        self._left = MOST
        self._at = now

    def has_some(self, now: int) -> bool:
        if self._left < MOST:
            self._left = min(MOST, self._left + (now - self._at) // PART)
        self._at = now
        return self._left > 0

    def pay(self, took: int) -> None:
        if took > USUAL:
            self._left -= took - USUAL
