"""Medians, spreads, and ratios that pair the rounds."""

import pytest

from loadtests.bench.figures import (
    Failed,
    Measured,
    NoRatio,
    Ratio,
    Spread,
    Summary,
    Unmeasured,
    order_of,
    ratio_of,
    spread_of,
    summarise,
)
from loadtests.bench.load import Load


def measured(cpu: float, requests: int = 1000, errors: int = 0, fault: str | None = None) -> Measured:
    load = Load(requests, seconds=2.0, octets=10**9, p50=0.001, p99=0.004, errors=errors, refused=0)
    return Measured(cpu, load, fault)


def test_a_spread_is_the_median_with_both_ends() -> None:
    assert spread_of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_cpu_time_is_divided_by_the_requests_completed() -> None:
    assert measured(0.5, requests=10_000).cpu_per_request == pytest.approx(50e-6)


def test_busy_is_the_share_of_one_core() -> None:
    assert measured(1.5).busy == 0.75


def test_a_summary_holds_medians_over_the_rounds() -> None:
    summary = summarise("edge", [measured(0.1), measured(0.9), measured(0.2)])
    assert isinstance(summary, Summary)
    assert (summary.cpu, summary.rate, summary.fault) == (Spread(2e-4, 1e-4, 9e-4), 500.0, None)


def test_a_summary_counts_the_errors_of_all_rounds_and_keeps_the_first_fault() -> None:
    rounds = [measured(0.1), measured(0.1, errors=2, fault="2 failed"), measured(0.1, errors=3, fault="3 failed")]
    summary = summarise("edge", rounds)
    assert isinstance(summary, Summary)
    assert (summary.errors, summary.fault) == (5, "2 failed")


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
def test_one_fault_on_either_side_in_one_round_refuses_the_ratio(spoiled: Measured | Failed) -> None:
    good, bad = [measured(0.1), measured(0.1)], [measured(0.1), spoiled]
    assert ratio_of(("edge", bad), ("nginx", good)) == NoRatio("edge", "nginx", "edge had a fault")
    assert ratio_of(("edge", good), ("nginx", bad)) == NoRatio("edge", "nginx", "nginx had a fault")


def test_a_measurement_too_short_for_the_clock_gives_no_ratio() -> None:
    assert isinstance(ratio_of(("edge", [measured(0.1)]), ("nginx", [measured(0.0)])), NoRatio)


def test_the_order_rotates_so_that_each_is_first_once() -> None:
    names = ("a", "b", "c")
    assert [order_of(names, number) for number in range(4)] == [
        ("a", "b", "c"),
        ("b", "c", "a"),
        ("c", "a", "b"),
        ("a", "b", "c"),
    ]
