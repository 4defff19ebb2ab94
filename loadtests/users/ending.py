"""What became of a run's arrivals, as its master tells it at the end.

Laws of this module:
- it tells what workers have told, and what nobody knows as that: a worker that is lost may have done more than it
  told, and what it had begun has an end that nobody knows;
- an arrival that nobody took, and one that was taken twice, is an error of the run. A worker that was taken for lost
  and comes back takes what others have taken for it, so that the sum alone says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KEYS = ("taken", "begun", "left", "done", "resent")


@dataclass(frozen=True, slots=True)
class Ending:
    """`due`: arrivals. `told`: of each worker, what it told last. `lost`: who is gone; `back`: who was taken for lost,
    and came back.
    """

    due: int
    told: Mapping[str, Mapping[str, Any]]
    lost: frozenset[str]
    back: frozenset[str]

    def counts(self) -> Mapping[str, int]:
        """Of all workers, those that are lost included, as far as they have told."""
        return _sums(self.told)

    def summary(self) -> str:
        counts = self.counts()
        waiting = _waiting(_sums({name: each for name, each in self.told.items() if name not in self.lost}))
        return (
            f"{self.due:,} arrivals were due, and {counts['taken']:,} taken: {counts['begun']:,} begun, "
            f"{counts['done']:,} of them done; "
            f"{counts['left']:,} not begun, since no user was free in time; {waiting:,} still waited at the end"
        )

    def errors(self) -> Iterator[str]:
        taken = self.counts()["taken"]
        if self.due > taken:
            yield f"of {self.due - taken:,} arrivals no worker has told; {len(self.lost | self.back)} workers were lost"
        if self.due < taken:
            yield f"{taken - self.due:,} arrivals were taken twice, or more"
        if self.back:
            yield (
                f"{len(self.back)} workers were taken for lost and came back: what came meanwhile was taken twice, and "
                "what others took late may be missing"
            )
        lost = _sums({name: each for name, each in self.told.items() if name in self.lost})
        if unknown := lost["begun"] - lost["done"] + _waiting(lost):
            yield f"of {unknown:,} arrivals more, which lost workers had taken, nobody knows what became"

    def notes(self) -> Iterator[str]:
        if resent := self.counts()["resent"]:
            yield f"{resent:,} requests were sent again, as their connection had been closed"


def _sums(told: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {key: sum(int(each.get(key, 0)) for each in told.values()) for key in KEYS}


def _waiting(counts: Mapping[str, int]) -> int:
    return counts["taken"] - counts["begun"] - counts["left"]
