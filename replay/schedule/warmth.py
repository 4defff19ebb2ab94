"""A chosen hit ratio, held by the choice of what is asked: of a request that was asked before a cache has the answer,
of one that was not it has none.

Laws of this module:
- when something is due, and over which connection, is the schedule's; only what is asked is chosen here;
- what is to be a miss is the next request of the recording whose URL was not asked in this run. When there is none
  left, the schedule ends: a repetition would be a hit;
- what is to be a hit was asked SETTLED before, with the same headers that choose an answer; and the more often the
  recording asks it, the more often it is taken;
- what no cache keeps is left out, and so is what may be either: the URL asked before, with another Accept.

It does not ask the cache: whether hits are hits is what answers say of themselves, and the report has both numbers. A
copy that is fresh for less time than the run takes is a miss again; a URL whose query the cache drops may be a hit at
its first time; what the cache had before the run is one (so purge first).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from replay.planned import Planned

SETTLED: Final = 0.5  # seconds: until then the first answer may be on its way
_MOST_KNOWN: Final = 50_000  # of which one is taken
_CHOOSING: Final = ("accept", "accept-encoding", "accept-language")
_KEPT: Final = frozenset(("GET", "HEAD"))


class Warmth:
    """`share`: of hits. `is_kept`: whether a cache may keep its answer."""

    def __init__(self, share: float, dice: Random, is_kept: Callable[[Planned], bool] = lambda _: True) -> None:
        self._share = share
        self._dice = dice
        self._is_kept = is_kept
        self._urls: set[int] = set()  # hashes of those asked: a URL takes more room
        self._asked: set[int] = set()  # and of whole requests
        self._fresh: deque[tuple[float, Planned]] = deque()  # asked, or asked again, and maybe not yet settled
        self._known: list[Planned] = []
        self._passed = 0
        self._debt = 0.0  # hits that are still owed
        self.hits = 0
        self.misses = 0
        self.left_out = 0
        self.is_exhausted = False

    def held(self, slots: Iterable[Planned], source: Iterator[Planned]) -> Iterator[Planned]:
        """`slots`: when and over what; `source`: what was recorded, in its order."""
        for slot in slots:
            self._settle(slot.at)
            chosen = self._next(slot.at, source)
            if chosen is None:
                self.is_exhausted = True
                return
            yield Planned(slot.at, slot.lane, chosen.method, chosen.url, chosen.headers, chosen.body, chosen.label,
                          chosen.recorded)  # fmt: skip

    def _next(self, at: float, source: Iterator[Planned]) -> Planned | None:
        self._debt += self._share
        if self._debt >= 1 and self._known:
            self._debt -= 1
            self.hits += 1
            return self._dice.choice(self._known)
        for each in source:
            if each.method not in _KEPT or not self._is_kept(each):
                self.left_out += 1
            elif hash(each.url) not in self._urls:
                self._urls.add(hash(each.url))
                self._asked.add(_key(each))
                self._fresh.append((at, each))
                self.misses += 1
                return each
            elif _key(each) in self._asked:
                if len(self._fresh) < _MOST_KNOWN:  # of what comes at once a part is enough
                    self._fresh.append((at, each))
            else:
                self.left_out += 1
        return None

    def _settle(self, at: float) -> None:
        while self._fresh and self._fresh[0][0] <= at - SETTLED:
            self._remember(self._fresh.popleft()[1])

    def _remember(self, each: Planned) -> None:
        """All have the same chance to be among those that are known."""
        self._passed += 1
        if len(self._known) < _MOST_KNOWN:
            self._known.append(each)
        elif (place := self._dice.randrange(self._passed)) < _MOST_KNOWN:
            self._known[place] = each


def _key(each: Planned) -> int:
    return hash((each.method, each.url, *(pair for pair in each.headers if pair[0].lower() in _CHOOSING)))
