"""Two histories of one cutover, this node's and the store's, and what becomes of them. Pure.

Laws of this module:
- what one of them lacks of the other is given to it; nothing is ever taken from one that has it;
- where they differ the store's counts, for that is what all nodes share: a node that was cut off never undoes what
  was decided meanwhile. Nobody's entries vanish unsaid: a conflict has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeproxy.migration.journal import Entry


@dataclass(frozen=True, slots=True)
class Same:
    """Both have the same."""


@dataclass(frozen=True, slots=True)
class Behind:
    """This node lacks these."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """The store lacks these: it was emptied, or came back as it was before them, or they were made here meanwhile."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Differ:
    """From this number on they are not the same."""

    number: int
    ours: tuple[Entry, ...]
    theirs: tuple[Entry, ...]


Comparison = Same | Behind | Ahead | Differ


def compare(ours: Sequence[Entry], theirs: Sequence[Entry]) -> Comparison:
    """Whole journals, from the first entry on."""
    both = min(len(ours), len(theirs))
    same = next((n for n in range(both) if ours[n] != theirs[n]), both)
    rest_of_ours, rest_of_theirs = tuple(ours[same:]), tuple(theirs[same:])
    if rest_of_ours and rest_of_theirs:
        return Differ(same + 1, rest_of_ours, rest_of_theirs)
    if rest_of_ours:
        return Ahead(rest_of_ours)
    return Behind(rest_of_theirs) if rest_of_theirs else Same()
