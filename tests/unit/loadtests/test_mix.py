"""The mix is the same everywhere, and is what it is said to be."""

from collections import Counter
from itertools import pairwise

from loadtests.bench.cases import CASES
from loadtests.bench.mix import LEAST, MOST, PAGES, order_of_requests, sizes_of_pages

CASE = next(case for case in CASES if case.name == "cached-mix")


def test_sizes_and_order_come_out_the_same_each_time() -> None:
    assert sizes_of_pages() == CASE.sizes
    assert order_of_requests() == CASE.order
    assert CASE.order[:8] == (1087, 732, 2859, 1, 204, 1090, 4518, 2698)


def test_pages_are_of_1_to_16_kib_and_their_mean_is_that_of_what_is_asked_for() -> None:
    assert len(CASE.paths) == len(CASE.sizes) == PAGES
    assert min(CASE.sizes) >= LEAST
    assert max(CASE.sizes) <= MOST
    assert CASE.size == sum(CASE.size_of(number) for number in CASE.order) // len(CASE.order)


def test_popularity_is_zipfs() -> None:
    asked = Counter(CASE.order)
    assert all(later < earlier for earlier, later in pairwise(asked[rank - 1] for rank in (1, 2, 4, 8, 16, 32, 64)))
    assert 1.9 < asked[0] / asked[1] < 2.1
    assert 9 < asked[0] / asked[9] < 11


def test_the_order_fits_two_octets_each_as_load_lua_reads_it() -> None:
    assert max(CASE.order) < 1 << 16
