"""Durations, sizes and rates: what is written is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import (
    read_duration,
    read_rate,
    read_size,
    read_tick,
    read_weight,
    written_duration,
    written_rate,
    written_size,
)


@given(st.integers(0, 10**14))
def test_a_size_is_read_as_it_was_written(octets: int) -> None:
    assert read_size(written_size(octets)) == octets


@given(st.integers(0, 10**8))
def test_a_duration_is_read_as_it_was_written(milliseconds: int) -> None:
    assert read_duration(written_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(1, 10**6), st.sampled_from("smh"))
def test_a_rate_is_written_as_it_was_read(count: int, unit: str) -> None:
    assert written_rate(*read_rate(f"{count}/{unit}")) == f"{count}/{unit}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(32_768, "32KiB"), (1_500, "1500"), (0, "0"), (2**30, "1GiB"), (2**40, "1024GiB")],
)
def test_a_size_is_written_in_the_largest_unit_that_says_it(value: int, text: str) -> None:
    assert written_size(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.25, "250ms"), (90.0, "90s"), (300.0, "5m"), (0.0, "0ms")])
def test_a_duration_is_written_in_the_largest_unit_that_says_it(value: float, text: str) -> None:
    assert written_duration(value) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [("64MB", "64MiB"), ("64 k", "64KiB"), ("1.5G", "1536MiB"), ("100 bytes", "100"), ("8kib", "8KiB")],
)
def test_what_looks_like_a_size_is_told_as_one(text: str, meant: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_size(text)
    assert caught.value.remedy == f"write {meant}."
    assert read_size(meant)


@pytest.mark.parametrize(
    ("text", "meant"), [("10/sec", "10/s"), ("0.5/s", "30/m"), ("5 requests per hour", "5/h"), ("10/S", "10/s")]
)
def test_what_looks_like_a_rate_is_told_as_one(text: str, meant: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_rate(text)
    assert caught.value.remedy == f"write {meant}."
    assert read_rate(meant)


@pytest.mark.parametrize("text", ["9ms", "1001ms", "0s"])
def test_a_tick_is_neither_too_short_nor_too_long(text: str) -> None:
    with pytest.raises(Refusal):
        read_tick(text)


def test_the_ends_of_a_range_are_in_it() -> None:
    assert (read_tick("10ms"), read_tick("1s"), read_weight("1"), read_weight("1000")) == (0.01, 1.0, 1, 1000)
