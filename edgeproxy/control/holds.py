"""When a hold began, by the clock here.

Clocks of nodes are apart: a hold that one of them began, and another one ended by its own clock, would be over as much
too early. So a node counts it from when it heard of the step. Of one that it has not seen begin, since it started
meanwhile, it knows by the journal, which has the clock of whoever took the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edgeproxy.migration.cutover import hold_left
from edgeproxy.migration.phases import State
from edgeproxy.ruleset.arms import Cutover


class Holds:
    """Of all cutovers of a node."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began: dict[str, tuple[float, float]] = {}  # by the clock of whoever began it, and by the clock here

    def by_own_clock(self, state: State) -> State:
        """To be asked as soon as one is known."""
        before = self._began.get(state.name)
        if before is None or before[0] != state.since:
            before = self._began[state.name] = (state.since, state.since if before is None else self._now())
        return replace(state, since=before[1])

    def left(self, cutover: Cutover, state: State) -> float:
        """In seconds."""
        return hold_left(cutover, self.by_own_clock(state), self._now())
