"""Outcomes as a table, as JSON, and as a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from loadtests.slow.run import Outcome

MOST: Final = 2.0  # times its quiet p99 is what an attack may cost the others
_MIB: Final = 1 << 20
_COLUMNS: Final = (
    *("attack", "p50 quiet", "p50", "p99 quiet", "p99", "max quiet", "max", "ratio", "failed", "held"),
    *("408 head", "408 body", "given up", "refused", "MiB"),
)

Results = Mapping[str, Sequence[Outcome]]  # by attack, in the order of the rounds


def ratio_of(outcomes: Sequence[Outcome]) -> float:
    """Of the p99, round by round, then the median."""
    return median(outcome.ratio for outcome in outcomes)


def faults_of(results: Results) -> list[str]:
    """Why the edge has not held, in words."""
    found = []
    for name, outcomes in results.items():
        if not ratio_of(outcomes) <= MOST:  # nan is a fault, too
            found.append(f"{name}: the p99 of good requests is {ratio_of(outcomes):.2f} times that of a quiet edge")
        failures = sum(outcome.quiet.failures + outcome.attacked.failures for outcome in outcomes)
        if failures:
            found.append(f"{name}: {failures} good requests failed")
        if any(outcome.unexpected for outcome in outcomes):
            found.append(f"{name}: the edge had errors that nobody handled; its log tells them")
    return found


def text_of(results: Results) -> str:
    """Latencies in milliseconds, medians over the rounds; counts of the last round."""
    rows = [_COLUMNS, *(_row(name, outcomes) for name, outcomes in results.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    fate, last = outcomes[-1].fate, outcomes[-1]
    latencies = [
        f"{1000 * median(seen.percentile(share) for seen in times):.2f}"
        for share in (0.5, 0.99, 1.0)
        for times in ([outcome.quiet for outcome in outcomes], [outcome.attacked for outcome in outcomes])
    ]
    failed = sum(outcome.attacked.failures for outcome in outcomes)
    counts = (failed, fate.most_open, fate.head_timeouts, fate.body_timeouts, fate.given_up, fate.refused)
    memory = f"{last.resident_before // _MIB} → {last.resident_during // _MIB}"
    return (name, *latencies, f"{ratio_of(outcomes):.2f}", *map(str, counts), memory)


def json_of(results: Results) -> dict[str, Any]:
    return {
        name: {"ratio": ratio_of(outcomes), "rounds": [_round(outcome) for outcome in outcomes]}
        for name, outcomes in results.items()
    }


def _round(outcome: Outcome) -> dict[str, Any]:
    times = {"quiet": outcome.quiet, "attacked": outcome.attacked}
    return {
        **{
            name: {
                "requests": len(seen.latencies),
                "failures": seen.failures,
                **{label: seen.percentile(share) for label, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
            }
            for name, seen in times.items()
        },
        "ratio": outcome.ratio,
        "fate": asdict(outcome.fate),
        "resident_before": outcome.resident_before,
        "resident_during": outcome.resident_during,
        "unexpected": outcome.unexpected,
    }
