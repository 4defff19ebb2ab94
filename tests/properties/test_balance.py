"""Whatever the weights and the load: shares come out, nobody starves, the last one stays, a slow start only grows."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.proxy.balance import Balance, EndpointState
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.origins import Ejection, Endpoint, HealthCheck

WEIGHTS = st.lists(st.integers(1, 20), min_size=1, max_size=6)
TIMES = st.floats(0, 1e6)
EJECTION = Ejection(failures=2, period=5.0, most=40.0)


def balance_of(weights: list[int]) -> Balance[EndpointState]:
    states = [EndpointState(Endpoint(InetAddress("127.0.0.1", 8000), weight)) for weight in weights]
    return Balance(states, EJECTION, 0.0)


@given(WEIGHTS, st.integers(1, 5))
def test_one_request_at_a_time_gives_each_its_weight(weights: list[int], rounds: int) -> None:
    balance = balance_of(weights)
    chosen = [balance.choose(0.0) for _ in range(rounds * sum(weights))]
    for one in balance.endpoints:
        assert abs(chosen.count(one) - rounds * one.weight) <= 1


@given(WEIGHTS, st.integers(0, 200))
def test_requests_that_do_not_end_lie_as_the_weights_say(weights: list[int], requests: int) -> None:
    balance = balance_of(weights)
    for _ in range(requests):
        one = balance.choose(0.0)
        assert one is not None
        one.outstanding += 1
    for one in balance.endpoints:
        assert abs(one.outstanding - requests * one.weight / sum(weights)) <= len(weights)


@given(WEIGHTS, st.integers(0, 1 << 32))
def test_an_endpoint_that_answers_never_starves(weights: list[int], seed: int) -> None:
    """The first answers at once. The others end their requests when they like: it gets its turns in any case."""
    balance = balance_of(weights)
    first, *others = balance.endpoints
    waited, dice = 0, Random(seed)
    for _ in range(3 * sum(weights)):
        one = balance.choose(0.0)
        assert one is not None
        waited = 0 if one is first else waited + 1
        assert waited <= sum(weights) * len(weights)
        if one is not first:
            one.outstanding += 1
        for other in others:
            if other.outstanding and dice.random() < 0.5:
                other.outstanding -= 1


@given(st.integers(1, 20), TIMES, st.floats(0.001, 1000), st.lists(st.floats(0, 2000), min_size=2))
def test_a_slow_start_only_grows_and_ends(weight: int, since: float, takes: float, ages: list[float]) -> None:
    one = EndpointState(Endpoint(InetAddress("127.0.0.1", 8000), weight))
    one.since = since
    grown = [one.weight_at(since + age, takes) for age in sorted(ages)]
    assert grown == sorted(grown)
    assert all(0.1 * weight * (1 - 1e-9) <= each <= weight for each in grown)
    assert one.weight_at(since + 2 * takes + 1, takes) == weight


EVENTS = st.lists(
    st.tuples(st.sampled_from(["fail", "succeed", "well", "unwell"]), st.integers(0, 5), st.floats(0, 30)), max_size=200
)


@given(WEIGHTS, EVENTS)
def test_ejection_alone_always_leaves_one_and_a_choice_is_never_down(
    weights: list[int], events: list[tuple[str, int, float]]
) -> None:
    check, now = HealthCheck("/"), 0.0
    balance = balance_of(weights)
    for what, number, later in events:
        one = balance.endpoints[number % len(weights)]
        now += later
        match what:
            case "fail":
                until = balance.on_failure(one, now)
                if until is not None:
                    assert 4.999 <= until - now <= 40.001
                    assert any(each.is_fit(now) for each in balance.endpoints)
            case "succeed":
                balance.on_success(one)
            case _:
                one.check(what == "well", check, now)
        chosen = balance.choose(now)
        fit = [each for each in balance.endpoints if each.is_fit(now)]
        up = [each for each in balance.endpoints if not each.is_down]
        assert chosen in (fit or up or [None])
