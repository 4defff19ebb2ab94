"""The picture of a run: a panel per case, a bar per proxy, a whisker from the least to the greatest round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from loadtests.bench.cases import SUBJECT, Unit
from loadtests.bench.figures import IdleFigures, Ratio, Summary
from loadtests.bench.report import CaseReport
from replay.svg import BLUE, GREY, INK, MARGIN, SOFT, framed

_WIDTH, _LABEL, _VALUE = 920, 84, 310
_BAR, _ROW, _PANEL_HEAD, _HEAD = 20, 30, 40, 64
_LEFT: Final = MARGIN + _LABEL
_ROOM: Final = _WIDTH - _LEFT - MARGIN - _VALUE


def svg_of(reports: Sequence[CaseReport], title: str, about: str) -> str:
    panels: list[str] = []
    top = _HEAD
    greatest = _greatest_of(reports)
    for report in reports:
        panels.extend(_panel(report, top, greatest[_group_of(report)]))
        top += _PANEL_HEAD + _ROW * len(report.summaries) + 12
    return framed(panels, _WIDTH, top + 8, title, about, 13)


def _group_of(report: CaseReport) -> str:
    """Cases that are set in proportion are drawn to one scale."""
    return report.case.relative_to or report.case.name


def _greatest_of(reports: Sequence[CaseReport]) -> dict[str, float]:
    greatest = {_group_of(report): 0.0 for report in reports}
    for report in reports:
        group = _group_of(report)
        costs = (summary.cost.greatest for summary in report.summaries if isinstance(summary, Summary))
        greatest[group] = max(greatest[group], *costs, 0.0)
    return greatest


def _panel(report: CaseReport, top: int, greatest: float) -> Iterator[str]:
    case = report.case
    heading = f"{case.name}: {case.title}, {case.measurement.cost}"
    yield f'<text x="{MARGIN}" y="{top + 26}" font-weight="600">{escape(heading)}</text>'
    for number, summary in enumerate(report.summaries):
        y = top + _PANEL_HEAD + number * _ROW
        yield f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(summary.proxy)}</text>'
        if isinstance(summary, Summary) and greatest > 0:
            yield from _bar(summary, y, _ROOM / greatest, case.measurement.unit)
        else:
            yield f'<text x="{_LEFT}" y="{y + 15}" fill="{SOFT}">not measured</text>'
        for ratio in report.ratios:
            # What sets the case beside another one is the edge's alone: at the first bar, which is its own.
            if isinstance(ratio, Ratio) and ratio.to == (summary.proxy if number else case.relative_to):
                yield from _ratio(ratio, y)


def _ratio(ratio: Ratio, y: int) -> Iterator[str]:
    text = escape(f"{ratio.of}/{ratio.to} {ratio.value.middle:.2f}")
    yield f'<text x="{_WIDTH - MARGIN}" y="{y + 15}" text-anchor="end" fill="{SOFT}">{text}</text>'


def _bar(summary: Summary, y: int, scale: float, unit: Unit) -> Iterator[str]:
    """`scale` is the picture's length of one second or octet."""
    cost = summary.cost
    colour = BLUE if summary.proxy == SUBJECT else GREY
    end, least, most = (_LEFT + max(value, 0) * scale for value in (cost.middle, cost.least, cost.greatest))
    value = f"{cost.middle * unit.factor:.1f} {unit.name}" + (" (faulty)" if summary.fault else "")
    if isinstance(summary.figures, IdleFigures):
        value += f", {summary.figures.resident / 2**20:.0f} MiB in all"
    yield f'<rect x="{_LEFT}" y="{y}" width="{end - _LEFT:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
    yield (
        f'<path d="M{least:.1f} {y + 10}H{most:.1f}M{least:.1f} {y + 6}v8M{most:.1f} {y + 6}v8" '
        f'stroke="{INK}" stroke-width="1.2" fill="none"/>'
    )
    yield f'<text x="{most + 8:.1f}" y="{y + 15}">{escape(value)}</text>'
