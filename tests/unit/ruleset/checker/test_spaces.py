"""Sets of requests as unions of products."""

from __future__ import annotations

from edgeproxy.ruleset.automata.language import EVERYTHING, texts
from edgeproxy.ruleset.checker.spaces import NO_REQUESTS, Requests, Space

ALL = Requests([Space((0b11, 0b11), EVERYTHING)])


def test_what_is_taken_away_and_put_back_is_all() -> None:
    some = Requests([Space((0b01, 0b10), texts(["/a", "/b"]))])
    rest = ALL - some
    assert not rest.overlaps(some)
    assert ALL.is_subset(rest | some)
    assert not ALL.is_subset(rest)


def test_two_products_meet_in_one() -> None:
    both = ALL & Requests([Space((0b01, 0b10), texts(["/b"])), Space((0b10, 0b10), texts(["/a/a"]))])
    assert len(both.spaces) == 2
    assert both.witness() == ((0b01, 0b10), "/b")


def test_nothing_is_nothing() -> None:
    assert (NO_REQUESTS & ALL).is_empty()
    assert (ALL - ALL).is_empty()
    assert NO_REQUESTS.witness() is None


def test_spaces_of_one_box_are_one() -> None:
    found = Requests([Space((1,), texts(["/a"])), Space((1,), texts(["/b"]))])
    assert [sorted(space.paths.words()) for space in found] == [["/a", "/b"]]
