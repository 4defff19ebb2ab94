"""When a worker's successor is started, and who hangs."""

from __future__ import annotations

from edgeproxy.control.restarts import Attention, Restarts


def test_who_dies_young_is_replaced_at_once_and_then_ever_more_slowly() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_after(0.3) for _ in range(9)]
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_long_life_clears_the_record() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.pause_after(0.3)
    assert restarts.pause_after(3600.0) == 0.0
    assert restarts.pause_after(0.3) == 0.1


def test_a_silent_worker_hangs_once_it_is_silent_for_longer_than_the_limit() -> None:
    attention = Attention(10.0, now=100.0)
    for now in range(101, 111):
        attention.look(float(now))
        assert not attention.is_hung(heard=100.0)
    attention.look(110.5)
    assert attention.is_hung(heard=100.0)
    assert not attention.is_hung(heard=101.0)


def test_after_a_look_that_comes_late_everybody_gets_the_whole_limit_again() -> None:
    attention = Attention(10.0, now=100.0)
    attention.look(101.0)
    attention.look(500.0)  # the supervisor itself had been stopped
    assert not attention.is_hung(heard=101.0)
    for now in range(501, 511):
        attention.look(float(now))
        assert not attention.is_hung(heard=101.0)
    attention.look(511.0)
    assert attention.is_hung(heard=101.0)
