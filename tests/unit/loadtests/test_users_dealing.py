"""Every arrival is some worker's, and no two workers', however many workers there are, and whenever they come and go."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.users.arrivals import arrivals, dice_of
from loadtests.users.chosen import numbered
from loadtests.users.dealing import Deal, Deals, dealt, read_deal, words_of
from loadtests.users.kinds import Client
from loadtests.users.profiles import Profile, Purge, Purged, Spacing, Stage, Stream, constant
from loadtests.users.purging import command_of, moments
from replay.planned import Planned

WORKERS = ("a", "b", "c", "d", "e")


def profile(*stages: Stage, spacing: Spacing = Spacing.EVEN, factor: float = 1.0) -> Profile:
    stream = Stream("all", {Client.PIP: 3, Client.UV: 1}, stages, warm=0.5)
    return Profile("test", "", "", (stream,), spacing=spacing, factor=factor, seed=7)


@given(
    st.lists(st.tuples(st.floats(0.1, 5), st.sets(st.sampled_from(WORKERS), min_size=1)), min_size=1, max_size=6),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1 << 32)), max_size=80),
)
def test_each_number_is_taken_once_whoever_comes_and_goes(
    changes: list[tuple[float, set[str]]], gaps: list[tuple[float, int]]
) -> None:
    hands = {worker: Deals() for worker in WORKERS}
    begins = 0.0
    for number, (after, there) in enumerate(changes):
        begins = begins + after if number else 0.0
        for worker, deal in dealt(sorted(there, reverse=True), begins).items():
            assert hands[worker].add(deal, seen=0.0)
        for worker in set(WORKERS) - there:  # one that has gone takes nothing more
            hands[worker].add(Deal(begins, 1, 1), seen=0.0)
    at = 0.0
    for gap, number in gaps:
        at += gap
        assert sum(deals.is_mine(number, at) for deals in hands.values()) == 1


def test_before_it_has_a_deal_a_worker_takes_nothing() -> None:
    deals = Deals()
    assert not deals.is_mine(0, 0.0)
    deals.add(Deal(begins=10.0, workers=1, place=0), seen=0.0)
    assert [deals.is_mine(0, at) for at in (9.9, 10.0, 11.0)] == [False, True, True]


def test_a_deal_that_came_too_late_is_known() -> None:
    deals = Deals()
    assert deals.add(Deal(5.0, 1, 0), seen=100.0), "the first one cannot be late: nothing was taken before it"
    assert not deals.add(Deal(99.0, 2, 0), seen=100.0)
    assert deals.add(Deal(101.0, 2, 1), seen=100.0)


def test_a_deal_goes_as_a_message() -> None:
    deal = Deal(2.5, 3, 1)
    assert read_deal(words_of(deal, 1.25)) == (deal, 1.25)


# -- when ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(1, 20), st.sampled_from([0.5, 1.0, 2.0]))
def test_a_rate_is_exactly_kept(rate: int, seconds: int, factor: float) -> None:
    times = [each.at for each in arrivals(profile(Stage(seconds, rate, rate), factor=factor))]
    expected = rate * factor * seconds
    assert len(times) == -(-expected // 1)
    assert times == pytest.approx([number / (rate * factor) for number in range(len(times))])


def test_a_ramp_has_as_many_as_its_mean_rate_and_the_more_the_later() -> None:
    times = [each.at for each in arrivals(profile(Stage(10, 0, 100), Stage(10, 100, 100)))]
    assert len(times) == 500 + 1_000
    assert times == sorted(times)
    seconds = Counter(int(at) for at in times)
    assert [seconds[second] for second in (0, 4, 9)] == pytest.approx([5, 45, 95], abs=2)
    assert {seconds[second] for second in range(10, 20)} <= {99, 100, 101}


def test_a_stage_of_nothing_has_nothing() -> None:
    times = [each.at for each in arrivals(profile(Stage(5, 0, 0), Stage(5, 2, 2)))]
    assert times == pytest.approx([5 + number / 2 for number in range(10)])


def test_workers_agree_on_all_of_it_and_streams_are_merged() -> None:
    more = Stream("later", {Client.BANDERSNATCH: 1}, (Stage(3, 1, 1),), after=2)
    both = Profile("test", "", "", (profile(Stage(5, 10, 10)).streams[0], more), spacing=Spacing.POISSON, seed=3)
    once = list(arrivals(both))
    assert once == list(arrivals(both))
    assert [each.number for each in once] == list(range(len(once)))
    assert [each.at for each in once] == sorted(each.at for each in once)
    assert min(each.at for each in once if each.client is Client.BANDERSNATCH) >= 2
    assert {each.is_warm for each in once if each.client is not Client.BANDERSNATCH} == {True, False}
    assert dice_of(both, 1).random() == dice_of(both, 1).random() != dice_of(both, 2).random()


def test_a_constant_rate_is_a_profile() -> None:
    made = constant(4, 2.5, {Client.UV: 1}, users=9)
    assert (made.users, made.seconds, len(list(arrivals(made)))) == (9, 2.5, 10)


# -- what is played -------------------------------------------------------------------------------------------------


def test_one_worker_has_all_of_a_lane_and_what_any_connection_may_carry_is_shared_out() -> None:
    planned = [
        Planned(number / 10, "" if number % 2 else f"lane-{number % 3}", "GET", "http://a.test/")
        for number in range(60)
    ]
    due = list(numbered(planned))
    assert [each.planned for each in due] == planned
    lanes = {each.planned.lane: each.number for each in due if each.planned.lane}
    assert all(each.number == lanes[each.planned.lane] for each in due if each.planned.lane)
    assert [each.number for each in due if not each.planned.lane] == list(range(1, 60, 2))


# -- purges ---------------------------------------------------------------------------------------------------------


def test_a_storm_takes_projects_by_turns() -> None:
    purge = Purge(Purged.PROJECTS, after=60, lasts=2, every=0.5, each=2, is_hard=False)
    assert list(moments(purge)) == [60, 60.5, 61, 61.5]
    names = ["a", "b", "c"]
    told = [command_of(purge, "http://pypi.test", names, number) for number in range(2)]
    assert told[0]["urls"] == [
        *("http://pypi.test/simple/a/", "http://pypi.test/pypi/a/json"),
        *("http://pypi.test/simple/b/", "http://pypi.test/pypi/b/json"),
    ]
    assert told[1]["urls"][0] == "http://pypi.test/simple/c/"  # type: ignore[index]
    assert told[1]["urls"][2] == "http://pypi.test/simple/a/"  # type: ignore[index]


def test_everything_is_one_command_at_its_moment() -> None:
    purge = Purge(Purged.EVERYTHING, after=5, lasts=0, every=1, each=1, is_hard=True)
    assert list(moments(purge)) == [5]
    assert command_of(purge, "http://pypi.test", ["a"], 0) == {"do": "purge", "all": True, "hard": True}


def test_a_storm_lasts_as_long_as_it_says() -> None:
    purge = Purge(Purged.PROJECTS, after=1, lasts=3, every=1, each=1, is_hard=False)
    assert list(takewhile(lambda at: at < 100, moments(purge))) == [1, 2, 3]
