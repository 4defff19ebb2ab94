"""The figures of a run as a value, as text for the terminal and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, assert_never

from loadtests.bench.cases import Case
from loadtests.bench.figures import (
    Measured,
    NoRatio,
    Ratio,
    Result,
    Spread,
    Summary,
    Unmeasured,
    ratio_of,
    summarise,
)
from loadtests.bench.runner import Plan, Results

SUBJECT: Final = "edge"  # whose ratios to the others are shown
_COLUMNS: Final = (
    "proxy",
    "CPU {unit}/request",
    "least-greatest",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "busy",
    "errors",
)


@dataclass(frozen=True, slots=True)
class CaseReport:
    case: Case
    summaries: tuple[Summary | Unmeasured, ...]
    ratios: tuple[Ratio | NoRatio, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int
    system: str
    python: str


def this_machine() -> Machine:
    return Machine(_cpu_name(), os.cpu_count() or 1, platform.platform(), platform.python_version())


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def reports_of(plan: Plan, results: Results) -> tuple[CaseReport, ...]:
    names = [proxy.name for proxy in plan.proxies]
    return tuple(_report_of(case, names, results) for case in plan.cases)


def _report_of(case: Case, names: Sequence[str], results: Results) -> CaseReport:
    rounds = results[case.name]
    summaries = tuple(summarise(name, rounds[name]) for name in names)
    others = [name for name in names if name != SUBJECT] if SUBJECT in names else []
    ratios = tuple(ratio_of((SUBJECT, rounds[SUBJECT]), (name, rounds[name])) for name in others)
    return CaseReport(case, summaries, ratios)


def has_fault(reports: Sequence[CaseReport]) -> bool:
    return any(summary.fault is not None for report in reports for summary in report.summaries)


def text_of(reports: Sequence[CaseReport]) -> str:
    return "\n\n".join("\n".join(_lines_of(report)) for report in reports)


def _lines_of(report: CaseReport) -> Iterator[str]:
    case = report.case
    yield f"{case.name}: {case.title}"
    header = tuple(column.format(unit=case.unit.name) for column in _COLUMNS)
    rows = [_row_of(summary, case) for summary in report.summaries if isinstance(summary, Summary)]
    yield from table_of(header, rows)
    for summary in report.summaries:
        if summary.fault is not None:
            yield f"  {summary.proxy}: {summary.fault}"
    for ratio in report.ratios:
        yield f"  {_ratio_text(ratio)}"


def _row_of(summary: Summary, case: Case) -> tuple[str, ...]:
    cpu, per_second = summary.cpu, case.unit.per_second
    return (
        summary.proxy,
        f"{cpu.middle * per_second:.1f}",
        f"{cpu.least * per_second:.1f}-{cpu.greatest * per_second:.1f}",
        f"{summary.rate:,.0f}",
        f"{summary.p50 * 1e3:.2f}",
        f"{summary.p99 * 1e3:.2f}",
        f"{summary.busy:.0%}",
        str(summary.errors),
    )


def _ratio_text(ratio: Ratio | NoRatio) -> str:
    match ratio:
        case Ratio(of=of, to=to, value=Spread(middle=middle, least=least, greatest=greatest)):
            return f"{of}/{to}: {middle:.2f} ({least:.2f}-{greatest:.2f})"
        case NoRatio(of=of, to=to, fault=fault):
            return f"{of}/{to}: no ratio, {fault}"
        case _:
            assert_never(ratio)


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of aligned columns: the first to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join((row[0].ljust(widths[0]), *cells[1:])).rstrip()


def json_of(plan: Plan, results: Results, reports: Sequence[CaseReport], about: dict[str, Any]) -> dict[str, Any]:
    """Everything in seconds; `rounds` are the single results the medians were taken from."""
    return {
        "format": 1,
        **about,
        "settings": {"rounds": plan.rounds, "seconds": plan.seconds},
        "proxies": [{"name": proxy.name, "version": proxy.version()} for proxy in plan.proxies],
        "cases": [
            {
                "name": report.case.name,
                "title": report.case.title,
                "size": report.case.size,
                "results": [
                    {
                        **asdict(summary),
                        "rounds": [_round_of(one) for one in results[report.case.name][summary.proxy]],
                    }
                    for summary in report.summaries
                ],
                "ratios": [asdict(ratio) for ratio in report.ratios],
            }
            for report in reports
        ],
    }


def _round_of(result: Result) -> dict[str, Any]:
    values = asdict(result)
    if isinstance(result, Measured) and result.load.requests:
        values["cpu_per_request"] = result.cpu_per_request
    return values
