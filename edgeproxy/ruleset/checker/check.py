"""The checker: every family over one ruleset.

Laws of this module:
- a family is a function in FAMILIES; it knows nothing of the others, and the order changes nothing but verdicts';
- what a family cannot decide it says with Code.UNDECIDED, which is a finding: silence means that it was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.effort import bounded
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.binding import binding
from edgeproxy.ruleset.checker.chains import chains
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.content import content
from edgeproxy.ruleset.checker.direction import direction
from edgeproxy.ruleset.checker.drift import drift
from edgeproxy.ruleset.checker.expectations import expectations
from edgeproxy.ruleset.checker.facets import TooManyFacets
from edgeproxy.ruleset.checker.keeping import keeping
from edgeproxy.ruleset.checker.loops import loops
from edgeproxy.ruleset.checker.pins import pins
from edgeproxy.ruleset.checker.reach import reach
from edgeproxy.ruleset.checker.repeats import repeats
from edgeproxy.ruleset.checker.severity import Severity, severity_of
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem

_WORK: Final = 4_000_000  # of the automata, for one family (see `effort`): some 15 s
_WORK_OF_A_RULE: Final = 3_000

Family = Callable[[Checking], Said]

FAMILIES: Final[tuple[Family, ...]] = (
    reach,
    pins,
    loops,
    chains,
    direction,
    content,
    repeats,
    keeping,
    drift,
    binding,
    expectations,
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that the checker has to say of one ruleset, findings in order of place."""

    findings: tuple[Problem, ...]
    verdicts: tuple[str, ...]

    @property
    def undecided(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.findings if problem.code is Code.UNDECIDED)

    def of(self, *severities: Severity) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.findings if severity_of(problem.code) in severities)


def check_ruleset(ruleset: Ruleset, after: Sequence[Ruleset] = ()) -> Report:
    """`after`: rulesets that were in use before, oldest first."""
    try:
        checking = Checking(ruleset, after)
    except TooManyFacets as error:
        return Report((_undecided(error.place, error),), (f"undecided: {error}",))
    said = [_said(family, checking) for family in FAMILIES]
    findings = [problem for each in said for problem in each.findings]
    findings.sort(key=lambda problem: (problem.place.file, problem.place.line, problem.place.column))
    return Report(tuple(findings), tuple(verdict for each in said for verdict in each.verdicts))


def _said(family: Family, checking: Checking) -> Said:
    try:
        with bounded(_WORK + _WORK_OF_A_RULE * len(checking.ruleset.rules)):
            return family(checking)
    except Unsupported as error:
        place = checking.ruleset.rules[0].place
        return Said((_undecided(place, error, f"what the family {family.__name__!r} looks for is not decided"),))


def _undecided(place: Place, error: Unsupported, what: str = "the ruleset cannot be checked") -> Problem:
    return Problem(
        Code.UNDECIDED,
        place,
        what,
        f"{error}.",
        "make these conditions simpler, or fewer.",
    )
