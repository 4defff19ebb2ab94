"""What is remembered of keys and backends for a while, and forgotten by itself."""

from __future__ import annotations

from edgeproxy.caching.keys import Key
from edgeproxy.caching.lately import Lately

KEY, OTHER = (Key(b"p", b"a", primary) for primary in (b"one", b"other"))


def test_an_answer_for_one_lets_nobody_wait_until_one_is_kept_or_ten_seconds_are_over() -> None:
    lately = Lately()
    lately.note_hit_for_miss(KEY, 100.0)
    assert [lately.is_hit_for_miss(key, 109.9) for key in (KEY, OTHER)] == [True, False]
    assert not lately.is_hit_for_miss(KEY, 110.0)
    lately.note_hit_for_miss(KEY, 110.0)
    lately.note_kept(KEY)
    assert not lately.is_hit_for_miss(KEY, 110.0)


def test_what_another_worker_does_not_share_is_not_waited_for_for_a_minute() -> None:
    lately = Lately()
    lately.note_unshared(KEY, 100.0)
    assert [lately.is_unshared(KEY, now) for now in (159.9, 160.0)] == [True, False]


def test_of_errors_in_a_row_one_is_the_first_until_something_else_is_answered() -> None:
    lately = Lately()
    assert lately.note_error(KEY, 100.0, 100.0)
    assert lately.note_error(OTHER, 100.0, 100.0)
    assert not lately.note_error(KEY, 100.5, 100.5)
    lately.note_answered(KEY, "origin")
    assert lately.note_error(KEY, 100.6, 100.6)
    assert lately.note_error(KEY, 102.0, 102.0)  # a second later it is news again


def test_a_backend_that_hangs_lets_copies_of_all_its_keys_stand_in_and_one_that_refuses_those_of_one() -> None:
    lately = Lately()
    lately.note_failing(KEY, "quick", 100.0, 100.1)
    assert [lately.is_failing(key, "quick", 100.5) for key in (KEY, OTHER)] == [True, False]
    lately.note_failing(KEY, "slow", 100.0, 104.0)
    assert lately.is_failing(OTHER, "slow", 104.5)
    assert not lately.may_renew(KEY, 104.5)
    lately.note_answered(OTHER, "slow")
    assert not lately.is_failing(OTHER, "slow", 104.5)


def test_it_does_not_grow_without_bounds() -> None:
    lately = Lately()
    for number in range(20_000):
        lately.note_hit_for_miss(Key(b"", b"", b"%d" % number), 100.0)
    assert sum(lately.is_hit_for_miss(Key(b"", b"", b"%d" % number), 100.0) for number in range(20_000)) <= 8_192
