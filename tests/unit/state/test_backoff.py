"""How long a lost store is waited for."""

from __future__ import annotations

import pytest

from edgeproxy.state.backoff import Backoff


def test_pauses_double_up_to_a_limit_and_begin_anew_when_it_worked() -> None:
    backoff = Backoff()
    limits = [backoff.pause(0.9999999) for _ in range(8)]
    assert limits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0], rel=1e-3)
    backoff.worked()
    assert backoff.pause(0.0) == pytest.approx(0.05)


@pytest.mark.parametrize("dice", [0.0, 0.25, 0.999])
def test_the_dice_spread_nodes_over_the_second_half_of_a_pause(dice: float) -> None:
    assert Backoff().pause(dice) == pytest.approx(0.05 + 0.05 * dice)
