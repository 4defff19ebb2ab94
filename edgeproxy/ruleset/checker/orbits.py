"""Where a redirect of one exact path leads in the end: thousands of them need no automata.

Law: a passage of one path is left out of a knot only when everything that it may lead to, followed path by path,
comes to an end: then no loop goes through it. Earlier rules and arms are not looked at: more is followed than there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgeproxy.ruleset.checker.boxes import Box, meet
from edgeproxy.ruleset.checker.graph import Graph
from edgeproxy.ruleset.checker.passages import Passage

_LONGEST: Final = 64  # hops
_MOST: Final = 256  # requests followed from one path

Stop = tuple[Passage, str, Box]


def without_ending(graph: Graph, knot: Sequence[Passage]) -> list[Passage]:
    """The knot without those passages of one path that lead to an end."""
    ending: set[Stop] = set()
    return [each for each in knot if each.word is None or not _ends(graph, each, each.word, ending)]


def _ends(graph: Graph, passage: Passage, word: str, ending: set[Stop]) -> bool:
    """Depth first: what has come to its end is in `ending`, what is on the way is in `path`."""
    if passage.box is None:
        return True
    first: Stop = (passage, word, passage.box)
    work = [(first, iter(_next(graph, first) or ()))]
    path, followed = {first}, 0
    if _next(graph, first) is None:
        return False
    while work:
        stop, following = work[-1]
        for each in following:
            if each in ending:
                continue
            followed += 1
            further = _next(graph, each)
            if each in path or further is None or len(work) > _LONGEST or followed > _MOST:
                return False
            path.add(each)
            work.append((each, iter(further)))
            break
        else:
            work.pop()
            path.discard(stop)
            ending.add(stop)
    return True


def _next(graph: Graph, stop: Stop) -> list[Stop] | None:
    """What may answer next; None where that is not to be told path by path."""
    passage, word, box = stop
    after = passage.after(word, box)
    if after == "anywhere":
        return None
    if after is None:
        return []
    path, following = after
    found: list[Stop] = []
    for each in graph.takers(path, following):
        both = None if each.box is None else meet(each.box, following)
        if both is not None:
            found.append((each, path, both))
    return found
