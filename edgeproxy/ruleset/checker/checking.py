"""What every family of the checker is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import Problem

Made = TypeVar("Made")


class Checking:
    """A ruleset to check, and those before it, oldest first, whose redirects clients may still hold."""

    def __init__(self, ruleset: Ruleset, after: Sequence[Ruleset] = ()) -> None:
        """Raises TooManyFacets."""
        self.ruleset = ruleset
        self.after = tuple(after)
        self._made: dict[object, object] = {}
        self.facets = Facets(ruleset, *after)
        self.ground = Ground(ruleset, self.facets)

    def once(self, make: Callable[[Checking], Made]) -> Made:
        """What several families need is made once."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(Made, self._made[make])

    @cached_property
    def before(self) -> tuple[Ground, ...]:
        """The grounds of the rulesets in `after`."""
        return tuple(Ground(each, self.facets) for each in self.after)


@dataclass(frozen=True, slots=True)
class Said:
    """What a family says. Verdicts are lines that stand at the end, whatever was found."""

    findings: tuple[Problem, ...] = ()
    verdicts: tuple[str, ...] = ()
