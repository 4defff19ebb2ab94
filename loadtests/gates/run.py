"""Play steps to gates, many times, and count what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Final, Protocol

from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.gates.evidence import Verdict
from loadtests.gates.steps import Step


class Judging(Protocol):
    """A gate, or what is put beside one."""

    def absorb(self, block: Block) -> None: ...

    @property
    def verdict(self) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Case:
    """What is played: `wanted` is the right verdict, None where the arm lies on the bound and either is wrong."""

    group: str
    name: str
    wanted: Verdict | None
    step: Step
    gate: Callable[[], Judging]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of all runs of a case: which share failed and passed, and after how many exchanges of the new arm (or compared
    shadows) those did that were decided: the tenth, the half, nine tenths of them.
    """

    group: str
    name: str
    wanted: Verdict | None
    runs: int
    failed: float
    passed: float
    decided: tuple[int, int, int] | None
    longest: int  # exchanges of the new arm in a run that is not decided

    @property
    def wrong(self) -> float:
        shares = {Verdict.PASS: self.failed, Verdict.FAIL: self.passed}
        return max(self.failed, self.passed) if self.wanted is None else shares[self.wanted]


def play(case: Case, runs: int, seed: int) -> Outcome:
    """Each run is looked at after each block, and ends with the first verdict."""
    decided: dict[Verdict, list[int]] = {Verdict.PASS: [], Verdict.FAIL: []}
    longest = 0
    for run in range(runs):
        verdict, exchanges = _play_once(case, Random(f"{seed} {case.group} {case.name} {run}"))
        longest = max(longest, exchanges)
        if verdict is not Verdict.NOT_ENOUGH_DATA:
            decided[verdict].append(exchanges)
    failed, passed = decided[Verdict.FAIL], decided[Verdict.PASS]
    after = _tenths(sorted(failed + passed if case.wanted is None else decided[case.wanted]))
    return Outcome(case.group, case.name, case.wanted, runs, len(failed) / runs, len(passed) / runs, after, longest)


def _play_once(case: Case, dice: Random) -> tuple[Verdict, int]:
    gate, exchanges = case.gate(), 0
    for block in case.step(dice):
        gate.absorb(block)
        exchanges += block.new.exchanges or block.shadows.compared
        verdict = gate.verdict
        if verdict is not Verdict.NOT_ENOUGH_DATA:
            return verdict, exchanges
    return Verdict.NOT_ENOUGH_DATA, exchanges


def _tenths(found: Sequence[int]) -> tuple[int, int, int] | None:
    if not found:
        return None
    tenth, half, most = (found[min(int(part * len(found)), len(found) - 1)] for part in (0.1, 0.5, 0.9))
    return tenth, half, most


def most_wrong(alpha: float, runs: int) -> float:
    """Up to which share of wrong runs chance alone may bring who is wrong with this probability (four deviations)."""
    return alpha + 4 * sqrt(alpha * (1 - alpha) / runs)


_NORMAL: Final = {0.01: 2.326, 0.05: 1.645}  # one-sided


class Peeking:
    """What the gates are not: the usual z-test of two shares, which is right for one look, looked at again and
    again."""

    def __init__(self, worse_by: float, alpha: float) -> None:
        self._worse_by = worse_by
        self._limit = _NORMAL[alpha]
        self._counts = [0, 0, 0, 0]

    def absorb(self, block: Block) -> None:
        more = (block.new.exchanges, block.new.failures, block.old.exchanges, block.old.failures)
        self._counts = [had + each for had, each in zip(self._counts, more, strict=True)]

    @property
    def verdict(self) -> Verdict:
        new_all, new_failed, old_all, old_failed = self._counts
        new, old = new_failed / new_all, old_failed / old_all
        deviation = sqrt(new * (1 - new) / new_all + old * (1 - old) / old_all)
        is_worse = new_failed >= 5 and new - old - self._worse_by > self._limit * deviation
        return Verdict.FAIL if is_worse else Verdict.NOT_ENOUGH_DATA
