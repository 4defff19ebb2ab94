"""What shrinks along redirects cannot do so for ever: a proof that a cycle of leads is no loop.

Laws of this module:
- a measure of a path is never negative, and `growth` is the most that a passage can add to it;
- passages of which every cycle takes more from a measure than it adds are followed only so often;
- a passage that takes from a measure to which no passage of its knot adds anything is followed only so often, too: it
  is left out, and what is left may fall apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edgeproxy.ruleset.checker.graph import Edges, knots
from edgeproxy.ruleset.checker.hops import Declared, Fixed, Lead
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Redirect
from edgeproxy.ruleset.segment import Affixed, Literal
from edgeproxy.ruleset.template import Insert, PathTemplate, TargetTemplate

UNKNOWN: Final = float("inf")
_SHRINKING: Final = frozenset((Filter.LOWER, Filter.PEP503, Filter.SAFE_LOWER))
_MOST: Final = 400  # passages of a knot that are reckoned with: the reckoning takes their cube

Measure = Callable[[PathTemplate, TargetTemplate], float]


def without_shrinking(edges: Edges, knot: Sequence[Passage]) -> list[list[Passage]]:
    """The knots that are left of one when what can be followed only so often is left out."""
    left = [list(knot)]
    for measure, size in ((_slashes, _count_slashes), (_length, len)):
        left = [rest for each in left for rest in _without(edges, each, measure, size)]
    return left


def _without(edges: Edges, knot: list[Passage], measure: Measure, size: Callable[[str], int]) -> list[list[Passage]]:
    growth = {each: _growth(each, measure, size) for each in knot}
    if all(rise <= 0 for rise in growth.values()):
        steady = [each for each in knot if growth[each] == 0]
        return [knot] if len(steady) == len(knot) else knots(edges, steady)
    if len(knot) <= _MOST and UNKNOWN not in growth.values() and not _may_keep(edges, knot, growth):
        return []
    return [knot]


def _may_keep(edges: Edges, knot: list[Passage], growth: dict[Passage, float]) -> bool:
    """Whether a cycle adds at least as much as it takes (Bellman and Ford)."""
    # A cycle has at most as many edges as there are passages: so one more for each edge tells 0 from -1.
    weight = {each: growth[each] * len(knot) + 1 for each in knot}
    best = dict.fromkeys(knot, 0.0)
    for _ in range(len(knot)):
        changed = False
        for each in knot:
            for following in edges.get(each, ()):
                if following in best and best[each] + weight[each] > best[following]:
                    best[following] = best[each] + weight[each]
                    changed = True
        if not changed:
            return False
    return True


def _growth(passage: Passage, measure: Measure, size: Callable[[str], int]) -> float:
    aim = passage.aim
    if passage.word is not None and aim is not None and aim.word is not None:
        return size(aim.word) - size(passage.word)
    return _of_lead(passage.lead, measure)


def _of_lead(lead: Lead, measure: Measure) -> float:
    source, path = lead.source, lead.rule.match.path
    if lead.fixed is not None or isinstance(source, Fixed) or isinstance(path, PathRegex):
        return UNKNOWN
    if isinstance(source, Redirect):
        return measure(path, source.to)
    if isinstance(source, Declared):
        rewritten = lead.rule.modifiers.rewrite.path
        before = 0.0 if rewritten is None else measure(path, rewritten)
        return before + measure(source.redirect.path, source.redirect.to)
    return UNKNOWN


def _count_slashes(path: str) -> int:
    return path.count("/")


def _slashes(path: PathTemplate, to: TargetTemplate) -> float:
    """A rest may hold slashes: put in once they stay, left out they are gone, put in twice they grow."""
    texts, inserts = path_of(to)
    rests = sum(each.slashes and Filter.FIRST not in each.filters for each in inserts)
    if rests > 1:
        return UNKNOWN
    return max(1, sum(text.count("/") for text in texts)) - len(path.segments) - (path.rest is not None)


def _length(path: PathTemplate, to: TargetTemplate) -> float:
    """Filters but these may make a value longer, and so may a backend with what only it knows."""
    texts, inserts = path_of(to)
    names = [each.name for each in inserts]
    if len(names) > len(set(names)) or not set(names) <= set(path.captures):
        return UNKNOWN
    if any(set(each.filters) - _SHRINKING for each in inserts):
        return UNKNOWN
    taken = len(path.segments) + (path.rest is not None)
    for segment in path.segments:
        if isinstance(segment, Literal):
            taken += len(segment.text)
        elif isinstance(segment, Affixed):
            taken += len(segment.before) + len(segment.after)
    dropped = sum(name not in names and not path.may_be_empty(name) for name in path.captures)
    return max(1, sum(map(len, texts))) - taken - dropped


def path_of(to: TargetTemplate) -> tuple[list[str], list[Insert]]:
    """The texts and captures of a target's path."""
    pieces = list(inserts_and_texts(to))
    return [each for each in pieces if isinstance(each, str)], [each for each in pieces if isinstance(each, Insert)]


def inserts_and_texts(to: TargetTemplate) -> Iterator[str | Insert]:
    """The pieces of a target's path, in order: without its origin and its query."""
    for number, piece in enumerate(to.pieces):
        if isinstance(piece, Insert):
            yield piece
            continue
        text = piece
        if number == 0 and not text.startswith("/"):
            at = min((where for mark in "/?" if (where := text.find(mark, len("https://"))) >= 0), default=len(text))
            text = text[at:]
        yield text.partition("?")[0]
        if "?" in text:
            return
