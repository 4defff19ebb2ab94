"""Cutovers as values, for tests of what moves them."""

from __future__ import annotations

from collections.abc import Iterable

from edgeproxy.migration.commands import Command, Happening, Refusal, Start, Step
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry, apply
from edgeproxy.migration.phases import State
from edgeproxy.ruleset.arms import ClientKey, Cutover, Gates, OnFail
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.origins import Endpoint, HttpBackend

LEGACY, MODERN, OTHER = (
    HttpBackend(name, (Endpoint(InetAddress("127.0.0.1", 1)),), f"{name}.test")
    for name in ("legacy", "modern", "other")
)
HOLD = 600.0
START = Start("di", "the load tests are through", "rules-1")


def cutover(
    *steps: int, name: str = "reads", on_fail: OnFail = OnFail.ROLLBACK, hold: float = HOLD, new: HttpBackend = MODERN
) -> Cutover:
    """`steps` in percent."""
    shares = tuple(step * 1_000 for step in steps or (1, 5, 20, 100))
    return Cutover(name, LEGACY, new, shares, hold, (ClientKey(),), Gates(), on_fail)


def entry(of: Cutover, state: State, asked: Command | Happening, now: float) -> Entry:
    """What is asked, which is not refused."""
    made = decide(of, state, asked, now)
    assert not isinstance(made, Refusal), str(made)
    return made


def history(of: Cutover, asked: Iterable[Command | Happening], now: float = 1_000.0) -> tuple[State, tuple[Entry, ...]]:
    """One after the other, a hold apart."""
    state, entries = State(of.name), []
    for each in asked:
        entries.append(entry(of, state, each, now))
        state = apply(state, entries[-1])
        now += of.hold
    return state, tuple(entries)


def ramp(of: Cutover, steps: int, who: str = "di") -> tuple[Entry, ...]:
    """Started, and so many steps taken."""
    return history(of, [START, *(Step(who, f"step {n}") for n in range(steps))])[1]
