"""The picture: a row for each case; on the left how long it takes to the right verdict, on the right how often it is
wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, log10
from typing import Final
from xml.sax.saxutils import escape

from edgeproxy.migration.gates.evidence import Verdict
from loadtests.gates.run import Outcome
from replay.svg import MARGIN, RULE, SOFT, framed

_WIDTH, _HEAD, _ROW, _GROUP, _AXIS = 1080, 118, 19, 30, 30
_LABEL: Final = 270
_LEFT: Final = (MARGIN + _LABEL, 740)  # the panel of exchanges, from where to where
_RIGHT: Final = (800, 990)  # that of wrong verdicts
_MOST_WRONG: Final = 0.05  # where its scale ends
_PASS, _FAIL, _WRONG, _RIGHT_ENOUGH = "#2a9d6f", "#d1495b", "#e39b3a", "#9aa5b1"
_TITLE: Final = "How long the gates take, and how often they are wrong"
_ABOUT: Final = (
    "Simulated steps, {runs:,} runs of each, looked at after every block; dashed: how often a gate may be wrong"
)


def svg_of(outcomes: Sequence[Outcome], alpha: float) -> str:
    groups = list(dict.fromkeys(one.group for one in outcomes))
    bottom = _HEAD + len(groups) * _GROUP + len(outcomes) * _ROW
    decades = max(ceil(log10(max((one.decided[2] for one in outcomes if one.decided and one.wanted), default=10))), 1)
    drawn = (*_heads(), *_axes(decades, alpha, bottom), *_rows(outcomes, groups, decades, alpha))
    runs = max((one.runs for one in outcomes), default=0)
    return framed(drawn, _WIDTH, bottom + _AXIS, _TITLE, _ABOUT.format(runs=runs))


def _heads() -> Iterator[str]:
    yield (
        f'<text x="{_LEFT[0]}" y="80" font-weight="600">exchanges of the new arm until a verdict: '
        f'<tspan fill="{_PASS}">pass</tspan>, <tspan fill="{_FAIL}">fail</tspan></text>'
    )
    yield f'<text x="{_LEFT[0]}" y="96" fill="{SOFT}" font-size="11">median, and eight of ten runs</text>'
    yield f'<text x="{_RIGHT[0]}" y="80" font-weight="600">wrong verdicts, at any look</text>'
    yield f'<text x="{_RIGHT[0]}" y="96" fill="{SOFT}" font-size="11">in per cent of all runs</text>'


def _axes(decades: int, alpha: float, bottom: int) -> Iterator[str]:
    for power in range(decades + 1):
        x = _LEFT[0] + (_LEFT[1] - _LEFT[0]) * power / decades
        yield _line(x, bottom, RULE) + _tick(
            x, bottom, f"{10**power:,}" if power < 6 else f"{10 ** (power - 6)} million"
        )
    for percent in range(6):
        x = _wrong_at(percent / 100)
        yield _line(x, bottom, RULE) + _tick(x, bottom, f"{percent}")
    yield _line(_wrong_at(alpha), bottom, SOFT, ' stroke-dasharray="3 3"')


def _rows(outcomes: Sequence[Outcome], groups: Sequence[str], decades: int, alpha: float) -> Iterator[str]:
    y = _HEAD
    for group in groups:
        y += _GROUP
        yield f'<rect x="{MARGIN}" y="{y - 22}" width="{_WIDTH - 2 * MARGIN}" height="17" fill="#f3f5f8"/>'
        yield f'<text x="{MARGIN + 4}" y="{y - 9}" font-weight="600">{escape(group)}</text>'
        for one in (one for one in outcomes if one.group == group):
            yield f'<text x="{MARGIN + 12}" y="{y + 8}" fill="{SOFT}">{escape(one.name)}</text>'
            yield from _until(one, decades, y + 4)
            yield from _wrong(one, alpha, y + 4)
            y += _ROW


def _until(one: Outcome, decades: int, y: int) -> Iterator[str]:
    if one.decided is None or one.wanted is None:
        return
    tenth, half, most = (
        _LEFT[0] + (_LEFT[1] - _LEFT[0]) * log10(max(exchanges, 1)) / decades for exchanges in one.decided
    )
    colour = _PASS if one.wanted is Verdict.PASS else _FAIL
    yield f'<path d="M{tenth:.1f} {y}H{most:.1f}" stroke="{colour}" stroke-width="4" stroke-opacity="0.35"/>'
    yield f'<circle cx="{half:.1f}" cy="{y}" r="4.5" fill="{colour}" stroke="#ffffff"/>'


def _wrong(one: Outcome, alpha: float, y: int) -> Iterator[str]:
    x = _wrong_at(min(one.wrong, _MOST_WRONG))
    colour = _WRONG if one.wrong > alpha else _RIGHT_ENOUGH
    yield f'<path d="M{_RIGHT[0]} {y}H{max(x, _RIGHT[0] + 1.5):.1f}" stroke="{colour}" stroke-width="7"/>'
    yield f'<text x="{_WIDTH - MARGIN - 4}" y="{y + 4}" text-anchor="end">{100 * one.wrong:.1f} %</text>'


def _wrong_at(share: float) -> float:
    return _RIGHT[0] + (_RIGHT[1] - _RIGHT[0]) * share / _MOST_WRONG


def _line(x: float, bottom: int, colour: str, more: str = "") -> str:
    return f'<path d="M{x:.1f} {_HEAD - 12}V{bottom}" stroke="{colour}"{more}/>'


def _tick(x: float, bottom: int, text: str) -> str:
    return f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" font-size="11" fill="{SOFT}">{text}</text>'
