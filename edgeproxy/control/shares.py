"""The shares of cutovers that are in force, in every worker of this edge.

Law: a worker that starts while they change has the new ones before it accepts anybody: they are in what it is started
with, or it is told like the others.
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
        self.is_everywhere = True  # in force

    async def put(self, shares: Mapping[str, int]) -> None:
        """They are in force everywhere when it returns; else it is told where not."""
        self.number += 1
        before, self.now = self.now, dict(shares)
        changed = [name for name in before.keys() | self.now.keys() if before.get(name) != self.now.get(name)]
        self.since |= dict.fromkeys(changed, self.number)
        waiting = {
            asyncio.ensure_future(child.move(self.number, self.now)): child.pid for child in tuple(self._children())
        }
        self.is_everywhere = True
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=_WITHIN)
        for each in late:
            each.cancel()
            tell(f"worker {waiting[each]} has not put new shares of cutovers in force within {_WITHIN:g} s")
        self.is_everywhere = not late
