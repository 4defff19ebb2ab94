"""Time that a capture may take for what is made to cost much."""

from __future__ import annotations

from edgeproxy.proxy.capture.purse import MOST, PART, USUAL, Purse


def test_what_is_usual_costs_nothing() -> None:
    purse = Purse(0)
    for _ in range(1_000_000 // 1_000):
        purse.pay(USUAL)
    assert purse.has_some(1)


def test_who_has_spent_too_much_waits_until_it_was_one_part_of_the_time() -> None:
    purse = Purse(0)
    purse.pay(USUAL + MOST + 1_000_000)
    assert not purse.has_some(0)
    assert not purse.has_some(1_000_000 * PART)
    assert purse.has_some(1_000_000 * PART + PART)
    assert purse.has_some(10**12), "and no more is saved up than"
    purse.pay(USUAL + MOST)
    assert not purse.has_some(10**12)
