"""Which passage may lead to which, and the cycles of that: more edges than there are, never fewer.

Laws of this module:
- an edge is left out only where no request can go along it: the host, the scheme, the facets or the path's beginning
  do not fit;
- a passage of one path is followed to the rules that take the target. So ten thousand exact redirects cost ten
  thousand look-ups, and those that lead to no redirect are out of the way before patterns are looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from edgeproxy.ruleset.checker.boxes import Box, meet
from edgeproxy.ruleset.checker.channels import Channels
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.guesses import segment_of_insert
from edgeproxy.ruleset.checker.hops import Declared, Lead, face_of
from edgeproxy.ruleset.checker.map_pairs import Redirected, pairs_that_go_on
from edgeproxy.ruleset.checker.passages import Passage
from edgeproxy.ruleset.checker.simulate import Simulator, simulator_of
from edgeproxy.ruleset.follow import own_ports
from edgeproxy.ruleset.model import RedirectMap
from edgeproxy.ruleset.origins import Unknown
from edgeproxy.ruleset.segment import Expression, Whole


def graph_of(checking: Checking) -> Graph:
    return Graph(checking, checking.once(simulator_of))


Edges = Mapping[Passage, Sequence[Passage]]


class Graph:
    """The passages of a check, and the edges between them."""

    def __init__(self, checking: Checking, simulator: Simulator) -> None:
        self._checking = checking
        self._grounds: tuple[Ground, ...] = (checking.ground, *checking.before)
        self._ports = own_ports(checking.ruleset)
        self.channels = Channels(checking.facets, simulator.leads)
        self._by_rule: dict[tuple[int, int], list[Lead]] = {}
        for lead in simulator.leads:
            self._by_rule.setdefault((lead.age, lead.rule.index), []).append(lead)
        self._of_word: dict[tuple[int, str], Passage] = {}
        self._of_lead: dict[int, Passage] = {}
        words, patterns = self._passages(simulator.leads)
        self.edges: dict[Passage, Sequence[Passage]] = {}
        self._link(words, patterns)

    def _passages(self, leads: Sequence[Lead]) -> tuple[list[Passage], list[Passage]]:
        words: list[Passage] = []
        patterns: list[Passage] = []
        territories = ((lead, self._grounds[lead.age].territory(lead.rule)) for lead in leads)
        first_of_face: dict[object, Passage] = {}
        of_map: dict[tuple[int, int], Sequence[str]] = {}  # by ruleset and rule: for a lead and its held form
        redirected = Redirected((lead, territory) for lead, territory in territories if territory is not None)
        for lead in leads:
            ground = self._grounds[lead.age]
            territory = ground.territory(lead.rule)
            if territory is None:
                continue
            if isinstance(lead.rule.action, RedirectMap):
                key = (lead.age, lead.rule.index)
                if key not in of_map:
                    of_map[key] = pairs_that_go_on(lead, territory, redirected)
                paths: Sequence[str | None] = of_map[key]
            else:
                is_listed = territory.words is not None and lead.is_certain
                paths = territory.words if is_listed and territory.words is not None else (None,)
            for path in paths:
                passage = Passage(lead, territory, ground, self.channels, self._ports, path)
                if passage.box is None:
                    continue
                if path is None:
                    first = first_of_face.setdefault(face_of(lead, passage.box), passage)
                    self._of_lead[id(lead)] = first
                    if first is passage:
                        patterns.append(passage)
                    else:
                        first.twins.append(passage)
                else:
                    self._of_word[id(lead), path] = passage
                    words.append(passage)
        return words, patterns

    def _link(self, words: Sequence[Passage], patterns: Sequence[Passage]) -> None:
        for each in words:
            following = list(self._after_word(each))
            if following:
                self.edges[each] = following
        alive = sorted((each.word or "", number) for number, each in enumerate(words) if each in self.edges)
        order = [(path, words[number]) for path, number in alive]
        for each in patterns:
            aim = each.aim
            if aim is not None:
                fixed = aim.word is not None
                led = self._after_word(each) if fixed else self._after_pattern(each, order)
                self.edges[each] = list(dict.fromkeys(led))

    def _after_word(self, passage: Passage) -> Iterator[Passage]:
        """Where a Location that is always the same leads."""
        box, aim = self._next(passage), passage.aim
        if box is None or aim is None:
            return
        if aim.word is None:
            yield from self._after_pattern(passage, None)
            return
        yield from self.takers(aim.word, box)

    def takers(self, path: str, box: Box) -> Iterator[Passage]:
        """The passages that may answer these requests for one path."""
        for number, ground in enumerate(self._grounds):
            for territory in ground.takers(path):
                for lead in self._by_rule.get((number, territory.index), ()):
                    found = self._of_lead.get(id(lead)) or self._of_word.get((id(lead), path))
                    if found is not None and _fits(found, box):
                        yield found

    def _after_pattern(self, passage: Passage, words: Sequence[tuple[str, Passage]] | None) -> Iterator[Passage]:
        box, aim = self._next(passage), passage.aim
        if box is None or aim is None:
            return
        if aim.word is None:
            box = self.channels.with_any_query(box)
        bare = self.channels.bare(box)
        for number, ground in enumerate(self._grounds):
            # Held leads answer also where their rule's own box does not: their passages' boxes decide.
            near = ground.rivals(self._checking.facets.universe if number or self._holds_own else bare, aim.prefix)
            for territory in near:
                for lead in self._by_rule.get((number, territory.index), ()):
                    found = self._of_lead.get(id(lead))
                    if found is not None and _fits(found, box) and not _is_settled(passage.lead, lead):
                        yield found
        for found in self._unsure_of_words:
            is_near = any(path.startswith(aim.prefix) for path in found.territory.words or ())
            if is_near and _fits(found, box) and not _is_settled(passage.lead, found.lead):
                yield found
        order = self.order if words is None else words
        for at in range(bisect_left(order, aim.prefix, key=lambda pair: pair[0]), len(order)):
            path, found = order[at]
            if not path.startswith(aim.prefix):
                break
            if _fits(found, box):
                yield found

    @cached_property
    def _unsure_of_words(self) -> Sequence[Passage]:
        """Of rules for single paths, where only a backend knows the Location: rivals are those of patterns alone."""
        return [each for each in self._of_lead.values() if each.territory.words is not None]

    @property
    def passages(self) -> Sequence[Passage]:
        """Of patterns; and of single paths those that lead on."""
        return [*self._of_lead.values(), *(each for each in self._of_word.values() if each in self.edges)]

    def following(self, passage: Passage) -> Iterator[Passage]:
        """Those that a pattern may lead to, those of single paths that lead no further among them."""
        aim = passage.aim
        if aim is not None and aim.word is not None:
            yield from self._after_word(passage)
        elif aim is not None:
            yield from self._after_pattern(passage, self.order)

    @cached_property
    def order(self) -> Sequence[tuple[str, Passage]]:
        """The passages of one path, by path."""
        return sorted(((path, each) for (_, path), each in self._of_word.items()), key=lambda pair: pair[0])

    @cached_property
    def _holds_own(self) -> bool:
        return any(lead.is_held and not lead.age for leads in self._by_rule.values() for lead in leads)

    def _next(self, passage: Passage) -> Box | None:
        return None if passage.box is None else passage.next_box(passage.box)


def _fits(passage: Passage, box: Box) -> bool:
    return passage.box is not None and meet(passage.box, box) is not None


def _is_settled(before: Lead, lead: Lead) -> bool:
    """Whether a lead redirects to the spelling that is the author's only what the lead before has led to it."""
    if not (isinstance(before.source, Declared) and isinstance(lead.source, Declared)) or before.fixed is not None:
        return False
    if lead.rule.modifiers.rewrite.path is not None:
        return False
    led = {segment_of_insert(before.source.redirect.to, each.name) for each in _spelled(before.source)} - {None}
    names = {each.of for each in _spelled(lead.source)}
    segments = enumerate(lead.source.redirect.path.segments)
    return any(at in led and isinstance(each, Whole | Expression) and each.name in names for at, each in segments)


def _spelled(source: Declared) -> tuple[Unknown, ...]:
    return tuple(each for each in source.redirect.unknown if each.of is not None)


def knots(edges: Edges, among: Sequence[Passage]) -> list[list[Passage]]:
    """The strongly connected components that hold a cycle (Tarjan), without recursion: chains may be long."""
    inside = set(among)
    number: dict[Passage, int] = {}
    low: dict[Passage, int] = {}
    stack: list[Passage] = []
    on_stack: set[Passage] = set()
    found: list[list[Passage]] = []
    for root in among:
        if root in number:
            continue
        work = [(root, iter(edges.get(root, ())))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for each in following:
                if each not in inside:
                    continue
                if each not in number:
                    number[each] = low[each] = len(number)
                    stack.append(each)
                    on_stack.add(each)
                    work.append((each, iter(edges.get(each, ()))))
                    break
                if each in on_stack:
                    low[node] = min(low[node], number[each])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    members = _popped_to(node, stack)
                    on_stack.difference_update(members)
                    if len(members) > 1 or node in edges.get(node, ()):
                        found.append(members)
    return found


def _popped_to(node: Passage, stack: list[Passage]) -> list[Passage]:
    """What stands on the stack from a node on, in the order in which it came."""
    members: list[Passage] = []
    while node not in members[-1:]:
        members.append(stack.pop())
    return members[::-1]
