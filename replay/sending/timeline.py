"""What happened when: counts for each moment of a run, of which there are never more than a plot can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST: Final = 1_200  # moments: where a run has more, two become one


@dataclass(slots=True)
class Moment:
    intended: int = 0
    sent: int = 0
    answered: int = 0
    failed: int = 0  # or not sent
    corrected: float = 0.0  # the longest, of what ended here; seconds
    plain: float = 0.0
    oldest: float = 0.0  # the longest that a request was due and had no answer yet, when it was looked

    def add(self, other: Moment) -> None:
        self.intended += other.intended
        self.sent += other.sent
        self.answered += other.answered
        self.failed += other.failed
        self.corrected = max(self.corrected, other.corrected)
        self.plain = max(self.plain, other.plain)
        self.oldest = max(self.oldest, other.oldest)


class Timeline:
    """`width`: seconds of each moment, from the run's start."""

    __slots__ = ("moments", "width")

    def __init__(self, width: float = 0.25) -> None:
        self.width = width
        self.moments: list[Moment] = []

    def at(self, seconds: float) -> Moment:
        try:
            return self.moments[int(seconds / self.width)]  # PERF: nearly always there already
        except IndexError:
            return self._grown(max(seconds, 0.0))

    def _grown(self, seconds: float) -> Moment:
        while int(seconds / self.width) >= MOST:
            self._halve()
        number = int(seconds / self.width)
        while len(self.moments) <= number:
            self.moments.append(Moment())
        return self.moments[number]

    def _halve(self) -> None:
        for first, second in zip(self.moments[::2], self.moments[1::2], strict=False):
            first.add(second)
        self.moments = self.moments[::2]
        self.width *= 2
