"""What was compared, grouped by rule, URL shape and client family: counts, and a few examples.

Laws of this module:
- every comparison is counted, with or without differences: a group knows of how many;
- it has a bound whatever comes: of more groups, or of more patterns in one, all others are counted as one, `(other)`;
- two such tables make one, so that each worker has its own. Examples are scrubbed when they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from edgeproxy.migration.comparing.differences import Difference, Kind
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.noise import Mark, mark_of

MOST_GROUPS: Final = 300
MOST_MARKS: Final = 40  # in one group
MOST_EXAMPLES: Final = 3  # of one kind of difference under one pattern, the first ones
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
    __slots__ = ("_examples", "_groups")

    def __init__(self) -> None:
        self._groups: dict[Key, Group] = {}
        self._examples = 0

    def add(self, key: Key, differences: Sequence[Difference], make_example: Callable[[], Example], now: float) -> None:
        """One comparison, noise taken off. The example is only made where there is room for it."""
        group = self._group(key)
        group.compared += 1
        if not differences:
            return
        group.different += 1
        example: Example | None = None
        for mark in dict.fromkeys(map(mark_of, differences)):
            tally = group.tally(mark)
            tally.add(now)
            if len(tally.examples) < MOST_EXAMPLES and self._examples < MOST_EXAMPLES_IN_ALL:
                example = make_example() if example is None else example
                tally.examples.append(example)
                self._examples += 1

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
        for key, theirs in other._groups.items():
            group = self._group(key)
            group.compared += theirs.compared
            group.different += theirs.different
            for mark, tally in theirs.tallies.items():
                self._merge_tally(group.tally(mark), tally)

    def _merge_tally(self, ours: Tally, theirs: Tally) -> None:
        ours.first = min(ours.first, theirs.first) if ours.count else theirs.first
        ours.last = max(ours.last, theirs.last)
        ours.count += theirs.count
        room = min(MOST_EXAMPLES - len(ours.examples), MOST_EXAMPLES_IN_ALL - self._examples)
        taken = theirs.examples[: max(room, 0)]
        ours.examples += taken
        self._examples += len(taken)

    def _group(self, key: Key) -> Group:
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = Key(OTHER, OTHER, OTHER)
        return self._groups.setdefault(key, Group())

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
                group = groups._group(Key(str(each["rule"]), str(each["shape"]), str(each["family"])))
                group.compared += int(each["compared"])
                group.different += int(each["different"])
                for mark, tally in _tallies(each["differences"]):
                    groups._merge_tally(group.tally(mark), tally)
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
