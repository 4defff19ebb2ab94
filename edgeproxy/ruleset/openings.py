"""When windows of `during` open and close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgeproxy.ruleset.conditions import is_open
from edgeproxy.ruleset.matching import Window

_BORDERS: Final = 10_000  # that are looked at, of windows that follow on each other


def is_any_open(windows: Sequence[Window], now: float) -> bool:
    """Without any: at every moment."""
    return not windows or any(is_open(each, now) for each in windows)


def is_open_for_good(windows: Sequence[Window], now: float) -> bool:
    """Whether one of them is open and has no end."""
    return any(each.end is None and each.each is None and is_open(each, now) for each in windows)


def next_change(windows: Sequence[Window], now: float) -> float | None:
    """The next moment at which a rule with these windows begins or ceases to take requests; None: it never does."""
    state, at = is_any_open(windows, now), now
    for _ in range(_BORDERS):
        later = [border for window in windows for border in _next_borders(window, at)]
        if not later:
            return None
        at = min(later)
        if is_any_open(windows, at) is not state:
            return at
    return None


def _next_borders(window: Window, now: float) -> Iterator[float]:
    """The next moments after `now` at which a window may open or close, the first among them."""
    if window.start is not None and window.start > now:
        yield window.start  # nothing of it is open before
        return
    if window.end is not None:
        if window.end <= now:
            return
        yield window.end
    if window.each is not None:
        begin = now - now % window.each
        for period in (begin, begin + window.each):
            for border in (period + window.after, period + window.after + window.first):
                if border > now:
                    yield border
