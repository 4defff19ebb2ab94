"""What an operator is told when asked (SIGUSR1): processes, what became of them, and counters that never go back."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Final

from edgeproxy.control.child import Child
from edgeproxy.control.messages import Numbers

_NOW: Final = "open_connections"  # is of the moment: nobody has any when he has ended
_COPIES: Final = "copies/"  # so begin the names of what is kept at the moment
_SHARED: Final = "copies/disk"  # which each worker tells of all
_PEAK: Final = "_peak"  # so ends the name of what is a maximum


class Ending(StrEnum):
    """Why a worker was replaced."""

    DIED = "died"
    HUNG = "hung"
    LEFT = "left"  # somebody else told it to end


class Endings:
    """What became of workers that are gone."""

    def __init__(self) -> None:
        self.replaced: Counter[Ending] = Counter()
        self._ended: Numbers = {}

    def close(self, child: Child) -> None:
        """It has ended. Of one that was killed, what it counted since it was last asked is lost."""
        self._ended = add_up((self._ended, _lasting(child.numbers)))

    def report(self, generation: int, serving: Collection[Child], children: Collection[Child]) -> dict[str, object]:
        """`children`: all that have not ended, those that drain included."""
        return {
            "generation": generation,
            "replaced": self.replaced,
            "draining": len(children) - len(serving),
            "counters": self.numbers(children),
            "workers": [
                {"pid": child.pid, "seconds": round(time.monotonic() - child.began, 3), "counters": child.numbers}
                for child in serving
            ],
        }

    def numbers(self, children: Collection[Child]) -> dict[str, int | dict[str, int]]:
        """The counters of all, since this edge began."""
        return add_up((self._ended, *(child.numbers for child in children)))


def _lasting(numbers: Numbers) -> Numbers:
    """Those that are still true when who counted them has ended."""
    return {name: count for name, count in numbers.items() if name != _NOW and not name.startswith(_COPIES)}


def add_up(all_numbers: Iterable[Numbers]) -> dict[str, int | dict[str, int]]:
    total: dict[str, int | dict[str, int]] = {}
    for numbers in all_numbers:
        for name, value in numbers.items():
            before = total.get(name)
            if isinstance(value, Mapping):
                add = _greatest if name == _SHARED else _add
                total[name] = add(before if isinstance(before, dict) else {}, value)
            else:
                total[name] = value + (before if isinstance(before, int) else 0)
    return total


def _add(total: dict[str, int], numbers: Mapping[str, int]) -> dict[str, int]:
    for name, count in numbers.items():
        before = total.get(name, 0)
        total[name] = max(before, count) if name.endswith(_PEAK) else before + count
    return total


def _greatest(total: dict[str, int], numbers: Mapping[str, int]) -> dict[str, int]:
    return {name: max(total.get(name, 0), count) for name, count in numbers.items()}


def print_report(report: Mapping[str, object]) -> None:
    """One line on standard output, bare, so that a program can read it."""
    with suppress(OSError, ValueError):  # nobody reads it any more
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
