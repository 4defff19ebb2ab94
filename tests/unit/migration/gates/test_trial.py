"""The gates of a step, as stories: what they say, when, and what is kept of it."""

from __future__ import annotations

import json

import pytest

from edgeproxy.migration.gates.counts import ArmCounts, Block, ShadowCounts, merged
from edgeproxy.migration.gates.evidence import Evidence, Gate, Verdict, overall
from edgeproxy.migration.gates.trial import ALPHA, Trial, judge
from edgeproxy.ruleset.arms import Gates

ERRORS = Gates(errors_worse_by=500)  # 0.5 %
DIFFERENCES = Gates(differences_at_most=100)  # 0.1 %
LATENCY = Gates(latency_p95_ratio=1.5)
ALL = Gates(errors_worse_by=500, latency_p95_ratio=1.5, differences_at_most=100)


def block(new: int = 0, new_failed: int = 0, old: int = 0, old_failed: int = 0) -> Block:
    return Block(ArmCounts(old, old_failed), ArmCounts(new, new_failed))


def timed(new: int, seconds: float, old: int, old_seconds: float) -> Block:
    found = Block(shadows=ShadowCounts(200, 0))
    for _ in range(new):
        found.new.note_answer(seconds)
    for _ in range(old):
        found.old.note_answer(old_seconds)
    return found


def after(gates: Gates, *blocks: Block, burst: int = 1) -> Evidence:
    """The evidence of the only gate."""
    (evidence,) = judge(gates, blocks, 100.0, burst=burst)
    return evidence


def test_a_sound_arm_passes_when_there_was_enough_of_it() -> None:
    early = after(ERRORS, *[block(100, 0, 9900, 1)] * 5)
    assert early.verdict is Verdict.NOT_ENOUGH_DATA
    assert early.more_to_pass is not None
    assert 500 <= early.more_to_pass <= 1500
    blocks = 5 + early.more_to_pass // 100 + 1
    assert after(ERRORS, *[block(100, 0, 9900, 1)] * blocks).verdict is Verdict.PASS


@pytest.mark.parametrize("gates", [ERRORS, LATENCY], ids=["errors", "latency"])
def test_an_arm_that_hangs_does_not_pass_before_it_is_known_what_became_of_it(gates: Gates) -> None:
    """One of twenty exchanges waits for an answer, until its time is over: nothing has failed yet."""
    trial = Trial(gates)
    for second in range(30):
        block = timed(950, 0.1, 1_000, 0.1)
        block.new.late = 50
        assert trial.absorb(block, float(second)) is Verdict.NOT_ENOUGH_DATA
    (evidence,) = trial.evidences(30.0)
    assert (evidence.late, evidence.new.exchanges) == (1_500, 28_500)
    assert "not enough data, while so many wait for an answer" in str(evidence)
    assert "1,500 wait for an answer of the new side" in str(evidence)
    assert Evidence.from_json(json.loads(json.dumps(evidence.as_json()))) == evidence
    answered = timed(1_500, 0.1, 0, 0.0)
    answered.new.late = -1_500
    assert trial.absorb(answered, 31.0) is Verdict.PASS


def test_a_few_that_wait_hold_nobody_up_for_long() -> None:
    few = [block(1_000, 0, 1_000, 0) for _ in range(20)]
    few[0].new.late = 6
    assert after(ERRORS, *few, burst=6).verdict is Verdict.PASS


def test_an_arm_that_fails_more_than_it_may_fails_the_gate() -> None:
    evidence = after(ERRORS, *[block(100, 3, 9900, 10)] * 20)
    assert evidence.verdict is Verdict.FAIL
    assert evidence.low is not None
    assert evidence.low > evidence.bound == 0.005
    assert (evidence.new.exchanges, evidence.new.events) == (100 * evidence.blocks, 3 * evidence.blocks)


def test_failing_as_much_as_the_old_arm_is_no_failure() -> None:
    """However bad both are."""
    evidence = after(ERRORS, *[block(100, 30, 100, 30)] * 50)
    assert evidence.verdict is Verdict.NOT_ENOUGH_DATA
    assert evidence.estimate == 0


@pytest.mark.parametrize(("others", "within"), [(99, 12), (19, 15), (4, 25), (1, 64)])
def test_of_an_arm_that_always_fails_few_requests_are_enough(others: int, within: int) -> None:
    """Looked at after each of its requests, with as many bursts as are taken for granted."""
    trial = Trial(ERRORS)
    failed_after = next(
        number for number in range(1, 100) if trial.absorb(block(1, 1, others), float(number)) is Verdict.FAIL
    )
    assert failed_after <= within
    assert trial.evidences(1000.0)[0].at == failed_after


def test_a_single_broken_page_asked_for_six_times_by_one_client_is_no_failure() -> None:
    assert after(ERRORS, block(10, 6, 990, 0), burst=6).verdict is Verdict.NOT_ENOUGH_DATA
    assert after(ERRORS, block(10, 6, 990, 0), burst=1).verdict is Verdict.FAIL


def test_an_arm_that_was_sound_for_an_hour_and_breaks_fails_within_seconds() -> None:
    trial = Trial(ERRORS, burst=1)
    for second in range(3600):
        trial.absorb(block(10, 0, 990, 1), float(second))
    assert trial.verdict is Verdict.PASS
    broken_at = next(
        second for second in range(3600, 3700) if trial.absorb(block(10, 10, 990, 1), second) is Verdict.FAIL
    )
    assert broken_at <= 3601


def test_a_gate_that_failed_stays_failed_with_its_evidence() -> None:
    trial = Trial(ERRORS, burst=1)
    trial.absorb(block(100, 50, 9900, 10), 17.0)
    kept = trial.evidences(18.0)
    for second in range(50):
        trial.absorb(block(1000, 0, 9000, 10), 20.0 + second)
    assert trial.verdict is Verdict.FAIL
    assert trial.evidences(99.0) == kept
    assert kept[0].at == 17.0


def test_a_pass_is_taken_back_when_what_comes_later_is_bad() -> None:
    trial = Trial(ERRORS, burst=1)
    assert trial.absorb(block(2000, 0, 9000, 0), 1.0) is Verdict.PASS
    assert trial.absorb(block(1000, 11, 9000, 0), 2.0) is Verdict.NOT_ENOUGH_DATA


def test_an_arm_without_the_other_is_never_judged() -> None:
    """At 100 %, say."""
    for evidence in (after(ERRORS, *[block(1000, 0)] * 50), after(ERRORS, *[block(1000, 1000)] * 50)):
        assert evidence.verdict is Verdict.NOT_ENOUGH_DATA
        assert (evidence.blocks, evidence.more_to_pass, evidence.estimate) == (0, None, None)
        assert evidence.new.exchanges == 50_000


def test_seconds_in_which_one_arm_had_nothing_to_do_are_put_together() -> None:
    apart = after(ERRORS, *[block(0, 0, 99, 1), block(1, 0, 0, 0)] * 300)
    together = after(ERRORS, *[block(1, 0, 99, 1)] * 300)
    assert apart == together


def test_what_nobody_has_seen_is_not_enough() -> None:
    evidences = judge(ALL, [], 5.0)
    assert [one.gate for one in evidences] == [Gate.ERRORS, Gate.LATENCY, Gate.DIFFERENCES]
    for evidence in evidences:
        assert evidence.verdict is Verdict.NOT_ENOUGH_DATA
        assert (evidence.estimate, evidence.low, evidence.high, evidence.more_to_pass) == (None, None, None, None)
    assert overall(evidences) is Verdict.NOT_ENOUGH_DATA


def test_a_gate_that_is_not_declared_is_not_judged() -> None:
    assert after(ERRORS, block(100, 0, 100)).gate is Gate.ERRORS
    assert judge(Gates(), [block(100, 100, 100)], 5.0) == ()
    assert overall(()) is Trial(Gates()).verdict is Verdict.PASS


def test_all_have_to_pass_and_one_failure_fails() -> None:
    good = [timed(100, 0.01, 300, 0.01)] * 200
    errors, latency, differences = judge(ALL, good, 1.0)
    assert overall((errors, latency, differences)) is Verdict.PASS
    waits = after(ERRORS)
    fails = after(ERRORS, block(100, 100, 100))
    assert overall((errors, waits)) is Verdict.NOT_ENOUGH_DATA
    assert overall((errors, waits, fails)) is Verdict.FAIL


def test_gates_share_the_probability_of_a_false_alarm() -> None:
    assert {one.alpha for one in judge(ALL, [], 1.0)} == {ALPHA / 3}
    assert {one.alpha_held for one in judge(ALL, [], 1.0)} == {ALPHA}
    assert after(ERRORS).alpha == ALPHA


def test_an_arm_that_answers_as_fast_passes_and_one_that_takes_twice_as_long_fails() -> None:
    assert after(LATENCY, *[timed(100, 0.02, 300, 0.02)] * 30).verdict is Verdict.PASS
    slow = after(LATENCY, *[timed(100, 0.04, 300, 0.02)] * 30)
    assert slow.verdict is Verdict.FAIL
    assert slow.estimate == pytest.approx(2, rel=0.03)
    assert slow.low == pytest.approx(1.8)  # a rung of the interval's ladder


def test_an_arm_that_hangs_is_slow_though_the_rest_of_it_is_fast() -> None:
    hanging = timed(90, 0.005, 300, 0.02)
    for _ in range(10):
        hanging.new.note_timeout(30.0)
    assert after(LATENCY, *[hanging] * 30).verdict is Verdict.FAIL


def test_one_in_twenty_five_that_are_slow_are_below_the_95th_percentile() -> None:
    mixed = timed(96, 0.02, 300, 0.02)
    for _ in range(4):
        mixed.new.note_answer(1.0)
    assert after(LATENCY, *[mixed] * 30).verdict is not Verdict.FAIL


def test_shadows_may_differ_as_much_as_is_declared() -> None:
    assert after(DIFFERENCES, *[Block(shadows=ShadowCounts(1000, 0))] * 8).verdict is Verdict.PASS
    assert after(DIFFERENCES, *[Block(shadows=ShadowCounts(1000, 1))] * 8).verdict is Verdict.NOT_ENOUGH_DATA
    assert after(DIFFERENCES, *[Block(shadows=ShadowCounts(1000, 10))] * 8).verdict is Verdict.FAIL


def test_shadows_that_nobody_could_compare_keep_the_gate_from_passing() -> None:
    few, many = (after(DIFFERENCES, *[Block(shadows=ShadowCounts(1000, 0, lost))] * 8) for lost in (1, 2))
    assert few.verdict is Verdict.PASS
    assert (many.verdict, many.lost) == (Verdict.NOT_ENOUGH_DATA, 16)
    assert str(many).endswith("(new 0 of 8,000, 16 could not be compared)")


def test_more_of_the_same_does_not_help_where_too_many_cannot_be_compared_and_the_gate_says_so() -> None:
    half = after(DIFFERENCES, *[Block(shadows=ShadowCounts(1000, 0, 1000))] * 8)
    assert half.more_to_pass is None
    assert ": not enough data, for 50 % could not be compared and at most 0.1 % may: shadow fewer: " in str(half)


def test_it_does_not_matter_which_worker_counted() -> None:
    workers = [block(10, 1, 90, 2), block(20, 0, 180, 1), block(0, 0, 30, 0)]
    assert after(ERRORS, merged(workers)) == after(ERRORS, merged(reversed(workers)))


def test_evidence_goes_through_json() -> None:
    for evidence in judge(ALL, [timed(100, 0.02, 300, 0.02)] * 30, 12.5):
        assert Evidence.from_json(json.loads(json.dumps(evidence.as_json()))) == evidence


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ((), "errors: not enough data: worse by ? to ?, bound 0.5 % (new 0 of 0, old 0 of 0)"),
        (
            (block(400, 0, 600),),
            "errors: not enough data, 846 more like these and it passes: "
            "worse by -1.13 % to 1.56 %, bound 0.5 % (new 0 of 400, old 0 of 600)",
        ),
        (
            (block(1, 0, 1),),
            "errors: not enough data, 1,245 more like these and it passes: "
            "worse by -100 % to 100 %, bound 0.5 % (new 0 of 1, old 0 of 1)",
        ),
    ],
)
def test_a_line_for_the_operator(blocks: tuple[Block, ...], said: str) -> None:
    assert str(after(ERRORS, *blocks)) == said


def test_an_arm_that_was_well_for_long_and_then_breaks_says_that_it_was_a_part_of_the_step() -> None:
    blocks = [block(100, 0, 100, 0)] * 400 + [block(100, 60, 100, 0)] * 3
    evidence = after(ERRORS, *blocks)
    assert evidence.verdict is Verdict.FAIL
    assert evidence.high is not None
    assert ("in a part of the step" in str(evidence)) == (evidence.high <= evidence.bound)
    evidence = after(DIFFERENCES, *[Block(shadows=ShadowCounts(100, 0))] * 2_000, Block(shadows=ShadowCounts(100, 9)))
    assert evidence.verdict is Verdict.FAIL
    assert ": beyond it in a part of the step (" in str(evidence)
