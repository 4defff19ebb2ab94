"""Two histories of one cutover: what each lacks, and where they part."""

from __future__ import annotations

from cutover_values import cutover, ramp
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.migration.journal import replay
from edgeproxy.state.reconcile import Ahead, Behind, Differ, Same, compare

READS = cutover()
OURS, THEIRS = ramp(READS, 4), (*ramp(READS, 2), *ramp(READS, 4, who="bo")[3:])


def test_the_same_and_what_one_lacks_of_the_other() -> None:
    assert compare((), ()) == Same()
    assert compare(OURS, OURS) == Same()
    assert compare(OURS, OURS[:2]) == Ahead(OURS[2:])
    assert compare(OURS, ()) == Ahead(OURS)
    assert compare(OURS[:1], OURS) == Behind(OURS[1:])


def test_where_they_part_both_are_told_from_there() -> None:
    assert compare(OURS, THEIRS) == Differ(4, OURS[3:], THEIRS[3:])
    assert compare(OURS[:4], THEIRS) == Differ(4, OURS[3:4], THEIRS[3:])
    assert compare(ramp(READS, 1, who="a"), ramp(READS, 1, who="b")).number == 2


@given(st.integers(0, 5), st.integers(0, 5))
def test_nothing_is_lost_of_either_and_what_comes_of_it_is_whole(ours: int, theirs: int) -> None:
    match compare(OURS[:ours], THEIRS[:theirs]):
        case Same():
            assert OURS[:ours] == THEIRS[:theirs]
        case Ahead(entries=entries):
            assert (*THEIRS[:theirs], *entries) == OURS[:ours]
            assert replay("reads", (*THEIRS[:theirs], *entries)).number == ours
        case Behind(entries=entries):
            assert (*OURS[:ours], *entries) == THEIRS[:theirs]
        case Differ(number=number, ours=mine, theirs=other):
            assert OURS[: number - 1] + mine == OURS[:ours]
            assert THEIRS[: number - 1] + other == THEIRS[:theirs]
            assert mine[0] != other[0]
