"""What a command or a happening does to a cutover: a new entry of its journal, or a refusal that says what to do.

Laws of this module:
- pure: the same cutover, state, question and moment give the same answer;
- whatever `decide` gives, `apply` takes; `phases.FOLLOWS` has the last word;
- one `Rollback` leads from any phase to 0 %, whatever the rules say meanwhile;
- the share rises by steps of the rule file as it is now: the next one is the first that is above the share in force,
  so a rule file with other steps never takes a cutover down;
- a cutover whose arms were changed under it moves nobody: its share was of another pair of backends;
- what brings clients to the new side needs a rehearsal where the rules ask for one (`rehearsal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

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
from edgeproxy.migration.journal import Entry, Json
from edgeproxy.migration.phases import FOLLOWS, Phase, State, What
from edgeproxy.migration.rehearsal import NO_REHEARSALS, Rehearsals, unrehearsed
from edgeproxy.ruleset.arms import WHOLE, Arm, Cutover, OnFail, Split
from edgeproxy.ruleset.quantities import written_duration, written_share

_WHATS: Final[Mapping[type[Command | Happening], What]] = {
    Start: What.START,
    Step: What.STEP,
    Pause: What.PAUSE,
    Resume: What.RESUME,
    SetShare: What.SET,
    Rollback: What.ROLLBACK,
    Finish: What.FINISH,
    Abort: What.ABORT,
    GatesPassed: What.GATES_PASSED,
    GateFailed: What.GATE_FAILED,
    HoldIsOver: What.HOLD_IS_OVER,
}


@dataclass(frozen=True, slots=True)
class _Move:
    """Where it goes from here."""

    phase: Phase
    share: int
    is_paused: bool = False
    is_forced: bool = False
    note: str = ""


def decide(
    cutover: Cutover,
    state: State,
    asked: Command | Happening,
    now: float,
    rehearsals: Rehearsals = NO_REHEARSALS,
) -> Entry | Refusal:
    """What is asked, as the journal's next entry. `now`: POSIX seconds; `rehearsals`: what is known of them."""
    what = _WHATS[type(asked)]
    refusal = _nameless(asked) or _other_arms(cutover, state, what) or _out_of_place(state, what)
    if refusal is None and moves_on(state, asked):
        refusal = unrehearsed(cutover, rehearsals, now)
    if refusal is not None:
        return refusal
    move = _move(cutover, state, asked, now)
    return move if isinstance(move, Refusal) else _entry(cutover, state, asked, move, now)


def moves_on(state: State, asked: Command | Happening) -> bool:
    """Whether it brings clients to the new side, or begins to."""
    match asked:
        case Start() | Step() | GatesPassed():
            return True
        case SetShare(share=share):
            return share > state.share
        case _:
            return False


def share_of(cutover: Cutover, state: State) -> Split:
    """The split that workers put in force."""
    if not is_of(cutover, state):
        return cutover.resting
    return Split(cutover.name, (Arm(cutover.old, WHOLE - state.share), Arm(cutover.new, state.share)), cutover.sticky)


def is_of(cutover: Cutover, state: State) -> bool:
    """Whether the state is of these arms; one of nobody's start is of any."""
    return state.share == 0 or (state.old, state.new) == (cutover.old.name, cutover.new.name)


def is_started(cutover: Cutover, state: State) -> bool:
    """Whether its new arm may have clients: it was started, with the arms that it has now, and is not taken back."""
    return state.is_started and (state.old, state.new) == (cutover.old.name, cutover.new.name)


def next_step(cutover: Cutover, state: State) -> int | None:
    """The share of the next step; None: there is none above the share in force."""
    return next((share for share in cutover.steps if share > state.share), None)


def hold_left(cutover: Cutover, state: State, now: float) -> float:
    """Seconds until a step may be taken; 0: now."""
    return max(0.0, state.since + cutover.hold - now)


def _move(cutover: Cutover, state: State, asked: Command | Happening, now: float) -> _Move | Refusal:
    match asked:
        case Start():
            return _Move(Phase.SHADOWING, 0)
        case Rollback():
            return _Move(Phase.ROLLED_BACK, 0)
        case Abort():
            return _Move(Phase.ABORTED, 0)
        case Pause():
            return _paused(state) or _Move(state.phase, state.share, is_paused=True)
        case Resume():
            return _resume(state)
        case SetShare(share=share):
            return _set(cutover, state, share)
        case Step(is_forced=is_forced):
            return _paused(state) or _step(cutover, state, now, is_forced=is_forced)
        case GatesPassed():
            return _paused(state) or _step(cutover, state, now, is_forced=False)
        case Finish(is_forced=is_forced):
            return _paused(state) or _finish(cutover, state, now, is_forced=is_forced)
        case GateFailed():
            return _fail(cutover, state)
        case HoldIsOver():
            left = _hold_runs(cutover, state, now)
            return left or _Move(Phase.HOLDING, state.share, is_paused=state.is_paused)
        case _:
            assert_never(asked)


def _step(cutover: Cutover, state: State, now: float, *, is_forced: bool) -> _Move | Refusal:
    share = next_step(cutover, state)
    if share is None:
        remedy = "`finish` it, when you are sure, or roll it back."
        return Refusal(Refused.NO_STEP_LEFT, f"{cutover.name} is on its last step", remedy)
    early = _hold_runs(cutover, state, now)
    if early is not None and not is_forced:
        return early
    return _Move(Phase.STEPPING, share, is_forced=early is not None)


def _finish(cutover: Cutover, state: State, now: float, *, is_forced: bool) -> _Move | Refusal:
    if state.share != WHOLE:
        at = f"{cutover.name} is at {written_share(state.share)} %"
        return Refusal(Refused.NOT_LAST_STEP, at, "it is finished from 100 %: take the steps that are left.")
    early = _hold_runs(cutover, state, now)
    if early is not None and not is_forced:
        return early
    return _Move(Phase.DONE, WHOLE, is_forced=early is not None)


def _set(cutover: Cutover, state: State, share: int) -> _Move | Refusal:
    if not 0 <= share <= WHOLE:
        reason = f"{share} thousandths of a percent are no share"
        return Refusal(Refused.NO_SHARE, reason, "say a percentage between 0 and 100.")
    if share == state.share:
        at = f"{cutover.name} is at {written_share(share)} % already"
        return Refusal(Refused.SAME_SHARE, at, "nothing is to be done; `resume` begins the hold anew.")
    phase = Phase.STEPPING if share else Phase.SHADOWING
    return _Move(phase, share, is_paused=state.is_paused, note=_set_note(cutover, share))


def _set_note(cutover: Cutover, share: int) -> str:
    if share in cutover.steps or not share:
        return ""
    above = next((each for each in cutover.steps if each > share), None)
    after = "none is above it" if above is None else f"the next is {written_share(above)} %"
    return f"{written_share(share)} % is no declared step: {after}"


def _resume(state: State) -> _Move | Refusal:
    if not state.is_paused:
        return Refusal(Refused.NOT_PAUSED, f"{state.name} is not paused", "nothing is to be done.")
    return _Move(Phase.STEPPING if state.share else Phase.SHADOWING, state.share)


def _fail(cutover: Cutover, state: State) -> _Move | Refusal:
    match cutover.on_fail:
        case OnFail.ROLLBACK:
            return _Move(Phase.ROLLED_BACK, 0)
        case OnFail.HOLD:
            held = Phase.HOLDING if state.share else Phase.SHADOWING
            return _paused(state) or _Move(held, state.share, is_paused=True)
        case _:
            assert_never(cutover.on_fail)


def _nameless(asked: Command | Happening) -> Refusal | None:
    missing = [key for key in ("who", "why") if not getattr(asked, key, "said").strip()]
    if not missing:
        return None
    reason = f"`{_WHATS[type(asked)]}` without {' and '.join(missing)}"
    return Refusal(Refused.NAMELESS, reason, "say who decides it and why: the journal keeps both.")


def _other_arms(cutover: Cutover, state: State, what: What) -> Refusal | None:
    """Of a running cutover whose rules were changed under it; it may still be rolled back."""
    then, now = (state.old, state.new), (cutover.old.name, cutover.new.name)
    if then == now or what is What.ROLLBACK or not state.is_running:
        return None
    reason = f"{cutover.name} was started from {then[0]} to {then[1]}, and the rules now say from {now[0]} to {now[1]}"
    return Refusal(
        Refused.OTHER_ARMS, reason, "roll it back and start it anew, or load the rules that it was started by."
    )


def _out_of_place(state: State, what: What) -> Refusal | None:
    """What the phase does not take, by the table."""
    if what in FOLLOWS[state.phase]:
        return None
    if what is What.START:
        return _no_start(state)
    if state.phase is Phase.IDLE:
        return Refusal(Refused.NOT_STARTED, f"{state.name} is not started", "`start` it first.")
    if not state.is_running:
        remedy = "`rollback` is all it takes." if state.phase is Phase.DONE else "`start` it anew."
        return Refusal(Refused.OVER, f"{state.name} is {_said(state.phase)}", remedy)
    return _too_early_or_late(state, what)


def _no_start(state: State) -> Refusal:
    if state.phase is Phase.DONE:
        reason = f"{state.name} is done: everybody is on {state.new}"
        return Refusal(Refused.OVER, reason, "to do it again, roll it back first.")
    at = f"{state.name} is {_said(state.phase)} at {written_share(state.share)} %"
    return Refusal(Refused.RUNNING, at, "to begin anew, roll it back first.")


def _too_early_or_late(state: State, what: What) -> Refusal:
    """Of a running cutover."""
    at = f"{state.name} is {_said(state.phase)} at {written_share(state.share)} %"
    if what is What.ABORT:
        return Refusal(Refused.CLIENTS_MOVED, at, "`rollback` takes everybody back to the old arm.")
    if what is What.FINISH:
        return Refusal(Refused.NOT_LAST_STEP, at, "it is finished from 100 %: take the steps.")
    return Refusal(Refused.RUNNING, at, f"{_said(what)} is nothing for it now.")


def _paused(state: State) -> Refusal | None:
    if not state.is_paused:
        return None
    return Refusal(Refused.PAUSED, f"{state.name} is paused", "`resume` it first; `rollback` needs no resume.")


def _hold_runs(cutover: Cutover, state: State, now: float) -> Refusal | None:
    left = hold_left(cutover, state, now)
    if not left:
        return None
    at = f"{cutover.name} holds {written_share(state.share)} % for another {written_duration(math.ceil(left))}"
    return Refusal(Refused.HOLD_RUNS, at, "wait, or force it: the journal says that you did.")


def _said(word: str) -> str:
    return word.replace("_", " ")


def _entry(cutover: Cutover, state: State, asked: Command | Happening, move: _Move, now: float) -> Entry:
    is_start = isinstance(asked, Start)
    return Entry(
        cutover=state.name,
        number=state.number + 1,
        at=float(now),
        who=asked.who,
        why=_why(cutover, asked),
        what=_WHATS[type(asked)],
        from_phase=state.phase,
        from_share=state.share,
        phase=move.phase,
        share=move.share,
        step=cutover.steps.index(move.share) if move.share in cutover.steps else None,
        is_paused=move.is_paused,
        is_forced=move.is_forced,
        note=move.note,
        ruleset=asked.ruleset if isinstance(asked, Start) else state.ruleset,
        old=cutover.old.name if is_start else state.old,
        new=cutover.new.name if is_start else state.new,
        evidence=_plain(asked.evidence) if isinstance(asked, GateFailed | GatesPassed) else None,
    )


def _why(cutover: Cutover, asked: Command | Happening) -> str:
    match asked:
        case GatesPassed():
            return "all gates passed"
        case HoldIsOver():
            return f"its {written_duration(cutover.hold)} are over"
        case _:
            return asked.why


def _plain(evidence: Json) -> Json:
    """As it can be written: JSON has no infinite number, and odd evidence must not stop a rollback."""
    match evidence:
        case float() if not math.isfinite(evidence):
            return str(evidence)
        case list():
            return [_plain(each) for each in evidence]
        case dict():
            return {key: _plain(value) for key, value in evidence.items()}
        case _:
            return evidence
