"""One of the two rulesets that are compared, beside facets that know both."""

from __future__ import annotations

from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.boxes import Box
from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.comparing.outcome import Outcome, outcome_of
from edgeproxy.ruleset.comparing.terms import Terms, terms_of
from edgeproxy.ruleset.model import Rule, Ruleset


class Side:
    def __init__(self, ruleset: Ruleset, facets: Facets | None = None) -> None:
        """Without facets only for requests that are at hand."""
        self.ruleset = ruleset
        self._facets = facets
        self._terms: dict[int, Terms] = {}
        if facets is not None:
            self.ground = Ground(ruleset, facets)

    def terms(self, rule: Rule) -> Terms:
        """PERF: a rule is hashed by all that it holds, so its index stands for it."""
        if rule.index not in self._terms:
            self._terms[rule.index] = terms_of(rule)
        return self._terms[rule.index]

    def outcome(self, asked: Asked) -> Outcome:
        return outcome_of(asked.routed_by(self.ruleset), asked, self.terms)

    def takers(self, path: str, before: Territory | None) -> list[Territory]:
        """Who takes a path before this rule, or at all."""
        return self.ground.takers(path) if before is None else self.ground.takers(path, before.index)

    def rivals(self, box: Box, prefix: str, before: Territory | None) -> list[Territory]:
        if before is None:
            return self.ground.rivals(box, prefix)
        return self.ground.rivals(box, prefix, before.index)
