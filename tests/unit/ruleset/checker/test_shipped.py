"""The rule files of the story: every stage of the move of 2018 is proved, from one stage to the next; the two outages are found
in the rules that looped, and proved away in those that do not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.checker.check import Report, check_ruleset
from edgeproxy.ruleset.checker.severity import Severity
from edgeproxy.ruleset.load import load_ruleset
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.problems import Code

RULES = Path(__file__).parents[4] / "rules"
STAGES = sorted((RULES / "pypi").glob("*.yaml"))
DEMO = sorted((RULES / "demo").glob("*.yaml"))
OTHERS = [*DEMO, *sorted((RULES / "examples").glob("*.yaml")), *sorted((RULES / "compare").glob("*.yaml"))]
DAY = 86_400.0
PROVED = ("proved: no redirect loop",)


def report_of(name: str, *after: str) -> Report:
    return check_ruleset(load_ruleset(RULES / name), [load_ruleset(RULES / each) for each in after])


def test_every_stage_is_there() -> None:
    assert [each.name[0] for each in STAGES] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("number", range(len(STAGES)), ids=lambda number: STAGES[number].stem)
def test_a_stage_has_no_fault_whatever_clients_hold_of_those_before(number: int) -> None:
    before = [load_ruleset(each) for each in STAGES[:number]]
    report = check_ruleset(load_ruleset(STAGES[number]), before)
    assert report.of(Severity.ERROR, Severity.WARNING) == ()
    assert report.verdicts == PROVED


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.stem)
def test_a_stage_says_what_it_expects(stage: Path) -> None:
    assert sum(len(rule.modifiers.expect) for rule in load_ruleset(stage).rules) >= 10


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_the_demo_runs_every_example_and_what_sites_are_compared_by_has_no_fault(path: Path) -> None:
    report = check_ruleset(load_ruleset(path))
    assert report.of(Severity.ERROR, Severity.WARNING) == ()
    assert report.verdicts == PROVED


@pytest.mark.parametrize("path", [*STAGES, *DEMO], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_stage_keeps_pages_and_files_through_a_failure_of_its_backends(path: Path) -> None:
    ruleset = load_ruleset(path)
    assert grace(ruleset, "files.pypihosted.test", f"/packages/ab/cd/{'ef' * 30}/six.whl") >= DAY
    assert grace(ruleset, "legacy.pypi.test" if path.name[0] in "12" else "pypi.test", "/simple/six/") >= DAY


def grace(ruleset: Ruleset, host: str, path: str) -> float:
    """For how long what this brought is given, fresh or when the backend fails."""
    routed = ruleset.route("GET", Scheme.HTTPS, host, path)
    assert isinstance(routed, Routed)
    cache = routed.rule.modifiers.cache
    assert cache is not None
    return (cache.fresh or 0.0) + (cache.stale_if_error or 0.0)


def test_the_outage_of_2018_is_found() -> None:
    report = report_of("incidents/2018-04-16/looped.yaml")
    (loop,) = (each for each in report.findings if each.code is Code.REDIRECT_LOOP)
    assert report.verdicts == ("1 redirect loop",)
    assert loop.evidence is not None
    assert [(hop.by, hop.status) for hop in loop.evidence.hops] == [
        ("rule user-content", 301),
        ("backend mirror (rule files)", 302),
    ]
    assert loop.evidence.condition == "when rule files has no copy in its cache (a hit would answer)"


def test_the_outage_of_2018_is_proved_away() -> None:
    before = "incidents/2018-04-16/looped.yaml"
    assert report_of("incidents/2018-04-16/fixed.yaml").verdicts == PROVED
    assert report_of("incidents/2018-04-16/fixed.yaml", before).verdicts == PROVED


def test_the_outage_of_2022_is_none_without_what_clients_hold() -> None:
    assert report_of("incidents/2022-06-10/before.yaml").verdicts == PROVED
    assert report_of("incidents/2022-06-10/looped.yaml").verdicts == PROVED


def test_the_outage_of_2022_is_found() -> None:
    report = report_of("incidents/2022-06-10/looped.yaml", "incidents/2022-06-10/before.yaml")
    (loop,) = (each for each in report.findings if each.code is Code.REDIRECT_LOOP)
    (flip,) = (each for each in report.findings if each.code is Code.DIRECTION_FLIP)
    assert report.verdicts == ("1 redirect loop",)
    assert loop.evidence is not None
    first, second = loop.evidence.hops
    assert (first.url, second.url) == ("https://pypi.test/pypi/A/json", "https://pypi.test/pypi/a/json")
    assert second.by.startswith("held since ")
    assert loop.evidence.condition is not None
    assert "(for ever)" in loop.evidence.condition
    assert "for ever" in flip.why + flip.remedy


def test_the_outage_of_2022_is_proved_away() -> None:
    assert report_of("incidents/2022-06-10/fixed.yaml", "incidents/2022-06-10/before.yaml").verdicts == PROVED


def test_who_holds_both_directions_loops_whatever_the_rules_say() -> None:
    both = ("incidents/2022-06-10/before.yaml", "incidents/2022-06-10/looped.yaml")
    (loop,) = (e for e in report_of("incidents/2022-06-10/fixed.yaml", *both).findings if e.code is Code.REDIRECT_LOOP)
    assert loop.evidence is not None
    assert all(hop.by.startswith("held since ") for hop in loop.evidence.hops)
