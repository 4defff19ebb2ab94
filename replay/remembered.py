"""Octets that were made of the same before, within a bound: of many short ones, and of few long ones."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_MOST: Final = 4_096
_MOST_OCTETS: Final = 8 << 20
Key = TypeVar("Key", bound=Hashable)


class Remembered(dict[Key, bytes], Generic[Key]):
    """PERF: who looks calls `get`, which is the dictionary's own."""

    __slots__ = ("_most", "_most_octets", "octets")

    def __init__(self, most: int = _MOST, most_octets: int = _MOST_OCTETS) -> None:
        super().__init__()
        self._most = most
        self._most_octets = most_octets
        self.octets = 0

    def remember(self, key: Key, made: bytes) -> bytes:
        """What was made. All others are forgotten where there is no room for it."""
        if len(self) >= self._most or self.octets + len(made) > self._most_octets:
            self.clear()
            self.octets = 0
        self.octets += len(made)
        self[key] = made
        return made
