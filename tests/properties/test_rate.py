"""Over any arrivals a client gets no more than its rate, and all of it."""

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.proxy.rate import GRAIN, Allowed, Limited, RateTable, decide
from edgeproxy.ruleset.modifiers import Rate

RATES = st.builds(Rate, st.floats(1e-3, 100), st.integers(1, 20))
BEGINNINGS = st.floats(0, 1e6)  # a machine that has been up for days
GAPS = st.lists(st.one_of(st.just(0.0), st.floats(0, 1e-3), st.floats(0, 10), st.floats(0, 1000)), max_size=80)
ROUNDING = 1e-6


def times_of(beginning, gaps):
    now = beginning
    for gap in gaps:
        now += gap
        yield now


def run(rate, times, due=0.0):
    """The times at which a request was allowed, and the verdicts."""
    for now in times:
        verdict = decide(due, now, rate)
        if isinstance(verdict, Allowed):
            due = verdict.due
        yield now, verdict


@given(RATES, BEGINNINGS, GAPS)
def test_no_more_than_the_burst_and_the_rate_are_allowed(rate, beginning, gaps):
    allowed = [now for now, verdict in run(rate, times_of(beginning, gaps)) if isinstance(verdict, Allowed)]
    for first, start in enumerate(allowed):  # in any window, not only the whole
        for last in range(first, len(allowed)):
            elapsed = allowed[last] - start + GRAIN + ROUNDING
            assert last - first + 1 <= rate.burst + elapsed / rate.interval


@given(RATES, BEGINNINGS, st.integers(1, 200))
def test_a_client_that_keeps_to_the_rate_is_never_limited(rate, beginning, count):
    times = (beginning + number * rate.interval for number in range(count))
    assert all(isinstance(verdict, Allowed) for _, verdict in run(rate, times))


@given(RATES, BEGINNINGS, GAPS)
def test_who_waits_as_told_is_allowed(rate, beginning, gaps):
    due = 0.0
    for now in times_of(beginning, gaps):
        verdict = decide(due, now, rate)
        match verdict:
            case Allowed():
                due = verdict.due
            case Limited():
                assert 0 < verdict.retry_after <= rate.interval + 2 * GRAIN
                assert isinstance(decide(due, now + verdict.retry_after, rate), Allowed)


@given(RATES, BEGINNINGS, st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_was_remembered_the_wait_is_bounded(rate, beginning, due):
    verdict = decide(due, beginning, rate)
    if isinstance(verdict, Limited):
        assert verdict.retry_after <= rate.interval + 2 * GRAIN
    else:
        assert beginning <= verdict.due <= beginning + rate.interval * rate.burst + 2 * GRAIN


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 5)), max_size=200), RATES)
def test_a_table_with_room_is_one_limiter_for_each_client(arrivals, rate):
    table = RateTable.create(4096)
    dues, now = {}, 1000.0
    try:
        for client, gap in arrivals:
            now += gap
            verdict = decide(dues.get(client, 0.0), now, rate)
            if isinstance(verdict, Allowed):
                dues[client] = verdict.due
            wait = table.ask("rule", str(client), rate, now)
            assert wait == (verdict.retry_after if isinstance(verdict, Limited) else 0.0)
        assert table.forgotten == 0
    finally:
        table.close()


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 2)), max_size=200), RATES)
def test_a_table_that_is_too_small_forgets_and_never_limits_the_innocent(arrivals, rate):
    table = RateTable.create(1)
    dues, now = {}, 1000.0
    try:
        for client, gap in arrivals:
            now += gap
            verdict = decide(dues.get(client, 0.0), now, rate)
            wait = table.ask("rule", str(client), rate, now)
            if isinstance(verdict, Allowed):
                assert wait == 0.0
                dues[client] = verdict.due
            elif wait == 0.0:  # it was forgotten: begin anew with it
                dues[client] = now + rate.interval
    finally:
        table.close()
