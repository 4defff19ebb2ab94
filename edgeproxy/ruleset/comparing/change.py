"""What a comparison finds: a request that shows a change, or what is not decided."""

from __future__ import annotations

from dataclasses import dataclass

from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.comparing.outcome import Outcome
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.comparing.terms import Aspect
from edgeproxy.ruleset.model import Rule


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of request that is treated otherwise, by one of them."""

    asked: Asked
    before: Outcome
    after: Outcome
    aspects: tuple[Aspect, ...]
    condition: str | None = None  # what of the request its method and URL do not tell


@dataclass(frozen=True, slots=True)
class Undecided:
    """`is_by_method`: of requests that no rule takes, and that get 405 for the sake of the one that is named."""

    old: Rule | None
    new: Rule | None
    reason: str
    is_by_method: bool = False


def shown(asked: Asked, old: Side, new: Side, facets: Facets) -> Change | None:
    """The change that a request shows; None where it shows none."""
    before, after = old.outcome(asked), new.outcome(asked)
    aspects = before.differs(after)
    return Change(asked, before, after, aspects, facets.condition(asked)) if aspects else None
