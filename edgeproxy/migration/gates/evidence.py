"""What a gate says, and by which numbers: kept when it fails, shown while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, assert_never


class Gate(StrEnum):
    ERRORS = "errors"
    LATENCY = "latency"
    DIFFERENCES = "differences"


class Verdict(StrEnum):
    """FAIL: the bound is exceeded, PASS: it is held, both with confidence. Anything else is no pass."""

    PASS = "pass"
    FAIL = "fail"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True)
class Side:
    """Of one arm, or of the shadows: in how many `exchanges` how many `events` there were: failures, differences,
    exchanges slower than the old arm's p95 (of the new arm: than the bound times that). `value`: the share, or the p95
    in seconds.
    """

    exchanges: int
    events: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One gate at one look. `estimate` is what was seen of what is held against `bound`: the difference of two shares,
    the ratio of two p95s, a share. The true one lies between `low` and `high`, for all looks at once, but for a
    probability of alpha/2 + alpha_held; an end that is not known yet is None. `more_to_pass`, `more_to_fail`: how many
    more exchanges of the new arm (or compared shadows) it takes if they go on like this; None: it will not come.
    """

    gate: Gate
    verdict: Verdict
    bound: float
    old: Side | None  # None for differences: those that the old arm has with itself are taken off as noise
    new: Side
    estimate: float | None
    low: float | None
    high: float | None
    alpha: float  # the probability that a failure is a false alarm
    alpha_held: float  # that a pass is wrong
    more_to_pass: int | None
    more_to_fail: int | None
    blocks: int
    at: float  # POSIX seconds: of this look, or of the one at which the gate failed
    lost: int = 0  # shadows that could not be compared: no pass while they are a larger share than the bound
    late: int = 0  # exchanges of the new arm that wait for an answer: for a pass they count as if they had failed

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Evidence:
        sides = {name: found[name] and Side(**found[name]) for name in ("old", "new")}
        return cls(**{**found, **sides, "gate": Gate(found["gate"]), "verdict": Verdict(found["verdict"])})

    def __str__(self) -> str:
        """One line for the operator."""
        between = " to ".join(map(self._written, self._ends()))
        sides = [f"new {self.new.events:,} of {self.new.exchanges:,}"]
        if self.old is not None:
            sides.append(f"old {self.old.events:,} of {self.old.exchanges:,}")
        if self.lost:
            sides.append(f"{self.lost:,} could not be compared")
        if self.late:
            sides.append(f"{self.late:,} wait for an answer of the new side")
        what = f"{_what(self.gate)} {between}, bound {self._written(self.bound)}"
        if self.verdict is Verdict.FAIL and self.high is not None and self.high <= self.bound:
            what += ": beyond it in a part of the step"  # bets begin anew with each block (betting.py)
        return f"{self.gate}: {self._said()}: {what} ({', '.join(sides)})"

    def _ends(self) -> tuple[float | None, float | None]:
        """Low and high. A share whose end is not known by what was seen has the one that all shares have."""
        if self.gate is Gate.LATENCY or not self.new.exchanges:
            return self.low, self.high
        least = -1.0 if self.gate is Gate.ERRORS else 0.0  # of a difference of two shares, and of a share
        return least if self.low is None else self.low, 1.0 if self.high is None else self.high

    def _written(self, value: float | None) -> str:
        if value is None:
            return "?"
        return f"{value:.3g}" if self.gate is Gate.LATENCY else f"{100 * value:.3g} %"

    def _said(self) -> str:
        match self.verdict:
            case Verdict.PASS:
                return "pass"
            case Verdict.FAIL:
                return "FAIL"
            case Verdict.NOT_ENOUGH_DATA:
                if too_many_lost(self.lost, self.new.exchanges, self.bound):
                    lost = self._written(self.lost / (self.new.exchanges + self.lost))
                    most = self._written(self.bound)
                    return f"not enough data, for {lost} could not be compared and at most {most} may: shadow fewer"
                if self.late and self.more_to_pass == 0:
                    return "not enough data, while so many wait for an answer"
                if self.more_to_pass is not None:
                    return f"not enough data, {self.more_to_pass:,} more like these and it passes"
                if self.more_to_fail is not None:
                    return f"not enough data, {self.more_to_fail:,} more like these and it fails"
                return "not enough data"
            case _:
                assert_never(self.verdict)


def too_many_lost(lost: int, compared: int, bound: float) -> bool:
    """Whether so many shadows were not compared that those alone, were they different, would be beyond the bound."""
    return lost > bound * (compared + lost)


def overall(evidences: Iterable[Evidence]) -> Verdict:
    """One failure fails; a pass needs that all pass. Without gates nothing has to be held, and that is a pass."""
    return together(evidence.verdict for evidence in evidences)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    if Verdict.FAIL in found:
        return Verdict.FAIL
    return Verdict.NOT_ENOUGH_DATA if Verdict.NOT_ENOUGH_DATA in found else Verdict.PASS


def _what(gate: Gate) -> str:
    match gate:
        case Gate.ERRORS:
            return "worse by"
        case Gate.LATENCY:
            return "p95 ratio"
        case Gate.DIFFERENCES:
            return "different"
        case _:
            assert_never(gate)
