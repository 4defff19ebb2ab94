"""Noise: the differences that the old side has with itself.

Laws of this module:
- only what was seen between two answers of the old side is noise: the same kind of difference under the same pattern.
  A value that was seen to change is not therefore allowed to be missing;
- noise explains a difference only as far as the old side has it: while shadows have it more often than pairs of the old
  side's answers do, beyond what chance explains, it is none. A value that changes in 2 % of pairs hides no new side
  that always has another one;
- that a side fails is never noise: no answer, 500 and above of the new one, content that cannot be read. An old side
  that fails now and then would hide a new one that always does. And what is lost (a page, a file, a hash: marks.py) is
  none below LEAST_SHARE_OF_LOSS of the pairs;
- what is seen rarely is no noise: an upload between two questions must not hide missing files for ever. It takes
  LEAST_SEEN pairs, and LEAST_SHARE of all;
- what is no longer seen is forgotten: a pair, and a shadow, counts half after HALF_LIFE further ones. So it does not
  depend on the clock, and a restart loses nothing that JSON has kept;
- it has a bound: of more patterns than MOST those that were seen least go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from edgeproxy.migration.comparing.differences import Difference, Kind
from edgeproxy.migration.comparing.marks import Mark, is_failure, is_loss, mark_of

LEAST_SEEN: Final = 1.5  # two pairs, of which one may be old
LEAST_SHARE: Final = 0.01
LEAST_SHARE_OF_LOSS: Final = 0.2
HALF_LIFE: Final = 500  # pairs, or shadows
MOST: Final = 512  # patterns

_DECAY: Final = 0.5 ** (1 / HALF_LIFE)
_FORGOTTEN: Final = 0.05  # less than this of a pair
# Normal deviations from what was seen to the ends of its interval: one end is passed by chance in 0.1 % of cases, and
# it takes both, of pairs and of shadows. It is looked at with each shadow, so rare has to be very rare.
_DEVIATIONS: Final = 3.1
_VERSION: Final = 2
_READABLE: Final = (1, _VERSION)  # the first one knew of pairs alone


@dataclass(slots=True)
class _Seen:
    """In how many pairs of the old side's answers, and in how many `shadows` of the `compared` since that was known."""

    pairs: float = 0.0  # 0: in what is said of a moment that had none
    shadows: float = 0.0
    compared: float = 0.0

    def after(self, earlier: _Seen, fading: float) -> _Seen:
        """`fading`: what an earlier pair still counts."""
        faded = 1 - self.compared * (1 - _DECAY)
        return _Seen(
            earlier.pairs * fading + self.pairs,
            earlier.shadows * faded + self.shadows,
            earlier.compared * faded + self.compared,
        )

    @property
    def is_forgotten(self) -> bool:
        return 0 < self.pairs <= _FORGOTTEN


class Noise:
    """What is known of one rule's noise. `pairs` counts those that were looked at, the older the less."""

    __slots__ = ("_seen", "pairs")

    def __init__(self) -> None:
        self.pairs = 0.0
        self._seen: dict[Mark, _Seen] = {}

    def __bool__(self) -> bool:
        return bool(self.pairs or self._seen)

    def learn(self, differences: Iterable[Difference]) -> None:
        """Of one pair of answers of the old side to the same request: none is a lesson too."""
        self.pairs = self.pairs * _DECAY + 1
        for seen in self._seen.values():
            seen.pairs *= _DECAY
        for mark in dict.fromkeys(map(mark_of, differences)):
            self._seen.setdefault(mark, _Seen()).pairs += 1
        self._keep_most()

    def note(self, differences: Iterable[Difference], known: Noise | None = None) -> None:
        """Of one shadow, how often it has what is noise. `known`: where that is known, if not here."""
        if known is not None:
            for mark in known._seen:
                self._seen.setdefault(mark, _Seen())
        if not self._seen:
            return
        marks = set(map(mark_of, differences))
        for mark, seen in self._seen.items():
            seen.shadows = seen.shadows * _DECAY + (mark in marks)
            seen.compared = seen.compared * _DECAY + 1

    def is_noise(self, difference: Difference) -> bool:
        return self.hides(mark_of(difference))

    def hides(self, mark: Mark) -> bool:
        """Whether all that differs so is noise."""
        seen = self._seen.get(mark)
        if seen is None or seen.pairs < LEAST_SEEN or is_failure(mark):
            return False
        least = LEAST_SHARE_OF_LOSS if is_loss(mark) else LEAST_SHARE
        return seen.pairs >= self.pairs * least and self._explains(seen)

    def _explains(self, seen: _Seen) -> bool:
        """Whether shadows may well have it no more often than pairs do."""
        least, _ = interval(seen.shadows, seen.compared)
        _, most = interval(seen.pairs, self.pairs)
        return least <= most

    def __iter__(self) -> Iterator[tuple[Mark, float]]:
        """What is noise, the most frequent first, and of how many pairs: their share."""
        found = [(mark, seen.pairs / self.pairs) for mark, seen in self._seen.items() if self.hides(mark)]
        return iter(sorted(found, key=lambda each: (-each[1], each[0])))

    def without_noise(self, differences: Iterable[Difference]) -> tuple[Difference, ...]:
        return tuple(each for each in differences if not self.is_noise(each))

    def share_of(self, difference: Difference) -> float:
        """Of the old side's pairs, how many had such a difference: also where it is too little to be noise."""
        seen = self._seen.get(mark_of(difference))
        return seen.pairs / self.pairs if seen is not None and self.pairs else 0.0

    def merged(self, other: Noise) -> Noise:
        """What both know: of two workers."""
        both = Noise()
        both.pairs = self.pairs + other.pairs
        for mark in self._seen.keys() | other._seen.keys():
            ours, theirs = (each._seen.get(mark, _Seen()) for each in (self, other))
            both._seen[mark] = _Seen(
                ours.pairs + theirs.pairs, ours.shadows + theirs.shadows, ours.compared + theirs.compared
            )
        both._keep_most()
        return both

    def then(self, later: Noise) -> Noise:
        """What is known when `later` was learned after this: older lessons count less for it."""
        both, fading = Noise(), 1 - later.pairs * (1 - _DECAY)  # _DECAY ** n, where n pairs, fading, are `later.pairs`
        both.pairs = self.pairs * fading + later.pairs
        for mark in self._seen.keys() | later._seen.keys():
            ours, theirs = (each._seen.get(mark, _Seen()) for each in (self, later))
            both._seen[mark] = theirs.after(ours, fading)
        both._keep_most()
        return both

    def _keep_most(self) -> None:
        kept = [(mark, seen) for mark, seen in self._seen.items() if not seen.is_forgotten]
        if len(kept) > MOST:
            kept = sorted(kept, key=lambda item: (-item[1].pairs, item[0]))[:MOST]
        if len(kept) < len(self._seen):
            self._seen = dict(kept)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        seen = [
            {
                "kind": kind.value,
                "pattern": pattern,
                "count": round(each.pairs, 3),
                "shadows": round(each.shadows, 3),
                "compared": round(each.compared, 3),
            }
            for (kind, pattern), each in sorted(self._seen.items(), key=lambda item: item[0])
        ]
        return {"version": _VERSION, "pairs": round(self.pairs, 3), "seen": seen}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Noise:
        """What to_json wrote, in this version or the first; ValueError for anything else."""
        try:
            if found["version"] not in _READABLE:
                raise ValueError(f"version {found['version']!r}")
            noise = cls()
            noise.pairs = _count(found["pairs"])
            noise._seen = {(Kind(each["kind"]), str(each["pattern"])): _read_seen(each) for each in found["seen"]}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no noise of version {_VERSION}: {error!r}") from None
        noise._keep_most()
        return noise


def interval(events: float, of: float) -> tuple[float, float]:
    """Between which shares the true one lies (Wilson 1927: also where there are few, and none or all have it)."""
    if not of:
        return 0.0, 1.0
    squared = _DEVIATIONS**2 / of
    share = events / of
    middle, wide = share + squared / 2, sqrt(squared * (share * (1 - min(share, 1.0)) + squared / 4))
    return (middle - wide) / (1 + squared), (middle + wide) / (1 + squared)


def _read_seen(found: Mapping[str, Any]) -> _Seen:
    return _Seen(_count(found["count"]), _count(found.get("shadows", 0)), _count(found.get("compared", 0)))


def _count(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is no count")
    return float(value)
