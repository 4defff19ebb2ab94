"""Which elements of two lists belong together.

Laws of this module:
- equal elements belong together wherever they stand; of what is left, those with the same label do, in their order;
- it takes time in proportion to the two lists: no search for the shortest edit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Alignment:
    """Positions. `pairs` are of elements that differ; `is_reordered`: equal elements stand in another order."""

    pairs: tuple[tuple[int, int], ...] = ()
    missing: tuple[int, ...] = ()
    added: tuple[int, ...] = ()
    is_reordered: bool = False


def align(
    old: Sequence[T], new: Sequence[T], key: Callable[[T], Hashable], label: Callable[[T], Hashable]
) -> Alignment:
    """`key` is the same for equal elements and for no others."""
    olds, news = list(map(key, old)), list(map(key, new))
    if olds == news:
        return Alignment()
    first, last = _common(olds, news)
    left_old, left_new, places = _match(olds, news, first, last)
    pairs = _pair(left_old, left_new, lambda at: label(old[at]), lambda at: label(new[at]))
    paired_old, paired_new = {i for i, _ in pairs}, {j for _, j in pairs}
    return Alignment(
        tuple(pairs),
        tuple(at for at in left_old if at not in paired_old),
        tuple(at for at in left_new if at not in paired_new),
        any(before > after for before, after in pairwise(places)),
    )


def _common(olds: list[Hashable], news: list[Hashable]) -> tuple[int, int]:
    """How many are equal at the beginning, and at the end."""
    most = min(len(olds), len(news))
    first = 0
    while first < most and olds[first] == news[first]:
        first += 1
    last = 0
    while last < most - first and olds[-1 - last] == news[-1 - last]:
        last += 1
    return first, last


def _match(olds: list[Hashable], news: list[Hashable], first: int, last: int) -> tuple[list[int], list[int], list[int]]:
    """The positions without an equal element on the other side, and where the equals of the others stand."""
    standing: dict[Hashable, list[int]] = {}
    for at in range(len(news) - last - 1, first - 1, -1):
        standing.setdefault(news[at], []).append(at)  # the first one is at the end
    left_old: list[int] = []
    places: list[int] = []
    for at in range(first, len(olds) - last):
        equals = standing.get(olds[at])
        if equals:
            places.append(equals.pop())
        else:
            left_old.append(at)
    return left_old, sorted(at for rest in standing.values() for at in rest), places


def _pair(
    left_old: list[int],
    left_new: list[int],
    old_label: Callable[[int], Hashable],
    new_label: Callable[[int], Hashable],
) -> list[tuple[int, int]]:
    waiting: dict[Hashable, list[int]] = {}
    for at in reversed(left_new):
        waiting.setdefault(new_label(at), []).append(at)
    found: list[tuple[int, int]] = []
    for at in left_old:
        likes = waiting.get(old_label(at))
        if likes:
            found.append((at, likes.pop()))
    return found
