"""Where a cutover stands, and what may follow on what: the table of its state machine.

Laws of this module:
- FOLLOWS is the whole machine: what is not in it does not happen, by whomever it is asked;
- a rollback is taken in every phase;
- `share` is the new arm's, in thousandths of a percent; nobody is on the new arm in IDLE, SHADOWING, ROLLED_BACK and
  ABORTED, everybody in DONE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edgeproxy.ruleset.arms import WHOLE


class Phase(StrEnum):
    IDLE = "idle"  # nobody has started it
    SHADOWING = "shadowing"  # started: nobody is moved, shadows run and gates collect
    STEPPING = "stepping"  # on a step whose hold runs
    HOLDING = "holding"  # on a step whose hold is over, or which a failed gate holds: it waits for gates or a person
    DONE = "done"  # everybody is on the new arm, for good
    ROLLED_BACK = "rolled_back"  # everybody is on the old arm again; it may be started anew
    ABORTED = "aborted"  # called off before anybody was moved; it may be started anew


class What(StrEnum):
    """What changed: a person's commands, then what the controller brings."""

    START = "start"
    STEP = "step"
    PAUSE = "pause"
    RESUME = "resume"
    SET = "set"
    ROLLBACK = "rollback"
    FINISH = "finish"
    ABORT = "abort"
    GATES_PASSED = "gates_passed"
    GATE_FAILED = "gate_failed"
    HOLD_IS_OVER = "hold_is_over"


Follow = Mapping[What, frozenset[Phase]]


def _follow(**rows: Phase | tuple[Phase, ...]) -> Follow:
    sets = {What[key]: frozenset(row if isinstance(row, tuple) else (row,)) for key, row in rows.items()}
    return MappingProxyType(sets)


# By phase, what it takes, and where each may lead.
FOLLOWS: Final[Mapping[Phase, Follow]] = MappingProxyType(
    {
        Phase.IDLE: _follow(START=Phase.SHADOWING, ROLLBACK=Phase.ROLLED_BACK),
        Phase.SHADOWING: _follow(
            STEP=Phase.STEPPING,
            SET=(Phase.SHADOWING, Phase.STEPPING),
            PAUSE=Phase.SHADOWING,
            RESUME=Phase.SHADOWING,
            ABORT=Phase.ABORTED,
            ROLLBACK=Phase.ROLLED_BACK,
            GATES_PASSED=Phase.STEPPING,
            GATE_FAILED=(Phase.SHADOWING, Phase.ROLLED_BACK),
        ),
        Phase.STEPPING: _follow(
            STEP=Phase.STEPPING,
            SET=(Phase.SHADOWING, Phase.STEPPING),
            PAUSE=Phase.STEPPING,
            RESUME=Phase.STEPPING,
            FINISH=Phase.DONE,
            ROLLBACK=Phase.ROLLED_BACK,
            GATES_PASSED=Phase.STEPPING,
            GATE_FAILED=(Phase.HOLDING, Phase.ROLLED_BACK),
            HOLD_IS_OVER=Phase.HOLDING,
        ),
        Phase.HOLDING: _follow(
            STEP=Phase.STEPPING,
            SET=(Phase.SHADOWING, Phase.STEPPING),
            PAUSE=Phase.HOLDING,
            RESUME=Phase.STEPPING,
            FINISH=Phase.DONE,
            ROLLBACK=Phase.ROLLED_BACK,
            GATES_PASSED=Phase.STEPPING,
            GATE_FAILED=(Phase.HOLDING, Phase.ROLLED_BACK),
        ),
        Phase.DONE: _follow(ROLLBACK=Phase.ROLLED_BACK),
        Phase.ROLLED_BACK: _follow(START=Phase.SHADOWING, ROLLBACK=Phase.ROLLED_BACK),
        Phase.ABORTED: _follow(START=Phase.SHADOWING, ROLLBACK=Phase.ROLLED_BACK),
    }
)

# By phase, the least and the most share of the new arm.
SHARES: Final[Mapping[Phase, tuple[int, int]]] = MappingProxyType(
    {
        Phase.IDLE: (0, 0),
        Phase.SHADOWING: (0, 0),
        Phase.STEPPING: (1, WHOLE),
        Phase.HOLDING: (1, WHOLE),
        Phase.DONE: (WHOLE, WHOLE),
        Phase.ROLLED_BACK: (0, 0),
        Phase.ABORTED: (0, 0),
    }
)
RUNNING: Final = frozenset({Phase.SHADOWING, Phase.STEPPING, Phase.HOLDING})
STARTED: Final = RUNNING | {Phase.DONE}


@dataclass(frozen=True, slots=True)
class State:
    """A cutover at one moment: what its journal says."""

    name: str
    phase: Phase = Phase.IDLE
    step: int | None = None  # which of the declared steps the share is; None: none of them
    share: int = 0
    since: float = 0.0  # from when the hold and the gates of this share count: when it came in force, or was resumed
    is_paused: bool = False
    number: int = 0  # of the journal's last entry: the version, for compare-and-set
    ruleset: str = ""  # content hash of the rules under which it was started
    old: str = ""  # the arms with which it was started
    new: str = ""

    @property
    def is_running(self) -> bool:
        return self.phase in RUNNING

    @property
    def is_started(self) -> bool:
        """And was not taken back: clients may be on the new arm, be it by pins alone."""
        return self.phase in STARTED
