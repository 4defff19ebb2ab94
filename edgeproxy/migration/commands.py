"""What is asked of a cutover, and what happens to it; and how it says no.

A command is a person's and always says who and why. A happening is brought by the controller of a node.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeproxy.migration.journal import Json


@dataclass(frozen=True, slots=True)
class Start:
    """Run the shadows and collect for the gates, with nobody moved. `ruleset`: content hash of the rules in use."""

    who: str
    why: str
    ruleset: str


@dataclass(frozen=True, slots=True)
class Step:
    """Take the next declared step. `is_forced`: though the hold of this one is not over."""

    who: str
    why: str
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Take no step, whatever the gates say, until it is resumed. A failing gate still rolls back."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on: the hold and the gates of the share in force begin anew."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class SetShare:
    """Put any share in force, up or down, declared as a step or not."""

    who: str
    why: str
    share: int  # thousandths of a percent


@dataclass(frozen=True, slots=True)
class Rollback:
    """Everybody to the old arm, now."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Everybody stays on the new arm. `is_forced`: though the hold of the last step is not over."""

    who: str
    why: str
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Abort:
    """Call it off before anybody was moved."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class GatesPassed:
    """All gates of the share in force passed. `who` is the node whose controller saw it."""

    who: str
    evidence: Json = None


@dataclass(frozen=True, slots=True)
class GateFailed:
    """A gate of the share in force failed."""

    who: str
    why: str  # which one, and by how much
    evidence: Json = None


@dataclass(frozen=True, slots=True)
class HoldIsOver:
    """The least time on the step has passed, and the gates have not."""

    who: str


Command = Start | Step | Pause | Resume | SetShare | Rollback | Finish | Abort
Happening = GatesPassed | GateFailed | HoldIsOver


class Refused(StrEnum):
    """Why not."""

    NAMELESS = "nameless"  # it does not say who, or why
    NOT_STARTED = "not_started"
    RUNNING = "running"
    OVER = "over"  # done, rolled back or aborted
    PAUSED = "paused"
    NOT_PAUSED = "not_paused"
    HOLD_RUNS = "hold_runs"
    NOT_REHEARSED = "not_rehearsed"  # as its rules ask for
    NO_STEP_LEFT = "no_step_left"
    NOT_LAST_STEP = "not_last_step"
    CLIENTS_MOVED = "clients_moved"  # what is for before anybody is moved
    SAME_SHARE = "same_share"
    NO_SHARE = "no_share"  # the number is none
    OTHER_ARMS = "other_arms"  # the rules changed under it
    UNKNOWN = "unknown"  # no cutover of the rules has this name
    OUTRUN = "outrun"  # somebody else decided at the same moment


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was changed."""

    refused: Refused
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.remedy}"
