"""One line a second on standard error, while requests are sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from replay.report.words import milliseconds
from replay.sending.outcome import Outcome
from replay.sending.run import Run

More = Callable[[], str]


async def show(run: Run, outcome: Outcome, more: More) -> None:
    """Until it is cancelled. `more`: what else is to be told."""
    is_terminal = sys.stderr.isatty()
    before = (0, 0, 0)
    while True:
        await asyncio.sleep(1)
        now = (outcome.intended, outcome.sent, outcome.answered)
        line = _line(run, outcome, before, now) + more()
        sys.stderr.write(f"\r\x1b[2K{line[:200]}" if is_terminal else f"{line}\n")
        sys.stderr.flush()
        before = now


def end() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def _line(run: Run, outcome: Outcome, before: tuple[int, int, int], now: tuple[int, int, int]) -> str:
    due, sent, answered = (later - earlier for earlier, later in zip(before, now, strict=True))
    left = sum(outcome.not_sent.values())
    troubles = "".join(
        f", {number:,} {what}" for number, what in ((outcome.failed, "failed"), (left, "not sent")) if number
    )
    return (
        f"{run.elapsed:6.0f} s  {due:,}/s due, {sent:,}/s sent, {answered:,}/s answered; {run.in_hand:,} in hand"
        f"{troubles}; p99 {milliseconds(outcome.corrected.quantile(0.99))} ms"
    )
