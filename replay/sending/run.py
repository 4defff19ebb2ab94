"""The run: what is due goes to each target, in open loop, by one clock.

Laws of this module:
- a request is never sent before it is due, and nothing that a target does moves when it is due;
- of many that are due at once a few are sent at a time, so that answers are read between them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Any, Final

from replay.planned import Planned
from replay.sending.asking import Budget, Listener
from replay.sending.outcome import Outcome
from replay.sending.sender import WRITES, Sender
from replay.sending.target import Settings, Target

__all__ = ["Run", "Settings", "Target", "send"]

_AT_ONCE: Final = 64
_SWEEP: Final = 0.1  # seconds
_LEAD: Final = 0.05  # seconds until the first may be due


async def send(
    planned: Iterable[Planned],
    target: Target,
    settings: Settings | None = None,
    *,
    listener: Listener | None = None,
    writes_header: str = WRITES,
) -> Outcome:
    """Send all of these to one target. Ends when the last answer is there, at the first write that an answer tells of,
    or when it is cancelled (then nothing comes back: who wants what there is uses Run). Raises Unsendable.
    """
    run = Run(planned, settings or Settings())
    sender = run.add(target, listener=listener, writes_header=writes_header)
    await run.go()
    return sender.outcome


class Run:
    """Add targets, then `go`. `stop` ends it early, with what there is."""

    def __init__(
        self, planned: Iterable[Planned], settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._planned: Iterator[Planned] = iter(planned)
        self._settings = settings
        self._clock = clock
        self._senders: list[Sender] = []
        self._only: list[Callable[[Planned], bool] | None] = []
        self._start = 0.0
        self._playing: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._fault: BaseException | None = None  # of this program, while it read what a connection said
        self._at_once = 0  # sent since answers were read
        self.writes = ""  # what told that something was written

    @property
    def outcomes(self) -> Sequence[Outcome]:
        return [each.outcome for each in self._senders]

    @property
    def elapsed(self) -> float:
        """Seconds since its start."""
        return max(0.0, self._clock() - self._start) if self._start else 0.0

    @property
    def in_hand(self) -> int:
        """Requests that wait, or are on their way."""
        return sum(each.in_hand for each in self._senders)

    def add(
        self,
        target: Target,
        *,
        listener: Listener | None = None,
        budget: Budget | None = None,
        writes_header: str = WRITES,
        only: Callable[[Planned], bool] | None = None,
    ) -> Sender:
        """`only`: which of the planned requests it is sent; all, unless it is given."""
        sender = Sender(
            target,
            self._settings,
            Outcome(time.time()),
            self._clock,
            listener=listener,
            budget=budget,
            writes_header=writes_header,
            on_write=self.fail,
        )
        self._senders.append(sender)
        self._only.append(only)
        return sender

    def fail(self, writes: str) -> None:
        """Something was written: end it at once."""
        self.writes = self.writes or writes
        self.stop()

    def stop(self) -> None:
        """Send nothing more; what is on its way is waited for, within its timeout."""
        self._is_stopped = True
        if self._playing is not None:
            self._playing.cancel()
        for sender in self._senders:
            sender.stop()

    async def go(self) -> None:
        used, loop = time.process_time(), asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(self._on_fault)
        self._start = self._clock() + _LEAD
        for sender in self._senders:
            sender.begin(self._start)
        self._playing = loop.create_task(self._play())
        try:
            while self.in_hand or not self._playing.done() or self._fault is not None:
                await asyncio.wait((self._playing,), timeout=_SWEEP)
                if self._playing.done():
                    if not self._playing.cancelled():
                        self._playing.result()
                    await asyncio.sleep(_SWEEP if self.in_hand else 0)
                for sender in self._senders:
                    sender.sweep()
                if self._fault is not None:
                    raise self._fault
        finally:
            loop.set_exception_handler(before)
            self._playing.cancel()
            for sender in self._senders:
                await sender.close()
                sender.outcome.writes = self.writes
                sender.outcome.busy = (time.process_time() - used) / max(self.elapsed, _SWEEP)

    def _on_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a connection's callback raised would else be told, and its request be in hand for ever."""
        fault = context.get("exception")
        if fault is None or isinstance(fault, OSError):
            loop.default_exception_handler(context)
        else:
            self._fault = self._fault or fault

    async def _play(self) -> None:
        for planned in self._planned:
            due = self._start + planned.at
            left = due - self._clock()
            while left > 0:
                # The loop's timers are of whole milliseconds: never early, and late by one at most.
                await asyncio.sleep(ceil(left * 1_000) / 1_000)
                left = due - self._clock()
                self._at_once = 0
            if self._is_stopped:
                return
            for sender, only in zip(self._senders, self._only, strict=True):
                if only is None or only(planned):
                    sender.take(planned, due)
            self._at_once += 1
            if self._at_once >= _AT_ONCE:
                self._at_once = 0
                await asyncio.sleep(0)
