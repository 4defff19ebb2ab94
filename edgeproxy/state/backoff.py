"""How long to wait before a lost store is tried again. Pure: the dice are a parameter."""

from __future__ import annotations

from typing import Final

_FIRST: Final = 0.1  # seconds
_MOST: Final = 5.0


class Backoff:
    """Ever longer, and never all nodes at once: each pause is a random part of its limit, which doubles."""

    __slots__ = ("_limit",)

    def __init__(self) -> None:
        self._limit = _FIRST

    def pause(self, dice: float) -> float:
        """Seconds. `dice`: a number in [0, 1)."""
        limit, self._limit = self._limit, min(self._limit * 2, _MOST)
        return limit / 2 + dice * limit / 2  # at least a half of it: a pause of nothing is none

    def worked(self) -> None:
        self._limit = _FIRST
