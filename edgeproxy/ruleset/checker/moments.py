"""The moments that windows of time tell apart: one for each combination of open and closed ones that occurs.

Windows change only at their starts and ends and at the borders of their periods. Between two neighbouring starts
or ends all that still changes are periods, and these repeat after their least common multiple.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.conditions import is_open
from edgeproxy.ruleset.matching import Window

_MOMENTS: Final = 100_000
_TICK: Final = 1_000  # durations are read to the millisecond


def moments(windows: Sequence[Window]) -> tuple[float, ...]:
    """The representatives, those with the fewest open windows first. Raises Unsupported."""
    distinct = tuple(dict.fromkeys(windows))
    found: dict[tuple[bool, ...], float] = {}
    for moment in _candidates(distinct):
        found.setdefault(tuple(is_open(window, moment) for window in distinct), moment)
    return tuple(sorted(found.values(), key=lambda moment: (sum(is_open(each, moment) for each in distinct), moment)))


def _candidates(windows: Sequence[Window]) -> Iterator[float]:
    """Every moment at which a window may change, and the first one."""
    edges = sorted({0.0, *(edge for window in windows for edge in (window.start, window.end) if edge and edge > 0)})
    periodic = [window for window in windows if window.each is not None]
    span = lcm(*(_ticks(window.each or 0.0) for window in periodic)) / _TICK
    if sum(2 * span / (window.each or span) + 2 for window in periodic) * len(edges) > _MOMENTS:
        raise Unsupported(f"its periods together repeat only after {span:.0f} s: that is too many moments to look at")
    for begin, end in zip(edges, [*edges[1:], float("inf")], strict=True):
        yield begin
        for window in periodic:
            yield from _borders(window, begin, min(begin + span, end))


def _borders(window: Window, begin: float, end: float) -> Iterator[float]:
    each = Fraction(_ticks(window.each or 0.0), _TICK)
    period = int(Fraction(begin) // each)
    while period * each < end:
        for offset in (window.after, window.after + window.first):
            border = float(period * each + Fraction(_ticks(offset), _TICK))
            if begin <= border < end:
                yield border
        period += 1


def _ticks(seconds: float) -> int:
    return max(1, round(seconds * _TICK)) if seconds else 0
