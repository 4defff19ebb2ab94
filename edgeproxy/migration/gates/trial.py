"""The gates of one step: blocks come in as they happen, and at any time each gate says what it knows.

The probabilities: a step is failed falsely, by any of its gates and at any time, with probability `alpha` at most, of
which each gate has an equal part (Bonferroni). It is passed falsely with `alpha` at most: all gates have to pass, so
the one that is not held must have been wrong, and nothing needs to be divided for that. A ramp of k steps is stopped
falsely with k · alpha at most. Only an arm that lies exactly on a bound comes near to that (loadtests/gates).

Laws of this module:
- a gate that failed stays failed, and its evidence is that of the look at which it did. A pass is said anew at each
  look, of all that was seen;
- a gate that is not declared is not judged;
- a trial is for one share: when the share changes, another begins. It lives in one process: a successor begins anew,
  and passes nothing that it has not seen itself;
- an arm that has no exchanges cannot be compared: at 100 % neither errors nor latency pass or fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.gates.evidence import Evidence, Verdict, together
from edgeproxy.migration.gates.latency import LatencyGate
from edgeproxy.migration.gates.shares import DifferencesGate, ErrorsGate
from edgeproxy.ruleset.arms import WHOLE, Gates

ALPHA: Final = 0.01
# pip asks six times for what answers 500 or 503 (--retries 5): one broken page is six failures of each who wants it.
BURST: Final = 6


class Trial:
    """What is known of the gates of a step. `burst`: how many exchanges one cause may spoil (betting.py, Sample); it
    is of errors and latency, since shadows are not asked for again.
    """

    def __init__(self, gates: Gates, alpha: float = ALPHA, burst: int = BURST) -> None:
        declared = (gates.errors_worse_by, gates.latency_p95_ratio, gates.differences_at_most)
        part = alpha / max(sum(each is not None for each in declared), 1)
        self._gates: list[ErrorsGate | LatencyGate | DifferencesGate] = []
        if gates.errors_worse_by is not None:
            self._gates.append(ErrorsGate(gates.errors_worse_by / WHOLE, part, alpha, burst))
        if gates.latency_p95_ratio is not None:
            self._gates.append(LatencyGate(gates.latency_p95_ratio, part, alpha, burst))
        if gates.differences_at_most is not None:
            self._gates.append(DifferencesGate(gates.differences_at_most / WHOLE, part, alpha))
        self._failed: dict[int, Evidence] = {}

    def absorb(self, block: Block, now: float) -> Verdict:
        """Take in what happened since the last block, on all workers (`counts.merged`). The verdict is of all gates."""
        for number, gate in enumerate(self._gates):
            if number not in self._failed:
                gate.absorb(block)
                if gate.verdict is Verdict.FAIL:
                    self._failed[number] = gate.evidence(now)
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        return together(gate.verdict for gate in self._gates)

    def evidences(self, now: float) -> tuple[Evidence, ...]:
        """Of each declared gate, in the order errors, latency, differences."""
        return tuple(self._failed.get(number) or gate.evidence(now) for number, gate in enumerate(self._gates))


def judge(
    gates: Gates, blocks: Iterable[Block], now: float, alpha: float = ALPHA, burst: int = BURST
) -> tuple[Evidence, ...]:
    """What a trial says that has seen these blocks, in the order in which they happened."""
    trial = Trial(gates, alpha, burst)
    for block in blocks:
        trial.absorb(block, now)
    return trial.evidences(now)
