"""Chains: redirects to what is redirected again, and redirects from https to http.

Laws of this module:
- each finding has a witness that the simulator has stepped through, as the edge answers now: what clients hold from
  before is no matter here;
- a chain begins with a redirect of the edge's own, which could lead to the end at once. One finding for each pair of
  rules, of exact paths behind one pattern only the first few, and one note for each backend that redirects again what a
  rule has redirected: they have one cause;
- a redirect that leads round is the loops' matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.circumstances import Circumstances
from edgeproxy.ruleset.checker.graph import Graph, graph_of
from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.loops import hop_of
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.checker.simulate import Simulator, Step, simulator_of
from edgeproxy.ruleset.checker.sources import sources_of
from edgeproxy.ruleset.follow import MOST_HOPS
from edgeproxy.ruleset.model import RedirectMap
from edgeproxy.ruleset.problems import Code, Evidence, Problem, Related

_SAMPLES: Final = 6
_WORDS: Final = 3  # exact paths behind one pattern that are told one by one
_PATHS_OF_A_LEAD: Final = 1_000  # pairs of one map that are tried
_PAIRS: Final = 2_000  # of patterns, that are looked at by languages
_HOPS: Final = MOST_HOPS + 1

Pair = tuple[int, int | str]  # the first lead, and the second, or the backend that gives it


def chains(checking: Checking) -> Said:
    """The family."""
    return Said(Chains(checking).findings())


class Chains:
    def __init__(self, checking: Checking) -> None:
        self._facets = checking.facets
        if checking.after:
            self._simulator = Simulator(checking.ruleset, (), checking.facets)
            self._graph = Graph(checking, self._simulator)
        else:
            self._simulator, self._graph = checking.once(simulator_of), checking.once(graph_of)
        self._circumstances = Circumstances(self._simulator, checking.facets)
        self._pairs = 0
        self._found: dict[Pair, list[Step]] = {}
        # Without either no request comes by https: none can be led away from it.
        ruleset = checking.ruleset
        self._speaks_tls = bool(ruleset.trusted_proxies) or any(each.certificates for each in ruleset.listen)

    def findings(self) -> tuple[Problem, ...]:
        downgrades: dict[int, Step] = {}
        tried: Counter[int] = Counter()
        for passage in self._graph.passages:
            if passage.word is not None:
                tried[id(passage.lead)] += 1
                if tried[id(passage.lead)] > _PATHS_OF_A_LEAD:
                    continue
            for asked in self._starts(passage):
                for first in self._simulator.live_steps(asked):
                    if first.lead is passage.lead:
                        if self._speaks_tls and asked.scheme is Scheme.HTTPS and _is_plain(first):
                            downgrades.setdefault(id(first.lead), first)
                        self._follow(first)
        found = [self._chain(steps) for steps in self._found.values()]
        return (*found, *(self._downgrade(step) for step in downgrades.values()))

    def _follow(self, first: Step) -> None:
        if first.following is None or isinstance(first.lead.source, Declared):
            return
        for second in self._simulator.live_steps(first.following):
            pair = _pair(first.lead, second.lead)
            if pair not in self._found:
                steps = self._to_the_end([first, second])
                if steps is not None:
                    self._found[pair] = steps

    def _to_the_end(self, steps: list[Step]) -> list[Step] | None:
        """The chain from its first steps on; None where it leads round or on without end."""
        seen = {step.asked for step in steps}
        while len(steps) < _HOPS:
            following = steps[-1].following
            if following in seen:
                return None
            step = None if following is None else next(self._simulator.live_steps(following), None)
            if step is None:
                return steps
            seen.add(step.asked)
            steps.append(step)
        return None

    def _starts(self, passage: Passage) -> Iterator[Asked]:
        """Requests of a passage, of which some go on to another if any do."""
        if passage.lead.is_held or passage.box is None:
            return
        bare = self._graph.channels.bare(passage.box)
        if passage.word is not None:
            yield self._facets.asked(bare, passage.word)
            return
        try:
            domain = passage.domain
            for space in domain:
                box = self._graph.channels.bare(space.box)
                yield from (self._facets.asked(box, path) for path in islice(space.paths.words(), _SAMPLES))
            if isinstance(passage.lead.source, Declared):
                return  # no chain of the edge's own begins with it
            for path in self._aims(passage):
                for source in sources_of(passage.lead, path):
                    yield from (
                        self._facets.asked(self._graph.channels.bare(space.box), source)
                        for space in domain
                        if source in space.paths
                    )
        except Unsupported:
            return  # no witness is told rather than a wrong one

    def _aims(self, passage: Passage) -> Iterator[str]:
        """Paths of other redirects that a pattern may lead to."""
        image = None
        words = 0
        for other in self._graph.following(passage):
            if _pair(passage.lead, other.lead) in self._found:
                continue
            if other.word is not None:
                if words < _WORDS and next(sources_of(passage.lead, other.word), None) is not None:
                    words += 1
                    yield other.word
            elif self._pairs < _PAIRS:
                self._pairs += 1
                image = passage.image(passage.domain) if image is None else image
                for space in image & other.domain:
                    yield from islice(space.paths.words(), _WORDS)

    def _chain(self, steps: list[Step]) -> Problem:
        first, last = steps[0], steps[-1]
        names = list(dict.fromkeys(step.lead.by for step in steps))
        others = [lead for lead in dict.fromkeys(step.lead for step in steps) if lead is not first.lead]
        # absolute: a path would lead to the host and by the scheme of the first request
        end = last.location if last.following is None else last.following.url
        is_known = isinstance(steps[1].lead.source, Declared)
        return Problem(
            Code.BACKEND_CHAIN if is_known else Code.REDIRECT_CHAIN,
            first.lead.place,
            f"a chain of {len(steps)} redirects{'' if is_known else ' that could be one'}: {' → '.join(names)}",
            "each hop costs clients a round trip, and each is one more that they may hold.",
            f"let {_who(first)} lead to where the last hop leads (here {end}).",
            Related(others[0].place, "this one redirects its target again") if others else None,
            tuple(Related(each.place, "and this one") for each in others[1:]),
            self._evidence(steps),
        )

    def _downgrade(self, step: Step) -> Problem:
        return Problem(
            Code.DOWNGRADE,
            step.lead.place,
            f"{step.lead.by} leads from https to http",
            "what follows can be read and changed on the way, and many clients refuse it.",
            "write https:// in the target, or let a rule of its own with `scheme: http` redirect plain requests.",
            evidence=self._evidence([step]),
        )

    def _evidence(self, steps: list[Step]) -> Evidence:
        condition = self._circumstances.of(steps, is_loop=False)
        return Evidence(str(steps[0].asked), tuple(map(hop_of, steps)), condition)


def _pair(first: Lead, second: Lead) -> Pair:
    source = second.source
    return id(first), source.backend.name if isinstance(source, Declared) else id(second)


def _who(first: Step) -> str:
    """What would have to lead to the end of a chain at once."""
    rule = first.lead.rule
    if isinstance(rule.action, RedirectMap):
        return f"the pair {first.asked.path} of {rule.action.moves.file.name}"
    return f"rule {rule.name!r}{', or a rule before it for such URLs,' if rule.match.path.captures else ''}"


def _is_plain(step: Step) -> bool:
    return step.location.lower().startswith(f"{Scheme.HTTP}://")
