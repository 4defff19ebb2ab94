"""What was compared, grouped by rule, URL shape and client family: counts, and a few examples.

Laws of this module:
- every comparison is counted, with or without differences: a group knows of how many;
- it has a bound whatever comes: of more groups, or of more patterns in one, all others are counted as one, `(other)`.
  A rule has its own bounds: nobody can hide one rule's differences behind another's;
- two such tables make one, so that each worker has its own. Examples are scrubbed when they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from edgeproxy.migration.comparing.differences import Difference, Kind
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.marks import Mark, mark_of

MOST_GROUPS_OF_RULE: Final = 100
MOST_GROUPS: Final = 1_000
MOST_MARKS: Final = 40  # in one group
MOST_EXAMPLES: Final = 3  # of one kind of difference under one pattern, the first ones
MOST_EXAMPLES_OF_RULE: Final = 40
MOST_EXAMPLES_IN_ALL: Final = 200
OTHER: Final = "(other)"
_VERSION: Final = 1


class Key(NamedTuple):
    rule: str
    shape: str
    family: str


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


@dataclass(slots=True)
class Group:
    compared: int = 0
    different: int = 0
    tallies: dict[Mark, Tally] = field(default_factory=dict)

    def tally(self, mark: Mark) -> Tally:
        if mark not in self.tallies and len(self.tallies) >= MOST_MARKS:
            mark = mark[0], OTHER
        return self.tallies.setdefault(mark, Tally())


class Groups:
    """`most_examples`: fewer for what is only the news of a moment."""

    __slots__ = ("_examples", "_groups", "_most_examples", "_of_rule")

    def __init__(self, most_examples: int = MOST_EXAMPLES_IN_ALL) -> None:
        self._groups: dict[Key, Group] = {}
        self._of_rule: Counter[str] = Counter()  # groups
        self._examples: Counter[str] = Counter()  # by rule
        self._most_examples = most_examples

    def add(self, key: Key, differences: Sequence[Difference], make_example: Callable[[], Example], now: float) -> None:
        """One comparison, noise taken off. The example is only made where there is room for it."""
        key, group = self._group(key)
        group.compared += 1
        if not differences:
            return
        group.different += 1
        example: Example | None = None
        for mark in dict.fromkeys(map(mark_of, differences)):
            tally = group.tally(mark)
            tally.add(now)
            if self._room(key.rule, tally):
                example = make_example() if example is None else example
                tally.examples.append(example)
                self._examples[key.rule] += 1

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
        for each, theirs in other._groups.items():
            key, group = self._group(each)
            group.compared += theirs.compared
            group.different += theirs.different
            for mark, tally in theirs.tallies.items():
                self._merge_tally(key.rule, group.tally(mark), tally)

    def _merge_tally(self, rule: str, ours: Tally, theirs: Tally) -> None:
        ours.first = min(ours.first, theirs.first) if ours.count else theirs.first
        ours.last = max(ours.last, theirs.last)
        ours.count += theirs.count
        taken = theirs.examples[: self._room(rule, ours)]
        ours.examples += taken
        self._examples[rule] += len(taken)

    def _room(self, rule: str, tally: Tally) -> int:
        """For how many more examples."""
        of_rule = min(MOST_EXAMPLES_OF_RULE, self._most_examples) - self._examples[rule]
        return max(min(MOST_EXAMPLES - len(tally.examples), of_rule, self._most_examples - self._examples.total()), 0)

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
                key, group = groups._group(Key(str(each["rule"]), str(each["shape"]), str(each["family"])))
                group.compared += int(each["compared"])
                group.different += int(each["different"])
                for mark, tally in _tallies(each["differences"]):
                    groups._merge_tally(key.rule, group.tally(mark), tally)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"these are no groups of version {_VERSION}: {error!r}") from None
        return groups


def _group_json(key: Key, group: Group) -> dict[str, Any]:
    tallies = sorted(group.tallies.items(), key=lambda item: (-item[1].count, item[0]))
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
