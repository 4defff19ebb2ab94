"""Tagged netstrings: what is whole is read, and nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from flow_files import tagged, written
from hypothesis import given
from hypothesis import strategies as st

from replay.capture.tnetstrings import NoTnetstring, prefix_of, read_tnetstring

PLAIN = (
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False) | st.binary() | st.text()
)
VALUES = st.recursive(PLAIN, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert read_tnetstring(written(value)) == value


@given(st.binary())
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    with suppress(NoTnetstring):
        read_tnetstring(octets)


@given(VALUES, st.data())
def test_what_is_torn_is_refused(value: object, data: st.DataObject) -> None:
    octets = written(value)
    with pytest.raises(NoTnetstring):
        read_tnetstring(octets[: data.draw(st.integers(0, len(octets) - 1))])


@pytest.mark.parametrize(
    "octets",
    [
        *(b"1:a;x", b"2:a;", b"-1:a;", b"1:x#", b"1:x^", b"3:yes!", b"1:x~", b"4:1:a;}", b"1:a?", b"2:\xff\xfe;"),
        *(b"4:0:~x]", b"99999999999:a;", b"8:1:1#1:a;}"),
    ],
)
def test_what_lies_is_refused(octets: bytes) -> None:
    with pytest.raises(NoTnetstring):
        read_tnetstring(octets)


def test_what_is_too_deep_or_too_much_is_refused() -> None:
    deep = b"0:~"
    for _ in range(20):
        deep = tagged(deep, b"]")
    for octets in (deep, tagged(b"0:~" * 100_001, b"]")):
        with pytest.raises(NoTnetstring, match="too much, or too deep"):
            read_tnetstring(octets)


def test_a_prefix_says_how_long() -> None:
    assert prefix_of(b"12:hello") == (12, 3)
    assert prefix_of(b"hello") is None
    assert prefix_of(b"12345678901:") is None
