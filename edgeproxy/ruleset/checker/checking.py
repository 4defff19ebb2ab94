"""What every family of the checker is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import Problem


class Checking:
    """A ruleset to check, and those before it, oldest first, whose redirects clients may still hold."""

    def __init__(self, ruleset: Ruleset, after: Sequence[Ruleset] = ()) -> None:
        """Raises TooManyFacets."""
        self.ruleset = ruleset
        self.after = tuple(after)
        self.facets = Facets(ruleset, *after)
        self.ground = Ground(ruleset, self.facets)

    @cached_property
    def before(self) -> tuple[Ground, ...]:
        """The grounds of the rulesets in `after`."""
        return tuple(Ground(each, self.facets) for each in self.after)


@dataclass(frozen=True, slots=True)
class Said:
    """What a family says. Verdicts are lines that stand at the end, whatever was found."""

    findings: tuple[Problem, ...] = ()
    verdicts: tuple[str, ...] = ()
