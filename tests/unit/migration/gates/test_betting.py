"""The bets: that they are fair, counted out in full for small blocks; what the test says; its interval."""

from __future__ import annotations

from itertools import product
from math import comb, exp
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.migration.gates.betting import Bets, Excess, Sample
from loadtests.gates.drawing import binomial

NOBODY = Sample(0, 0)


def chances(causes: int, share: float, burst: int = 1) -> list[tuple[int, float]]:
    """How many exchanges are bad, and how likely that is, when each of these causes spoils a whole burst or nothing."""
    return [(burst * bad, comb(causes, bad) * share**bad * (1 - share) ** (causes - bad)) for bad in range(causes + 1)]


def means(
    on_worse: bool, new: tuple[int, float], old: tuple[int, float], bound: float, burst: int = 1, told: int = 1
) -> list[float]:
    """By what each bet multiplies the money in the mean, over all that may happen in a block. `new` and `old`: how many
    causes there are on an arm, and how likely one is bad.
    """
    found: list[float] = []
    for (bad, likely), (bad_old, likely_old) in product(chances(*new, burst), chances(*old, burst)):
        bets = Bets.on_worse() if on_worse else Bets.on_held()
        samples = (Sample(new[0] * burst / told, bad / told), Sample(old[0] * burst / told, bad_old / told))
        logs = bets.absorb(*samples, bound)
        found = [
            had + likely * likely_old * exp(log) for had, log in zip(found or [0.0] * len(logs), logs, strict=True)
        ]
    return found


SHARES = st.floats(min_value=0, max_value=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 8), SHARES, SHARES, st.floats(min_value=0, max_value=0.3))
def test_no_bet_gains_in_the_mean_while_its_hypothesis_holds(
    many: int, others: int, old: float, excess: float, bound: float
) -> None:
    """Whatever the base rate, the bound and the sizes of both arms: this is all that the validity of the gates rests on."""
    on_bound = min(old + bound, 1.0)
    no_worse, no_better = on_bound * excess, on_bound + (1 - on_bound) * excess
    assert max(means(True, (many, no_worse), (others, old), bound)) <= 1 + 1e-9
    if no_better - old >= bound:
        assert max(means(False, (many, no_better), (others, old), bound)) <= 1 + 1e-9


@pytest.mark.parametrize("on_worse", [True, False])
def test_a_burst_is_fair_when_it_is_told_and_not_when_it_is_not(on_worse: bool) -> None:
    new = 0.11 if on_worse else 0.12
    assert max(means(on_worse, (2, new), (8, 0.02), 0.1 - 0.01 * on_worse, burst=4, told=4)) <= 1 + 1e-9
    assert max(means(on_worse, (2, new), (8, 0.02), 0.1 - 0.01 * on_worse, burst=4, told=6)) <= 1 + 1e-9
    assert max(means(on_worse, (2, new), (8, 0.02), 0.1 - 0.01 * on_worse, burst=4, told=1)) > 1.01


def test_there_are_gains_when_the_hypothesis_does_not_hold() -> None:
    assert max(means(True, (5, 0.5), (8, 0.1), 0.1)) > 1.5
    assert max(means(False, (5, 0.1), (8, 0.1), 0.3)) > 1.5


def played(excess: Excess, new: tuple[int, float], old: tuple[int, float], looks: int, seed: int = 1) -> Excess:
    dice = Random(seed)
    for _ in range(looks):
        events, events_old = binomial(dice, *new), binomial(dice, *old)
        excess.absorb(Sample(new[0], events), Sample(old[0], events_old))
    return excess


def test_what_is_worse_stays_so_and_nothing_more_is_taken_in() -> None:
    excess = played(Excess(0.005, 0.01, 0.01), (10, 1.0), (990, 0.001), 5)
    assert excess.is_worse
    seen = excess.interval()
    played(excess, (10, 0.0), (990, 0.001), 500)
    assert excess.is_worse
    assert not excess.is_held()
    assert excess.interval() == seen


def test_not_worse_may_be_taken_back() -> None:
    excess = played(Excess(0.005, 0.01, 0.01), (20, 0.0), (380, 0.0), 100)
    assert excess.is_held()
    for _ in range(3):
        excess.absorb(Sample(200, 4), Sample(3800, 0))
    assert not excess.is_held()
    assert not excess.is_worse


def test_without_an_old_arm_it_is_a_share_that_is_held_against_the_bound() -> None:
    excess = Excess(0.001, 0.01, 0.01)
    excess.absorb(Sample(40_000, 10), NOBODY)
    assert excess.is_held()
    low, high = excess.interval()
    assert 0 < low < 10 / 40_000 < high < 0.001


def test_the_interval_agrees_with_the_verdicts() -> None:
    for new, seed in product((0.001, 0.004, 0.006, 0.02), range(4)):
        excess = played(Excess(0.005, 0.01, 0.01), (100, new), (900, 0.001), 60, seed)
        low, high = excess.interval()
        assert low <= high
        assert excess.is_worse or low <= 0.005
        assert excess.is_held() == (high <= 0.005)


def test_the_interval_holds_the_truth_at_all_looks() -> None:
    runs, missed = 60, 0
    for seed in range(runs):
        dice, excess, is_missed = Random(seed), Excess(0.05, 0.1, 0.1), False
        for _ in range(20):
            excess.absorb(Sample(50, binomial(dice, 50, 0.07)), Sample(200, binomial(dice, 200, 0.05)))
            low, high = excess.interval()
            is_missed = is_missed or not low <= 0.02 <= high
        missed += is_missed
    assert missed / runs <= 0.15


@pytest.mark.parametrize("failed", [0, 2])
def test_what_is_missing_is_foretold(failed: int) -> None:
    """Of the same as so far, as many as were foretold are enough, and no fewer."""
    excess = Excess(0.005, 0.01, 0.01)
    blocks = 0
    while True:
        excess.absorb(Sample(100, failed / 10), Sample(900, 0))
        blocks += 1
        if blocks == 3:
            times = excess.times_to_held()
            assert times is not None
        if excess.is_held():
            break
    assert times is not None
    assert blocks == pytest.approx(3 * times, abs=1)
    assert excess.times_to_worse() is None


def test_an_event_on_the_old_arm_never_ruins_all() -> None:
    excess = Excess(0.0, 0.01, 0.01)
    for _ in range(50):
        excess.absorb(Sample(99, 0), Sample(1, 1))
    low, high = excess.interval()
    assert -1 <= low < high < 0


def test_huge_blocks_do_not_overflow() -> None:
    excess = Excess(0.005, 0.01, 0.01)
    excess.absorb(Sample(1e9, 1e9), Sample(1e11, 0))
    assert excess.is_worse
    held = Excess(0.005, 0.01, 0.01)
    held.absorb(Sample(1e9, 0), Sample(1e11, 1e11))
    assert held.is_held()
    assert held.interval()[1] < 0
