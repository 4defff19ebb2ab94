"""The faults of one site: those that are planted, for how long, and the dice of each.

Laws of this module:
- never more than `MOST` are planted, and none for longer than `LONGEST`: what is forgotten ends by itself;
- which requests are in a fault's share follows from its seed and their order alone, so runs repeat;
- `now` is an argument, of a clock that is never set back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from backends.faults.model import WHOLE, Fault, Place, Untruth, Where
from backends.faults.places import is_for, may_show_at

MOST: Final = 64
LONGEST: Final = 24 * 3600.0
_MOST_DICE: Final = 64  # for the faults of headers


class TooMany(Exception):
    def __init__(self) -> None:
        super().__init__(f"{MOST} faults are planted, and no more can be: clear some first")


@dataclass(slots=True, eq=False)
class Acting:
    """A fault in force. `hits`: requests on which it had its effect."""

    where: Where
    fault: Fault
    dice: Random
    hits: int = 0

    def is_thrown(self) -> bool:
        return self.fault.share == WHOLE or self.dice.random() * WHOLE < self.fault.share


@dataclass(slots=True, eq=False, kw_only=True)
class Planted(Acting):
    number: int
    text: str
    until: float


class Faults:
    def __init__(self) -> None:
        self._planted: dict[int, Planted] = {}
        self._last = 0
        self._dice: dict[Fault, Random] = {}

    def plant(self, where: Where, fault: Fault, text: str, until: float, now: float) -> Planted:
        self._forget_ended(now)
        if len(self._planted) >= MOST:
            raise TooMany
        self._last += 1
        planted = Planted(where, fault, Random(fault.seed), number=self._last, text=text, until=until)
        self._planted[self._last] = planted
        return planted

    def listed(self, now: float) -> list[Planted]:
        self._forget_ended(now)
        return list(self._planted.values())

    def clear(self, number: int, now: float) -> bool:
        """False: there is none of this number."""
        self._forget_ended(now)
        return self._planted.pop(number, None) is not None

    def clear_all(self) -> int:
        count = len(self._planted)
        self._planted.clear()
        return count

    def is_over(self, acting: Acting, now: float) -> bool:
        """Whether what began with this fault is to end. A header's is over with its request."""
        if not isinstance(acting, Planted):
            return False
        self._forget_ended(now)
        return acting.number not in self._planted

    def for_header(self, fault: Fault, where: Where) -> Acting:
        """The same words have the same dice from one request to the next."""
        if fault not in self._dice and len(self._dice) >= _MOST_DICE:
            self._dice.clear()
        return Acting(where, fault, self._dice.setdefault(fault, Random(fault.seed)))

    def on(self, place: Place, own: Iterable[Acting], now: float) -> list[Acting]:
        """Those that act on a request: its own, then the planted ones, the oldest first."""
        self._forget_ended(now)
        candidates = [*own, *(planted for planted in self._planted.values() if _concerns(planted, place))]
        return [acting for acting in candidates if acting.is_thrown()]

    def _forget_ended(self, now: float) -> None:
        for number in [number for number, planted in self._planted.items() if planted.until <= now]:
            del self._planted[number]


def _concerns(planted: Planted, place: Place) -> bool:
    concerned = may_show_at if isinstance(planted.fault.effect, Untruth) else is_for
    return concerned(planted.where, place)
