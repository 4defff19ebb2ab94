"""The gates of errors and of differences: how often something happens, by counts."""

from __future__ import annotations

from math import ceil

from edgeproxy.migration.gates.betting import Excess, Sample
from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.gates.evidence import Evidence, Gate, Side, Verdict, too_many_lost

NOBODY = Sample(0, 0)


class ErrorsGate:
    """The new arm's share of failures is at most `worse_by` above the old arm's."""

    def __init__(self, worse_by: float, alpha: float, alpha_held: float, burst: int) -> None:
        self._test = Excess(worse_by, alpha, alpha_held)
        self._burst = burst
        self._waiting = [0, 0, 0, 0]  # exchanges and failures of the new arm, of the old one
        self._seen = [0, 0, 0, 0]
        self._late = 0
        self._blocks = 0

    def absorb(self, block: Block) -> None:
        """Blocks are put together until both arms have an exchange: of one arm alone nothing can be said."""
        new, old = block.new, block.old
        self._late += new.late
        counts = (new.exchanges, new.failures, old.exchanges, old.failures)
        self._waiting = [had + more for had, more in zip(self._waiting, counts, strict=True)]
        self._seen = [had + more for had, more in zip(self._seen, counts, strict=True)]
        new_all, new_failed, old_all, old_failed = (count / self._burst for count in self._waiting)
        if new_all and old_all:
            self._test.absorb(Sample(new_all, new_failed), Sample(old_all, old_failed))
            self._waiting = [0, 0, 0, 0]
            self._blocks += 1

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self._test, self._late / self._burst)

    def evidence(self, now: float) -> Evidence:
        new_all, new_failed, old_all, old_failed = self._seen
        new, old = share_of(new_all, new_failed), share_of(old_all, old_failed)
        estimate = None if new.value is None or old.value is None else new.value - old.value
        judged = new_all - self._waiting[0]
        low, high = self._test.interval()
        return Evidence(
            gate=Gate.ERRORS,
            verdict=self.verdict,
            bound=self._test.bound,
            old=old,
            new=new,
            estimate=estimate,
            low=low if low > -1 else None,
            high=high if high < 1 else None,
            alpha=self._test.alpha,
            alpha_held=self._test.alpha_held,
            more_to_pass=more_of(self._test.times_to_held(), judged),
            more_to_fail=more_of(self._test.times_to_worse(), judged),
            blocks=self._blocks,
            at=now,
            late=max(self._late, 0),
        )


class DifferencesGate:
    """Of the shadows that were compared, at most `at_most` differ. It does not pass while more than that share of all
    could not be compared: a new side whose answers end comparers would pass for want of something to compare.
    """

    def __init__(self, at_most: float, alpha: float, alpha_held: float) -> None:
        self._test = Excess(at_most, alpha, alpha_held)
        self._compared = 0
        self._different = 0
        self._lost = 0
        self._blocks = 0

    def absorb(self, block: Block) -> None:
        shadows = block.shadows
        self._lost += shadows.lost
        if shadows.compared:
            self._test.absorb(Sample(shadows.compared, shadows.different), NOBODY)
            self._compared += shadows.compared
            self._different += shadows.different
            self._blocks += 1

    @property
    def verdict(self) -> Verdict:
        verdict = verdict_of(self._test)
        return Verdict.NOT_ENOUGH_DATA if verdict is Verdict.PASS and self._is_unknown else verdict

    @property
    def _is_unknown(self) -> bool:
        return too_many_lost(self._lost, self._compared, self._test.bound)

    def evidence(self, now: float) -> Evidence:
        seen = share_of(self._compared, self._different)
        low, high = self._test.interval()
        return Evidence(
            gate=Gate.DIFFERENCES,
            verdict=self.verdict,
            bound=self._test.bound,
            old=None,
            new=seen,
            estimate=seen.value,
            low=max(low, 0.0) if seen.exchanges else None,
            high=high if high < 1 else None,
            alpha=self._test.alpha,
            alpha_held=self._test.alpha_held,
            more_to_pass=None if self._is_unknown else more_of(self._test.times_to_held(), seen.exchanges),
            more_to_fail=more_of(self._test.times_to_worse(), seen.exchanges),
            blocks=self._blocks,
            at=now,
            lost=self._lost,
        )


def verdict_of(test: Excess, late: float = 0.0) -> Verdict:
    """`late`: exchanges of the new arm that wait for an answer, divided by the burst."""
    if test.is_worse:
        return Verdict.FAIL
    return Verdict.PASS if test.is_held(max(late, 0.0)) else Verdict.NOT_ENOUGH_DATA


def share_of(exchanges: int, events: int) -> Side:
    return Side(exchanges, events, events / exchanges if exchanges else None)


def more_of(times: float | None, exchanges: int) -> int | None:
    """What is still missing when it takes so many times what there was."""
    return None if times is None or not exchanges else max(ceil((times - 1) * exchanges), 0)
