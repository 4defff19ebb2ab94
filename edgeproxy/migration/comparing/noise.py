"""Noise: the differences that the old side has with itself.

Laws of this module:
- only what was seen between two answers of the old side is noise: the same kind of difference under the same pattern.
  A value that was seen to change is not therefore allowed to be missing;
- that a side fails is never noise: no answer, 500 and above of the new one, content that cannot be read. An old side
  that fails now and then would hide a new one that always does;
- what is seen rarely is no noise: an upload between two questions must not hide missing files for ever. It takes
  LEAST_SEEN pairs, and LEAST_SHARE of all;
- what is no longer seen is forgotten: a pair counts half after HALF_LIFE further ones. So it does not depend on the
  clock, and a restart loses nothing that JSON has kept;
- it has a bound: of more patterns than MOST those that were seen least go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, assert_never

from edgeproxy.migration.comparing.differences import Difference, Kind, kind_of

LEAST_SEEN: Final = 1.5  # two pairs, of which one may be old
LEAST_SHARE: Final = 0.01
HALF_LIFE: Final = 500  # pairs
MOST: Final = 512  # patterns

_SERVER_ERROR: Final = "500"
_DECAY: Final = 0.5 ** (1 / HALF_LIFE)
_FORGOTTEN: Final = 0.05  # less than this of a pair
_VERSION: Final = 1

Mark = tuple[Kind, str]  # a kind of difference, and where


def mark_of(difference: Difference) -> Mark:
    return kind_of(difference), difference.pattern


class Noise:
    """What is known of one rule's noise. `pairs` counts those that were looked at, the older the less."""

    __slots__ = ("_seen", "pairs")

    def __init__(self) -> None:
        self.pairs = 0.0
        self._seen: dict[Mark, float] = {}

    def learn(self, differences: Iterable[Difference]) -> None:
        """Of one pair of answers of the old side to the same request: none is a lesson too."""
        self.pairs = self.pairs * _DECAY + 1
        self._seen = {mark: count for mark, each in self._seen.items() if (count := each * _DECAY) > _FORGOTTEN}
        for mark in dict.fromkeys(map(mark_of, differences)):
            self._seen[mark] = self._seen.get(mark, 0.0) + 1
        self._keep_most()

    def is_noise(self, difference: Difference) -> bool:
        return self.hides(mark_of(difference))

    def hides(self, mark: Mark) -> bool:
        """Whether all that differs so is noise."""
        count = self._seen.get(mark, 0.0)
        return count >= LEAST_SEEN and count >= self.pairs * LEAST_SHARE and not is_failure(mark)

    def __iter__(self) -> Iterator[tuple[Mark, float]]:
        """What is noise, the most frequent first, and of how many pairs: their share."""
        found = [(mark, count / self.pairs) for mark, count in self._seen.items() if self.hides(mark)]
        return iter(sorted(found, key=lambda each: (-each[1], each[0])))

    def without_noise(self, differences: Iterable[Difference]) -> tuple[Difference, ...]:
        return tuple(each for each in differences if not self.is_noise(each))

    def share_of(self, difference: Difference) -> float:
        """Of the old side's pairs, how many had such a difference: also where it is too little to be noise."""
        return self._seen.get(mark_of(difference), 0.0) / self.pairs if self.pairs else 0.0

    def merged(self, other: Noise) -> Noise:
        """What both know: of two workers."""
        both = Noise()
        both.pairs = self.pairs + other.pairs
        both._seen = dict(self._seen)
        for mark, count in other._seen.items():
            both._seen[mark] = both._seen.get(mark, 0.0) + count
        both._keep_most()
        return both

    def then(self, later: Noise) -> Noise:
        """What is known when `later` was learned after this: older lessons count less for it."""
        both, fading = Noise(), 1 - later.pairs * (1 - _DECAY)  # _DECAY ** n, where n pairs, fading, are `later.pairs`
        both.pairs = self.pairs * fading + later.pairs
        both._seen = {mark: count for mark, each in self._seen.items() if (count := each * fading) > _FORGOTTEN}
        for mark, count in later._seen.items():
            both._seen[mark] = both._seen.get(mark, 0.0) + count
        both._keep_most()
        return both

    def _keep_most(self) -> None:
        if len(self._seen) > MOST:
            kept = sorted(self._seen.items(), key=lambda item: (-item[1], item[0]))[:MOST]
            self._seen = dict(kept)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        seen = [
            {"kind": kind.value, "pattern": pattern, "count": round(count, 3)}
            for (kind, pattern), count in sorted(self._seen.items())
        ]
        return {"version": _VERSION, "pairs": round(self.pairs, 3), "seen": seen}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Noise:
        """What to_json wrote; ValueError for anything else."""
        try:
            if found["version"] != _VERSION:
                raise ValueError(f"version {found['version']!r}")
            noise = cls()
            noise.pairs = _count(found["pairs"])
            noise._seen = {(Kind(each["kind"]), str(each["pattern"])): _count(each["count"]) for each in found["seen"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no noise of version {_VERSION}: {error!r}") from None
        noise._keep_most()
        return noise


def is_failure(mark: Mark) -> bool:
    """Whether it says that a side failed."""
    kind, pattern = mark
    match kind:
        case Kind.NO_ANSWER | Kind.UNREADABLE:
            return True
        case Kind.STATUS_CHANGED:
            return pattern.rpartition("/")[2] >= _SERVER_ERROR
        case Kind.MISSING | Kind.ADDED | Kind.CHANGED | Kind.TYPE_CHANGED | Kind.REORDERED | Kind.UNLISTED:
            return False
        case _:
            assert_never(kind)


def _count(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is no count")
    return float(value)
