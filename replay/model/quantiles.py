"""A distribution by a few of its quantiles."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from replay.model.sharing import rounded

AT: Final = (0.0, *(step / 20 for step in range(1, 20)), 0.975, 0.99, 0.995, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """`values`: at the shares of AT."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, seen: Sequence[float], least: int) -> Quantiles:
        """Rounded; the last is not the greatest value, which one has, but one that so many reach."""
        ordered = sorted(seen)
        last = max(len(ordered) - least, 0)
        return cls(tuple(rounded(ordered[min(round(at * (len(ordered) - 1)), last)], 2) for at in AT))

    def at(self, share: float) -> float:
        """Straight between the known ones."""
        after = min(max(bisect(AT, share), 1), len(AT) - 1)
        low, high = self.values[after - 1], self.values[after]
        return low + (high - low) * (share - AT[after - 1]) / (AT[after] - AT[after - 1])

    def draw(self, dice: Random) -> float:
        return self.at(dice.random())
