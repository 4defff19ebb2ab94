"""How much work the automata may do for one question.

Laws of this module:
- work is counted, not timed: the same question ends the same way on any machine;
- whoever asks sets the bound (`bounded`); without one nothing is counted. What is spent within one bound counts
  towards the bounds around it, too;
- when a bound is used up, everything within it is refused with Unsupported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from edgeproxy.ruleset.automata.errors import Unsupported


class TooMuchWork(Unsupported):
    def __init__(self) -> None:
        super().__init__("it takes more work than the checker gives it")


_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


@contextmanager
def bounded(most: int) -> Iterator[list[int]]:
    """Within it automata may do so much work: about as many steps as characters of states that are looked at. What is
    left of it stands in the list.
    """
    outer = _left.get()
    mine = [most if outer is None else min(most, outer[0])]
    given = mine[0]
    token = _left.set(mine)
    try:
        yield mine
    finally:
        _left.reset(token)
        if outer is not None:
            outer[0] -= given - mine[0]


def spend(work: int) -> None:
    """Raises TooMuchWork."""
    left = _left.get()
    if left is not None:
        left[0] -= work
        if left[0] < 0:
            raise TooMuchWork
