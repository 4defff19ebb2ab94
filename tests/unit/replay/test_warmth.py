"""A hit ratio that is held by the choice of what is asked."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from replay.planned import Planned
from replay.schedule.pacing import Fixed, schedule
from replay.schedule.warmth import SETTLED, Warmth

HTML, JSON = (("accept", "text/html"),), (("accept", "application/json"),)


def plan(url: int, at: float = 0.0, headers: tuple[tuple[str, str], ...] = HTML, method: str = "GET") -> Planned:
    return Planned(at, f"lane {url % 5}", method, f"http://pypi.test/simple/p{url}/", headers, label="simple: /")


def zipf(number: int, urls: int) -> list[Planned]:
    """As uneven as traffic is."""
    weights = [1 / (rank + 1) for rank in range(urls)]
    return [plan(url, at) for at, url in enumerate(Random(5).choices(range(urls), weights, k=number))]


def held(recorded: list[Planned], warmth: Warmth, rate: float = 500) -> list[Planned]:
    return list(warmth.held(schedule(lambda: recorded, Fixed(rate)), iter(recorded)))


def played(planned: list[Planned]) -> tuple[int, int]:
    """Hits and misses of a cache that keeps all; what is asked again before it has settled is no hit."""
    first: dict[tuple[str, object], float] = {}
    hits = 0
    for each in planned:
        key = each.url, each.headers
        hits += key in first and each.at - first[key] >= SETTLED
        first.setdefault(key, each.at)
    return hits, len(planned) - hits


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99])
def test_a_cache_that_keeps_all_has_so_many_hits(share: float) -> None:
    warmth = Warmth(share, Random(1))
    found = held(zipf(40_000, 20_000), warmth)
    hits, misses = played(found)
    assert hits / len(found) == pytest.approx(share, abs=0.005)
    assert (hits, misses) == (warmth.hits, warmth.misses)


def test_when_and_over_what_is_the_schedules_own() -> None:
    recorded = zipf(2_000, 1_000)
    slots = list(schedule(lambda: recorded, Fixed(100)))
    found = held(recorded, Warmth(0.7, Random(1)), rate=100)
    assert [(each.at, each.lane) for each in found] == [(each.at, each.lane) for each in slots][: len(found)]


def test_what_is_asked_often_stays_what_is_asked_often() -> None:
    found = held(zipf(30_000, 5_000), Warmth(0.9, Random(1)))
    asked = Counter(each.url for each in found)
    assert [url for url, _ in asked.most_common(3)] == [f"http://pypi.test/simple/p{url}/" for url in range(3)]


def test_it_ends_when_nothing_is_left_that_was_not_asked() -> None:
    warmth = Warmth(0.5, Random(1))
    found = held([plan(number % 200) for number in range(10_000)], warmth)
    assert (warmth.misses, warmth.is_exhausted) == (200, True)
    assert len(found) < 1_000


def test_what_no_cache_keeps_and_what_may_be_either_is_left_out() -> None:
    recorded = [plan(1), plan(1, headers=JSON), plan(2, method="POST"), plan(3), plan(4)]
    warmth = Warmth(0.0, Random(1), lambda each: "p4" not in each.url)
    assert [each.url[-3:] for each in held(recorded, warmth)] == ["p1/", "p3/"]
    assert (warmth.misses, warmth.left_out) == (2, 3)


def test_one_seed_makes_one_run() -> None:
    recorded = zipf(5_000, 1_000)
    assert held(recorded, Warmth(0.8, Random(3))) == held(recorded, Warmth(0.8, Random(3)))
    assert held(recorded, Warmth(0.8, Random(3))) != held(recorded, Warmth(0.8, Random(4)))
