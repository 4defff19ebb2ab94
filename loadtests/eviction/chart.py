"""The picture of a run: a panel per trace, a row per size of cache, a dot per policy on a scale of hit ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import Final
from xml.sax.saxutils import escape

from loadtests.eviction.policies import SUBJECT
from loadtests.eviction.run import Outcome
from replay.svg import BLUE, INK, MARGIN, RULE, SOFT, framed

_WIDTH, _COLUMNS, _GAP = 1080, 3, 28
_HEAD, _PANEL_HEAD, _ROW, _AXIS = 96, 44, 30, 34
_PANEL: Final = (_WIDTH - 2 * MARGIN - (_COLUMNS - 1) * _GAP) / _COLUMNS
_LABEL: Final = 40  # room for the size of the cache, left of a row
_COLOURS: Final = {SUBJECT: BLUE, "LRU": "#d1495b", "FIFO": "#e39b3a", "W-TinyLFU": "#2a9d6f", "Belady": SOFT}


def svg_of(outcomes: Sequence[Outcome], title: str, about: str) -> str:
    traces = list(dict.fromkeys(one.trace for one in outcomes))
    rows = len({one.share for one in outcomes})
    height = _PANEL_HEAD + rows * _ROW + _AXIS
    bottom = _HEAD + ceil(len(traces) / _COLUMNS) * height
    panels: list[str] = []
    for number, trace in enumerate(traces):
        beside = traces[number - number % _COLUMNS :][:_COLUMNS]  # a row of panels has one scale
        scale = _scale_of([one for one in outcomes if one.trace in beside])
        left = MARGIN + number % _COLUMNS * (_PANEL + _GAP)
        top = _HEAD + number // _COLUMNS * height
        panels += _panel([one for one in outcomes if one.trace == trace], scale, left, top)
    legend = _legend(list(dict.fromkeys(one.policy for one in outcomes)))
    return framed((*legend, *panels), _WIDTH, bottom, title, about)


def _legend(policies: Sequence[str]) -> Iterator[str]:
    for number, policy in enumerate(policies):
        x = MARGIN + 8 + number * 110
        yield _dot(policy, x, 74)
        yield f'<text x="{x + 12}" y="78">{escape(policy)}</text>'


def _panel(outcomes: Sequence[Outcome], scale: tuple[int, int], left: float, top: int) -> Iterator[str]:
    shares = list(dict.fromkeys(one.share for one in outcomes))
    least, most = scale
    begin, room = left + _LABEL, _PANEL - _LABEL - 8
    base = top + _PANEL_HEAD + len(shares) * _ROW
    yield f'<text x="{left:.1f}" y="{top + 22}" font-weight="600">{escape(outcomes[0].trace)}</text>'
    for tick in range(least, most + 1, 10):
        x = begin + room * (tick - least) / (most - least)
        yield f'<path d="M{x:.1f} {top + _PANEL_HEAD - 10}V{base}" stroke="{RULE}"/>'
        yield f'<text x="{x:.1f}" y="{base + 14}" text-anchor="middle" font-size="11" fill="{SOFT}">{tick}</text>'
    for number, share in enumerate(shares):
        y = top + _PANEL_HEAD + number * _ROW + 8
        yield f'<text x="{begin - 10:.1f}" y="{y + 4}" text-anchor="end" fill="{SOFT}">{share:.0%}</text>'
        yield f'<path d="M{begin:.1f} {y}h{room:.1f}" stroke="{RULE}"/>'
        of_row = [one for one in outcomes if one.share == share]
        for one in sorted(
            of_row, key=lambda one: one.policy != SUBJECT
        ):  # the others lie on the subject, and are smaller
            yield _dot(one.policy, begin + room * (100 * one.hits - least) / (most - least), y)


def _scale_of(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """From where to where, in full tens of per cent."""
    ratios = [10 * one.hits for one in outcomes]
    return floor(min(ratios)) * 10, max(floor(min(ratios)) + 1, ceil(max(ratios))) * 10


def _dot(policy: str, x: float, y: float) -> str:
    """The subject large, what cannot be built (it knows what comes) hollow."""
    colour = _COLOURS.get(policy, INK)
    if policy == "Belady":
        return f'<circle cx="{x:.1f}" cy="{y}" r="4.5" fill="#ffffff" stroke="{colour}" stroke-width="1.6"/>'
    radius = 7 if policy == SUBJECT else 4.5
    return f'<circle cx="{x:.1f}" cy="{y}" r="{radius}" fill="{colour}" stroke="#ffffff"/>'
