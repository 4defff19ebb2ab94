"""What the last substring searches found: those of frequent words, which are the ones that are asked again and again.

Laws of this module:
- it holds until the index changes: every change of what is searched has a serial, and what is kept belongs to one;
- it has a bound, in lines; what was asked for the longest time ago goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

LEAST_LINES: Final = 1_000  # of one search; what finds fewer is as quick to find again
MOST_LINES: Final = 250_000  # of all together, some 40 MB


class Kept:
    def __init__(self, most_lines: int = MOST_LINES, least_lines: int = LEAST_LINES) -> None:
        self._most, self._least = most_lines, least_lines
        self._serial = -1
        self._found: dict[Hashable, list[str]] = {}  # the last one that was asked for is the last
        self._lines = 0

    def found(self, serial: int, asked: Hashable, search: Callable[[], list[str]]) -> list[str]:
        """The serial is to be read before the search looks: what it finds may be newer, never older."""
        if serial != self._serial:
            self.forget()
            self._serial = serial
        lines = self._found.pop(asked, None)
        if lines is None:
            lines = search()
            if not self._least <= len(lines) <= self._most:
                return lines
            self._make_room(len(lines))
        self._found[asked] = lines
        return lines

    def forget(self) -> None:
        self._found.clear()
        self._lines = 0

    def _make_room(self, lines: int) -> None:
        self._lines += lines
        while self._lines > self._most:
            self._lines -= len(self._found.pop(next(iter(self._found))))
