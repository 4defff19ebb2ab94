"""Whether the gates keep their word: steps are simulated and looked at after every block. The same cases with more runs
are in rules/GATES.md; here false alarms may be 5 %, so that a gate which is wrong too often is seen with few runs.
"""

from __future__ import annotations

import pytest

from edgeproxy.migration.gates.evidence import Verdict
from loadtests.gates import cases
from loadtests.gates.run import Case, Outcome, Peeking, play
from loadtests.gates.steps import Sizes, drifting, steady

ALPHA = 0.05


def named(case: Case) -> str:
    return f"{case.group}: {case.name}"


def looked_at(case: Case, runs: int) -> Outcome:
    return play(case, runs, seed=6)


@pytest.mark.parametrize("case", [*cases.on_the_bound(ALPHA, (0.01, 0.99), looks=75)], ids=named)
def test_an_arm_on_the_bound_rarely_gets_a_verdict_however_often_it_is_looked_at(case: Case) -> None:
    """From 0.01 % to 5 % of failures, with an arm that has a hundredth of the traffic, or all but that."""
    assert looked_at(case, 300).wrong <= ALPHA


def test_the_usual_test_would_not_keep_its_word() -> None:
    """This shows that the simulation finds what is wrong too often, when there is such a thing."""
    step = steady(Sizes(0.5, 170), 0.05, 0.05 + cases.WORSE_BY)
    outcome = looked_at(Case("z-test", "", None, step, lambda: Peeking(cases.WORSE_BY, ALPHA)), 200)
    assert outcome.wrong > 3 * ALPHA


@pytest.mark.parametrize(
    "case", [one for one in cases.sound(ALPHA, (0.01, 0.5), looks=220) if "burst" not in one.group], ids=named
)
def test_an_arm_that_is_no_worse_passes(case: Case) -> None:
    outcome = looked_at(case, 60)
    assert outcome.passed >= 1 - ALPHA
    assert outcome.failed <= ALPHA


@pytest.mark.parametrize("case", [*cases.worse(ALPHA, (0.01, 0.5), looks=220)], ids=named)
def test_an_arm_that_is_worse_fails(case: Case) -> None:
    outcome = looked_at(case, 60)
    assert outcome.failed >= 1 - ALPHA
    assert outcome.passed <= ALPHA


@pytest.mark.parametrize("worse_by", [0.0, cases.WORSE_BY])
def test_what_makes_both_arms_worse_together_is_no_alarm(worse_by: float) -> None:
    """Though the new arm has more of its traffic in the bad times, and so more failures in all."""
    step = drifting(20, 380, 120, worse_by)
    outcome = looked_at(Case("drift", str(worse_by), None, step, cases.errors(ALPHA)), 150)
    assert outcome.failed == 0 or worse_by
    assert outcome.failed <= ALPHA
    assert outcome.passed <= ALPHA or not worse_by


def test_a_comparison_of_totals_would_raise_an_alarm_then() -> None:
    case = Case("drift", "z-test", Verdict.PASS, drifting(20, 380, 120), lambda: Peeking(cases.WORSE_BY, ALPHA))
    assert looked_at(case, 50).failed > 4 * ALPHA


@pytest.mark.parametrize("case", [one for one in cases.moving(ALPHA) if "broken" in one.group], ids=named)
def test_an_arm_that_breaks_later_is_found_soon(case: Case) -> None:
    outcome = looked_at(case, 20)
    assert outcome.failed == 1
    assert outcome.decided is not None
    assert 4000 < outcome.decided[1] < 6000  # it breaks after 4000


@pytest.mark.parametrize("case", [*cases.in_bursts(ALPHA)], ids=named)
def test_failures_in_bursts_are_no_matter_when_the_gate_is_told_how_large_they_are(case: Case) -> None:
    outcome = looked_at(case, 100)
    if cases.keeps_its_word(case.group, case.name):
        assert outcome.wrong <= ALPHA
    else:  # this is what independence is assumed for
        assert outcome.wrong > 4 * ALPHA


@pytest.mark.parametrize("case", [*cases.slower(ALPHA, looks=40)], ids=named)
def test_the_gate_of_latency_keeps_its_word(case: Case) -> None:
    outcome = looked_at(case, 40)
    assert outcome.wrong <= ALPHA
    if "spread 1.2" not in case.name and case.wanted is not None:
        assert max(outcome.failed, outcome.passed) == 1


@pytest.mark.parametrize("case", [*cases.different(ALPHA, looks=250)], ids=named)
def test_the_gate_of_differences_keeps_its_word(case: Case) -> None:
    outcome = looked_at(case, 100)
    assert outcome.wrong <= ALPHA
    if case.wanted is Verdict.FAIL:
        assert outcome.failed >= 1 - ALPHA
