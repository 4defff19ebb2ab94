"""Medians, spreads, and ratios that pair the rounds."""

import pytest

from loadtests.bench.figures import (
    Failed,
    Held,
    IdleFigures,
    LoadFigures,
    NoRatio,
    Ratio,
    Spread,
    Summary,
    Unmeasured,
    Worked,
    order_of,
    ratio_of,
    spread_of,
    summarise,
)
from loadtests.bench.idle import Growth
from loadtests.bench.load import Load


def measured(cpu: float, requests: int = 1000, errors: int = 0, fault: str | None = None) -> Worked:
    load = Load(requests, seconds=2.0, octets=10**9, p50=0.001, p99=0.004, errors=errors, refused=0)
    return Worked(cpu, load, fault)


def held(grown: int, resident: int = 2**20, fault: str | None = None) -> Held:
    return Held(Growth(connections=100, grown=grown, resident=resident, fault=fault))


def test_a_spread_is_the_median_with_both_ends() -> None:
    assert spread_of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_cpu_time_is_divided_by_the_requests_completed() -> None:
    assert measured(0.5, requests=10_000).cost == pytest.approx(50e-6)


def test_busy_is_the_share_of_one_core() -> None:
    assert measured(1.5).busy == 0.75


def test_a_summary_holds_medians_over_the_rounds() -> None:
    summary = summarise("edge", [measured(0.1), measured(0.9), measured(0.2)])
    assert isinstance(summary, Summary)
    assert (summary.cost, summary.fault) == (Spread(2e-4, 1e-4, 9e-4), None)
    assert summary.figures == LoadFigures(rate=500.0, p50=0.001, p99=0.004, busy=0.1, errors=0)


def test_memory_is_divided_by_the_connections_that_were_opened_meanwhile() -> None:
    summary = summarise("edge", [held(409_600, 30), held(204_800, 10), held(307_200, 20)])
    assert summary == Summary("edge", Spread(3072.0, 2048.0, 4096.0), IdleFigures(100, 20), None)


def test_memory_gives_ratios_as_cpu_time_does() -> None:
    ratio = ratio_of(("edge", [held(2000), held(3000)]), ("nginx", [held(1000), held(1000)]))
    assert ratio == Ratio("edge", "nginx", Spread(2.5, 2.0, 3.0))


def test_connections_that_were_closed_refuse_the_ratio() -> None:
    ratio = ratio_of(("edge", [held(2000)]), ("nginx", [held(1000, fault="3 of 100 connections were closed")]))
    assert ratio == NoRatio("edge", "nginx", "nginx had a fault")


def test_a_summary_counts_the_errors_of_all_rounds_and_keeps_the_first_fault() -> None:
    rounds = [measured(0.1), measured(0.1, errors=2, fault="2 failed"), measured(0.1, errors=3, fault="3 failed")]
    summary = summarise("edge", rounds)
    assert isinstance(summary, Summary)
    assert isinstance(summary.figures, LoadFigures)
    assert (summary.figures.errors, summary.fault) == (5, "2 failed")


def test_a_failed_round_is_a_fault_of_the_rest() -> None:
    summary = summarise("edge", [measured(0.1), Failed("did not start")])
    assert isinstance(summary, Summary)
    assert summary.fault == "did not start"


def test_a_proxy_that_never_ran_has_no_figures() -> None:
    assert summarise("edge", [Failed("did not start")]) == Unmeasured("edge", "did not start")


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    edge, other = [measured(0.2), measured(0.6), measured(1.0)], [measured(0.1), measured(0.4), measured(0.4)]
    ratio = ratio_of(("edge", edge), ("nginx", other))
    assert isinstance(ratio, Ratio)
    assert ratio.value == Spread(pytest.approx(2.0), pytest.approx(1.5), pytest.approx(2.5))


@pytest.mark.parametrize("spoiled", [measured(0.1, errors=1, fault="1 failed"), Failed("did not start")])
def test_one_fault_on_either_side_in_one_round_refuses_the_ratio(spoiled: Worked | Failed) -> None:
    good, bad = [measured(0.1), measured(0.1)], [measured(0.1), spoiled]
    assert ratio_of(("edge", bad), ("nginx", good)) == NoRatio("edge", "nginx", "edge had a fault")
    assert ratio_of(("edge", good), ("nginx", bad)) == NoRatio("edge", "nginx", "nginx had a fault")


@pytest.mark.parametrize(("cost", "nothing"), [(measured(0.1), measured(0.0)), (held(4096), held(0))])
def test_what_was_too_little_to_be_counted_gives_no_ratio(cost: Worked | Held, nothing: Worked | Held) -> None:
    ratio = ratio_of(("edge", [cost]), ("nginx", [nothing]))
    assert ratio == NoRatio("edge", "nginx", "nginx cost too little to be counted")


def test_the_order_rotates_so_that_each_is_first_once() -> None:
    names = ("a", "b", "c")
    assert [order_of(names, number) for number in range(4)] == [
        ("a", "b", "c"),
        ("b", "c", "a"),
        ("c", "a", "b"),
        ("a", "b", "c"),
    ]
