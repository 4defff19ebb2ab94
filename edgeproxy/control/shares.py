"""The shares of cutovers that are in force, in every worker of this edge.

Laws of this module:
- a worker that starts while they change has the new ones before it accepts anybody: they are in what it is started
  with, or it is told like the others. So nobody waits for one: what it was told is in its channel before it listens;
- who is late is told of, and is `late` until it has them or has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final

from edgeproxy.control.child import Child
from edgeproxy.telemetry.stderr import tell

_WITHIN: Final = 1.0  # seconds; a worker whose loop is held up for longer is told of, and, in the end, replaced


class Shares:
    """Of new arms, in thousandths of a percent, by cutover; one that is not named is at rest, and one at 0 is started:
    its pins are in force.
    """

    def __init__(self, children: Callable[[], Collection[Child]]) -> None:
        """`children`: all workers that are there, those that drain included."""
        self._children = children
        self.number = 0  # of what is in force
        self.now: dict[str, int] = {}
        self.since: dict[str, int] = {}  # the number with which a cutover's share came, be it none; else it is 0
        self.late: Collection[asyncio.Future[None]] = ()  # of the last ones: until they are in force there
        self._moves: set[asyncio.Future[None]] = set()

    @property
    def is_everywhere(self) -> bool:
        """Whether they are in force, as far as any client can see."""
        return all(each.done() for each in self.late)

    async def put(self, shares: Mapping[str, int]) -> None:
        """They are in force everywhere when it returns; else it is told where not."""
        self.number += 1
        before, self.now = self.now, dict(shares)
        changed = [name for name in before.keys() | self.now.keys() if before.get(name) != self.now.get(name)]
        self.since |= dict.fromkeys(changed, self.number)
        waiting = {asyncio.ensure_future(each.move(self.number, self.now)): each for each in tuple(self._children())}
        for move in waiting:
            self._moves.add(move)
            move.add_done_callback(self._moves.discard)
        serving = [move for move, child in waiting.items() if child.is_ready]
        _, late = await asyncio.wait(serving, timeout=_WITHIN) if serving else (set(), set())
        for each in late:
            tell(f"worker {waiting[each].pid} has not put new shares of cutovers in force within {_WITHIN:g} s")
        self.late = late
