"""Which worker takes which arrival.

Laws of this module:
- of a schedule that all workers know, each takes the numbers that leave its place as their remainder by the number of
  workers;
- when workers come or go, a new deal holds from a moment on that is still to come for all of them: before it the old
  one does. So every arrival is taken once, whatever the number of workers, as long as a deal is heard before it begins,
  and its worker lives;
- what is heard too late is known (`Deals.add` says so), and what a lost worker had is not made good; one that was taken
  for lost, since it was stopped for a while, say, knows nothing of the new deal, and takes what was its own by the old
  one. All of it is told, not hidden (`ending.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

LEAD: Final = 2.0  # seconds from a deal to its beginning: for messages to arrive


@dataclass(frozen=True, slots=True)
class Deal:
    """From `begins` on (seconds since the beginning of the run) there are so many workers, and this is the one at
    `place`.
    """

    begins: float
    workers: int
    place: int

    def has(self, number: int) -> bool:
        return number % self.workers == self.place


class Deals:
    """One worker's, in order."""

    def __init__(self) -> None:
        self._deals: list[Deal] = []

    def add(self, deal: Deal, seen: float) -> bool:
        """Whether it came in time. `seen`: up to where this worker has looked at the schedule; what it took, it has
        taken.
        """
        self._deals = [each for each in self._deals if each.begins < deal.begins]
        self._deals.append(deal)
        return len(self._deals) == 1 or seen <= deal.begins

    def is_mine(self, number: int, at: float) -> bool:
        for deal in reversed(self._deals):
            if deal.begins <= at:
                return deal.has(number)
        return False


def dealt(workers: Sequence[str], begins: float) -> Mapping[str, Deal]:
    """By the worker's id; in whatever order they are given, the same."""
    return {worker: Deal(begins, len(workers), place) for place, worker in enumerate(sorted(workers))}


def words_of(deal: Deal, elapsed: float) -> dict[str, Any]:
    """A message. `elapsed`: how long the run has been going, by the clock of who sends it: so clocks need not agree."""
    return {**asdict(deal), "elapsed": elapsed}


def read_deal(words: Mapping[str, Any]) -> tuple[Deal, float]:
    """And what `elapsed` was."""
    return Deal(float(words["begins"]), int(words["workers"]), int(words["place"])), float(words["elapsed"])
