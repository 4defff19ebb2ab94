"""Pictures of a report as SVG: lines over an axis, and bars. Each has a title, a description, and no script.

Colours are classes of the page's style sheet, so that they suit a light and a dark page alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

Scale = Callable[[float], float]

WIDTH: Final = 760
_HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 18, 14, 46
_ROW, _BAR, _NAME = 30, 16, 290
_ALL: Final = 0.4  # of the room of a nine


@dataclass(frozen=True, slots=True)
class Line:
    """`style`: classes of the page. Points are in the axes' values. None: there is nothing, and no line leads over."""

    name: str
    style: str
    points: Sequence[tuple[float, float | None]]
    is_area: bool = False

    @property
    def ups(self) -> list[float]:
        return [up for _, up in self.points if up is not None]

    @property
    def pieces(self) -> list[list[tuple[float, float]]]:
        pieces: list[list[tuple[float, float]]] = [[]]
        for across, up in self.points:
            if up is not None:
                pieces[-1].append((across, up))
            elif pieces[-1]:
                pieces.append([])
        return [piece for piece in pieces if piece]


@dataclass(frozen=True, slots=True)
class Axis:
    """`place`: where between 0 and 1 a value is. `ticks`: values and their words."""

    label: str
    place: Scale
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: int
    words: str
    style: str


def linear(label: str, most: float, *, least: float = 0.0, at_most: int = 6) -> Axis:
    step = _step((most - least) / at_most)
    high = max(ceil(most / step) * step, least + step)
    numbers = [least + step * number for number in range(round((high - least) / step) + 1)]
    return Axis(label, lambda value: (value - least) / (high - least), [(each, f"{each:,.10g}") for each in numbers])


def logarithmic(label: str, least: float, most: float) -> Axis:
    """Ticks at 1, 2 and 5 of each power of ten, or at the powers alone where there are many."""
    low, high = floor(log10(max(least, 1e-3))), ceil(log10(max(most, least * 1.01, 1e-3)))
    high = max(high, low + 1)
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [each * 10.0**power for power in range(low, high + 1) for each in steps]
    shown = [(each, f"{each:,.6g}") for each in ticks if each <= 10.0**high]
    return Axis(label, lambda value: (log10(max(value, 10.0**low)) - low) / (high - low), shown)


def by_percentile(label: str, nines: int) -> Axis:
    """Shares, spread as HdrHistogram does it: each further nine has as much room as the last. All has a place of its
    own at the end, or the longest would seem to be the last nine's.
    """
    end = nines + _ALL
    ticks = [(0.0, "0 %"), (0.5, "50 %"), (0.9, "90 %")]
    ticks += [(1 - 10.0**-each, f"{100 - 10.0 ** (2 - each):.10g} %") for each in range(2, nines + 1)]
    ticks.append((1.0, "max"))

    def place(share: float) -> float:
        return 1.0 if share >= 1 else min(-log10(1 - share), float(nines)) / end

    return Axis(label, place, ticks)


def line_plot(name: str, title: str, description: str, lines: Sequence[Line], x: Axis, y: Axis) -> str:
    """`name`: by which the page knows it."""
    return "\n".join(
        (
            *_head(name, title, description, _HEIGHT),
            *_grid(x, y),
            *(part for line in lines for part in _line(line, x, y)),
            *_labels(x, y),
            "</svg>",
        )
    )


def bar_plot(name: str, title: str, description: str, bars: Sequence[Bar]) -> str:
    most = max((bar.value for bar in bars), default=0) or 1
    room = WIDTH - _NAME - 150
    height = max(len(bars), 1) * _ROW + 8
    parts = _head(name, title, description, height)
    for number, bar in enumerate(bars):
        y = 4 + number * _ROW
        wide = max(bar.value / most * room, 2.0 if bar.value else 0.0)
        parts += [
            f'<text x="{_NAME - 10}" y="{y + 17}" text-anchor="end">{escape(_short(bar.name))}</text>',
            f'<rect class="track" x="{_NAME}" y="{y + 4}" width="{room}" height="{_BAR}" rx="3"/>',
            f'<rect class="{bar.style}" x="{_NAME}" y="{y + 4}" width="{wide:.1f}" height="{_BAR}" rx="3"/>',
            f'<text class="soft" x="{_NAME + room + 10}" y="{y + 17}">{escape(bar.words)}</text>',
        ]
    return "\n".join((*parts, "</svg>"))


def legend(lines: Sequence[Line]) -> str:
    entries = (
        f'<li><svg class="key" width="26" height="10" aria-hidden="true"><path class="line {line.style}" d="M1 5H25"/>'
        f"</svg>{escape(line.name)}</li>"
        for line in lines
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def thinned(points: Sequence[tuple[float, float]], most: int = 600) -> Sequence[tuple[float, float]]:
    """No more than can be told apart: of those between, the highest."""
    if len(points) <= most:
        return points
    wide = ceil(len(points) / most)
    return [max(points[at : at + wide], key=lambda each: each[1]) for at in range(0, len(points), wide)]


# -- parts ------------------------------------------------------------------------------------------------------------


def _head(name: str, title: str, description: str, height: int) -> list[str]:
    return [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-title {name}-about">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-about">{escape(description)}</desc>',
    ]


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for value, words in y.ticks:
        at = _y(y, value)
        yield f'<path class="grid" d="M{_LEFT} {at:.1f}H{right}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(words)}</text>'
    for value, words in x.ticks:
        at = _x(x, value)
        yield f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>'
        anchor = "end" if at > right - 12 else "middle"
        yield f'<text class="tick" x="{at:.1f}" y="{bottom + 18}" text-anchor="{anchor}">{escape(words)}</text>'


def _labels(x: Axis, y: Axis) -> Iterator[str]:
    across, up = (_LEFT + WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    for place, label in ((f"translate({across} {_HEIGHT - 8})", x.label), (f"translate(14 {up}) rotate(-90)", y.label)):
        yield f'<text class="axis" transform="{place}" text-anchor="middle">{escape(label)}</text>'


def _line(line: Line, x: Axis, y: Axis) -> Iterator[str]:
    for piece in line.pieces:
        most = max(2, 600 * len(piece) // len(line.points))
        places = [f"{_x(x, across):.1f} {_y(y, up):.1f}" for across, up in thinned(piece, most)]
        path = "M" + "L".join(places if len(places) > 1 else places * 2)  # one alone is a dot
        if line.is_area:
            bottom = _HEIGHT - _BOTTOM
            first, last = places[0].split()[0], places[-1].split()[0]
            yield f'<path class="area {line.style}" d="{path}L{last} {bottom}L{first} {bottom}Z"/>'
        yield f'<path class="line {line.style}" d="{path}"/>'


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _step(least: float) -> float:
    """The next of 1, 2, 5, 10, … that is not below."""
    if least <= 0:
        return 1.0
    power = 10.0 ** floor(log10(least))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= least * 0.999)


def _short(text: str) -> str:
    return text if len(text) <= 46 else f"{text[:45]}…"
