"""A check as a picture: the capture's curves, and the look-alike's on them. And as one page that needs nothing else."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

from replay.model.checking import NOT_IN_IT, Check, Measure
from replay.model.hits import CAPACITIES
from replay.model.measuring import POINTS, Traffic
from replay.svg import BLUE, INK, MARGIN, RULE, SOFT, framed

_WIDTH, _GAP, _COLUMNS = 1080, 40, 3
_HEAD, _TITLE, _PLOT, _AXIS, _ROW = 92, 30, 170, 46, 24
_PANEL: Final = (_WIDTH - 2 * MARGIN - (_COLUMNS - 1) * _GAP) / _COLUMNS
_LEFT: Final = 34  # of a panel, for what stands at its scale
_SEEN, _MADE, _OTHER = INK, BLUE, "#e39b3a"
_NAME: Final = "A capture and its look-alike"
_STEPS: Final = 120

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From least to most, by logarithms."""

    least: float
    most: float

    def place(self, value: float) -> float:
        span = log10(self.most / self.least) or 1.0
        return min(max(log10(max(value, self.least) / self.least) / span, 0.0), 1.0)

    def ticks(self) -> Iterator[tuple[float, str]]:
        first, last = floor(log10(self.least) + 0.999), floor(log10(self.most) + 1e-9)
        step = max(1, (last - first) // 5 + 1)
        for power in range(first, last + 1, step):
            yield self.place(10.0**power), f"{10.0**power:g}"


@dataclass(frozen=True, slots=True)
class _Plot:
    title: str
    unit: str
    scale: _Scale
    most: float  # of the upright scale
    said: Callable[[float], str]
    curves: Sequence[tuple[Sequence[Point], str, bool]]  # points, colour, and whether it is dashed


def svg_of(check: Check) -> str:
    plots = list(_plots(check))
    rows = -(-len(plots) // _COLUMNS)
    below = _HEAD + rows * (_TITLE + _PLOT + _AXIS)
    height = below + _TITLE + _ROW * len(check.seen.routes) + 16
    panels = (line for number, plot in enumerate(plots) for line in _panel(plot, number))
    return framed((*_legend(), *panels, *_bars(check, below)), _WIDTH, height, _NAME, _subtitle(check))


def page_of(check: Check) -> str:
    rows = "".join(
        f"<tr class={_verdict(each)}><td>{escape(each.name)}<td>{escape(each.seen)}<td>{escape(each.made)}"
        f"<td>{each.distance:.3f}<td>{each.noise:.3f}<td>{each.bound:.3f}<td>{escape(each.by)}"
        f"<td>{_verdict(each)}"
        for each in check.measures
    )
    never = "".join(f"<li>{escape(each)}" for each in NOT_IN_IT)
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>{_NAME}</title>
<meta name=viewport content="width=device-width, initial-scale=1">
<style>body{{font:14px system-ui,sans-serif;color:{INK};max-width:{_WIDTH}px;margin:1rem auto;padding:0 1rem}}
svg{{max-width:100%;height:auto}}table{{border-collapse:collapse;width:100%}}
td,th{{padding:.3rem .6rem;border-bottom:1px solid {RULE};text-align:left}}
.unlike td{{background:#fdecea}}</style>
{svg_of(check)}
<table><tr><th><th>capture<th>look-alike<th>apart<th>noise<th>bound<th>by<th>{rows}</table>
<p>apart: how far; noise: how far one look-alike is from others; unlike: beyond the bound, and 1.5 times the noise.
<h2>What it never has</h2><ul>{never}</ul></html>
"""


def _verdict(measure: Measure) -> str:
    return "like" if measure.is_like else "unlike"


def _subtitle(check: Check) -> str:
    unlike = check.unlike
    verdict = f"unlike in: {', '.join(each.name for each in unlike)}" if unlike else "like in all that is measured"
    return f"{check.seen.requests:,} requests each; {verdict}"


def _plots(check: Check) -> Iterator[_Plot]:
    seen, made = check.seen, check.made
    things = _Scale(1, max(seen.things, made.things, 10))
    popular = [
        [(things.place(at), value) for at, value in zip(POINTS, each.popular, strict=True)] for each in (seen, made)
    ]
    yield _Plot("share of the most popular", "things", things, 1, _percent, _pair(popular[0], popular[1]))
    room = _Scale(0.01, 1.0)
    yield _Plot(
        "hits (LRU; S3-FIFO dashed)",
        "of all things are kept",
        room,
        1,
        _percent,
        [
            (list(zip(map(room.place, CAPACITIES), each.hits[name], strict=True)), colour, name != "LRU")
            for name in seen.hits
            for each, colour in ((seen, _SEEN), (made, _MADE))
        ],
    )
    for title, unit, values in (
        ("between requests", "s", lambda one: one.gaps),
        ("pauses in a session", "s", lambda one: one.pauses),
        ("requests of a session", "requests", lambda one: one.lengths),
    ):
        yield _distribution(title, unit, values, seen, made)
    if seen.dispersion:
        yield _burstiness(seen, made)


def _distribution(
    title: str, unit: str, values: Callable[[Traffic], Sequence[float]], seen: Traffic, made: Traffic
) -> _Plot:
    both = [value for each in (seen, made) for value in values(each) if value > 0]
    scale = _Scale(max(min(both, default=1), 1e-4), max(max(both, default=10), 1e-3))
    points = [scale.least * (scale.most / scale.least) ** (step / _STEPS) for step in range(_STEPS + 1)]

    def curve(ordered: Sequence[float]) -> list[Point]:
        return [(scale.place(at), bisect_right(ordered, at) / max(len(ordered), 1)) for at in points]

    return _Plot(title, unit, scale, 1, _percent, _pair(curve(values(seen)), curve(values(made))))


def _burstiness(seen: Traffic, made: Traffic) -> _Plot:
    scales = list(seen.dispersion)
    scale = _Scale(0.8, max(scales) * 1.25)
    most = max(*seen.dispersion.values(), *made.dispersion.values(), 1.0)
    curves = [[(scale.place(at), each.dispersion.get(at, 1.0)) for at in scales] for each in (seen, made)]
    return _Plot(
        "burstiness: variance by mean", "s of a window", scale, most, lambda value: f"{value:.0f}", _pair(*curves)
    )


def _pair(seen: Sequence[Point], made: Sequence[Point]) -> Sequence[tuple[Sequence[Point], str, bool]]:
    return [(seen, _SEEN, False), (made, _MADE, False)]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _panel(plot: _Plot, number: int) -> Iterator[str]:
    left = MARGIN + number % _COLUMNS * (_PANEL + _GAP) + _LEFT
    top = _HEAD + number // _COLUMNS * (_TITLE + _PLOT + _AXIS) + _TITLE
    room = _PANEL - _LEFT
    yield f'<text x="{left - _LEFT:.1f}" y="{top - 12}" font-weight="600">{escape(plot.title)}</text>'
    for share in (0.0, 0.5, 1.0):
        y = top + _PLOT * (1 - share)
        yield f'<path d="M{left:.1f} {y:.1f}h{room:.1f}" stroke="{RULE}"/>'
        yield _small(left - 6, y + 4, plot.said(share * plot.most), "end")
    for place, text in plot.scale.ticks():
        x = left + room * place
        yield f'<path d="M{x:.1f} {top}v{_PLOT}" stroke="{RULE}"/>'
        yield _small(x, top + _PLOT + 14, text, "middle")
    yield _small(left + room, top + _PLOT + 28, plot.unit, "end")
    for points, colour, is_dashed in plot.curves:
        along = " ".join(f"{left + room * x:.1f},{top + _PLOT * (1 - y / plot.most):.1f}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if is_dashed else ""
        yield f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'


def _small(x: float, y: float, text: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="10" fill="{SOFT}">{escape(text)}</text>'


def _legend() -> Iterator[str]:
    for number, (name, colour) in enumerate((("capture", _SEEN), ("look-alike", _MADE))):
        x = MARGIN + number * 110
        yield f'<path d="M{x} 72h22" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 28}" y="76">{name}</text>'


def _bars(check: Check, top: float) -> Iterator[str]:
    yield f'<text x="{MARGIN}" y="{top + 18}" font-weight="600">routes</text>'
    seen, made = check.seen.routes, check.made.routes
    most = max([*seen.values(), *made.values()])
    begin, room = _WIDTH * 0.55, _WIDTH * 0.45 - MARGIN - 60
    for number, (name, share) in enumerate(seen.items()):
        y = top + _TITLE + number * _ROW
        other = made.get(name, 0.0)
        yield f'<text x="{begin - 10:.1f}" y="{y + 14}" text-anchor="end" font-size="11">{escape(name[-90:])}</text>'
        for at, value, colour in ((2, share, _SEEN), (10, other, _MADE)):
            yield f'<rect x="{begin:.1f}" y="{y + at}" width="{room * value / most:.1f}" height="7" fill="{colour}"/>'
        end = begin + room * max(share, other) / most + 6
        yield f'<text x="{end:.1f}" y="{y + 14}" font-size="10" fill="{SOFT}">{share:.1%} / {other:.1%}</text>'
