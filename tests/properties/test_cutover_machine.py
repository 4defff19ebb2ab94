"""Whatever is asked of a cutover, by whomever, in whatever order and with whatever rules: its laws hold."""

from __future__ import annotations

from collections.abc import Callable

from cutover_values import MODERN, OTHER, cutover
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

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
    Resume,
    Rollback,
    SetShare,
    Start,
    Step,
)
from edgeproxy.migration.cutover import decide, is_of, share_of
from edgeproxy.migration.journal import Entry, apply, read_entry, replay, written
from edgeproxy.migration.phases import FOLLOWS, SHARES, Phase, State, What
from edgeproxy.ruleset.arms import WHOLE, OnFail

TEXTS = st.sampled_from(["di", "an operator", "ß\udcff\n", ""])
EVIDENCE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
SHARES_ASKED = st.sampled_from([-1, 0, 1, 999, 1_000, 20_000, 99_999, WHOLE, WHOLE + 1]) | st.integers(0, WHOLE)
ASKED = st.one_of(
    st.builds(Start, TEXTS, TEXTS, TEXTS),
    st.builds(Step, TEXTS, TEXTS, st.booleans()),
    st.builds(Pause, TEXTS, TEXTS),
    st.builds(Resume, TEXTS, TEXTS),
    st.builds(SetShare, TEXTS, TEXTS, SHARES_ASKED),
    st.builds(Rollback, TEXTS, TEXTS),
    st.builds(Finish, TEXTS, TEXTS, st.booleans()),
    st.builds(Abort, TEXTS, TEXTS),
    st.builds(GatesPassed, TEXTS, EVIDENCE),
    st.builds(GateFailed, TEXTS, TEXTS, EVIDENCE),
    st.builds(HoldIsOver, TEXTS),
)
RULES = st.builds(
    lambda steps, on_fail, new: cutover(*sorted(steps), 100, on_fail=on_fail, new=new),
    st.sets(st.integers(1, 99), max_size=5),
    st.sampled_from(OnFail),
    st.sampled_from([MODERN, MODERN, MODERN, OTHER]),
)


class Machine(RuleBasedStateMachine):
    @initialize(rules=RULES)
    def begin(self, rules) -> None:
        self.rules = rules
        self.now = 1_000.0
        self.journal: list[Entry] = []
        self.state = State("reads")

    @rule(asked=ASKED)
    def something_is_asked(self, asked: Command | Happening) -> None:
        self.take(asked)

    @rule(steps=st.integers(1, 4))
    def it_ramps(self, steps: int) -> None:
        """As random commands seldom do."""
        self.take(Start("di", "begin", "rules"))
        for _ in range(steps):
            self.now += 600
            self.take(GatesPassed("edge"))

    @rule(seconds=st.floats(-700, 5_000))
    def time_goes_by(self, seconds: float) -> None:
        self.now = max(0.0, self.now + seconds)

    @rule(rules=RULES)
    def rules_are_loaded(self, rules) -> None:
        self.rules = rules

    @rule()
    def one_command_leads_back_to_nothing(self) -> None:
        after = apply(self.state, self.made(Rollback("di", "users complain")))
        assert (after.share, after.phase, after.is_paused) == (0, Phase.ROLLED_BACK, False)

    def made(self, asked: Command | Happening) -> Entry:
        made = decide(self.rules, self.state, asked, self.now)
        assert isinstance(made, Entry), made
        return made

    def take(self, asked: Command | Happening) -> None:
        before = self.state
        made = decide(self.rules, before, asked, self.now)
        assert made == decide(self.rules, before, asked, self.now)
        if isinstance(made, Refusal):
            assert made.reason
            assert made.remedy
            return
        self.journal.append(made)
        self.state = apply(before, made)
        self.check(before, made)

    def check(self, before: State, made: Entry) -> None:
        after = self.state
        assert made.number == before.number + 1 == len(self.journal)
        assert after.phase in FOLLOWS[before.phase][made.what]
        if after.share < before.share:
            assert made.what in (What.ROLLBACK, What.GATE_FAILED, What.SET)
            assert made.what is What.SET or after.share == 0
        if before.is_paused:
            assert made.what not in (What.STEP, What.GATES_PASSED, What.FINISH)
        if before.phase in (Phase.DONE, Phase.ABORTED, Phase.ROLLED_BACK):
            assert made.what in (What.START, What.ROLLBACK)
        if made.what in (What.STEP, What.GATES_PASSED, What.FINISH) and not made.is_forced:
            assert self.now >= before.since + self.rules.hold
        assert made.who.strip()
        assert made.why.strip()

    @invariant()
    def the_journal_is_the_state(self) -> None:
        lines = [written(entry) for entry in self.journal]
        assert replay("reads", map(read_entry, lines)) == self.state

    @invariant()
    def the_share_fits_the_phase_and_is_what_workers_get(self) -> None:
        low, high = SHARES[self.state.phase]
        assert low <= self.state.share <= high
        split = share_of(self.rules, self.state)
        assert sum(arm.share for arm in split.arms) == WHOLE
        assert split.arms[1].share == (self.state.share if is_of(self.rules, self.state) else 0)


Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestMachine: Callable[[], None] = Machine.TestCase
