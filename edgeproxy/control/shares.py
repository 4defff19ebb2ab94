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
    """Of new arms, in thousandths of a percent, by cutover; one that is not named is at rest."""

    def __init__(self, children: Callable[[], Collection[Child]]) -> None:
        """`children`: all workers that are there, those that drain included."""
        self._children = children
        self._number = 0
        self.now: dict[str, int] = {}
        self.is_everywhere = True  # in force

    async def put(self, shares: Mapping[str, int]) -> None:
        """They are in force everywhere when it returns; else it is told where not."""
        self._number += 1
        self.now = {name: share for name, share in shares.items() if share}
        waiting = {
            asyncio.ensure_future(child.move(self._number, self.now)): child.pid for child in tuple(self._children())
        }
        self.is_everywhere = True
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=_WITHIN)
        for each in late:
            each.cancel()
            tell(f"worker {waiting[each]} has not put new shares of cutovers in force within {_WITHIN:g} s")
        self.is_everywhere = not late
