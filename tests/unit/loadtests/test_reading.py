"""The rule file that the reading of large ones is measured with."""

from __future__ import annotations

from pathlib import Path

from edgeproxy.ruleset.layout import formatted
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Forward, Redirect
from loadtests.reading import rule_file


def test_it_is_a_rule_file_of_that_many_rules_of_several_kinds() -> None:
    text = rule_file(100)
    ruleset = parse_ruleset(text, "rules.yaml", base=Path("/srv/edge"))
    assert len(ruleset.rules) == 100
    kinds = [type(rule.action) for rule in ruleset.rules]
    assert (kinds.count(Forward), kinds.count(Redirect)) == (30, 70)
    assert formatted(text) == text
