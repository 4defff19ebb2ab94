"""Boxes: sets of requests as far as everything but the path tells them apart.

Laws of this module:
- a box is one bit mask for each dimension of its Facets, and holds each combination of the values it names;
- no box is empty: what would be is None, or no member of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Box = tuple[int, ...]


def meet(left: Box, right: Box) -> Box | None:
    """What is in both."""
    both = tuple([a & b for a, b in zip(left, right, strict=True)])
    return both if all(both) else None


def includes(wide: Box, narrow: Box) -> bool:
    return all(not b & ~a for a, b in zip(wide, narrow, strict=True))


def minus(box: Box, taken: Box) -> list[Box]:
    """The box without what another takes, as boxes that are apart."""
    if meet(box, taken) is None:
        return [box]
    left: list[Box] = []
    rest = box
    for at, mask in enumerate(taken):
        outside = rest[at] & ~mask
        if outside:
            left.append((*rest[:at], outside, *rest[at + 1 :]))
            rest = (*rest[:at], rest[at] & mask, *rest[at + 1 :])
    return left


def outside_all(box: Box, taken: Iterable[Box]) -> list[Box]:
    """The box without what all of these take."""
    left = [box]
    for each in taken:
        if not left:
            break
        left = [part for one in left for part in minus(one, each)]
    return left


def cells(box: Box, others: Sequence[Box]) -> Iterator[tuple[Box, tuple[int, ...]]]:
    """The box in parts, each with the numbers of those others that hold all of it; the rest hold none of it."""
    parts: list[tuple[Box, tuple[int, ...]]] = [(box, ())]
    for number, other in enumerate(others):
        after: list[tuple[Box, tuple[int, ...]]] = []
        for part, holders in parts:
            inside = meet(part, other)
            if inside is None:
                after.append((part, holders))
                continue
            after.append((inside, (*holders, number)))
            after += [(each, holders) for each in minus(part, other)]
        parts = after
    yield from parts


def first_point(box: Box) -> Box:
    """The box of one combination: of each dimension the first value."""
    return tuple([mask & -mask for mask in box])


def points(box: Box) -> Iterator[Box]:
    """The box of each combination."""
    if not box:
        yield ()
        return
    for rest in points(box[1:]):
        yield from ((bit, *rest) for bit in bits(box[0]))


def bits(mask: int) -> Iterator[int]:
    while mask:
        yield mask & -mask
        mask &= mask - 1
