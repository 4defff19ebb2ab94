"""How long a failed fetch lets a copy stand in for the next ones."""

from __future__ import annotations

from edgeproxy.caching.failing import Failing

KEY = b"k"


def test_who_is_refused_at_once_costs_a_second_of_not_asking() -> None:
    failing: Failing[bytes] = Failing()
    failing.note(KEY, asked=100.0, now=100.0)
    assert failing.is_known(KEY, 100.9)
    assert not failing.may_ask(KEY, 100.9)
    assert not failing.is_known(KEY, 101.0)
    assert failing.may_ask(KEY, 101.0)


def test_after_a_timeout_somebody_asks_for_whom_nobody_waits() -> None:
    failing: Failing[bytes] = Failing()
    failing.note(KEY, asked=40.0, now=100.0)
    assert not failing.may_ask(KEY, 100.5)
    assert failing.may_ask(KEY, 101.0)
    assert failing.is_known(KEY, 220.9)
    assert not failing.is_known(KEY, 221.0)


def test_it_counts_as_long_as_another_worker_asks() -> None:
    failing: Failing[bytes] = Failing()
    failing.note(KEY, asked=40.0, now=100.0)
    failing.note_still_asked(KEY, 220.0)
    assert failing.is_known(KEY, 339.9)
    assert failing.may_ask(KEY, 220.0)
    failing.note_still_asked(b"other", 220.0)
    assert not failing.is_known(b"other", 220.0)


def test_the_first_answer_ends_it() -> None:
    failing: Failing[bytes] = Failing()
    failing.note(KEY, asked=40.0, now=100.0)
    failing.end(KEY)
    failing.end(KEY)
    assert not failing.is_known(KEY, 100.0)
    assert failing.may_ask(KEY, 100.0)


def test_a_clock_that_is_set_makes_no_failure_last_for_ever() -> None:
    failing: Failing[bytes] = Failing()
    failing.note(KEY, asked=0.0, now=1e9)
    assert not failing.is_known(KEY, 1e9 + 1_201)
    failing.note(KEY, asked=1e9, now=0.0)
    assert not failing.is_known(KEY, 1.0)
