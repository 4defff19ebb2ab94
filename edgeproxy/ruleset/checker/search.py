"""A request that a set of territories leaves over: the question of reach.

Laws of this module:
- what is found is concrete: a path, and a box of which the edge gives every request to none of the territories;
- nothing found means that they take everything: a territory is only reckoned to take what it surely takes;
- work is bounded; what is not settled within is refused with Unsupported.

The walk tries paths that no territory takes whole boxes of. One that takes a part of the box splits it: so boxes are
split only where a path shows the need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language, words_outside
from edgeproxy.ruleset.checker.boxes import Box, includes, meet, minus, outside_all
from edgeproxy.ruleset.checker.territory import Territory

_BOXES: Final = 4_096
_DOUBTED: Final = 64  # paths that a territory takes though it does not surely do
_SAMPLES: Final = 4

Witness = tuple[Box, str]
Takers = Callable[[str], Sequence[Territory]]


def left_of_words(box: Box, words: Iterable[str], takers: Takers) -> Witness | None:
    """A request of these paths that no taker takes."""
    for word in words:
        left = outside_all(box, _boxes(takers(word)))
        if left:
            return _nicest(left), word
    return None


def left_of_language(
    box: Box, paths: Language, rivals: Sequence[Territory], takers: Takers, is_path: Callable[[str], bool]
) -> Witness | None:
    """A request of these paths, of those that are one, that no taker takes. Takers whose paths are a language are
    among the rivals. Raises Unsupported.
    """
    samples = islice(filter(is_path, _samples(paths)), _SAMPLES)
    found = left_of_words(box, list(samples), takers)
    return found or _Walk(paths, rivals, takers, is_path).left(box)


def _samples(paths: Language) -> Iterator[str]:
    """The first words. PERF: most rules take their very first path, and that one costs a fifth of what `words` does."""
    first = paths.shortest()
    if first is not None:
        yield first
        yield from islice(paths.words(), 1, _SAMPLES)


class _Walk:
    def __init__(
        self, paths: Language, rivals: Sequence[Territory], takers: Takers, is_path: Callable[[str], bool]
    ) -> None:
        self._paths = paths
        self._rivals = [each for each in rivals if not each.is_listed]
        self._takers = takers
        self._is_path = is_path
        self._doubted = 0

    def left(self, box: Box) -> Witness | None:
        boxes = [box]
        for _ in range(_BOXES):
            if not boxes:
                return None
            part = boxes.pop()
            found = self._left(part)
            if isinstance(found, tuple):
                return found
            if found is not None:
                inside = meet(part, found.box)
                assert inside is not None
                boxes += [*minus(part, found.box), inside]
        raise Unsupported(f"it takes more than {_BOXES} kinds of request apart")

    def _left(self, box: Box) -> Witness | Territory | None:
        """A witness; or a territory that parts the box; or None: everything of the box is taken."""
        whole = [each.sure for each in self._rivals if includes(each.box, box)]
        for word in words_outside(self._paths, whole):
            if not self._is_path(word):
                self._doubt()
                continue
            takers = self._takers(word)
            left = outside_all(box, _boxes(takers))
            if left:
                return _nicest(left), word
            for each in takers:
                if not each.is_listed and not includes(each.box, box) and meet(each.box, box) is not None:
                    return each
            if any(each.doubt is not None for each in takers if not each.is_listed):
                self._doubt()
        return None

    def _doubt(self) -> None:
        self._doubted += 1
        if self._doubted > _DOUBTED:
            raise Unsupported(f"the first {_DOUBTED} paths that could tell are taken, and it is not sure that all are")


def _boxes(territories: Sequence[Territory]) -> Iterator[Box]:
    return (each.box for each in territories)


def _nicest(boxes: Sequence[Box]) -> Box:
    return min(boxes, key=lambda box: [mask & -mask for mask in box])
