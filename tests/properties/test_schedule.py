"""The schedule ahead is what the edge does, second by second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.ruleset.matching import Window
from edgeproxy.ruleset.openings import is_any_open
from edgeproxy.ruleset.schedule import openings

SPAN = 120


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """With bounds and periods of whole seconds, as short as they may be."""
    start = draw(st.none() | st.integers(0, SPAN))
    end = draw(st.none() | st.integers((start or 0) + 1, 2 * SPAN))
    if draw(st.booleans()):
        return Window(start, end)
    each = draw(st.integers(2, 40))
    after = draw(st.integers(0, each - 1))
    return Window(start, end, each, after, draw(st.integers(1, each - after)))


@given(st.lists(windows(), min_size=1, max_size=4), st.integers(0, SPAN))
def test_an_opening_is_told_where_a_window_is_open_and_nowhere_else(these: list[Window], begin: int) -> None:
    until = begin + SPAN
    found, more = openings(these, begin, until, SPAN)
    assert not more
    told = {
        second
        for each in found
        for second in range(
            begin if each.start is None else int(each.start), until if each.end is None else min(int(each.end), until)
        )
    }
    assert told == {second for second in range(begin, until) if is_any_open(these, second)}
    bounds = [bound for each in found for bound in (each.start, each.end) if bound is not None]
    assert bounds == sorted(set(bounds))  # one ends before the next begins
    for each in found:
        assert not each.for_good or is_any_open(these, 1_000_000.0)
