"""One attack: a quiet time, the same time under attack, and what became of the attackers.

Law: both times are measured on the same edge, one right after the other, so that what else the machine does meets both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from loadtests.bench.memory import memory_of
from loadtests.bench.processes import running
from loadtests.slow.attackers import Kind, command_of
from loadtests.slow.good import Seen, ask_at_rate
from loadtests.slow.stand import Stand, standing

# Deadlines so short that all attackers meet them while it is measured.
_SHORT: Final = "head_time: 10s, body_time: 10s, stall: 10s"
_OPEN: Final = f"connections_per_client: 10000, {_SHORT}"  # slowhttptest attacks from one address


@dataclass(frozen=True, slots=True)
class Attack:
    name: str
    kinds: Sequence[Kind]
    limits: str  # of the edge's rule file


ATTACKS: Final = (
    Attack("slow-head", [Kind.HEAD], _OPEN),
    Attack("slow-body", [Kind.BODY], _OPEN),
    Attack("slow-read", [Kind.READ], _OPEN),
    Attack("all-at-once", list(Kind), _OPEN),
    Attack("by-default", list(Kind), ""),  # the limits that an edge has when its rule file says none
)


@dataclass(frozen=True, slots=True)
class Load:
    """Attackers of each kind, and the good client's way of asking."""

    attackers: int
    rate: int
    seconds: int
    connections: int
    own: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """What the edge did with the attackers, by its counters."""

    most_open: int  # connections, in the middle of the attack
    head_timeouts: int
    body_timeouts: int
    given_up: int  # that did not take their answers
    refused: int  # at the door: too many, of all or of one address


@dataclass(frozen=True, slots=True)
class Outcome:
    quiet: Seen
    attacked: Seen
    fate: Fate
    resident_before: int
    resident_during: int
    unexpected: int  # errors of the edge that nobody handled

    @property
    def ratio(self) -> float:
        return self.attacked.percentile(0.99) / self.quiet.percentile(0.99)


def run_attack(attack: Attack, load: Load, directory: Path) -> Outcome:
    """Raises CannotStart."""
    with standing(directory, attack.limits) as stand:
        return asyncio.run(_run(attack, load, stand, directory))


async def _run(attack: Attack, load: Load, stand: Stand, directory: Path) -> Outcome:
    ask = partial(ask_at_rate, stand.port, load.rate, load.seconds, load.connections)
    quiet = await ask()
    before, resident_before = stand.counters(), memory_of(stand.pid).resident
    with ExitStack() as attacking:
        for kind in attack.kinds:
            command = command_of(kind, stand.port, load.attackers, load.seconds, own=load.own)
            attacking.enter_context(running(command, directory / "attackers.log"))
        middle = asyncio.ensure_future(_look(stand, load.seconds / 4))
        attacked = await ask()
        most_open, resident_during = await middle
    after = stand.counters()
    fate = _fate(before, after, most_open - load.connections)
    return Outcome(quiet, attacked, fate, resident_before, resident_during, after["unexpected"])


async def _look(stand: Stand, seconds: float) -> tuple[int, int]:
    """Open connections and memory, after a while."""
    await asyncio.sleep(seconds)
    counters = await asyncio.to_thread(stand.counters)
    return counters["open_connections"], memory_of(stand.pid).resident


def _fate(before: Mapping[str, Any], after: Mapping[str, Any], most_open: int) -> Fate:
    def refused(reason: str) -> int:
        return int(after["refusals"].get(reason, 0) - before["refusals"].get(reason, 0))

    return Fate(
        most_open=most_open,
        head_timeouts=refused("head_time"),
        body_timeouts=refused("body_time"),
        given_up=after["aborted"] - before["aborted"],
        refused=refused("connections") + refused("connections_per_client"),
    )
