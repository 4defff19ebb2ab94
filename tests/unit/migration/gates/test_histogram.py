"""Times in fixed buckets: how exact, and that merging loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.migration.gates.histogram import Histogram, bucket_of, least_of

TIMES = st.floats(min_value=0, max_value=4000)


def histogram(*times: float) -> Histogram:
    found = Histogram()
    for time in times:
        found.note(time)
    return found


@given(TIMES)
def test_a_time_is_in_its_bucket_which_is_narrow(seconds: float) -> None:
    bucket = bucket_of(seconds)
    least, end = least_of(bucket), least_of(bucket + 1)
    micros = int(seconds * 1_000_000)
    assert round(least * 1_000_000) <= micros < round(end * 1_000_000)
    assert end - least <= max(least / 64, 1e-6) * 1.000001


@given(TIMES, TIMES)
def test_a_longer_time_never_has_a_lower_bucket(one: float, other: float) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_buckets_leave_no_gap() -> None:
    last = bucket_of(4294)
    assert all(bucket_of(least_of(bucket) + 1e-9) == bucket for bucket in range(last))


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
def test_no_time_at_all_is_the_first_bucket(seconds: float) -> None:
    assert bucket_of(seconds) == 0


def test_what_takes_for_ever_is_in_the_last_bucket() -> None:
    assert bucket_of(1e12) == bucket_of(5_000) == bucket_of(4294.967295)


@given(st.lists(TIMES, max_size=30), st.lists(TIMES, max_size=30))
def test_merged_is_as_if_one_had_counted_all(some: list[float], others: list[float]) -> None:
    found = histogram(*some)
    found.add(histogram(*others))
    assert found == histogram(*some, *others)
    assert found.total == len(some) + len(others)


@given(st.lists(TIMES, min_size=1, max_size=60), st.floats(min_value=0.01, max_value=1))
def test_a_quantile_is_near_that_of_the_times_themselves(times: list[float], share: float) -> None:
    found = histogram(*times).quantile(share)
    rank = next(number for number in range(1, len(times) + 1) if number >= share * len(times))
    assert found == pytest.approx(sorted(times)[rank - 1], rel=1 / 64, abs=1e-6)


def test_nothing_has_no_quantile() -> None:
    assert Histogram().quantile(0.95) is None


def test_above_a_bucket_are_those_of_higher_ones() -> None:
    found = histogram(0.001, 0.002, 0.002, 0.003)
    assert found.above(bucket_of(0.002)) == 1
    assert found.above(bucket_of(0.0005)) == 4


def test_what_fades_is_half_as_much() -> None:
    found = histogram(*[0.01] * 9, 0.5)
    found.fade()
    assert found.counts == {bucket_of(0.01): 4}
    assert found.total == 4
