"""The 2018 edge load: what is asked for, when, and what is made of what was seen."""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
import yaml

from loadtests.edge2018.figures import Figures, figures_of, latencies_of, verdicts_of
from loadtests.edge2018.load import Phase, Settings
from loadtests.edge2018.maker import Observed
from loadtests.edge2018.origin import TAG_OCTETS, head_of, tag_of
from loadtests.edge2018.picture import svg_of
from loadtests.edge2018.population import FILES, PROJECTS, SHARES, Kind, Population, population, weight_of
from loadtests.edge2018.report import json_of, text_of
from loadtests.edge2018.run import CpuUse, Filled, Run
from loadtests.edge2018.schedule import Schedule, arrivals, kept_before
from loadtests.edge2018.stand import Edge, rules_of

MEAN = 220_000
SETTINGS = Settings(seed=1, mean=MEAN, rate=100, seconds=4, uptime=60, room=10**9, connections=8, per_connection=20)
EDGE = Edge(workers=1, memory=64 << 20, disk=1 << 30)


@pytest.fixture(scope="module")
def small() -> Population:
    return population(seed=1, mean=MEAN, projects=3_000)


def test_popularity_is_the_broken_power_law_that_was_measured() -> None:
    """May 2024: 2,058 projects had 94.9 % of installs, the next 4,492 had 3.5 % (facts/pypi.md §6)."""
    weights = [weight_of(rank) for rank in range(1, PROJECTS + 1)]
    assert sum(weights[:2_058]) / sum(weights) == pytest.approx(0.949, abs=0.01)
    assert sum(weights[2_058:6_550]) / sum(weights) == pytest.approx(0.035, abs=0.01)
    assert weight_of(10) / weight_of(100) == pytest.approx(10**0.66)
    assert weight_of(330) / weight_of(3_300) == pytest.approx(10**1.9)


def test_the_same_seed_gives_the_same_population() -> None:
    assert population(1, MEAN, projects=50) == population(1, MEAN, projects=50)
    assert population(1, MEAN, projects=50) != population(2, MEAN, projects=50)


def test_every_resource_has_a_path_of_its_own_that_leads_back_to_it(small: Population) -> None:
    each = range(0, len(small.sizes), 7)
    assert len({small.path_of(resource) for resource in each}) == len(each)
    assert all(small.resource_of(small.path_of(resource)) == resource for resource in each)
    assert small.resource_of("/simple/name-3000/") is None
    assert small.resource_of("/simple/name-07/") is None
    assert small.resource_of("/elsewhere") is None


def test_requests_are_of_the_right_kinds_and_the_mean_is_as_large_as_it_should_be(small: Population) -> None:
    drawn = list(small.draw(Random(5), 50_000))
    kinds = Counter(map(small.kind_of, drawn))
    for kind, share in SHARES.items():
        assert kinds[kind] / len(drawn) == pytest.approx(share, abs=0.01)
    assert sum(small.sizes[resource] for resource in drawn) / len(drawn) == pytest.approx(MEAN, rel=0.05)
    assert max(small.sizes) == 20_000_000


def test_shares_are_of_all_requests(small: Population) -> None:
    shares = list(small.shares())
    assert len(shares) == len(small.sizes) == small.projects * (2 + FILES)
    assert sum(shares) == pytest.approx(1)
    drawn = Counter(small.draw(Random(5), 100_000))
    assert drawn[0] / 100_000 == pytest.approx(shares[0], rel=0.05)


def test_a_mean_that_files_of_20_mb_cannot_make_is_refused() -> None:
    with pytest.raises(ValueError, match="none has more than 20,000,000"):
        population(1, 3_000_000, projects=50)


def test_arrivals_are_poisson(small: Population) -> None:
    schedule = arrivals(small, seed=1, rate=1_000, seconds=20)
    gaps = [later - earlier for earlier, later in zip(schedule.due, schedule.due[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    assert len(schedule.due) == len(schedule.resources) == pytest.approx(20_000, rel=0.03)
    assert min(gaps) >= 0
    assert math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) == pytest.approx(mean, rel=0.05)


def test_the_edge_has_what_is_asked_for_often_and_as_many_files_as_it_has_room_for(small: Population) -> None:
    kept = list(kept_before(small, seed=1, rate=2_623, uptime=600, octets=500_000_000))
    assert len(set(kept)) == len(kept)
    assert set(range(100)) <= set(kept)
    assert kept.index(0) > len(kept) * 0.9  # the page asked for most was asked for not long ago
    files = [resource for resource in kept if small.kind_of(resource) is Kind.FILE]
    assert 0 < sum(small.sizes[resource] for resource in files) <= 500_000_000


def test_before_the_load_all_is_asked_for_at_once_and_once(small: Population) -> None:
    filling = SETTINGS.schedule(Phase.FILL, small)
    assert set(filling.due) == {0.0}
    assert len(set(filling.resources)) == len(filling.resources) == len(filling.due)
    assert SETTINGS.way(Phase.FILL).per_connection > SETTINGS.way(Phase.LOAD).per_connection


def test_what_the_backend_says_of_an_answer(small: Population) -> None:
    page, file = head_of(small, 5), head_of(small, len(small.sizes) - 1)
    assert b"Surrogate-Key: project/name-5\r\n" in page
    assert b"immutable" in file
    assert f"Content-Length: {small.sizes[5]}\r\n".encode() in page
    assert len(tag_of(10**9)) == TAG_OCTETS


def test_the_rule_file_of_the_edge_is_yaml_with_three_cached_rules() -> None:
    rules = yaml.safe_load(rules_of(EDGE, 4711, 4712, Path("/somewhere")))
    assert rules["cache"] == {"memory": "64MiB", "directory": "/somewhere", "disk": "1024MiB"}
    assert [rule["name"] for rule in rules["rules"]] == ["simple", "json", "files"]
    assert all("cache" in rule for rule in rules["rules"])


# What was seen: four requests at seconds 0.5 (before the measured time), 1.0, 2.0 and 3.0. The one at 2.0 had no answer.
SCHEDULE = Schedule(array("d", (0.5, 1.0, 2.0, 3.0)), array("L", (0, 1, 2, 3)))
SEEN = Observed(
    began=100.0,
    sent=array("d", (0.5, 1.001, 2.0, 3.0)),
    ended=array("d", (0.6, 1.01, -1.0, 3.25)),
    said=array("i", (0, 0, -1, 1)),
    words=("hit", "fwd=miss"),
    faults=[(0, "no answer"), (2, "status 502")],
    connections=9,
)
RUN = Run(Filled(1_000, 12.0, 0), SEEN, (0.5, 0.9, 2.5, 3.1, 4.5), CpuUse(0.5, 0.25, 0.05, 1.0))


@pytest.fixture
def figures(small: Population) -> Figures:
    return figures_of(RUN, SCHEDULE, small, settle=1.0, seconds=4.0)


def test_only_the_measured_time_counts(figures: Figures, small: Population) -> None:
    assert (figures.meant, figures.answered, figures.reached, figures.seconds) == (3, 2, 2, 3.0)
    assert figures.octets == small.sizes[1] + small.sizes[3]
    assert figures.share == pytest.approx(1 / 3)
    assert figures.said == {"hit": 1, "fwd=miss": 1}


def test_a_latency_is_from_the_intended_time(figures: Figures) -> None:
    assert figures.latencies["hits"].p50 == pytest.approx(0.01)
    assert figures.latencies["the rest"].greatest == pytest.approx(0.25)
    assert figures.latencies["file"].requests == 0
    assert figures.late.greatest == pytest.approx(0.001)


def test_second_by_second_a_request_without_an_answer_took_for_ever(figures: Figures) -> None:
    assert [second.meant for second in figures.series] == [1, 1, 1]
    assert [second.reached for second in figures.series] == [0, 1, 1]
    assert figures.series[1].p99 == math.inf


def test_percentiles_are_latencies_that_were_seen() -> None:
    latencies = latencies_of(number / 1_000 for number in range(1_000, 0, -1))
    assert (latencies.p50, latencies.p99, latencies.p999, latencies.greatest) == (0.501, 0.991, 1.0, 1.0)
    assert math.isnan(latencies_of(()).p99)


def test_what_was_not_held_is_told(figures: Figures) -> None:
    assert len(list(verdicts_of(figures, rate=1.0))) == 3
    (told,) = verdicts_of(replace(figures, meant=9_000, answered=9_000, told=("oh", "no")), rate=3_000)
    assert told == "the edge told of trouble in 2 lines, first: oh"
    held = replace(figures, meant=9_000, answered=9_000, reached=80)
    assert list(verdicts_of(held, rate=3_000)) == []
    assert list(verdicts_of(replace(held, reached=91), rate=3_000)) == [
        "30.3 requests/s reached the backend, and 30 should at most"
    ]


def test_what_others_used_of_the_machine_is_what_is_left() -> None:
    assert RUN.cpu.others == pytest.approx(0.2)
    assert CpuUse(1.0, 0.5, 0.1, 1.59).others == 0.0


def test_the_text_the_json_and_the_picture_hold_the_run(figures: Figures) -> None:
    text = text_of(EDGE, SETTINGS, figures)
    assert "answered: 2 of 3, 1 requests/s; failed 1: status 502 1" in text
    assert "by the edge: 33.333% (aim 98.9%); Cache-Status: fwd=miss 1, hit 1" in text
    assert json_of([(EDGE, SETTINGS, figures)], {})["runs"][0]["at_backend"] == pytest.approx(2 / 3)
    json.dumps(json_of([(EDGE, SETTINGS, figures)], {}), allow_nan=False)
    picture = svg_of([(EDGE, figures)], "Load & more", "one machine")
    assert "nan" not in picture
    assert "inf" not in picture.replace("information", "")
    ElementTree.fromstring(picture)
