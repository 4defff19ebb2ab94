"""How often a mark was seen, and how many differences of it one comparison had: of pairs of the old side's answers, and
of shadows.

Laws of this module:
- numbers are counted by levels: up to _EXACT each is one of its own, above that a level is a quarter wider than the one
  before, so that it has a bound whatever is compared;
- what is later makes what was earlier fade, here and where two of them are joined.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from math import sqrt
from typing import Any, Final

HALF_LIFE: Final = 500  # pairs, or shadows
DECAY: Final = 0.5 ** (1 / HALF_LIFE)

_FORGOTTEN: Final = 0.05  # less than this of a pair
# Normal deviations from what was seen to the ends of its interval: one end is passed by chance in 0.1 % of cases, and
# it takes both, of pairs and of shadows. It is looked at with each shadow, so rare has to be very rare.
_DEVIATIONS: Final = 3.1
_EXACT: Final = 32
_HIGHEST: Final = 10_000  # ten times what one comparison lists (bounds.py); the rest of it comes as one number
_FIRM: Final = 15.0  # pairs that all had the same number: that it may be another one, too, is not to be believed then

Weights = dict[int, float]  # by level


def _levels() -> Iterable[int]:
    level = 1
    while True:
        yield level
        level += 1 if level < _EXACT else level // 4


_LEVELS: Final = tuple(takewhile(lambda level: level <= _HIGHEST, _levels()))


def level_of(number: int) -> int:
    """The least number that is counted as this one is."""
    return _LEVELS[bisect_right(_LEVELS, number) - 1]


@dataclass(slots=True)
class Seen:
    """`pairs`, and `shadows` of the `compared` since that was known, which had the mark: by how many differences."""

    pairs: Weights = field(default_factory=dict)  # none: in what is said of a moment that had none
    shadows: Weights = field(default_factory=dict)
    compared: float = 0.0

    def learn(self, number: int) -> None:
        """A pair had so many."""
        _count(self.pairs, number)

    def note(self, number: int) -> None:
        """A shadow had so many; 0: none."""
        self.shadows = _faded(self.shadows, DECAY)
        self.compared = self.compared * DECAY + 1
        if number:
            _count(self.shadows, number)

    def fade(self) -> None:
        self.pairs = _faded(self.pairs, DECAY)

    def joined(self, other: Seen) -> Seen:
        return Seen(_sum(self.pairs, other.pairs), _sum(self.shadows, other.shadows), self.compared + other.compared)

    def after(self, earlier: Seen, fading: float) -> Seen:
        """`fading`: what an earlier pair still counts."""
        left = 1 - self.compared * (1 - DECAY)
        return self.joined(Seen(_faded(earlier.pairs, fading), _faded(earlier.shadows, left), earlier.compared * left))

    def in_pairs(self, number: int = 1) -> float:
        """How many had so many, or more."""
        return _tail(self.pairs, level_of(number))

    @property
    def is_forgotten(self) -> bool:
        return 0 < self.in_pairs() <= _FORGOTTEN

    def levels(self, number: int) -> list[int]:
        """At which it is to be looked at, of one that has so many."""
        level = level_of(number)
        return sorted(each for each in {1, level, *self.pairs, *self.shadows} if each <= level)

    def explains(self, level: int, pairs: float) -> bool:
        """Whether shadows may well have so many no more often than `pairs`, of which these are, do."""
        if self._is_always_less(level):
            return False
        least, _ = interval(_tail(self.shadows, level), self.compared)
        _, most = interval(_tail(self.pairs, level), pairs)
        return least <= most

    def _is_always_less(self, level: int) -> bool:
        """Whether the pairs had one and the same number, which is less. Where it varies, more of it may be chance."""
        usual = [each for each, weight in self.pairs.items() if weight > _FORGOTTEN]
        return len(usual) == 1 and usual[0] < level and self.pairs[usual[0]] >= _FIRM

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        return {
            "pairs": _weights_json(self.pairs),
            "shadows": _weights_json(self.shadows),
            "compared": round(self.compared, 3),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Seen:
        """Raises KeyError, TypeError, ValueError."""
        return cls(_read_weights(found["pairs"]), _read_weights(found["shadows"]), weight_of(found["compared"]))


def interval(events: float, of: float) -> tuple[float, float]:
    """Between which shares the true one lies (Wilson 1927: also where there are few, and none or all have it)."""
    if not of:
        return 0.0, 1.0
    squared = _DEVIATIONS**2 / of
    share = events / of
    middle, wide = share + squared / 2, sqrt(squared * (share * (1 - min(share, 1.0)) + squared / 4))
    return (middle - wide) / (1 + squared), (middle + wide) / (1 + squared)


def weight_of(value: object) -> float:
    """Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is no count")
    return float(value)


def _count(weights: Weights, number: int) -> None:
    level = level_of(number)
    weights[level] = weights.get(level, 0.0) + 1


def _faded(weights: Weights, fading: float) -> Weights:
    return {level: weight * fading for level, weight in weights.items()}


def _sum(one: Weights, other: Weights) -> Weights:
    return {level: one.get(level, 0.0) + other.get(level, 0.0) for level in one.keys() | other.keys()}


def _tail(weights: Weights, least: int) -> float:
    return sum(weight for level, weight in weights.items() if level >= least)


def _weights_json(weights: Weights) -> list[list[float]]:
    rounded = ((level, round(weight, 3)) for level, weight in sorted(weights.items()))
    return [[level, weight] for level, weight in rounded if weight]


def _read_weights(found: Iterable[Any]) -> Weights:
    weights: Weights = {}
    for number, weight in found:
        if type(number) is not int or number < 1:
            raise ValueError(f"{number!r} is no number of differences")
        level = level_of(number)
        weights[level] = weights.get(level, 0.0) + weight_of(weight)
    return weights
