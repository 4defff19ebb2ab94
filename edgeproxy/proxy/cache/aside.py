"""Work that would hold up the loop, done by a thread: one job after the other, so that a disk is read in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Aside:
    """For one loop. The thread is there from the first job on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self.is_closed = False  # a long job looks at it, and ends early

    def do(self, job: Callable[[], T], then: Callable[[T | OSError], None]) -> None:
        """`then` is called on the loop, with what the job gave, or the OSError that it raised."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            try:
                found: T | OSError = job()
            except OSError as error:
                found = error
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(then, found)

        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._asked.put(run)

    def close(self) -> None:
        """What is asked for already is done first, as far as it does not end early."""
        self.is_closed = True
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (run := self._asked.get()) is not None:
            run()
