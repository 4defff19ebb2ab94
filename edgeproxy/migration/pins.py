"""Pins: clients that are on one arm of a cutover whatever its share.

Laws of this module:
- of several pins that a client fits the first decides, and the share decides nothing for it: at 0 % and at 100 % it is
  where it is pinned to;
- nobody is on a new arm by a pin while its cutover is not started, or any more when it was rolled back: then a pin to
  the new arm is one to the old one. So a rollback takes everybody back;
- who is pinned is no random sample of anything: gates do not count it.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeproxy.ruleset.arms import Pin, Side
from edgeproxy.ruleset.conditions import holds
from edgeproxy.ruleset.matching import Facts


def pin_of(pins: Sequence[Pin], facts: Facts) -> Pin | None:
    """The first that a client fits."""
    return next((pin for pin in pins if all(holds(condition, facts) for condition in pin.conditions)), None)


def side_by(pin: Pin, *, is_started: bool) -> Side:
    """The arm of its clients. `is_started`: the cutover, and it is not rolled back."""
    return pin.side if is_started else Side.OLD
