"""What was compared, grouped by rule, URL shape and client family: counts, and a few examples.

Laws of this module:
- every comparison is counted, with or without differences: a group knows of how many;
- it has a bound whatever comes: of more groups, or of more marks in one, all others are counted as one, `(other)`.
  A rule has its own bounds: nobody can hide one rule's differences behind another's;
- what is grave (marks.py) is not among the others while anything in its group is that is not: it takes the place of
  the rarest one;
- `(other)` counts a comparison once of each kind. Where marks that had been counted apart are put into it, it cannot be
  told how often they came together: it is counted as if never, up to all that differ;
- what comes late has an example too: where there is no room, one goes of those that have several (examples_kept.py);
- two such tables make one, so that each worker has its own. Examples are scrubbed when they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from edgeproxy.migration.comparing.differences import Difference, Kind
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.examples_kept import MOST_EXAMPLES_IN_ALL, KeptExamples, Tally
from edgeproxy.migration.comparing.marks import Mark, is_grave, mark_of

MOST_GROUPS_OF_RULE: Final = 100
MOST_GROUPS: Final = 1_000
MOST_MARKS: Final = 40  # in one group
OTHER: Final = "(other)"
_VERSION: Final = 1


class Key(NamedTuple):
    rule: str
    shape: str
    family: str


@dataclass(slots=True)
class Group:
    compared: int = 0
    different: int = 0
    tallies: dict[Mark, Tally] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self.tallies) - sum((kind, OTHER) in self.tallies for kind in Kind) >= MOST_MARKS


class Groups:
    """`most_examples`: fewer for what is only the news of a moment."""

    __slots__ = ("_examples", "_groups", "_of_rule")

    def __init__(self, most_examples: int = MOST_EXAMPLES_IN_ALL) -> None:
        self._groups: dict[Key, Group] = {}
        self._of_rule: Counter[str] = Counter()  # groups
        self._examples = KeptExamples(most_examples)

    def add(self, key: Key, differences: Sequence[Difference], make_example: Callable[[], Example], now: float) -> None:
        """One comparison, noise taken off. The example is only made where there is room for it."""
        key, group = self._group(key)
        group.compared += 1
        if not differences:
            return
        group.different += 1
        example: Example | None = None
        for mark in self._counted_as(key, group, map(mark_of, differences)):
            tally = group.tallies[mark]
            tally.add(now)
            if self._examples.has_room(key.rule, mark, tally):
                example = make_example() if example is None else example
                self._examples.put(key.rule, mark, tally, example)

    def __iter__(self) -> Iterator[tuple[Key, Group]]:
        """Those first that differ most often."""
        return iter(sorted(self._groups.items(), key=lambda item: (-item[1].different, item[0])))

    @property
    def compared(self) -> int:
        return sum(group.compared for group in self._groups.values())

    @property
    def different(self) -> int:
        return sum(group.different for group in self._groups.values())

    def merge(self, other: Groups) -> None:
        """Take in what another worker has."""
        for key, group in other:
            self.merge_group(key, group)

    def merge_group(self, key: Key, theirs: Group) -> None:
        key, group = self._group(key)
        group.compared += theirs.compared
        group.different += theirs.different
        for each in sorted(theirs.tallies, key=_by_gravity):
            for mark in self._counted_as(key, group, (each,)):
                self._merge_tally(key.rule, group, mark, theirs.tallies[each])

    def _merge_tally(self, rule: str, group: Group, mark: Mark, theirs: Tally) -> None:
        ours = group.tallies.setdefault(mark, Tally())
        ours.merge(theirs)
        ours.count = min(ours.count, group.different)  # what is put into `(other)` may have come together
        for example in theirs.examples:
            if self._examples.has_room(rule, mark, ours):
                self._examples.put(rule, mark, ours, example)

    def _counted_as(self, key: Key, group: Group, marks: Iterable[Mark]) -> dict[Mark, None]:
        """As which marks of one comparison are counted; those that have no room together, each kind once."""
        return dict.fromkeys(self._place(key, group, mark) for mark in sorted(marks, key=_by_gravity))

    def _place(self, key: Key, group: Group, mark: Mark) -> Mark:
        if mark not in group.tallies and group.is_full and not (is_grave(mark) and self._displace(key, group)):
            mark = mark[0], OTHER
        group.tallies.setdefault(mark, Tally())
        return mark

    def _displace(self, key: Key, group: Group) -> bool:
        """Put the rarest mark that is not grave to the others; whether there is one."""
        trifles = [each for each in group.tallies if each[1] != OTHER and not is_grave(each)]
        if not trifles:
            return False
        rarest = min(trifles, key=lambda each: group.tallies[each].count)
        displaced = group.tallies.pop(rarest)
        self._examples.leave(displaced)
        self._merge_tally(key.rule, group, (rarest[0], OTHER), displaced)
        return True

    def _group(self, key: Key) -> tuple[Key, Group]:
        """And as which it is counted."""
        if key not in self._groups:
            if self._of_rule[key.rule] >= MOST_GROUPS_OF_RULE:
                key = Key(key.rule, OTHER, OTHER)
            if key not in self._groups and len(self._groups) >= MOST_GROUPS:
                key = Key(OTHER, OTHER, OTHER)
        if key not in self._groups:
            self._groups[key] = Group()
            self._of_rule[key.rule] += key.shape != OTHER
        return key, self._groups[key]

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        return {"version": _VERSION, "groups": [_group_json(key, group) for key, group in self]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Groups:
        """What to_json wrote; ValueError for anything else."""
        groups = cls()
        try:
            if found["version"] != _VERSION:
                raise ValueError(f"version {found['version']!r}")
            for each in found["groups"]:
                group = Group(int(each["compared"]), int(each["different"]), dict(_tallies(each["differences"])))
                groups.merge_group(Key(str(each["rule"]), str(each["shape"]), str(each["family"])), group)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"these are no groups of version {_VERSION}: {error!r}") from None
        return groups


def _by_gravity(mark: Mark) -> bool:
    """What is grave is placed first: it may take a place that another one of the same comparison has."""
    return not is_grave(mark)


def _group_json(key: Key, group: Group) -> dict[str, Any]:
    tallies = sorted(group.tallies.items(), key=lambda item: (not is_grave(item[0]), -item[1].count, item[0]))
    return {
        **key._asdict(),
        "compared": group.compared,
        "different": group.different,
        "differences": [
            {
                "kind": kind.value,
                "pattern": pattern,
                "count": tally.count,
                "first": tally.first,
                "last": tally.last,
                "examples": [example.to_json() for example in tally.examples],
            }
            for (kind, pattern), tally in tallies
        ],
    }


def _tallies(found: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mark, Tally]]:
    for each in found:
        examples = list(map(Example.from_json, each["examples"]))
        tally = Tally(int(each["count"]), float(each["first"]), float(each["last"]), examples)
        yield (Kind(each["kind"]), str(each["pattern"])), tally
