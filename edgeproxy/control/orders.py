"""What signals ask of a running edge, one thing after the other."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final


class Order(StrEnum):
    RELOAD = "reload"
    UPGRADE = "upgrade"
    REPORT = "report"


_ORDERS: Final = {
    signal.SIGHUP: Order.RELOAD,
    signal.SIGUSR2: Order.UPGRADE,
    signal.SIGUSR1: Order.REPORT,
}


class Orders:
    def __init__(self) -> None:
        self._waiting: set[Order] = set()
        self._ordered = asyncio.Event()

    def listen(self) -> None:
        """Take the signals from now on."""
        loop = asyncio.get_running_loop()
        for number, order in _ORDERS.items():
            loop.add_signal_handler(number, self._take, order)

    async def follow(self, follow: Callable[[Order], Awaitable[None]]) -> None:
        """For ever. What is asked for twice while another order is followed is done once."""
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            orders, self._waiting = self._waiting, set()
            for order in sorted(orders):
                await follow(order)

    def _take(self, order: Order) -> None:
        self._waiting.add(order)
        self._ordered.set()
