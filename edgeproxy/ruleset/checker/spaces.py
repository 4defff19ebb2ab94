"""Sets of requests: boxes of facets, each with a language of paths.

Laws of this module:
- a Space is a product, never empty once it is in Requests; Requests are a finite union, and their Spaces may overlap;
- operations are exact. What would take too many Spaces, or too large an automaton, is refused with Unsupported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language, union
from edgeproxy.ruleset.checker.boxes import Box, includes, meet, minus

_SPACES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Space:
    """Every request of the box for every one of the paths."""

    box: Box
    paths: Language

    def __and__(self, other: Space) -> Space | None:
        box = meet(self.box, other.box)
        if box is None:
            return None
        paths = self.paths & other.paths
        return None if paths.is_empty() else Space(box, paths)

    def __sub__(self, other: Space) -> Iterator[Space]:
        both = meet(self.box, other.box)
        if both is None:
            yield self
            return
        yield from (Space(box, self.paths) for box in minus(self.box, other.box))
        left = self.paths - other.paths
        if not left.is_empty():
            yield Space(both, left)

    def is_subset(self, other: Space) -> bool:
        """Whether the other holds it: False also where only several together would."""
        return includes(other.box, self.box) and self.paths.is_subset(other.paths)

    def overlaps(self, other: Space) -> bool:
        return meet(self.box, other.box) is not None and self.paths.overlaps(other.paths)


class Requests:
    """A finite union of spaces; those of one box are one."""

    __slots__ = ("spaces",)

    def __init__(self, spaces: Iterable[Space] = ()) -> None:
        by_box: dict[Box, list[Language]] = {}
        for space in spaces:
            if not space.paths.is_empty():
                by_box.setdefault(space.box, []).append(space.paths)
        if len(by_box) > _SPACES:
            raise Unsupported(f"it takes more than {_SPACES} kinds of request apart")
        self.spaces: tuple[Space, ...] = tuple(
            Space(box, paths[0] if len(paths) == 1 else union(paths)) for box, paths in by_box.items()
        )

    def __repr__(self) -> str:
        return f"<Requests of {len(self.spaces)} spaces>"

    def __iter__(self) -> Iterator[Space]:
        return iter(self.spaces)

    def __bool__(self) -> bool:
        return bool(self.spaces)

    def __or__(self, other: Requests) -> Requests:
        return Requests((*self.spaces, *other.spaces))

    def __and__(self, other: Requests) -> Requests:
        both = (one & each for one in self.spaces for each in other.spaces)
        return Requests(space for space in both if space is not None)

    def __sub__(self, other: Requests) -> Requests:
        left = self
        for taken in other.spaces:
            left = Requests(part for space in left.spaces for part in space - taken)
        return left

    def is_empty(self) -> bool:
        return not self.spaces

    def overlaps(self, other: Requests) -> bool:
        return any(one.overlaps(each) for one in self.spaces for each in other.spaces)

    def is_subset(self, other: Requests) -> bool:
        return (self - other).is_empty()

    def witness(self) -> tuple[Box, str] | None:
        """A box and a path of it, of the shortest there are."""
        found = [(space.box, path) for space in self.spaces if (path := space.paths.shortest()) is not None]
        return min(found, key=lambda each: (len(each[1]), each[1]), default=None)


NO_REQUESTS: Final = Requests()
