"""When requests are due."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from statistics import fmean, pstdev

import pytest
from captures import packed, record

from replay.capture.reading import Assumed, read_all
from replay.planned import Planned
from replay.preparing import prepare
from replay.schedule.choosing import Refused, as_recorded, choose
from replay.schedule.pacing import AsRecorded, Fixed, Pace, Poisson, schedule
from replay.schedule.rewriting import Rewriting
from replay.schedule.shelf import Shelf

TIMES = (1_000.0, 1_000.5, 1_000.5, 1_002.0)


def plan(at: float, lane: str = "a", url: str = "http://pypi.test/") -> Planned:
    return Planned(at, lane, "GET", url)


RECORDED = [plan(at, "ab"[number % 2], f"http://pypi.test/{number}") for number, at in enumerate(TIMES)]


def played(pace: Pace, **more: object) -> list[Planned]:
    return list(schedule(lambda: RECORDED, pace, **more))  # type: ignore[arg-type]


def test_as_recorded_and_faster() -> None:
    assert [each.at for each in played(AsRecorded())] == [0.0, 0.5, 0.5, 2.0]
    assert [each.at for each in played(AsRecorded(speed=10))] == [0.0, 0.05, 0.05, 0.2]
    assert [each.url for each in played(AsRecorded(speed=10))] == [each.url for each in RECORDED]


def test_a_fixed_rate_is_even() -> None:
    assert [each.at for each in played(Fixed(100))] == [0.0, 0.01, 0.02, 0.03]


def test_a_round_of_a_loop_begins_as_far_from_the_last_one_as_requests_are_apart() -> None:
    found = played(AsRecorded(), loops=2)
    assert [each.at for each in found][4:] == pytest.approx([2 + 2 / 3, 3.5 - 1 / 3, 3.5 - 1 / 3, 4 + 2 / 3])
    assert [each.lane for each in found] == ["a", "b", "a", "b", "a/1", "b/1", "a/1", "b/1"]
    assert [each.at for each in played(Fixed(4), loops=2)] == [number / 4 for number in range(8)]


def test_rounds_of_one_moment_are_a_second_apart() -> None:
    """As all are of a log without times: or an endless loop would be due at once, and no `--for` would end it."""
    moment = [plan(5.0), plan(5.0, "b")]
    endless = schedule(lambda: moment, AsRecorded(2.0), loops=0, longest=1.6)
    assert [each.at for each in endless] == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.5, 1.5]


def test_without_an_end_it_ends_when_it_is_told_to() -> None:
    assert len(played(Fixed(10), loops=0, longest=2.05)) == 21
    endless = schedule(lambda: RECORDED, AsRecorded(), loops=0)
    assert len(list(islice(endless, 100))) == 100
    assert list(schedule(list, AsRecorded(), loops=0)) == []
    assert list(schedule(list, Fixed(1), loops=0)) == []


def test_poisson_arrivals_are_without_memory_and_the_same_for_one_seed() -> None:
    def times(seed: int) -> list[float]:
        return [each.at for each in schedule(lambda: RECORDED, Poisson(50, seed), loops=2_500)]

    found = times(7)
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert found == times(7) != times(8)
    assert fmean(gaps) == pytest.approx(0.02, rel=0.05)
    assert pstdev(gaps) == pytest.approx(0.02, rel=0.05)  # as wide as it is long: an exponential one
    assert all(gap >= 0 for gap in gaps)


def test_few_long_ones_are_laid_down_as_many_short_ones_are() -> None:
    """A capture of a few octets may hold as many records as memory has room for, if they are counted alone."""
    shelf = Shelf(octets_at_once=100_000)
    planned = [Planned(float(at), "", "GET", f"http://pypi.test/{at}{'a' * 50_000}", (("a", "b"),)) for at in range(9)]
    for each in reversed(planned):
        shelf.add(each)
    assert list(shelf) == list(shelf) == planned
    assert len(shelf._parts) == 4
    shelf.close()


def test_a_shelf_sorts_more_than_it_holds_and_can_be_read_again() -> None:
    shelf = Shelf(at_once=10)
    numbers = list(range(1_000))
    Random(1).shuffle(numbers)
    for number in numbers:
        shelf.add(plan(number // 3, f"lane {number % 5}", f"http://pypi.test/{number}"))
    first, second = iter(shelf), iter(shelf)
    both = list(zip(first, second, strict=True))
    assert len(both) == len(shelf) == 1_000
    assert all(one == other for one, other in both)
    assert [each.at for each, _ in both] == sorted(number // 3 for number in range(1_000))
    assert (shelf.lanes, shelf.first, shelf.last) == (5, 0, 333)
    order = [number for number in numbers if number // 3 == 100]
    assert [int(each.url.rpartition("/")[2]) for each, _ in both if each.at == 100] == order
    shelf.close()


def test_a_recording_is_counted_to_the_last_request(tmp_path: Path) -> None:
    capture = tmp_path / "a.capture"
    late = [record(9), record(2), record(5, count=3)]
    refused = [
        record(1, method="POST", safety="unsafe", shape="/legacy/", count=4),
        record(3, url="http://other.test/"),
    ]
    capture.write_bytes(packed([*late, *refused]) + b"torn")
    only = Rewriting(hosts={"pypi.test": ""})
    prepared = prepare(
        read_all([capture], Assumed()),
        lambda each: choose(each, as_recorded, only),
        lambda each: each.shape or "",
    )
    assert (prepared.seen, prepared.chosen) == (10, 5)
    assert prepared.refused == Counter({Refused.UNSAFE: 4, Refused.HOST: 1})
    assert prepared.refused_shapes[Refused.UNSAFE, "POST", "/legacy/"] == 4
    assert [each.at for each in prepared.shelf] == sorted(each.at for each in prepared.shelf)
    assert len(prepared.told) == 1
    free = prepare(
        read_all([capture], Assumed()), lambda each: choose(each, as_recorded, only), lambda each: "", is_free=True
    )
    assert {each.lane for each in free.shelf} == {""}
