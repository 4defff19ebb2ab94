"""Loops: redirects that lead back to where they began, or on without end.

Laws of this module:
- no loop is reported that the simulator has not stepped through (`walks`);
- "proved" is said only where every knot of leads is proved to end (`settling`) and nothing was left out;
- what is neither is undecided, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from edgeproxy.ruleset.automata.effort import TooMuchWork, bounded
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.boxes import points
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.circumstances import Circumstances
from edgeproxy.ruleset.checker.facets import TooManyFacets
from edgeproxy.ruleset.checker.graph import graph_of, knots
from edgeproxy.ruleset.checker.orbits import without_ending
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.checker.remedies import remedy_of
from edgeproxy.ruleset.checker.settling import Unproved, settle
from edgeproxy.ruleset.checker.simulate import Step, simulator_of
from edgeproxy.ruleset.checker.spaces import NO_REQUESTS, Requests, Space
from edgeproxy.ruleset.checker.walks import Walk, Walker
from edgeproxy.ruleset.follow import MOST_HOPS
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Evidence, Hop, Problem, Related

PROVED: Final = "proved: no redirect loop"
_PATHS: Final = 40  # tried of each space that was left over
_POINTS: Final = 24  # combinations of facets tried for each path
_TRIED: Final = 40  # passages of a knot that is too much to prove
_STEPS: Final = 60_000  # of the simulator, for one knot
_ALL_STEPS: Final = 120_000  # for all of them; beyond, each gets the least
_LEAST_STEPS: Final = 100
_WORK: Final = 2_000_000  # of the automata, for the proof (see `effort`): some 8 s
_WORK_OF_A_RULE: Final = 2_000
_WORK_OF_WALKS: Final = 1_000_000  # for paths to try, of all knots
_SHOWN: Final = 6  # hops of a walk without end
_LISTED: Final = 6


@dataclass(frozen=True, slots=True)
class LoopVerdict:
    """`findings` are confirmed loops; `undecided` is what is neither a loop nor proved to be none."""

    findings: tuple[Problem, ...]
    undecided: tuple[Problem, ...]

    @property
    def line(self) -> str:
        if self.findings:
            number = len(self.findings)
            return "1 redirect loop" if number == 1 else f"{number} redirect loops"
        if self.undecided:
            return f"undecided: {self.undecided[0].message}"
        return PROVED

    @property
    def lines(self) -> tuple[str, ...]:
        """With a line for what is undecided beside loops."""
        if self.findings and self.undecided:
            return (self.line, f"undecided: {self.undecided[0].message}")
        return (self.line,)


def find_loops(ruleset: Ruleset, after: Sequence[Ruleset] = ()) -> LoopVerdict:
    """`after`: rulesets that were in use before, oldest first, whose redirects clients may still hold."""
    try:
        checking = Checking(ruleset, after)
    except TooManyFacets as error:
        return LoopVerdict((), (_undecidable(error.place, error),))
    return _verdict(checking)


def loops(checking: Checking) -> Said:
    """The family."""
    verdict = _verdict(checking)
    return Said((*verdict.findings, *verdict.undecided), verdict.lines)


def _verdict(checking: Checking) -> LoopVerdict:
    try:
        return Loops(checking).verdict()
    except Unsupported as error:
        return LoopVerdict((), (_undecidable(checking.ruleset.rules[0].place, error),))


class Loops:
    def __init__(self, checking: Checking) -> None:
        self._checking = checking
        self._simulator = checking.once(simulator_of)
        self._graph = checking.once(graph_of)
        self._stepped = 0
        self._work = _WORK + _WORK_OF_A_RULE * len(checking.ruleset.rules)
        self._work_of_walks = _WORK_OF_WALKS
        self._circumstances = Circumstances(self._simulator, checking.facets)

    def verdict(self) -> LoopVerdict:
        walks: dict[tuple[object, ...], Walk] = {}
        undecided: list[Problem] = []
        for knot in self._knots():
            try:
                self._look_at(knot, walks, undecided)
            except Unsupported as error:
                undecided.append(_undecided(Unproved(dict.fromkeys(knot, NO_REQUESTS), str(error))))
        findings = [self._problem(_turned(walk)) for walk in _without_shadows(walks.values())]
        findings.sort(key=lambda each: (each.place.file, each.place.line, each.place.column))
        return LoopVerdict(tuple(findings), tuple(undecided))

    def _look_at(
        self, knot: Sequence[Passage], walks: dict[tuple[object, ...], Walk], undecided: list[Problem]
    ) -> None:
        """Raises Unsupported."""
        try:
            with bounded(self._work) as rest:
                unproved = list(settle(self._graph.edges, knot))
        except TooMuchWork as error:
            unproved = [Unproved({each: _wide(each) for each in knot[:_TRIED]}, str(error))]
        self._work = max(0, rest[0])
        for left in unproved:
            with bounded(self._work_of_walks) as rest:
                found = self._walks(left)
            self._work_of_walks = max(0, rest[0])
            for walk in found:
                known = walks.get(walk.signature)
                if known is None or _demands(walk) < _demands(known):
                    walks[walk.signature] = walk
            if not found:
                undecided.append(_undecided(left))

    def _knots(self) -> Iterator[list[Passage]]:
        edges = self._graph.edges
        for knot in knots(edges, list(edges)):
            left = without_ending(self._graph, knot)
            yield from [knot] if len(left) == len(knot) else knots(edges, left)

    def _walks(self, left: Unproved) -> list[Walk]:
        """The loops and endless walks that the simulator finds in what is left of a knot."""
        walker = Walker(self._simulator)
        limit = max(_LEAST_STEPS, min(_STEPS, _ALL_STEPS - self._stepped))
        found: dict[tuple[object, ...], Walk] = {}
        with suppress(Unsupported):  # what was found until the work was too much was found
            for start in self._starts(left):
                for walk in walker.walks(start):
                    known = found.get(walk.signature)
                    if known is None or _demands(walk) < _demands(known):
                        found[walk.signature] = walk
                if walker.spent > limit:
                    break
        self._stepped += walker.spent
        return list(found.values())

    def _starts(self, left: Unproved) -> Iterator[Asked]:
        """Requests to try: of each passage in turn, the live ones first."""
        order = sorted(left.passages, key=lambda each: (each.lead.is_held, each.lead.age, each.lead.rule.index))
        turns = [self._of_passage(each, left) for each in order]
        while turns:
            alive = []
            for turn in turns:
                some = list(islice(turn, 8))
                yield from some
                if some:
                    alive.append(turn)
            turns = alive

    def _of_passage(self, passage: Passage, left: Unproved) -> Iterator[Asked]:
        facets, channels = self._checking.facets, self._graph.channels
        for space in passage.domain:  # the plainest paths, of which walks without end should begin
            for path in islice(space.paths.words(), 2):
                yield facets.asked(channels.bare(space.box), path)
        for space in left.reached[passage]:
            box = channels.bare(space.box)
            nicest = facets.asked(box, "/")
            for path in islice(space.paths.words(), _PATHS):
                yield facets.asked(box, path)
            few = list(islice(space.paths.words(), 3))
            for point in islice(points(box), _POINTS):
                for path in few:
                    asked = facets.asked(point, path)
                    if asked != nicest:
                        yield asked

    def _problem(self, walk: Walk) -> Problem:
        first = walk.steps[0]
        steps = walk.steps[:_SHOWN] if walk.is_endless else walk.steps
        leads = tuple(dict.fromkeys(walk.leads))
        related = [Related(lead.place, "this one leads on") for lead in leads[1:_LISTED]]
        evidence = Evidence(
            str(first.asked),
            tuple(map(hop_of, steps)),
            self._circumstances.of(walk.steps, is_loop=not walk.is_endless),
        )
        if walk.is_endless:
            code, message = Code.ENDLESS_REDIRECT, f"redirects without end: {_named(walk)}"
            why = f"after {len(walk.steps)} hops it still leads to a URL that was not asked yet; clients give up."
            if len(walk.steps) < MOST_HOPS:
                why = f"the URL grows: after {len(walk.steps)} hops it is longer than the edge takes."
        else:
            hops = "1 hop" if len(walk.steps) == 1 else f"{len(walk.steps)} hops"
            code, message = Code.REDIRECT_LOOP, f"a redirect loop of {hops}: {_named(walk)}"
            why = "the last of these redirects leads back to the first URL: clients go round until they give up."
        return Problem(
            code,
            first.lead.place,
            message,
            why,
            remedy_of(walk),
            related[0] if related else None,
            tuple(related[1:]),
            evidence,
        )


def _wide(passage: Passage) -> Requests:
    """What a passage answers, and more, without any work."""
    return NO_REQUESTS if passage.box is None else Requests([Space(passage.box, passage.territory.wide)])


def hop_of(step: Step) -> Hop:
    asked = step.asked
    return Hop(asked.method, asked.url, step.lead.by, step.lead.status, step.location, step.lead.place)


def _named(walk: Walk) -> str:
    leads = list(dict.fromkeys(step.lead.by for step in walk.steps))
    return " → ".join(leads[:_LISTED]) + (" → …" if len(leads) > _LISTED else "")


def _turned(walk: Walk) -> Walk:
    """With a live lead first, of those the first of the file."""
    if walk.is_endless:
        return walk
    order = [
        (step.lead.is_held, step.lead.age, step.lead.rule.index, len(step.asked.url), step.asked.url, at)
        for at, step in enumerate(walk.steps)
    ]
    return walk.rotated(min(order)[-1])


def _demands(walk: Walk) -> tuple[int, int, int]:
    """How much must hold for a walk: of two by the same leads the plainer one is shown."""
    first = walk.steps[0].asked
    held = sum(step.lead.is_held for step in walk.steps)
    odd = len(first.headers) + (first.method != "GET") + (first.query is not None) + (first.call is not None)
    return held, odd, len(walk.steps)


def _without_shadows(walks: Iterable[Walk]) -> list[Walk]:
    """Without endless walks, and rounds by the same lead again and again, by leads that loop as well in fewer hops: one
    fault, one finding.
    """
    every = [(walk, walk.by) for walk in walks]
    looping = [(by, len(walk.steps)) for walk, by in every if not walk.is_endless]
    return [
        walk
        for walk, by in every
        if not (walk.is_endless or len(walk.steps) > len(by))
        or not any(each <= by and (walk.is_endless or hops < len(walk.steps)) for each, hops in looping)
    ]


def _undecided(left: Unproved) -> Problem:
    leads = tuple(dict.fromkeys(each.lead for each in left.passages))
    names = list(dict.fromkeys(lead.by for lead in leads))
    doubts = list(dict.fromkeys(doubt for each in left.passages for doubt in each.doubts))
    reasons = [*doubts, *([left.reason] if left.reason is not None else [])]
    shown = " and ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")
    verb = "leads" if len(names) == 1 else "lead"
    related = [Related(lead.place, "this one may lead on") for lead in leads[1:_LISTED]]
    return Problem(
        Code.UNDECIDED,
        leads[0].place,
        f"whether {shown} {verb} round in a loop",
        f"{'; '.join(reasons) or 'the paths that may go round are too many to try, and those that were tried end'}.",
        "narrow what these redirects take, or make their targets simpler; no loop was found in what was tried.",
        related[0] if related else None,
        tuple(related[1:]),
    )


def _undecidable(place: Place, error: Unsupported) -> Problem:
    return Problem(
        Code.UNDECIDED,
        place,
        "whether these rules lead round in a loop",
        f"{error}.",
        "make these conditions simpler, or fewer.",
    )
