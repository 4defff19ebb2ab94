"""The figures of a run as a value, as text for the terminal and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, assert_never

from loadtests.bench.cases import SUBJECT, Case, CpuTime, IdleMemory, Kind, Measurement
from loadtests.bench.figures import (
    Failed,
    IdleFigures,
    LoadFigures,
    NoRatio,
    Ratio,
    Result,
    Spread,
    Summary,
    Unmeasured,
    ratio_of,
    summarise,
)
from loadtests.bench.proxies import exclusion_of
from loadtests.bench.runner import Plan, Results
from loadtests.bench.site import Proxy


@dataclass(frozen=True, slots=True)
class CaseReport:
    """`remarks` say which proxies are left out and which do other work than the rest, and why."""

    case: Case
    summaries: tuple[Summary | Unmeasured, ...]
    ratios: tuple[Ratio | NoRatio, ...]
    remarks: tuple[str, ...]


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
    return tuple(_report_of(case, plan, results) for case in plan.cases)


def _report_of(case: Case, plan: Plan, results: Results) -> CaseReport:
    rounds = results[case.name]
    summaries = tuple(summarise(name, rounds[name]) for name in rounds)
    others = [name for name in rounds if name != SUBJECT] if SUBJECT in rounds else []
    ratios = [ratio_of((SUBJECT, rounds[SUBJECT]), (name, rounds[name])) for name in others]
    base = case.relative_to
    if base is not None and SUBJECT in rounds and SUBJECT in results.get(base, {}):
        ratios.append(ratio_of((case.name, rounds[SUBJECT]), (base, results[base][SUBJECT])))
    return CaseReport(case, summaries, tuple(ratios), tuple(_remarks_on(case, plan.proxies)))


def _remarks_on(case: Case, proxies: Sequence[Proxy]) -> Iterator[str]:
    if case.subject_only:
        return  # its title says so
    for proxy in proxies:
        exclusion = exclusion_of(proxy, case)
        if exclusion is not None:
            yield f"{proxy.name}: left out, {exclusion}"
    passing = [proxy.name for proxy in proxies if _passes_file(proxy, case)]
    if passing:
        yield f"{', '.join(passing)}: passed through from the origin, not served from a directory"


def _passes_file(proxy: Proxy, case: Case) -> bool:
    return case.kind is Kind.FILE and not case.cached and not proxy.serves_files


def has_fault(reports: Sequence[CaseReport]) -> bool:
    return any(summary.fault is not None for report in reports for summary in report.summaries)


def text_of(reports: Sequence[CaseReport]) -> str:
    return "\n\n".join("\n".join(_lines_of(report)) for report in reports)


def _lines_of(report: CaseReport) -> Iterator[str]:
    case = report.case
    yield f"{case.name}: {case.title}"
    rows = [_row_of(summary, case) for summary in report.summaries if isinstance(summary, Summary)]
    yield from table_of(("proxy", case.measurement.cost, "least-greatest", *_columns_of(case.measurement)), rows)
    for summary in report.summaries:
        if summary.fault is not None:
            yield f"  {summary.proxy}: {summary.fault}"
    for remark in report.remarks:
        yield f"  {remark}"
    for ratio in report.ratios:
        yield f"  {_ratio_text(ratio)}"


def _columns_of(measurement: Measurement) -> tuple[str, ...]:
    match measurement:
        case CpuTime():
            return ("requests/s", "p50 ms", "p99 ms", "busy", "errors")
        case IdleMemory():
            return ("resident MiB",)
        case _:
            assert_never(measurement)


def _row_of(summary: Summary, case: Case) -> tuple[str, ...]:
    cost, factor = summary.cost, case.measurement.unit.factor
    return (
        summary.proxy,
        f"{cost.middle * factor:.1f}",
        f"{cost.least * factor:.1f}-{cost.greatest * factor:.1f}",
        *_cells_of(summary.figures),
    )


def _cells_of(figures: LoadFigures | IdleFigures) -> tuple[str, ...]:
    match figures:
        case LoadFigures(rate=rate, p50=p50, p99=p99, busy=busy, errors=errors):
            return (f"{rate:,.0f}", f"{p50 * 1e3:.2f}", f"{p99 * 1e3:.2f}", f"{busy:.0%}", str(errors))
        case IdleFigures(resident=resident):
            return (f"{resident / 2**20:.1f}",)
        case _:
            assert_never(figures)


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
    """Everything in seconds and octets; `rounds` are the single results the medians were taken from."""
    return {
        "format": 2,
        **about,
        "settings": {"rounds": plan.rounds, "seconds": plan.seconds},
        "proxies": [{"name": proxy.name, "version": proxy.version()} for proxy in plan.proxies],
        "cases": [
            {
                "name": report.case.name,
                "title": report.case.title,
                "size": report.case.size,
                "cost": report.case.measurement.plain_cost,
                "results": [
                    {
                        **asdict(summary),
                        "rounds": [_round_of(one) for one in results[report.case.name][summary.proxy]],
                    }
                    for summary in report.summaries
                ],
                "ratios": [asdict(ratio) for ratio in report.ratios],
                "remarks": report.remarks,
            }
            for report in reports
        ],
    }


def _round_of(result: Result) -> dict[str, Any]:
    values = asdict(result)
    if not isinstance(result, Failed) and result.is_counted:
        values["cost"] = result.cost
    return values
