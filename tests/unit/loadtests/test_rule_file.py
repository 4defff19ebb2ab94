"""The rules that are generated, and the traffic that few and many of them answer alike."""

from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.load import load_ruleset
from edgeproxy.ruleset.model import Routed
from loadtests.bench.cases import CASES, Case
from loadtests.bench.proxies import Edge
from loadtests.bench.rule_file import FEW, MANY, RULE_PATHS
from loadtests.bench.site import Site


def rules_taken(case: Case, directory: Path) -> list[str]:
    """The names of the rules that take the first hundred paths."""
    Edge().prepare(Site(directory, directory, origin=4711, port=4712), case)
    ruleset = load_ruleset(directory / "rules.yaml")
    assert len(ruleset.rules) == len(case.rules)
    routed = [ruleset.route("GET", Scheme.HTTP, "pypi.test", path.partition("?")[0]) for path in RULE_PATHS[:100]]
    return [one.rule.name for one in routed if isinstance(one, Routed)]


def test_the_few_are_ten_from_the_first_to_the_last_of_the_many() -> None:
    assert (len(FEW), FEW[0], FEW[-1], set(FEW) <= set(MANY)) == (10, MANY[0], MANY[-1], True)


@pytest.mark.parametrize("name", ["rules-10", "rules-10k"])
def test_the_traffic_is_taken_by_the_few_in_turn_whatever_stands_between(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    assert rules_taken(case, tmp_path) == [f"rule-{number}" for number in FEW] * 10


def test_no_request_line_comes_twice() -> None:
    assert len(set(RULE_PATHS)) == len(RULE_PATHS)
