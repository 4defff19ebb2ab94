"""The picture of runs: for each, what was asked and what reached the backend second by second, and latencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, log10
from typing import Final
from xml.sax.saxutils import escape

from loadtests.edge2018.figures import Figures, Latencies
from loadtests.edge2018.stand import Edge
from replay.svg import BLUE, GREY, MARGIN, SOFT, framed

_WIDTH, _LABEL = 920, 84
_LEFT: Final = MARGIN + _LABEL
_RIGHT: Final = _WIDTH - MARGIN - 70
_HEAD, _TITLE, _LINE, _GAP, _ROW = 64, 30, 64, 14, 26
_RED: Final = "#c4432b"
_LEAST_MS: Final = 0.1  # where the scale of latencies begins


def svg_of(runs: Sequence[tuple[Edge, Figures]], title: str, about: str) -> str:
    panels: list[str] = []
    top = _HEAD
    for edge, figures in runs:
        panels.extend(_panel(edge, figures, top))
        top += _height(figures)
    return framed(panels, _WIDTH, top + 8, title, about, 13)


def _height(figures: Figures) -> int:
    return _TITLE + 3 * (_LINE + _GAP) + _ROW * len(figures.latencies) + 24


def _panel(edge: Edge, figures: Figures, top: int) -> Iterator[str]:
    heading = (
        f"{edge.workers} worker(s): {figures.share:.2%} by the edge, {figures.at_backend:.1f}/s at the backend, "
        f"{figures.gbit:.2f} Gbit/s, {figures.cpu.edge:.2f} cores of edge and {figures.cpu.maker:.2f} of load maker"
    )
    yield f'<text x="{MARGIN}" y="{top + 18}" font-weight="600">{escape(heading)}</text>'
    top += _TITLE
    series = figures.series
    for name, unit, colour, values in (
        ("asked", "/s", BLUE, [float(second.meant) for second in series]),
        ("backend", "/s", GREY, [float(second.reached) for second in series]),
        ("p99", " ms", _RED, [second.p99 * 1e3 for second in series]),
    ):
        yield from _line(name, unit, colour, values, top)
        top += _LINE + _GAP
    yield from _bars(figures.latencies, top)


def _line(name: str, unit: str, colour: str, values: Sequence[float], top: int) -> Iterator[str]:
    """Second by second, from nought to the greatest; what has no value (nobody was answered) is at the top."""
    greatest = max((value for value in values if isfinite(value)), default=0.0) or 1.0
    heights = [value / greatest * _LINE if isfinite(value) else _LINE for value in values]
    step = (_RIGHT - _LEFT) / max(len(values) - 1, 1)
    points = " ".join(f"{_LEFT + n * step:.1f},{top + _LINE - height:.1f}" for n, height in enumerate(heights))
    yield f'<text x="{_LEFT - 10}" y="{top + _LINE / 2 + 4}" text-anchor="end">{escape(name)}</text>'
    yield f'<path d="M{_LEFT} {top + _LINE}H{_RIGHT}" stroke="{GREY}" stroke-width="0.6"/>'
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
    yield f'<text x="{_RIGHT + 8}" y="{top + 10}" fill="{SOFT}">{greatest:,.0f}{unit}</text>'


def _bars(latencies: Mapping[str, Latencies], top: int) -> Iterator[str]:
    greatest = max((row.p999 * 1e3 for row in latencies.values() if row.requests), default=1.0)
    scale = (_RIGHT - _LEFT - 120) / max(log10(greatest / _LEAST_MS), 0.1)
    for number, (name, row) in enumerate(latencies.items()):
        y = top + number * _ROW
        yield f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
        if not row.requests:
            yield f'<text x="{_LEFT}" y="{y + 15}" fill="{SOFT}">none</text>'
            continue
        ends = [
            max(log10(max(value * 1e3, _LEAST_MS) / _LEAST_MS), 0) * scale for value in (row.p999, row.p99, row.p50)
        ]
        for end, colour in zip(ends, ("#dbe2ea", GREY, BLUE), strict=True):
            yield f'<rect x="{_LEFT}" y="{y}" width="{end:.1f}" height="18" rx="2" fill="{colour}"/>'
        told = f"{row.p50 * 1e3:.2f} / {row.p99 * 1e3:.2f} / {row.p999 * 1e3:.1f} ms"
        yield f'<text x="{_LEFT + ends[0] + 8:.1f}" y="{y + 14}">{told}</text>'
