"""Policies of eviction on small traces, the traces themselves, and what is shown of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.eviction import footprint
from loadtests.eviction.__main__ import main
from loadtests.eviction.chart import svg_of
from loadtests.eviction.policies import POLICIES, Belady, Fifo, Lru, WTinyLfu, next_uses
from loadtests.eviction.report import table_of
from loadtests.eviction.run import Outcome, outcomes, play
from loadtests.eviction.traces import (
    CRAWLER_SHARE,
    MIRROR_SHARE,
    SCANS,
    WARM_UP,
    Trace,
    broken_power_law,
    pypi,
    trace_of,
    traces,
    zipf,
)

SVG = "{http://www.w3.org/2000/svg}"


def hits_of(policy: Fifo | WTinyLfu | Belady, names: list[int]) -> list[bool]:
    return [policy.ask(name, 1) for name in names]


def test_the_least_recently_used_goes_first() -> None:
    lru, fifo = Lru(8), Fifo(8)
    names = [*range(8), 0, 8, 0]
    assert hits_of(lru, names)[-1]
    assert not hits_of(fifo, names)[-1]


def test_what_the_next_request_for_each_is() -> None:
    assert next_uses([7, 8, 7, 7, 9]) == [2, 5, 3, 5, 5]


def test_belady_keeps_what_comes_first() -> None:
    names = [*range(9), *range(8)]
    assert hits_of(Belady(8, names), names) == [False] * 9 + [True] * 8
    assert not any(hits_of(Lru(8), names))


@given(st.lists(st.integers(0, 30), max_size=300), st.integers(8, 20))
def test_none_has_more_hits_than_who_knows_what_comes(names: list[int], limit: int) -> None:
    hits = {name: sum(policy.ask(one, 1) for one in names) for name, policy in made(limit, names).items()}
    assert max(hits.values()) == hits["Belady"]


def made(limit: int, names: list[int]) -> dict[str, Fifo]:
    return {name: make(limit, names) for name, make in POLICIES.items()}  # type: ignore[misc]


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_larger_than_an_eighth_is_not_kept(name: str) -> None:
    policy = POLICIES[name](80, [1, 1, 2, 2])
    assert [policy.ask(1, 11), policy.ask(1, 11), policy.ask(2, 8), policy.ask(2, 8)] == [False, False, False, True]


@pytest.mark.parametrize("name", POLICIES)
def test_no_more_is_kept_than_the_limit(name: str) -> None:
    """Everything is asked for twice in a row, then once more: what of it is still there fits."""
    random = Random(1)
    sizes = [random.randint(1, 100) for _ in range(300)]
    names = [one for one in range(300) for _ in range(2)]
    policy = POLICIES[name](1_000, names + list(range(300)))
    for one in names:
        policy.ask(one, sizes[one])
    kept = probe(policy)
    assert 0 < sum(sizes[one] for one in kept) <= 1_000


def probe(policy: object) -> set[int]:
    """The names that a policy holds, out of all its tables."""
    kept: set[int] = set()
    for table in ("_there", "_window", "_probation", "_protected"):
        kept |= set(getattr(policy, table, ()))
    return kept


def test_w_tiny_lfu_does_not_take_what_is_asked_for_once_instead_of_what_is_asked_for_often() -> None:
    policy = WTinyLfu(1_000)
    names = [*range(900), *range(900), *range(10_000, 13_000)]
    for name in names:
        policy.ask(name, 1)
    assert sum(name in probe(policy) for name in range(900)) > 850


def test_the_power_law_breaks_where_it_was_seen_to() -> None:
    weights = list(broken_power_law(5_000))
    assert weights[0] / weights[99] == pytest.approx(100**0.66)
    assert weights[99] / weights[329] == pytest.approx(3.3**1.03)
    assert weights[329] / weights[4_999] == pytest.approx((5_000 / 330) ** 1.9)


def test_the_answers_of_pypi_are_as_large_as_they_were_in_2018() -> None:
    catalogue = pypi(10_000, Random(1))
    mean = sum(w * s for w, s in zip(catalogue.weights, catalogue.sizes, strict=True)) / sum(catalogue.weights)
    assert 150_000 < mean < 300_000
    assert max(catalogue.sizes) <= 100 << 20


def trace(scan: str, requests: int = 20_000) -> Trace:
    return trace_of("z", "z", zipf(1.0, 1_000), SCANS[scan][1], requests, Random(1))


def test_requests_follow_their_weights_and_are_the_same_each_time() -> None:
    one = trace("")
    asked = Counter(one.names)
    assert asked[0] / asked[9] == pytest.approx(10, rel=0.3)
    assert all(one.is_client)
    assert trace("") == one


def test_a_mirror_asks_for_everything_once_before_it_begins_again() -> None:
    one = trace("+mirror")
    asked = [name for name, is_client in zip(one.names, one.is_client, strict=True) if not is_client]
    assert len(asked) == pytest.approx(MIRROR_SHARE * 20_000, rel=0.1)
    assert sorted(asked[:1_000]) == list(range(1_000))
    assert asked[1_000:2_000] == asked[:1_000]


def test_a_crawler_comes_when_the_cache_is_warm_and_asks_for_what_nobody_else_does() -> None:
    one = trace("+crawler")
    asked = [name for name, is_client in zip(one.names, one.is_client, strict=True) if not is_client]
    assert all(one.is_client[: round(WARM_UP * 20_000)])
    assert len(asked) == pytest.approx((1 - WARM_UP) * CRAWLER_SHARE * 20_000, rel=0.1)
    assert asked == list(range(1_000, 1_000 + len(asked)))


def test_only_clients_are_counted_and_only_when_it_is_warm() -> None:
    made_up = Trace("t", "t", [1, 1, 1, 2, 2, 1], [1, 1, 1, 4, 4, 1], [True, True, True, False, True, True], 10)
    assert play(made_up, Lru(100)) == (1.0, 1.0)
    cold = Trace("t", "t", [1, 2, 2, 3], [1, 4, 4, 4], [True] * 4, 10)
    assert play(cold, Lru(100)) == (0.5, 0.5)


def test_under_scans_s3_fifo_keeps_what_lru_loses() -> None:
    """What the README states with its figures, on a smaller trace: enough to see that nothing turned round."""
    found = {
        (one.trace, one.policy): one.hits
        for one in outcomes(traces(3_000, 30_000, 1), [0.05], ["S3-FIFO", "LRU", "FIFO", "Belady"])
    }
    for name in {trace for trace, _ in found}:
        assert found[name, "FIFO"] < found[name, "LRU"] < found[name, "S3-FIFO"] < found[name, "Belady"]
        if "+crawler" in name:
            assert found[name, "S3-FIFO"] > found[name, "LRU"] + 0.1


SEEN = [
    Outcome("zipf-1.0", "Zipf", 0.01, "S3-FIFO", 0.5, 0.5),
    Outcome("zipf-1.0", "Zipf", 0.01, "LRU", 0.4, 0.4),
    Outcome("pypi", "PyPI", 0.01, "S3-FIFO", 0.7, 0.45),
]


def test_the_table_shows_octets_where_they_differ() -> None:
    assert table_of(SEEN).splitlines() == [
        "| trace | cache | S3-FIFO | LRU |",
        "|---|---|---|---|",
        "| `zipf-1.0` | 1% | 50.0 | 40.0 |",
        "| `pypi` | 1% | 70.0 (45.0) |  |",
    ]


def test_the_picture_has_a_dot_for_each_outcome_and_one_of_each_policy_to_explain_it() -> None:
    picture = ElementTree.fromstring(svg_of(SEEN, "Title & more", "about"))
    assert len(picture.findall(f"{SVG}circle")) == len(SEEN) + 2
    assert "Title & more" in [text.text for text in picture.findall(f"{SVG}text")]


def test_a_run_writes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--objects", "600", "--requests", "2000", "--policy", "S3-FIFO", "LRU", "--out", str(tmp_path)]
    assert main(asked) == 0
    document = json.loads((tmp_path / "eviction.json").read_text())
    assert len(document["outcomes"]) == 9 * 3 * 2
    assert (tmp_path / "eviction.svg").read_text().startswith("<svg")
    assert capsys.readouterr().out.count("\n") == 9 * 3 + 2


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--requests", number])
    assert "is no number from 1" in capsys.readouterr().err


def test_the_memory_of_the_tier_is_what_it_counts_about() -> None:
    one = footprint.measure(8 * footprint.MIB, "1 KiB", 6)
    assert one.counted <= one.limit
    assert 0.5 * one.limit < one.grown < 1.5 * one.limit
    assert "| 1 KiB | 6 |" in footprint.table_of([one])
