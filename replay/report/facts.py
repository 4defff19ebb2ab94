"""What a report is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edgeproxy.migration.comparing.grouping import Groups
from replay.report.punctuality import lateness
from replay.report.words import percent
from replay.schedule.choosing import Refused
from replay.sending.outcome import Outcome

LATENCIES = (0.5, 0.9, 0.99, 0.999, 1.0)  # shares that are shown
APART = 0.03  # of a hit ratio and its aim: what is more is told
BUSY = 0.9  # of a core: from here on the sender is at its own ceiling


class NotCompared(StrEnum):
    """Why nothing is said of an answer."""

    NOT_SENT = "not_sent"  # to one of both
    NOT_RECORDED = "not_recorded"  # what the recording has of the answer is not enough
    CHANGED = "changed"  # it was not asked as it was recorded: without its credentials
    OLD_FAILED = "old_failed"  # the other side gave no answer, or failed
    TOO_LARGE = "too_large"  # one of both is larger than what is kept to be compared
    NO_ROOM = "no_room"  # too many wait to be compared


@dataclass(slots=True)
class Comparison:
    """`beside`: to what the answers are compared. `noise`: kinds and paths that the old side has with itself, and in
    how many of `pairs` pairs.
    """

    beside: str
    groups: Groups = field(default_factory=Groups)
    not_compared: Counter[NotCompared] = field(default_factory=Counter)
    pairs: int = 0
    noise: Sequence[tuple[str, str, float]] = ()


@dataclass(slots=True)
class Read:
    """What the recording had. `first` and `last` are POSIX seconds; None: nothing was chosen."""

    files: Sequence[str]
    seen: int
    chosen: int
    lanes: int
    first: float | None
    last: float | None
    refused: Mapping[Refused, int]
    refused_shapes: Mapping[tuple[Refused, str, str], int]
    broken: int
    by: str  # whose word was taken for what is safe


@dataclass(slots=True)
class Made:
    """In place of a recording: what requests were drawn from, in words, and how many could not be made, of what."""

    told: Sequence[str]
    left_out: Mapping[str, int]


@dataclass(slots=True)
class Side:
    """A target, and what the run came to there."""

    name: str
    outcome: Outcome


@dataclass(slots=True)
class Warm:
    """A hit ratio that was to be held. `intended`: the share of hits; `hits` and `misses`: of what was asked, what had
    been asked before, and what had not. `unfilled`: times of the schedule at which nothing was left to be asked; None:
    nobody knows how many, since it had no end of its own. `left_out`: requests that no cache keeps, or may be either.
    """

    intended: float
    hits: int
    misses: int
    unfilled: int | None
    left_out: int

    @property
    def share(self) -> float:
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def is_held(self) -> bool:
        """But for one request."""
        return abs(self.share - self.intended) <= max(APART, 1 / max(self.hits + self.misses, 1))


@dataclass(slots=True)
class Report:
    """`pace` and `warmth` in words. `is_whole`: the run came to its end. `late_at_most`: seconds that p99 of the
    sender's own lateness may be, or the run has failed; None: it is only told.
    """

    read: Read
    pace: str
    sides: Sequence[Side]
    warmth: str = ""
    warm: Warm | None = None
    late_at_most: float | None = None
    comparison: Comparison | None = None
    is_whole: bool = True
    made: Made | None = None

    @property
    def intended_hits(self) -> float | None:
        return None if self.warm is None else self.warm.intended

    @property
    def late(self) -> Sequence[str]:
        """What of it was not sent when it was to be."""
        return [f"{side.name}: {each}" for side in self.sides for each in lateness(side.outcome, self.late_at_most)]

    @property
    def writes(self) -> str:
        return next((side.outcome.writes for side in self.sides if side.outcome.writes), "")

    @property
    def troubles(self) -> Sequence[str]:
        """Why the run is no success, in words: the gravest first."""
        troubles = [f"something was written: {self.writes}"] if self.writes else []
        if not self.is_whole and not self.writes:
            troubles.append("it was stopped before its end")
        for side in self.sides:
            outcome = side.outcome
            if outcome.failed:
                troubles.append(f"{side.name}: {_count(outcome.failed, 'request')} without an answer")
            left = sum(outcome.not_sent.values())
            if left and self.is_whole:
                troubles.append(f"{side.name}: {_count(left, 'request')} not sent")
        if self.late_at_most is not None:
            troubles += self.late
        if self.warm is not None and not self.warm.is_held:
            troubles.append(
                f"{self.warm.intended:.1%} hits were to be held, and {self.warm.share:.1%} of what was asked had been "
                "asked before: a longer recording, or a slower run, has more to ask again"
            )
        if self.comparison is not None and self.comparison.groups.different:
            different, compared = self.comparison.groups.different, self.comparison.groups.compared
            troubles.append(f"{different:,} of {_count(compared, 'answer')} differ from {self.comparison.beside}")
        return troubles

    @property
    def doubts(self) -> Sequence[str]:
        """What has to be known to read the figures right."""
        doubts = [] if self.late_at_most is not None else [*self.late]
        for side in self.sides:
            outcome = side.outcome
            if outcome.at_least:
                doubts.append(
                    f"{side.name}: {_count(outcome.at_least, 'request')} had no answer in time, and count with the "
                    "time until they were given up: corrected latency is at least what is said"
                )
            if outcome.without_latency:
                doubts.append(
                    f"{side.name}: {_count(outcome.without_latency, 'request')} that failed otherwise, or were not "
                    "sent, are in no latency"
                )
        for side in self.sides:
            outcome = side.outcome
            if outcome.busy > BUSY:
                doubts.append(
                    f"the sender used {outcome.busy:.0%} of a core: it was at its own ceiling, and figures tell of that"
                )
                break
        doubts += _doubts_of_hits(self.warm, self.sides)
        if self.sides and not any(side.outcome.telling for side in self.sides):
            doubts.append("no answer said how much it wrote: that nothing was written is not known from the targets")
        return doubts


def _doubts_of_hits(warm: Warm | None, sides: Sequence[Side]) -> Iterator[str]:
    if warm is None:
        return
    if warm.unfilled is None:
        yield "it ended when no request was left that had not been asked: a longer recording has more"
    elif warm.unfilled:
        yield (
            f"{_count(warm.unfilled, 'request')} of the schedule had nothing to ask: no request was left that had not "
            "been asked: a longer recording has more"
        )
    for side in sides:
        told = sum(side.outcome.kept.values())
        if told and abs(side.outcome.kept["hit"] / told - warm.share) > max(APART, 1 / told):
            yield (
                f"{side.name}: {percent(side.outcome.kept['hit'], told)} of its answers say that they are hits, where "
                f"{warm.share:.1%} were asked for: it keeps other things, or for less time"
            )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
