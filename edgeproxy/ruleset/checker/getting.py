"""What a rule really gets: requests of it, and of a part of it, that no rule before it takes; and whom it asks.

Law: a request that is given is one: the edge's own router gives it to that rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from edgeproxy.ruleset.arms import backends_of
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.boxes import Box
from edgeproxy.ruleset.checker.facets import Axis
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.search import left_of_language, left_of_words
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import Forward, Rule
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Evidence, Problem


class Part(StrEnum):
    """As what a rule asks a backend."""

    FORWARD = "forward"
    FALLBACK = "fallback"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Way:
    """A backend that a rule asks, and where the rule says so."""

    backend: Backend
    part: Part
    place: Place

    def __str__(self) -> str:
        return self.backend.name if self.part is Part.FORWARD else f"its {self.part} {self.backend.name}"


def ways(rule: Rule) -> tuple[Way, ...]:
    """Both arms of a cutover and every one of a split: any share may be another tomorrow."""
    return tuple(_ways(rule))


def _ways(rule: Rule) -> Iterator[Way]:
    if not isinstance(rule.action, Forward):
        return
    yield from (Way(backend, Part.FORWARD, rule.place) for backend in backends_of(rule.action.to))
    fallback, shadow = rule.modifiers.fallback, rule.modifiers.shadow
    if fallback is not None:
        yield Way(fallback.to, Part.FALLBACK, fallback.place)
    if shadow is not None:
        yield Way(shadow.to, Part.SHADOW, shadow.place)


def first_got(
    ground: Ground, territory: Territory, masks: dict[Axis, int] | None = None, paths: Language | None = None
) -> Asked | None:
    """A request that the rule gets, of those with these facets and paths. Raises Unsupported."""
    box = territory.box if masks is None else ground.facets.with_masks(territory.box, masks)
    return None if box is None else _first(ground, territory, box, paths)


def _first(ground: Ground, territory: Territory, box: Box, paths: Language | None) -> Asked | None:
    def takers(path: str) -> list[Territory]:
        return ground.takers(path, territory.index)

    if territory.is_listed:
        found = left_of_words(box, (word for word in territory.listed() if paths is None or word in paths), takers)
    else:
        wanted = territory.wide if paths is None else territory.wide & paths
        rivals = ground.rivals(box, territory.prefix, territory.index)
        found = left_of_language(box, wanted, rivals, takers, territory.takes)
    return None if found is None else ground.facets.asked(*found)


def shown(ground: Ground, asked: Asked) -> Evidence:
    """A request as what shows a finding."""
    return Evidence(str(asked), condition=ground.facets.condition(asked))


def undecided(rule: Rule, question: str, error: Unsupported) -> Problem:
    return Problem(
        Code.UNDECIDED,
        rule.place,
        f"whether {question} is not decided",
        f"{error}.",
        "make the match of the rule, or of those before it, simpler.",
    )
