"""Which examples are kept of what differs, and how often it did.

Laws of this module:
- there are few of one mark, of one rule, and in all;
- where there is no room for the first example of a mark, one goes of the mark that has most of them; and for what is
  grave, where all have but one, that of a mark that is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.marks import Mark, is_grave

MOST_EXAMPLES: Final = 3  # of one kind of difference under one pattern, the first ones
MOST_EXAMPLES_OF_RULE: Final = 40
MOST_EXAMPLES_IN_ALL: Final = 200


@dataclass(slots=True)
class Tally:
    """Comparisons with one kind of difference under one pattern. `first` and `last` are in POSIX seconds."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0
    examples: list[Example] = field(default_factory=list)

    def add(self, now: float) -> None:
        self.first = min(self.first, now) if self.count else now
        self.last = max(self.last, now)
        self.count += 1

    def merge(self, other: Tally) -> None:
        """Not its examples: whether there is room for them is another's to say."""
        self.first = min(self.first, other.first) if self.count else other.first
        self.last = max(self.last, other.last)
        self.count += other.count


@dataclass(slots=True)
class _Holder:
    rule: str
    mark: Mark
    tally: Tally


class KeptExamples:
    """Of one table. It knows the tallies that have examples, by their identity: they are few."""

    __slots__ = ("_holders", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._holders: dict[int, _Holder] = {}

    def has_room(self, rule: str, mark: Mark, tally: Tally) -> bool:
        has = len(tally.examples)
        if has >= MOST_EXAMPLES:
            return False
        return not self._crowd(rule) or (not has and self._giver(rule, mark) is not None)

    def put(self, rule: str, mark: Mark, tally: Tally, example: Example) -> None:
        """Where there is room."""
        giver = self._giver(rule, mark) if self._crowd(rule) else None
        if giver is not None:
            giver.tally.examples.pop()
            if not giver.tally.examples:
                self.leave(giver.tally)
        tally.examples.append(example)
        self._holders[id(tally)] = _Holder(rule, mark, tally)

    def leave(self, tally: Tally) -> None:
        """It is no tally of the table any more."""
        self._holders.pop(id(tally), None)

    def _crowd(self, rule: str) -> list[_Holder]:
        """Who would have to give one up for one more of the rule; nobody while there is room."""
        of_rule = [each for each in self._holders.values() if each.rule == rule]
        if _examples(of_rule) >= min(MOST_EXAMPLES_OF_RULE, self._most):
            return of_rule
        every = list(self._holders.values())
        return every if _examples(every) >= self._most else []

    def _giver(self, rule: str, mark: Mark) -> _Holder | None:
        """None: nobody gives up one for the first of this mark."""
        givers = [each for each in self._crowd(rule) if _gives(each, mark)]
        return max(givers, key=lambda each: (len(each.tally.examples), each.tally.count), default=None)


def _gives(holder: _Holder, mark: Mark) -> bool:
    return len(holder.tally.examples) > 1 or (is_grave(mark) and not is_grave(holder.mark))


def _examples(holders: list[_Holder]) -> int:
    return sum(len(each.tally.examples) for each in holders)
