"""Whether a knot of leads can be followed without end: the proof, on sets of requests.

Laws of this module:
- `reached` starts with what each passage answers and is narrowed, round by round, to those of its requests to which
  some passage of the knot leads from such a request. Whoever is redirected for ever asks only such requests, in every
  round: so a round that leaves nothing proves that there is no loop;
- after each round the passages that still lead to one another are looked at by themselves, and what shrinks along
  them is left out (`potentials`);
- work is bounded by rounds and by the size of automata; what is left then is not proved: a loop is sought in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.boxes import meet
from edgeproxy.ruleset.checker.graph import Edges, knots
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.checker.potentials import without_shrinking
from edgeproxy.ruleset.checker.spaces import NO_REQUESTS, Requests, Space

_ROUNDS: Final = 8  # beyond what a knot has passages
_MOST_ROUNDS: Final = 24
_MOST_STATES: Final = 60_000  # of the automata of one round

Reached = Mapping[Passage, Requests]


@dataclass(frozen=True, slots=True)
class Unproved:
    """A knot that rounds left over, what is reached in it, and why they could not be told apart further."""

    reached: Reached
    reason: str | None  # None: the rounds changed nothing any more

    @property
    def passages(self) -> tuple[Passage, ...]:
        return tuple(self.reached)


def settle(edges: Edges, knot: Sequence[Passage]) -> Iterator[Unproved]:
    """What of a knot is not proved to end."""
    edges = _met(edges, without_shrinking(edges, knot))
    waiting: list[tuple[Reached, int]] = [
        ({each: each.domain for each in left}, 0)
        for part in knots(edges, list(edges))
        for left in without_shrinking(edges, part)
    ]
    while waiting:
        reached, rounds = waiting.pop()
        limit = min(_MOST_ROUNDS, _ROUNDS + 2 * len(reached))
        try:
            narrowed = _narrowed(edges, reached)
        except Unsupported as error:
            yield Unproved(reached, str(error))
            continue
        for inside in narrowed:
            if len(inside) == len(reached) and _is_settled(reached, inside):
                yield Unproved(inside, None)
            elif rounds + 1 >= limit:
                yield Unproved(inside, f"after {limit} rounds there were still other paths to follow")
            else:
                waiting.append((inside, rounds + 1))


def _met(edges: Edges, left: Sequence[Sequence[Passage]]) -> Edges:
    """The edges along which something goes at all: told without the automata that a round makes."""
    found: dict[Passage, Sequence[Passage]] = {}
    for members in left:
        inside = set(members)
        for each in members:
            into = [other for other in edges.get(each, ()) if other in inside]
            try:
                found[each] = [other for other in into if each.whole_image.overlaps(other.domain)]
            except Unsupported:
                found[each] = into
    return found


def _narrowed(edges: Edges, reached: Reached) -> list[Reached]:
    """What a round leaves of a knot: the knots that it falls into. Raises Unsupported."""
    following, taken = _round(edges, reached)
    left = [rest for each in knots(taken, list(following)) for rest in without_shrinking(taken, each)]
    return [{each: _within(taken, following, each, members) for each in members} for members in left]


Taken = dict[Passage, dict[Passage, Requests]]


class _Edges(dict[Passage, Sequence[Passage]]):
    """Edges along which something goes, with what goes."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: Taken = {}


def _round(edges: Edges, reached: Reached) -> tuple[dict[Passage, Requests], _Edges]:
    """What each passage is asked by way of one hop, and along which edges."""
    taken = _Edges()
    states = 0
    for each, requests in reached.items():
        into = [other for other in edges.get(each, ()) if other in reached]
        if not into:
            continue
        image = each.image(requests)
        for other in into:
            part = _both(image, other.domain)
            if part:
                taken.parts.setdefault(other, {})[each] = part
                taken[each] = [*taken.get(each, ()), other]
                states += sum(len(space.paths.dfa) for space in part)
        if states > _MOST_STATES:
            raise Unsupported(f"it takes automata of more than {_MOST_STATES} states")
    return {each: _union(parts.values()) for each, parts in taken.parts.items()}, taken


def _both(image: Requests, domain: Requests) -> Requests:
    found: list[Space] = []
    for one in image:
        for other in domain:
            if meet(one.box, other.box) is not None:
                both = one & other
                if both is not None:
                    found.append(both)
    return Requests(found) if found else NO_REQUESTS


def _within(
    taken: _Edges, following: Mapping[Passage, Requests], passage: Passage, members: Sequence[Passage]
) -> Requests:
    """What a passage is asked by way of the members alone."""
    parts = taken.parts[passage]
    if len(parts) <= len(members) and all(each in members for each in parts):
        return following[passage]
    inside = set(members)
    return _union(part for each, part in parts.items() if each in inside)


def _union(parts: Iterable[Requests]) -> Requests:
    spaces = [space for part in parts for space in part]
    found = Requests(spaces)
    return Requests(Space(space.box, space.paths.minimised()) for space in found)


def _is_settled(before: Reached, after: Reached) -> bool:
    """Whether a round changed nothing."""
    return all(_is_same(before[each], after[each]) for each in after)


def _is_same(before: Requests, after: Requests) -> bool:
    old = {space.box: space.paths for space in before}
    new = {space.box: space.paths for space in after}
    return old.keys() == new.keys() and all(old[box].is_subset(new[box]) for box in old)
