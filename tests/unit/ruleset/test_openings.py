"""When windows of `during` open and close next."""

from __future__ import annotations

import pytest

from edgeproxy.ruleset.matching import Window
from edgeproxy.ruleset.openings import is_any_open, next_change

HOUR = 3_600.0
HALF = Window(each=HOUR, first=HOUR / 2)
OTHER_HALF = Window(each=HOUR, after=HOUR / 2, first=HOUR / 2)


@pytest.mark.parametrize(
    ("windows", "now", "is_open", "change"),
    [
        ((), 0.0, True, None),
        ((HALF,), 0.0, True, HOUR / 2),
        ((HALF,), HOUR / 2, False, HOUR),
        ((HALF, OTHER_HALF), 10.0, True, None),
        ((Window(start=100.0, end=200.0),), 50.0, False, 100.0),
        ((Window(start=100.0, end=200.0),), 100.0, True, 200.0),
        ((Window(start=100.0, end=200.0),), 200.0, False, None),
        ((Window(start=HOUR / 2 + 1, each=HOUR, first=HOUR / 2),), 0.0, False, HOUR),
        ((Window(end=HOUR * 2, each=HOUR, after=HOUR / 2, first=HOUR / 4),), HOUR * 1.75, False, None),
        ((Window(end=100.0), Window(start=100.0, end=150.0)), 0.0, True, 150.0),
        ((Window(start=HOUR * 9_000, each=HOUR, after=60.0, first=60.0),), 0.0, False, HOUR * 9_000 + 60),
    ],
)
def test_the_next_change(windows: tuple[Window, ...], now: float, is_open: bool, change: float | None) -> None:
    assert (is_any_open(windows, now), next_change(windows, now)) == (is_open, change)
