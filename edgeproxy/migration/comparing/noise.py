"""Noise: the differences that the old side has with itself.

Laws of this module:
- only what was seen between two answers of the old side is noise: the same kind of difference under the same pattern.
  A value that was seen to change is not therefore allowed to be missing;
- noise explains a difference only as far as the old side has it: while shadows have it more often than pairs of the old
  side's answers do, beyond what chance explains, it is none. A value that changes in 2 % of pairs hides no new side
  that always has another one;
- the same is held to how many there are in one comparison: a page that shows a clock may have one text that is another,
  and not all of them. Where each pair has as many, one more is none of it; where their number varies, a higher one is
  left to chance, too. Which ones of them are noise cannot be told: then all are shown, and that they are more;
- that a side fails is never noise: no answer, 500 and above of the new one, content that cannot be read. An old side
  that fails now and then would hide a new one that always does. And what is lost (a page, a file, a hash: marks.py) is
  none below LEAST_SHARE_OF_LOSS of the pairs, nor is any number of it that they have more rarely;
- what is seen rarely is no noise: an upload between two questions must not hide missing files for ever. It takes
  LEAST_SEEN pairs, and LEAST_SHARE of all;
- what is no longer seen is forgotten: a pair, and a shadow, counts half after HALF_LIFE further ones. So it does not
  depend on the clock, and a restart loses nothing that JSON has kept;
- it has a bound: of more patterns than MOST those that were seen least go; of numbers: noise_seen.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from edgeproxy.migration.comparing.differences import Difference, Kind, More, Unlisted
from edgeproxy.migration.comparing.marks import Mark, is_failure, is_loss, mark_of
from edgeproxy.migration.comparing.noise_seen import DECAY, Seen, weight_of

LEAST_SEEN: Final = 1.5  # two pairs, of which one may be old
LEAST_SHARE: Final = 0.01
LEAST_SHARE_OF_LOSS: Final = 0.2
MOST: Final = 512  # patterns

_VERSION: Final = 3
_EARLIER: Final = (1, 2)  # these did not count how many differences a pair has


class Noise:
    """What is known of one rule's noise. `pairs` counts those that were looked at, the older the less."""

    __slots__ = ("_seen", "pairs")

    def __init__(self) -> None:
        self.pairs = 0.0
        self._seen: dict[Mark, Seen] = {}

    def __bool__(self) -> bool:
        return bool(self.pairs or self._seen)

    def learn(self, differences: Iterable[Difference]) -> None:
        """Of one pair of answers of the old side to the same request: none is a lesson too."""
        self.pairs = self.pairs * DECAY + 1
        for seen in self._seen.values():
            seen.fade()
        for mark, number in _numbers(differences).items():
            self._seen.setdefault(mark, Seen()).learn(number)
        self._keep_most()

    def note(self, differences: Iterable[Difference], known: Noise | None = None) -> None:
        """Of one shadow, how often, and how much of it, it has what is noise. `known`: where that is known, if not
        here.
        """
        if known is not None:
            for mark in known._seen:
                self._seen.setdefault(mark, Seen())
        if not self._seen:
            return
        numbers = _numbers(differences)
        for mark, seen in self._seen.items():
            seen.note(numbers[mark])

    def is_noise(self, difference: Difference) -> bool:
        return self.hides(mark_of(difference))

    def hides(self, mark: Mark, number: int = 1) -> bool:
        """Whether so many differences of a mark in one comparison are noise."""
        seen = self._seen.get(mark)
        if seen is None or is_failure(mark):
            return False
        is_lost = is_loss(mark)
        least = max(LEAST_SEEN, self.pairs * (LEAST_SHARE_OF_LOSS if is_lost else LEAST_SHARE))
        if seen.in_pairs(number if is_lost else 1) < least:
            return False
        return all(seen.explains(level, self.pairs) for level in seen.levels(number))

    def __iter__(self) -> Iterator[tuple[Mark, float]]:
        """What is noise, the most frequent first, and of how many pairs: their share."""
        found = [(mark, seen.in_pairs() / self.pairs) for mark, seen in self._seen.items() if self.hides(mark)]
        return iter(sorted(found, key=lambda each: (-each[1], each[0])))

    def without_noise(self, differences: Iterable[Difference]) -> tuple[Difference, ...]:
        """Of one comparison. What of it is more than noise is there as a whole, and first of all that it is more."""
        listed = tuple(differences)
        numbers = _numbers(listed)
        hidden = {mark for mark, number in numbers.items() if self.hides(mark, number)}
        more = [
            More(mark[1], mark[1], mark[0], number)
            for mark, number in numbers.items()
            if mark not in hidden and number > 1 and self.hides(mark)
        ]
        return (*more, *(each for each in listed if mark_of(each) not in hidden))

    def share_of(self, difference: Difference) -> float:
        """Of the old side's pairs, how many had such a difference: also where it is too little to be noise."""
        seen = self._seen.get(mark_of(difference))
        return seen.in_pairs() / self.pairs if seen is not None and self.pairs else 0.0

    def merged(self, other: Noise) -> Noise:
        """What both know: of two workers."""
        both = Noise()
        both.pairs = self.pairs + other.pairs
        for mark in self._seen.keys() | other._seen.keys():
            both._seen[mark] = self._seen.get(mark, Seen()).joined(other._seen.get(mark, Seen()))
        both._keep_most()
        return both

    def then(self, later: Noise) -> Noise:
        """What is known when `later` was learned after this: older lessons count less for it."""
        both, fading = Noise(), 1 - later.pairs * (1 - DECAY)  # DECAY ** n, where n pairs, fading, are `later.pairs`
        both.pairs = self.pairs * fading + later.pairs
        for mark in self._seen.keys() | later._seen.keys():
            both._seen[mark] = later._seen.get(mark, Seen()).after(self._seen.get(mark, Seen()), fading)
        both._keep_most()
        return both

    def _keep_most(self) -> None:
        kept = [(mark, seen) for mark, seen in self._seen.items() if not seen.is_forgotten]
        if len(kept) > MOST:
            kept = sorted(kept, key=lambda item: (-item[1].in_pairs(), item[0]))[:MOST]
        if len(kept) < len(self._seen):
            self._seen = dict(kept)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        seen = [
            {"kind": kind.value, "pattern": pattern, **each.to_json()}
            for (kind, pattern), each in sorted(self._seen.items(), key=lambda item: item[0])
        ]
        return {"version": _VERSION, "pairs": round(self.pairs, 3), "seen": seen}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Noise:
        """What to_json wrote; ValueError for anything else. What earlier versions wrote does not say how much of a page
        may differ: it is learned anew, which takes some pairs, and meanwhile nothing counts for a gate.
        """
        noise = cls()
        try:
            if found["version"] in _EARLIER:
                return noise
            if found["version"] != _VERSION:
                raise ValueError(f"version {found['version']!r}")
            noise.pairs = weight_of(found["pairs"])
            noise._seen = {(Kind(each["kind"]), str(each["pattern"])): Seen.from_json(each) for each in found["seen"]}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no noise of version {_VERSION}: {error!r}") from None
        noise._keep_most()
        return noise


def _numbers(differences: Iterable[Difference]) -> Counter[Mark]:
    """How many differences of each mark one comparison has."""
    numbers = Counter[Mark]()
    for each in differences:
        numbers[mark_of(each)] += each.count if isinstance(each, Unlisted) else 1
    return numbers
