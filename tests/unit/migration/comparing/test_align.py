"""Which elements of two lists belong together."""

from __future__ import annotations

import pytest

from edgeproxy.migration.comparing.align import Alignment, align


def aligned(old: str, new: str) -> Alignment:
    """Letters are elements; those of one case have one label."""
    return align(old, new, lambda each: each, lambda each: each.isupper())


@pytest.mark.parametrize(
    ("old", "new", "alignment"),
    [
        ("", "", Alignment()),
        ("abc", "abc", Alignment()),
        ("abc", "ac", Alignment(missing=(1,))),
        ("ac", "abc", Alignment(added=(1,))),
        ("abc", "", Alignment(missing=(0, 1, 2))),
        ("aa", "aaa", Alignment(added=(2,))),
        ("abc", "axc", Alignment(pairs=((1, 1),))),
        ("aBc", "axyc", Alignment(missing=(1,), added=(1, 2))),
        ("abcd", "dcba", Alignment(is_reordered=True)),
        ("abcd", "xdcb", Alignment(pairs=((0, 0),), is_reordered=True)),
        ("abcd", "bcd", Alignment(missing=(0,))),
        ("aab", "baa", Alignment(is_reordered=True)),
        ("aBcD", "xYcZ", Alignment(pairs=((0, 0), (1, 1), (3, 3)))),
    ],
)
def test_alignment(old: str, new: str, alignment: Alignment) -> None:
    assert aligned(old, new) == alignment


def test_long_lists_that_have_nothing_in_common_take_no_longer_than_others() -> None:
    old, new = list(range(100_000)), list(range(100_000, 200_000))
    assert len(align(old, new, lambda each: each, lambda each: 0).pairs) == 100_000
    assert align(old, old[::-1], lambda each: each, lambda each: 0).is_reordered
