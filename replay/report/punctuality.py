"""Whether requests were sent when they were to be: what a run was late by itself, whatever its targets did.

Law: lateness of the sender is in corrected latency, and nothing in a target's answers tells of it. So it is told, also
where the sender used little of a core: on a machine that others use it may get no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from replay.report.words import milliseconds, per_second
from replay.sending.outcome import Outcome

LATE: Final = 0.010  # seconds: p99 of what was free to go
LEAST: Final = 0.95  # of the intended rate
_REMEDY: Final = "quiet the machine, ask for less a second, or send from several"


def lateness(outcome: Outcome, most: float | None = None) -> Iterator[str]:
    """In words. `most`: seconds of p99 that are no trouble (LATE)."""
    allowed = LATE if most is None else most
    late = outcome.timing.quantile(0.99)
    if late is not None and late > allowed:
        yield (
            f"requests were sent late by the sender itself, p99 {milliseconds(late)} ms (more than "
            f"{milliseconds(allowed)} ms): corrected latency holds that, too: {_REMEDY}"
        )
    if (
        outcome.scheduled
        and outcome.rate_reached < LEAST * outcome.rate
        and outcome.taken - outcome.scheduled > allowed
    ):
        sent, intended = (per_second(outcome.intended, each) for each in (outcome.taken, outcome.scheduled))
        yield (
            f"{sent} were sent where {intended} were intended ({outcome.rate_reached / outcome.rate:.0%}): the sender "
            f"could not keep up: {_REMEDY}"
        )
