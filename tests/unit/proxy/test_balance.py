"""Which endpoint is asked next, when one is left out, and when it comes back: decisions, with the time given."""

from __future__ import annotations

from collections import Counter

from edgeproxy.proxy.balance import Balance, EndpointState
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.origins import Ejection, Endpoint, HealthCheck

EJECTION = Ejection(failures=3, period=10.0, most=60.0)
CHECK = HealthCheck("/", healthy=2, unhealthy=3)


def endpoints(*weights: int) -> list[EndpointState]:
    return [EndpointState(Endpoint(InetAddress("127.0.0.1", 8000 + n), weight)) for n, weight in enumerate(weights)]


def balance_of(*weights: int, slow_start: float = 0.0) -> Balance[EndpointState]:
    return Balance(endpoints(*weights), EJECTION, slow_start)


def shares(balance: Balance[EndpointState], requests: int, now: float = 0.0) -> list[int]:
    """How many of the requests each endpoint gets when each is over before the next."""
    chosen = Counter(balance.choose(now) for _ in range(requests))
    return [chosen[one] for one in balance.endpoints]


def fail(balance: Balance[EndpointState], one: EndpointState, now: float, times: int = 3) -> float | None:
    return [balance.on_failure(one, now) for _ in range(times)][-1]


def test_a_quiet_backend_is_asked_by_weight_one_after_the_other() -> None:
    assert shares(balance_of(1, 2, 1), 400) == [100, 200, 100]
    assert shares(balance_of(1, 1, 1), 300) == [100, 100, 100]


def test_the_heavy_one_is_not_asked_in_a_row() -> None:
    balance = balance_of(1, 3)
    order = [balance.endpoints.index(balance.choose(0.0) or balance.endpoints[0]) for _ in range(8)]
    assert sorted(order) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert "0, 0" not in str(order)


def test_the_fewest_outstanding_for_its_weight_is_asked() -> None:
    balance = balance_of(1, 2, 1)
    one, two, three = balance.endpoints
    one.outstanding, two.outstanding, three.outstanding = 2, 3, 2
    assert balance.choose(0.0) is two
    two.outstanding = 5
    one.outstanding = 3
    assert balance.choose(0.0) is three


def test_requests_that_all_last_as_long_are_shared_by_weight() -> None:
    balance = balance_of(1, 2, 1)
    for _ in range(100):
        one = balance.choose(0.0)
        assert one is not None
        one.outstanding += 1
    assert [one.outstanding for one in balance.endpoints] == [25, 50, 25]


def test_a_retry_goes_elsewhere_when_there_is_an_elsewhere() -> None:
    balance = balance_of(1, 1)
    one, two = balance.endpoints
    assert {balance.choose(0.0, avoid=one) for _ in range(4)} == {two}
    two.is_down = True
    assert balance.choose(0.0, avoid=one) is one


def test_who_was_away_does_not_catch_up_on_its_turns() -> None:
    balance = balance_of(1, 1)
    balance.endpoints[0].is_down = True
    shares(balance, 1000)
    balance.endpoints[0].is_down = False
    assert abs(shares(balance, 100)[0] - 50) <= 1


def test_failures_in_a_row_eject_and_time_brings_back() -> None:
    balance = balance_of(1, 1)
    one = balance.endpoints[0]
    assert fail(balance, one, 0.0, 2) is None
    balance.on_success(one)
    assert fail(balance, one, 0.0, 2) is None
    assert fail(balance, one, 5.0, 1) == 15.0
    assert shares(balance, 10, now=14.9) == [0, 10]
    assert abs(shares(balance, 100, now=15.0)[0] - 50) <= 1


def test_failures_of_requests_from_before_do_not_lengthen_an_ejection() -> None:
    balance = balance_of(1, 1)
    fail(balance, balance.endpoints[0], 0.0, 3)
    assert fail(balance, balance.endpoints[0], 9.0, 30) is None
    assert balance.endpoints[0].ejected_until == 10.0


def test_the_last_one_is_never_ejected() -> None:
    balance = balance_of(1, 1)
    one, two = balance.endpoints
    assert fail(balance, one, 0.0) == 10.0
    assert fail(balance, two, 0.0, 100) is None
    lone = balance_of(1)
    assert fail(lone, lone.endpoints[0], 0.0, 100) is None
    assert balance.choose(0.0) is two


def test_when_the_last_one_is_down_the_ejected_one_is_asked() -> None:
    balance = balance_of(1, 1)
    one, two = balance.endpoints
    fail(balance, one, 0.0)
    two.is_down = True
    assert balance.choose(1.0) is one


def test_each_ejection_is_twice_as_long_up_to_the_most() -> None:
    balance, now = balance_of(1, 1), 0.0
    one, lengths = balance.endpoints[0], []
    for _ in range(5):
        until = fail(balance, one, now)
        assert until is not None
        lengths.append(until - now)
        now = until
    assert lengths == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_good_time_makes_the_next_ejection_shorter() -> None:
    balance = balance_of(1, 1)
    one = balance.endpoints[0]
    assert fail(balance, one, 0.0) == 10.0
    assert fail(balance, one, 10.0) == 30.0
    assert fail(balance, one, 45.0) == 45.0 + 20.0  # a period and a half was good: one doubling less
    assert fail(balance, one, 1_000.0) == 1_010.0


def test_checks_in_a_row_take_out_and_bring_back() -> None:
    (one,) = endpoints(1)
    verdicts = [one.check(is_well, CHECK, 0.0) for is_well in (False, False, True, False, False, False)]
    assert verdicts == [False, False, False, False, False, True]
    assert one.is_down
    assert [one.check(is_well, CHECK, 7.0) for is_well in (True, False, True, True)] == [False, False, False, True]
    assert (one.is_down, one.since) == (False, 7.0)


def test_when_all_are_down_nobody_is_asked() -> None:
    balance = balance_of(1, 1)
    for one in balance.endpoints:
        one.is_down = True
    assert balance.choose(0.0) is None


def test_an_endpoint_that_came_back_grows_from_a_tenth_to_its_whole_share() -> None:
    balance = balance_of(1, 1, slow_start=10.0)
    one = balance.endpoints[0]
    one.since = 100.0
    assert [round(one.weight_at(now, 10.0), 3) for now in (99.0, 100.0, 105.0, 110.0, 200.0)] == [0.1, 0.1, 0.55, 1, 1]
    assert shares(balance, 110, now=100.0) == [10, 100]
    assert shares(balance, 100, now=110.0) == [50, 50]


def test_an_ejected_endpoint_starts_slowly_when_its_time_is_over() -> None:
    balance = balance_of(1, 1, slow_start=10.0)
    assert fail(balance, balance.endpoints[0], 0.0) == 10.0
    assert balance.endpoints[0].weight_at(15.0, 10.0) == 0.55
