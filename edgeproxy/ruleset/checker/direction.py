"""Direction: a redirect from A to B, where an earlier ruleset had one from B to A that clients may still hold.

Laws of this module:
- a flip is reported with a pair of URLs that the simulator was sent to and fro between;
- a pair of redirects without one is silent only where no URL can be left for both: the sets of requests that come
  back, round after round, are empty. What is neither is undecided;
- what nobody holds (302 without a lifetime) may be turned at any time.

The loop itself is found by `loops`; here is said how to turn a redirect without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.circumstances import holding
from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.graph import Graph, graph_of
from edgeproxy.ruleset.checker.held import FOR_EVER, spell
from edgeproxy.ruleset.checker.hops import Lead
from edgeproxy.ruleset.checker.loops import hop_of
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.checker.simulate import Simulator, Step, simulator_of
from edgeproxy.ruleset.checker.spaces import Requests
from edgeproxy.ruleset.problems import Code, Evidence, Problem, Related

_ROUNDS: Final = 8
_PATHS: Final = 200  # tried of each set of requests that may come back

Flip = tuple[Step, Step]


def direction(checking: Checking) -> Said:
    return Said(tuple(_problems(checking)) if checking.after else ())


def _problems(checking: Checking) -> Iterator[Problem]:
    simulator, graph = checking.once(simulator_of), checking.once(graph_of)
    told: set[tuple[object, object]] = set()
    for new, old in _pairs(graph):
        pair = (old.lead.identity, new.lead.identity)
        if pair in told:
            continue
        try:
            left = _coming_back(old, new)
            flip = _confirmed(simulator, graph, checking.facets, old.lead, new.lead, left)
            doubt = "; ".join((*old.doubts, *new.doubts)) or f"the first {_PATHS} paths that may come back do not"
        except Unsupported as error:
            left, flip, doubt = Requests(), None, str(error)
        else:
            if not left:
                continue
        told.add(pair)
        yield _undecided(old.lead, new.lead, doubt) if flip is None else _flipped(flip)


def _pairs(graph: Graph) -> Iterator[tuple[Passage, Passage]]:
    """Live passages and held ones, of earlier rulesets, that may lead to each other."""
    for new, following in graph.edges.items():
        if not new.lead.is_held:
            for old in following:
                if old.lead.age and new in graph.edges.get(old, ()):
                    yield new, old


def _coming_back(old: Passage, new: Passage) -> Requests:
    """Requests that the old redirect answers and that, as far as is known, come back by the new one."""
    there = new.domain & old.whole_image
    back = old.domain & new.image(there) if there else Requests()
    for _ in range(_ROUNDS - 1):
        if not back:
            break
        there = new.domain & old.image(back)
        back = old.domain & new.image(there)
    return back


def _confirmed(simulator: Simulator, graph: Graph, facets: Facets, old: Lead, new: Lead, left: Requests) -> Flip | None:
    for space in left:
        box = graph.channels.bare(space.box)
        for path in islice(space.paths.words(), _PATHS):
            flip = _tried(simulator, facets.asked(box, path), old, new)
            if flip is not None:
                return flip
    return None


def _tried(simulator: Simulator, asked: Asked, old: Lead, new: Lead) -> Flip | None:
    for there in simulator.steps(asked):
        if there.lead.identity == old.identity and there.following is not None:
            for back in simulator.steps(there.following):
                following = back.following
                if back.lead is new and following is not None and _same_url(following, asked):
                    return there, back
    return None


def _same_url(one: Asked, other: Asked) -> bool:
    return (one.method, one.url) == (other.method, other.url)


def _flipped(flip: Flip) -> Problem:
    there, back = flip
    old, new = there.lead, back.lead
    return Problem(
        Code.DIRECTION_FLIP,
        new.place,
        f"{new.by} reverses a redirect that is {old.by}",
        f"clients and caches hold that {old.status} {spell(old.kept)}: it leads them here, and they are sent back.",
        _plan(old),
        Related(old.place, f"this one led the other way, and is held {spell(old.kept)}"),
        evidence=Evidence(str(there.asked), (hop_of(there), hop_of(back)), holding(old)),
    )


def _plan(old: Lead) -> str:
    """How to turn it without a loop."""
    if old.kept == FOR_EVER:
        return (
            "what is held for ever is never asked for again, so waiting does not help: answer both URLs and redirect "
            "neither, one of them by `rewrite: {path: ...}`. Caches of your own can be purged."
        )
    return (
        "in four steps: 1. answer in the old direction by 302 with a short lifetime, as in lifetime: 1m; "
        f"2. wait {spell(old.kept).removeprefix('for ')}, as long as it is held, or purge every cache that has it; "
        "3. turn it, by 302 with a short lifetime; 4. lengthen the lifetime when all is well."
    )


def _undecided(old: Lead, new: Lead, doubt: str) -> Problem:
    return Problem(
        Code.UNDECIDED,
        new.place,
        f"whether {new.by} reverses a redirect that is {old.by}",
        f"{doubt}.",
        "narrow what these redirects take, or make their targets simpler.",
        Related(old.place, "this one may lead the other way"),
    )
