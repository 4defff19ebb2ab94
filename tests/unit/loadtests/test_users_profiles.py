"""Profiles as files: those that come along, and what is said of one that is wrong."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from loadtests.users.arrivals import arrivals
from loadtests.users.kinds import Client
from loadtests.users.options import (
    WrongUsage,
    add_options,
    chosen_of,
    control_of,
    loops_of,
    pace_of,
    profile_of,
    seconds_of,
)
from loadtests.users.profiles import Purged, Spacing, Stage
from loadtests.users.reading import PROFILES, BadProfile, find_profile, parse_profile, read_profile, summary_of
from replay.schedule.pacing import AsRecorded, Fixed

GOOD = """\
profile: 1
about: some load
source: somewhere
users: 30
patience: 5s
arrivals: poisson
factor: 0.5
seed: 9
projects: [six, zope-interface]
streams:
  - name: everybody
    clients: {pip: 60, uv: 40}
    warm: 25
    stages: [{for: 1m, from: 0, to: 12.5}, {for: 30s, rate: 12.5}]
  - {name: late, after: 10s, clients: {browser: 1}, stages: [{for: 1s, rate: 1}]}
purges:
  - {what: everything, after: 1m, hard: true}
"""


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_those_that_come_along_are_whole_and_say_where_they_come_from(path: Path) -> None:
    profile = read_profile(path)
    assert "facts/" in profile.source
    assert profile.about
    assert len(list(arrivals(profile))) > 1_000
    assert find_profile(path.stem) == path
    assert f"{profile.seconds:g} s" in summary_of(profile)


def test_the_launch_asks_the_old_host_and_rises_over_minutes() -> None:
    profile = read_profile(find_profile("2018-04-16-launch"))
    old = profile.streams[0]
    assert set(old.clients) == {Client.OLD_PIP}
    assert old.stages[0].seconds >= 120
    assert old.stages[0].begins < old.stages[0].ends == old.stages[1].begins


def test_the_noisy_mirror_is_one_of_its_own_beside_others_and_the_storm_purges() -> None:
    mirror = read_profile(find_profile("one-noisy-mirror")).streams[1]
    assert set(mirror.clients) == {Client.BANDERSNATCH}
    assert mirror.warm == 0
    assert [each.what for each in read_profile(find_profile("purge-storm")).purges] == [
        Purged.PROJECTS,
        Purged.EVERYTHING,
    ]


def test_what_a_file_says_is_what_is_read() -> None:
    profile = parse_profile(GOOD, "here/some.yaml")
    assert (profile.name, profile.users, profile.patience, profile.factor) == ("some", 30, 5.0, 0.5)
    assert profile.spacing is Spacing.POISSON
    assert profile.projects == ("six", "zope-interface")
    first, second = profile.streams
    assert first.clients == {Client.PIP: 60, Client.UV: 40}
    assert first.stages == (Stage(60, 0, 12.5), Stage(30, 12.5, 12.5))
    assert (first.warm, second.after, profile.seconds) == (0.25, 10, 90)
    assert profile.purges[0].is_hard


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("users: 30", "user: 30", "4:1", "did you mean 'users'?"),
        ("users: 30", "users: many", "4:8", "'many' is not a number"),
        ("profile: 1", "profile: 2", "1:10", "write `profile: 1`"),
        ("source: somewhere\n", "", "1:1", "needs the key 'source'"),
        ("pip: 60", "pipp: 60", "12:15", "did you mean 'pip'?"),
        ("pip: 60", "pip: 0", "12:20", "nothing would come of it"),
        ("to: 12.5}", "rate: 3}", "14:15", "a stage without one rate"),
        ("for: 1m, ", "for: 60, ", "14:20", "write 60s if seconds are meant"),
        ("warm: 25", "warm: 250", "13:11", "is not a percentage"),
        ("[six, zope-interface]", "[six, Zope.Interface]", "9:17", "in lower case, with hyphens"),
        ("what: everything", "what: all", "17:12", "there is projects, everything"),
        ("hard: true", "each: 99", "17:41", "at most 100 URLs"),
        ("arrivals: poisson", "arrivals: random", "6:11", "there is even, poisson"),
        ("streams:", "streams: [", "11:3", "yaml-syntax"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_write(old: str, new: str, place: str, said: str) -> None:
    with pytest.raises(BadProfile) as caught:
        parse_profile(GOOD.replace(old, new, 1), "some.yaml")
    assert f"some.yaml:{place}:" in str(caught.value), str(caught.value)
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadProfile) as caught:
        parse_profile(GOOD.replace("users: 30", "users: 0").replace("uv: 40", "uv: x").replace("1s", "1"), "some.yaml")
    assert str(caught.value).count("remedy:") == 3


def test_a_profile_that_is_not_there_is_said() -> None:
    with pytest.raises(BadProfile, match="did you mean 'purge-storm'"):
        find_profile("purge-strom")
    with pytest.raises(BadProfile, match="No such file"):
        read_profile(find_profile("nowhere.yaml"))


# -- options ----------------------------------------------------------------------------------------------------------


class _Parser(ArgumentParser):
    """As far as Locust's differs."""

    def add_argument(self, *names: object, include_in_web_ui: bool = True, **options: object) -> object:  # type: ignore[override]
        return super().add_argument(*names, **options)  # type: ignore[arg-type]


def told(*arguments: str) -> Namespace:
    parser = _Parser()
    add_options(parser)
    return parser.parse_args(arguments)


def test_one_thing_is_chosen() -> None:
    assert [chosen_of(told(*each)) for each in ((), ("--arrivals", "3"), ("--capture", "a", "--capture", "b"))] == [
        *(None, "arrivals", "capture"),
    ]
    with pytest.raises(WrongUsage, match="--load beside --capture"):
        chosen_of(told("--load", "x", "--capture", "y"))
    assert chosen_of(told("--model", "m.yaml", "--names", "n.json")) == "model"
    with pytest.raises(WrongUsage, match="--model without --names"):
        chosen_of(told("--model", "m.yaml"))


def test_a_rate_a_factor_and_users_of_the_command_line_count() -> None:
    profile = profile_of(told("--arrivals", "5", "--for", "10s"), {Client.UV: 1.0}, 7)
    assert (profile.users, len(list(arrivals(profile)))) == (7, 50)
    launch = profile_of(told("--load", "2018-04-16-launch", "--factor", "2"), {}, None)
    assert launch.factor == 2
    with pytest.raises(WrongUsage, match="--arrivals none: it is a number above 0"):
        profile_of(told("--arrivals", "none"), {}, None)
    with pytest.raises(WrongUsage, match="no profile"):
        profile_of(told("--load", "none"), {}, None)


def test_what_is_played_has_a_pace_and_an_end() -> None:
    assert pace_of(told("--capture", "a")) == AsRecorded(1.0)
    assert pace_of(told("--capture", "a", "--rate", "40")) == Fixed(40.0)
    with pytest.raises(WrongUsage, match="--rate beside --speed"):
        pace_of(told("--rate", "4", "--speed", "2"))
    with pytest.raises(WrongUsage, match="would never end"):
        loops_of(told("--loops", "0"))
    assert (loops_of(told("--loops", "0", "--for", "1m")), seconds_of(told("--for", "1m"))) == (0, 60.0)
    with pytest.raises(WrongUsage, match="--for: '5' is not a duration"):
        seconds_of(told("--for", "5"))


def test_who_purges_says_which_edge() -> None:
    assert control_of(told("--control", "here"), {}) == Path("here")
    assert control_of(told(), {"EDGEPROXY_CONTROL": "there"}) == Path("there")
    with pytest.raises(WrongUsage, match="say --control PATH"):
        control_of(told(), {})
