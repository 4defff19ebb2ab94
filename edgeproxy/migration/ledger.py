"""The ledger: what still needs the old side. Each time a fallback answered what the first backend could not.

Laws of this module:
- it is small whatever comes: of a rule's uses those beyond MOST_USES_OF_RULE are counted together, as OTHERS, under the
  rule's own name: nobody can hide one rule's uses behind others;
- two ledgers make one, in any order, so that each worker has its own;
- what is kept of a request is scrubbed, and no part of a client's address but its network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from edgeproxy.migration.comparing.families import family_of
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.migration.comparing.targets import kept_target, kept_words
from edgeproxy.migration.place import site_of
from edgeproxy.ruleset.template import PathTemplate

MOST_USES_OF_RULE: Final = 200
OTHERS: Final = "(others)"
_LONGEST: Final = 300  # characters of what is kept of a request
_MOST_SEGMENTS: Final = 24  # of its path


class Use(NamedTuple):
    """Who needed what of the old side, and why the new one did not answer."""

    rule: str
    backend: str  # that answered
    reason: str
    shape: str  # of the URL
    family: str  # of the client


@dataclass(frozen=True, slots=True)
class Needed:
    """How often, and when, in POSIX seconds; `path`, `network` and `user_agent` are of the last time."""

    count: int
    first: float
    last: float
    path: str
    network: str
    user_agent: str

    def __add__(self, other: Needed) -> Needed:
        later = other if other.last >= self.last else self
        return replace(later, count=self.count + other.count, first=min(self.first, other.first))


class Ledger:
    def __init__(self, uses: Iterable[tuple[Use, Needed]] = ()) -> None:
        self._uses: dict[Use, Needed] = {}
        self._of_rule: Counter[str] = Counter()
        for use, needed in uses:
            self.add(use, needed)

    def __iter__(self) -> Iterator[tuple[Use, Needed]]:
        """Those that were needed last come first."""
        return iter(sorted(self._uses.items(), key=lambda each: (-each[1].last, each[0])))

    def __len__(self) -> int:
        return len(self._uses)

    def add(self, use: Use, needed: Needed) -> None:
        if use not in self._uses and self._of_rule[use.rule] >= MOST_USES_OF_RULE:
            use = beyond(use)
        known = self._uses.get(use)
        if known is None:
            self._of_rule[use.rule] += 1
        self._uses[use] = needed if known is None else known + needed

    def __bool__(self) -> bool:
        return bool(self._uses)

    def merge(self, later: Ledger) -> None:
        for use, needed in later:
            self.add(use, needed)

    def take(self) -> Ledger:
        """What came since the last time."""
        taken = Ledger(self._uses.items())
        self._uses.clear()
        self._of_rule.clear()
        return taken

    def words(self) -> list[dict[str, Any]]:
        """As JSON has it."""
        return [{**use._asdict(), **{name: getattr(needed, name) for name in Needed.__slots__}} for use, needed in self]


class Leave(StrEnum):
    """Whether the old side may go, by a ledger that has to be empty for some time."""

    EMPTY = "empty"  # nothing needed it in all that time
    NEEDED = "needed"  # something did
    SENT = "sent"  # rules send clients there by themselves (old_side.py)
    UNKNOWN = "unknown"  # the ledger is not that old


def leave_of(uses: Ledger, since: float, now: float, time: float, *, is_sent: bool) -> Leave:
    """`since`: when the ledger began; `time`: in seconds, for how long it has to be empty, until `now`; `is_sent`:
    whether rules send clients to the old side by themselves.
    """
    if any(needed.last > now - time for _, needed in uses):
        return Leave.NEEDED
    if is_sent:
        return Leave.SENT
    return Leave.EMPTY if since <= now - time else Leave.UNKNOWN


def beyond(use: Use) -> Use:
    """As which it is counted when its rule has too many."""
    return use._replace(shape=OTHERS, family=OTHERS)


def needed_once(
    backend: str,
    rule: str,
    reason: str,
    path: str,
    template: PathTemplate | None,
    address: str,
    user_agent: str,
    now: float,
) -> tuple[Use, Needed]:
    """`path` is normalised, and `template` the rule's, if it has one.

    PERF: of a long path only the beginning is looked at; 8 KiB took 13 ms of the worker that answers.
    """
    path = "/".join(path[: 2 * _LONGEST].split("/", _MOST_SEGMENTS)[:_MOST_SEGMENTS])
    use = Use(rule, backend, reason, shape_of(path, template)[:_LONGEST], family_of(user_agent[:_LONGEST]))
    shown, agent = kept_target(path)[:_LONGEST], kept_words(user_agent[: 2 * _LONGEST])[:_LONGEST]
    return use, Needed(1, now, now, shown, site_of(address), agent)


def read_words(words: object) -> Ledger:
    """What `words` gave. Raises ValueError, which says what is wrong."""
    if not isinstance(words, list):
        raise ValueError("the uses of a ledger are a list")
    return Ledger(map(_read_one, words))


def _read_one(words: object) -> tuple[Use, Needed]:
    if not isinstance(words, Mapping) or words.keys() != {*Use._fields, *Needed.__slots__}:
        raise ValueError("a use in the ledger has other keys than this version writes")
    texts = [words[name] for name in (*Use._fields, "path", "network", "user_agent")]
    numbers = [words[name] for name in ("first", "last")]
    count = words["count"]
    if not all(isinstance(text, str) for text in texts) or not all(type(each) in (int, float) for each in numbers):
        raise ValueError("a use in the ledger has a value of another type than this version writes")
    if type(count) is not int or count < 1:
        raise ValueError("a use in the ledger was counted less than once")
    use = Use(*(words[name] for name in Use._fields))
    return use, Needed(**{name: words[name] for name in Needed.__slots__})
