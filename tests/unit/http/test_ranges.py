"""Byte ranges (RFC 9110 §14.1.2, §14.2, §17.15)."""

import pytest

from edgeproxy.http.ranges import MOST_RANGES, UNSATISFIABLE, WHOLE, Satisfiable, Span, parse_range

SIZE = 10_000  # as in the examples of §14.1.2


def spans(*pairs: tuple[int, int]) -> Satisfiable:
    return Satisfiable(tuple(Span(offset, length) for offset, length in pairs))


@pytest.mark.parametrize(
    ("field", "ranges"),
    [
        ("bytes=0-499", spans((0, 500))),
        ("bytes=500-999", spans((500, 500))),
        ("bytes=-500", spans((9_500, 500))),
        ("bytes=9500-", spans((9_500, 500))),
        ("bytes=0-0", spans((0, 1))),
        ("bytes=0-", spans((0, SIZE))),
        ("bytes=9999-", spans((9_999, 1))),
        ("bytes=9999-20000", spans((9_999, 1))),  # cut at the end
        ("bytes=-20000", spans((0, SIZE))),  # longer than there is: all of it
        ("BYTES=0-1", spans((0, 2))),  # unit names are case-insensitive
        ("bytes= 0-1", spans((0, 2))),
        ("bytes=0-99999999999999999999999999", spans((0, SIZE))),
        ("bytes=00000000000000000000000001-2", spans((1, 2))),
        (f"bytes=0-{'9' * 5_000}", spans((0, SIZE))),
    ],
)
def test_one_range_is_read(field, ranges):
    assert parse_range(field, SIZE) == ranges


@pytest.mark.parametrize(
    ("field", "ranges"),
    [
        ("bytes=0-0,-1", spans((0, 1), (9_999, 1))),
        ("bytes= 0-999, 4500-5499, -1000", spans((0, 1_000), (4_500, 1_000), (9_000, 1_000))),
        ("bytes=,0-0, ,5-5,", spans((0, 1), (5, 1))),  # §5.6.1.2: empty members are skipped
        ("bytes=8000-8999,0-9", spans((8_000, 1_000), (0, 10))),  # in the order asked for
        ("bytes=20000-,5-5", spans((5, 1))),  # what cannot be satisfied is left out
        ("bytes=500-600,601-999", spans((500, 500))),  # touching
        ("bytes=500-700,601-999", spans((500, 500))),  # overlapping
        ("bytes=0-,0-,0-,0-,0-", spans((0, SIZE))),
        ("bytes=50-59,0-9,55-69", spans((50, 20), (0, 10))),  # joined where the first of them stood
        ("bytes=0-9,50-59,5-54", spans((0, 60))),
        ("bytes=50-59,20-29,45-52", spans((45, 15), (20, 10))),
    ],
)
def test_several_ranges_are_disjoint_and_in_the_order_asked_for(field, ranges):
    assert parse_range(field, SIZE) == ranges


@pytest.mark.parametrize("field", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=20000-,-0"])
def test_ranges_outside_the_representation_are_unsatisfiable(field):
    assert parse_range(field, SIZE) == UNSATISFIABLE


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=0",
        "bytes=0-1-2",
        "bytes=+0-1",
        "bytes=0 - 1",
        "bytes=0x0-1",
        "bytes=٠-١",
        "bytes=5-4",  # §14.1.1: last before first is no range
        "bytes=0-1,5-4",
        "bytes 0-1",
        "bytes =0-1",
        "lines=0-1",
        "0-1",
        "bytes=0-1,bytes=2-3",  # two field lines, joined
    ],
)
def test_a_malformed_field_and_another_unit_are_ignored(field):
    assert parse_range(field, SIZE) == WHOLE


@pytest.mark.parametrize(
    ("field", "ranges"),
    [("bytes=0-", UNSATISFIABLE), ("bytes=0-0", UNSATISFIABLE), ("bytes=-0", UNSATISFIABLE), ("bytes=-1", WHOLE)],
)
def test_of_an_empty_file_only_a_suffix_can_be_had_and_that_is_all_of_it(field, ranges):
    assert parse_range(field, 0) == ranges


def test_many_small_ranges_are_ignored():
    most = ",".join(f"{2 * number}-{2 * number}" for number in range(MOST_RANGES))
    assert isinstance(parse_range(f"bytes={most}", SIZE), Satisfiable)
    assert parse_range(f"bytes={most},9000-9000", SIZE) == WHOLE


def test_many_ranges_that_join_into_few_are_answered():
    touching = ",".join(f"{number}-{number}" for number in range(100))
    assert parse_range(f"bytes={touching}", SIZE) == spans((0, 100))


def test_a_field_with_hundreds_of_ranges_is_not_even_read():
    assert parse_range("bytes=" + ",".join(["0-"] * 129), SIZE) == WHOLE
