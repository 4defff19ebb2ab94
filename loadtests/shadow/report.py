"""Outcomes as a table, as JSON, and as a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from loadtests.shadow.run import Outcome
from loadtests.shadow.target import Target

MOST_CPU: Final = 1.6  # times that of no shadow, where the shadow's backend hangs
MOST_P99: Final = 1.1  # likewise
MOST_MEMORY: Final = 64 << 20  # octets more than without: twice what all shadows hold
_MIB: Final = 1 << 20
_COLUMNS: Final = ("target", "CPU µs", "ratio", "p50 ms", "p99 ms", "ratio", "MiB", "shadows")

Results = Mapping[Target, Sequence[Outcome]]  # in the order of the rounds


def ratio_of(results: Results, target: Target, figure: Callable[[Outcome], float]) -> float:
    """To no shadow, round by round, then the median; nan where that was not measured."""
    pairs = zip(results[target], results.get(Target.NONE, ()), strict=False)
    ratios = [figure(outcome) / figure(plain) for outcome, plain in pairs]
    return median(ratios) if ratios else float("nan")


def faults_of(results: Results) -> list[str]:
    """Why the edge has not held, in words."""
    found = [
        f"{target}: {outcome.fault or f'{outcome.failures} requests failed, or errors were not handled'}"
        for target, outcomes in results.items()
        for outcome in outcomes
        if not outcome.is_well
    ]
    if Target.NONE not in results:
        return found
    if Target.HANGS in results:
        for what, most, figure in (("CPU time", MOST_CPU, _cpu), ("p99", MOST_P99, _p99)):
            ratio = ratio_of(results, Target.HANGS, figure)
            if not ratio <= most:
                found.append(f"hangs: the {what} is {ratio:.2f} times that of no shadow, and {most} is the most")
    for target, outcomes in results.items():
        more = max(each.resident for each in outcomes) - max(each.resident for each in results[Target.NONE])
        if more > MOST_MEMORY:
            found.append(f"{target}: {more // _MIB} MiB more than without a shadow")
    return found


def text_of(results: Results) -> str:
    """Medians over the rounds; shadows of the last round."""
    rows = [_COLUMNS, *(_row(results, target) for target in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    return "\n".join(
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def json_of(results: Results) -> dict[str, Any]:
    return {target.value: [asdict(outcome) for outcome in outcomes] for target, outcomes in results.items()}


def _row(results: Results, target: Target) -> tuple[str, ...]:
    outcomes = results[target]
    return (
        target,
        f"{1e6 * median(map(_cpu, outcomes)):.1f}",
        f"{ratio_of(results, target, _cpu):.2f}",
        f"{1e3 * median(outcome.p50 for outcome in outcomes):.2f}",
        f"{1e3 * median(map(_p99, outcomes)):.2f}",
        f"{ratio_of(results, target, _p99):.2f}",
        str(max(outcome.resident for outcome in outcomes) // _MIB),
        ", ".join(f"{count:,} {name}" for name, count in outcomes[-1].shadows.items()),
    )


def _cpu(outcome: Outcome) -> float:
    return outcome.cpu


def _p99(outcome: Outcome) -> float:
    return outcome.p99
