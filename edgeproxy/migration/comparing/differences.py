"""What two answers disagree in: a closed union, with paths, as JSON both ways.

Laws of this module:
- a `path` says where: `status`, `header:content-type`, `json:/info/version`, `index:/files/six-1.17.0.tar.gz/yanked`;
- a `pattern` is that path without what is different from one document to the next: indexes, names of files and
  projects, versions are `*`. Written in a rule's `ignore` it leaves out this difference and its like, where it is a
  status, a header or a part of the content;
- values are shown, bounded, not kept: a difference is small whatever the content is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, assert_never

from edgeproxy.migration.comparing.bounds import Flaw
from edgeproxy.migration.specimen import Silence
from edgeproxy.ruleset.ignores import escaped

_SHOWN: Final = 200  # characters of a value
_LONGEST_PART: Final = 200  # of a path

Json = dict[str, Any]


class Side(StrEnum):
    OLD = "old"
    NEW = "new"


class Kind(StrEnum):
    """The members of the union, by the words of reports and metrics."""

    STATUS_CHANGED = "status changed"
    NO_ANSWER = "no answer"
    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"
    TYPE_CHANGED = "type changed"
    REORDERED = "reordered"
    UNREADABLE = "unreadable"
    UNLISTED = "unlisted"
    MORE = "more than noise"


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Nothing else is compared where the status differs."""

    old: int
    new: int

    @property
    def path(self) -> str:
        return "status"

    @property
    def pattern(self) -> str:
        """Both: an old side that now and then says 500 has not therefore a new one that may say 404."""
        return f"status/{self.old}/{self.new}"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """One side was asked and gave no whole answer."""

    side: Side
    why: Silence

    @property
    def path(self) -> str:
        return f"answer:{self.side}"

    @property
    def pattern(self) -> str:
        return f"answer:{self.side}/{self.why}"


@dataclass(frozen=True, slots=True)
class Missing:
    """The new side does not have it."""

    path: str
    pattern: str
    old: str


@dataclass(frozen=True, slots=True)
class Added:
    """Only the new side has it."""

    path: str
    pattern: str
    new: str


@dataclass(frozen=True, slots=True)
class Changed:
    path: str
    pattern: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class TypeChanged:
    """A value of another type: `old` and `new` are types, such as string, number and null."""

    path: str
    pattern: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Reordered:
    """The same parts in another order, where the order counts."""

    path: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The content of one side cannot be compared."""

    side: Side
    flaw: Flaw
    why: str

    @property
    def path(self) -> str:
        return f"unreadable:{self.side}"

    @property
    def pattern(self) -> str:
        return f"unreadable:{self.side}/{self.flaw}"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """So many differences more than are listed."""

    count: int
    path: str = "unlisted"
    pattern: str = "unlisted"


@dataclass(frozen=True, slots=True)
class More:
    """More differences `of` one kind under one pattern than the old side has with itself. They stand beside it."""

    path: str
    pattern: str
    of: Kind
    count: int


Difference = (
    StatusChanged | NoAnswer | Missing | Added | Changed | TypeChanged | Reordered | Unreadable | Unlisted | More
)


def kind_of(difference: Difference) -> Kind:
    match difference:
        case StatusChanged():
            return Kind.STATUS_CHANGED
        case NoAnswer():
            return Kind.NO_ANSWER
        case Missing():
            return Kind.MISSING
        case Added():
            return Kind.ADDED
        case Changed():
            return Kind.CHANGED
        case TypeChanged():
            return Kind.TYPE_CHANGED
        case Reordered():
            return Kind.REORDERED
        case Unreadable():
            return Kind.UNREADABLE
        case Unlisted():
            return Kind.UNLISTED
        case More():
            return Kind.MORE
        case _:
            assert_never(difference)


# -- where and what -----------------------------------------------------------------------------------------------


class At(NamedTuple):
    """A path and its pattern."""

    path: str
    pattern: str

    def part(self, name: str, *, is_free: bool = False) -> At:
        """What `name` leads to. `is_free`: another document has another name there."""
        shown = escaped(name if len(name) <= _LONGEST_PART else f"{name[: _LONGEST_PART - 1]}…")
        return At(f"{self.path}/{shown}", f"{self.pattern}/{'*' if is_free else shown}")


def root(content: str) -> At:
    return At(f"{content}:", f"{content}:")


def header_at(name: str) -> At:
    return At(f"header:{name}", f"header:{name}")


def shown(text: str) -> str:
    """A text, bounded and fit for a report: what is no character is escaped."""
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# -- JSON ---------------------------------------------------------------------------------------------------------


def to_json(difference: Difference) -> Json:
    found: Json = {"kind": kind_of(difference).value}
    match difference:
        case StatusChanged(old=old, new=new):
            return found | {"old": old, "new": new}
        case NoAnswer(side=side, why=silence):
            return found | {"side": side.value, "why": silence.value}
        case Unreadable(side=side, flaw=flaw, why=why):
            return found | {"side": side.value, "flaw": flaw.value, "why": why}
        case Unlisted(count=count):
            return found | {"count": count}
        case Missing(old=text):
            found["old"] = text
        case Added(new=text):
            found["new"] = text
        case Changed(old=before, new=after) | TypeChanged(old=before, new=after):
            found |= {"old": before, "new": after}
        case Reordered():
            pass
        case More(of=of, count=count):
            found |= {"of": of.value, "count": count}
        case _:
            assert_never(difference)
    return found | {"path": difference.path, "pattern": difference.pattern}


def from_json(found: Mapping[str, Any]) -> Difference:
    """The difference that to_json wrote; ValueError for anything else."""
    try:
        return _READERS[Kind(found["kind"])](found)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no difference: {json.dumps(found, default=repr)[:_SHOWN]} ({error!r})") from None


def _at(found: Mapping[str, Any]) -> tuple[str, str]:
    return str(found["path"]), str(found["pattern"])


_READERS: Final[Mapping[Kind, Callable[[Mapping[str, Any]], Difference]]] = {
    Kind.STATUS_CHANGED: lambda found: StatusChanged(int(found["old"]), int(found["new"])),
    Kind.NO_ANSWER: lambda found: NoAnswer(Side(found["side"]), Silence(found["why"])),
    Kind.MISSING: lambda found: Missing(*_at(found), str(found["old"])),
    Kind.ADDED: lambda found: Added(*_at(found), str(found["new"])),
    Kind.CHANGED: lambda found: Changed(*_at(found), str(found["old"]), str(found["new"])),
    Kind.TYPE_CHANGED: lambda found: TypeChanged(*_at(found), str(found["old"]), str(found["new"])),
    Kind.REORDERED: lambda found: Reordered(*_at(found)),
    Kind.UNREADABLE: lambda found: Unreadable(Side(found["side"]), Flaw(found["flaw"]), str(found["why"])),
    Kind.UNLISTED: lambda found: Unlisted(int(found["count"])),
    Kind.MORE: lambda found: More(*_at(found), Kind(found["of"]), int(found["count"])),
}
