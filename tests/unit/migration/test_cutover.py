"""A cutover as its operator sees it: what each command does, and what is said to one that comes at the wrong time."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from cutover_values import HOLD, LEGACY, MODERN, OTHER, START, cutover, entry, history

from edgeproxy.migration.commands import (
    Abort,
    Command,
    Finish,
    GateFailed,
    GatesPassed,
    Happening,
    HoldIsOver,
    Pause,
    Refusal,
    Refused,
    Resume,
    Rollback,
    SetShare,
    Start,
    Step,
)
from edgeproxy.migration.cutover import decide, hold_left, is_of, next_step, share_of
from edgeproxy.migration.journal import Entry, apply, read_entry, replay, written
from edgeproxy.migration.phases import FOLLOWS, Phase, State, What
from edgeproxy.ruleset.arms import WHOLE, Arm, OnFail, Split

READS = cutover(1, 5, 20, 100)


def at_step(steps: int) -> State:
    return history(READS, [START, *(Step("di", "on we go") for _ in range(steps))])[0]


def refusal(state: State, asked: Command | Happening, now: float = 1e6, of=READS) -> Refusal:
    made = decide(of, state, asked, now)
    assert isinstance(made, Refusal), made
    return made


def test_a_cutover_from_its_start_to_its_end_with_a_rollback_between() -> None:
    day = 86_400.0
    entries: list[Entry] = []

    def do(asked: Command | Happening, now: float) -> str:
        state = replay("reads", entries)
        entries.append(entry(READS, state, asked, now))
        state = apply(state, entries[-1])
        return f"{state.phase} {state.share / 1000:g} %"

    assert do(START, day) == "shadowing 0 %"
    assert do(GatesPassed("edge-1"), day + HOLD) == "stepping 1 %"
    assert do(HoldIsOver("edge-1"), day + 2 * HOLD) == "holding 1 %"
    assert do(GatesPassed("edge-1"), day + 3 * HOLD) == "stepping 5 %"
    assert do(GateFailed("edge-1", "errors: 2 % against 0.1 %", {"p": 0.02}), day + 3 * HOLD + 9) == "rolled_back 0 %"
    assert do(Start("di", "the bug is fixed", "rules-2"), 2 * day) == "shadowing 0 %"
    assert do(Step("di", "nobody is awake", is_forced=True), 2 * day + 1) == "stepping 1 %"
    assert do(SetShare("di", "straight to where we were", 15_000), 2 * day + 2) == "stepping 15 %"
    assert do(Step("di", "looks good"), 3 * day) == "stepping 20 %"
    assert do(Pause("di", "the weekend"), 3 * day + 1) == "stepping 20 %"
    assert do(Resume("di", "Monday"), 6 * day) == "stepping 20 %"
    assert do(GatesPassed("edge-2"), 6 * day + HOLD) == "stepping 100 %"
    assert do(Finish("di", "legacy may go"), 7 * day) == "done 100 %"
    assert do(Rollback("di", "it may not"), 7 * day + 1) == "rolled_back 0 %"

    assert [each.number for each in entries] == list(range(1, 15))
    assert entries[4].evidence == {"p": 0.02}
    assert entries[6].is_forced
    assert entries[7].note == "15 % is no declared step: the next is 20 %"
    assert replay("reads", (read_entry(written(each)) for each in entries)) == replay("reads", entries)


def test_the_share_that_workers_put_in_force() -> None:
    assert share_of(READS, State("reads")) == READS.resting
    assert share_of(READS, at_step(2)) == Split("reads", (Arm(LEGACY, 95_000), Arm(MODERN, 5_000)), READS.sticky)


@pytest.mark.parametrize("phase", Phase)
def test_one_command_leads_back_to_nothing_from_anywhere(phase: Phase) -> None:
    share = {Phase.STEPPING: 20_000, Phase.HOLDING: 20_000, Phase.DONE: WHOLE}.get(phase, 0)
    for is_paused in (False, True):
        for new in ("modern", "of-yesterday's-rules"):
            state = State("reads", phase, share=share, is_paused=is_paused, number=7, old="legacy", new=new)
            after = apply(state, entry(READS, state, Rollback("di", "users complain"), 0.0))
            assert (after.phase, after.share, after.is_paused, after.number) == (Phase.ROLLED_BACK, 0, False, 8)


def test_a_step_before_its_hold_is_over_is_refused_unless_it_is_forced() -> None:
    state = at_step(1)
    early = refusal(state, Step("di", "hurry"), state.since + HOLD - 90.5)
    assert str(early) == "reads holds 1 % for another 91s: wait, or force it: the journal says that you did."
    assert early.refused is Refused.HOLD_RUNS
    forced = entry(READS, state, Step("di", "hurry", is_forced=True), state.since + 1)
    assert (forced.share, forced.is_forced) == (5_000, True)
    # Who forces what needs no force has not forced it.
    assert not entry(READS, state, Step("di", "hurry", is_forced=True), state.since + HOLD).is_forced


def test_a_clock_that_is_behind_makes_a_hold_longer_and_never_shorter() -> None:
    state = at_step(1)
    assert hold_left(READS, state, state.since - 100) == HOLD + 100


def test_gates_that_pass_take_no_step_before_the_hold_is_over_nor_while_it_is_paused() -> None:
    state = at_step(1)
    assert refusal(state, GatesPassed("edge"), state.since + 1).refused is Refused.HOLD_RUNS
    paused = apply(state, entry(READS, state, Pause("di", "lunch"), state.since + 1))
    assert refusal(paused, GatesPassed("edge"), state.since + HOLD).refused is Refused.PAUSED
    assert refusal(paused, Step("di", "on"), state.since + HOLD).refused is Refused.PAUSED
    assert refusal(paused, Pause("di", "on"), state.since + HOLD).refused is Refused.PAUSED


def test_a_failing_gate_rolls_back_a_paused_cutover_too() -> None:
    state = at_step(2)
    paused = apply(state, entry(READS, state, Pause("di", "lunch"), 0.0))
    assert entry(READS, paused, GateFailed("edge", "errors"), 1.0).phase is Phase.ROLLED_BACK


def test_a_failing_gate_holds_where_the_rules_say_so_until_a_person_decides() -> None:
    holds = cutover(1, 5, 20, 100, on_fail=OnFail.HOLD)
    state = at_step(2)
    held = apply(state, entry(holds, state, GateFailed("edge", "errors"), state.since + 5))
    assert (held.phase, held.share, held.is_paused, held.since) == (Phase.HOLDING, 5_000, True, state.since)
    assert refusal(held, GateFailed("edge", "errors"), of=holds).refused is Refused.PAUSED
    assert refusal(held, GatesPassed("edge"), of=holds).refused is Refused.PAUSED
    on = apply(held, entry(holds, held, Resume("di", "it was the probe"), state.since + 50))
    assert (on.phase, on.share, on.is_paused, on.since) == (Phase.STEPPING, 5_000, False, state.since + 50)


def test_a_gate_that_fails_before_anybody_is_moved_acts_as_declared() -> None:
    started = at_step(0)
    assert entry(READS, started, GateFailed("edge", "differences"), 1.0).phase is Phase.ROLLED_BACK
    held = entry(cutover(on_fail=OnFail.HOLD), started, GateFailed("edge", "differences"), 1.0)
    assert (held.phase, held.is_paused) == (Phase.SHADOWING, True)


def test_a_share_that_is_set_need_not_be_a_step_and_the_next_step_is_above_it() -> None:
    state = at_step(1)
    set_to = entry(READS, state, SetShare("di", "a rehearsed number", 7_500), 0.0)
    assert (set_to.step, set_to.note) == (None, "7.5 % is no declared step: the next is 20 %")
    assert entry(READS, apply(state, set_to), Step("di", "on", is_forced=True), 0.0).share == 20_000
    assert entry(READS, at_step(3), SetShare("di", "down", 5_000), 0.0).step == 1
    back = entry(READS, at_step(3), SetShare("di", "look again", 0), 0.0)
    assert (back.phase, back.step, back.note) == (Phase.SHADOWING, None, "")
    assert refusal(state, SetShare("di", "again", 1_000)).refused is Refused.SAME_SHARE
    assert refusal(state, SetShare("di", "all and more", WHOLE + 1)).refused is Refused.NO_SHARE
    assert refusal(state, SetShare("di", "less", -1)).refused is Refused.NO_SHARE
    last = entry(cutover(1, 5, 100), at_step(2), SetShare("di", "nearly", 99_999), 0.0)
    assert last.note == "99.999 % is no declared step: the next is 100 %"


def test_other_steps_in_the_rules_never_take_a_cutover_down() -> None:
    state = at_step(3)  # at 20 %
    assert next_step(cutover(2, 10, 50, 100), state) == 50_000
    assert next_step(cutover(2, 100), state) == WHOLE


def test_other_arms_in_the_rules_move_nobody_until_it_is_rolled_back() -> None:
    state, moved = at_step(2), cutover(new=OTHER)
    assert not is_of(moved, state)
    assert share_of(moved, state) == moved.resting
    said = refusal(state, Step("di", "on"), of=moved)
    assert said.refused is Refused.OTHER_ARMS
    assert str(said) == (
        "reads was started from legacy to modern, and the rules now say from legacy to other: "
        "roll it back and start it anew, or load the rules that it was started by."
    )
    back = apply(state, entry(moved, state, Rollback("di", "new rules"), 0.0))
    again = apply(back, entry(moved, back, START, 1.0))
    assert (again.new, is_of(moved, again)) == ("other", True)


def test_it_is_finished_from_the_last_step_only() -> None:
    assert refusal(at_step(0), Finish("di", "done")).refused is Refused.NOT_LAST_STEP
    assert refusal(at_step(3), Finish("di", "done")).refused is Refused.NOT_LAST_STEP
    last = at_step(4)
    assert refusal(last, Finish("di", "done"), last.since + 1).refused is Refused.HOLD_RUNS
    assert entry(READS, last, Finish("di", "done", is_forced=True), last.since + 1).is_forced
    assert refusal(last, Step("di", "on")).refused is Refused.NO_STEP_LEFT
    assert refusal(last, GatesPassed("edge")).refused is Refused.NO_STEP_LEFT
    assert entry(READS, last, HoldIsOver("edge"), last.since + HOLD).why == "its 10m are over"


def test_it_is_aborted_before_anybody_is_moved_and_rolled_back_after() -> None:
    called_off = apply(at_step(0), entry(READS, at_step(0), Abort("di", "not this year"), 0.0))
    assert called_off.phase is Phase.ABORTED
    assert refusal(at_step(1), Abort("di", "no")).refused is Refused.CLIENTS_MOVED


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED])
def test_what_is_over_takes_a_start_or_a_rollback_and_nothing_else(phase: Phase) -> None:
    over = State("reads", phase, share=WHOLE if phase is Phase.DONE else 0, old="legacy", new="modern")
    others = (Step, Pause, Resume, Finish, Abort)
    for command in others:
        assert refusal(over, command("di", "why not")).refused is Refused.OVER
    for happening in (GatesPassed("edge"), GateFailed("edge", "errors"), HoldIsOver("edge"), SetShare("di", "x", 5)):
        assert refusal(over, happening).refused is Refused.OVER
    if phase is Phase.DONE:  # a start would take everybody off the new arm, and is no rollback
        assert refusal(over, START).refused is Refused.OVER
    else:
        assert entry(READS, over, START, 0.0).phase is Phase.SHADOWING


def test_nothing_moves_one_that_nobody_has_started() -> None:
    for asked in (Step("di", "on"), SetShare("di", "on", 5), Pause("di", "on"), GateFailed("edge", "errors")):
        assert refusal(State("reads"), asked).refused is Refused.NOT_STARTED
    assert refusal(at_step(1), START).refused is Refused.RUNNING
    assert refusal(at_step(1), Resume("di", "on")).refused is Refused.NOT_PAUSED


def test_every_command_says_who_and_why() -> None:
    said = refusal(at_step(1), Rollback(" ", ""))
    assert str(said) == "`rollback` without who and why: say who decides it and why: the journal keeps both."
    assert refusal(at_step(1), Step("di", "\t")).refused is Refused.NAMELESS


def test_odd_evidence_does_not_stop_a_rollback() -> None:
    failed = GateFailed("edge", "latency", {"ratio": float("inf"), "of": [float("nan"), 1.5, None, "p95"]})
    made = entry(READS, at_step(1), failed, 0.0)
    assert made.evidence == {"ratio": "inf", "of": ["nan", 1.5, None, "p95"]}
    assert read_entry(written(made)) == made


def test_the_table_names_every_phase_and_everything_that_can_be_asked() -> None:
    assert set(FOLLOWS) == set(Phase)
    assert {what for row in FOLLOWS.values() for what in row} == set(What)
    assert all(What.ROLLBACK in row for row in FOLLOWS.values())
    assert len(get_args(Command)) + len(get_args(Happening)) == len(What)


def test_what_the_hold_and_the_gates_count_from() -> None:
    state = at_step(1)
    later = state.since + HOLD
    for asked in (Pause("di", "x"), HoldIsOver("edge")):
        assert apply(state, entry(READS, state, asked, later)).since == state.since
    assert apply(state, entry(READS, state, SetShare("di", "x", 3_000), later)).since == later
    assert (
        apply(
            replace(state, is_paused=True), entry(READS, replace(state, is_paused=True), Resume("di", "x"), later)
        ).since
        == later
    )
