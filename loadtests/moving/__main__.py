"""`python -m loadtests.moving`: move everybody there and back again, and say how long each time took.

Exit status: 0 it was measured, 1 it took longer than it may, 2 nothing can be measured or wrong usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from loadtests.bench.processes import CannotStart, find_program
from loadtests.moving.stand import NEW, OLD, Edge, redis, standing

_HERE: Final = 0.2  # seconds a command may take to be in force in every worker
_THERE: Final = 0.5  # and at another edge
_PATIENCE: Final = 10.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.moving", description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="there and back (20)")
    parser.add_argument("--redis-server", default=find_program("redis-server"), metavar="PROGRAM", help="for two edges")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="edge-moving-") as directory:
            return _measure(Path(directory), options.times, options.redis_server)
    except CannotStart as error:
        print(f"moving: {error}", file=sys.stderr)
        return 2


def _measure(directory: Path, times: int, redis_server: str | None) -> int:
    with standing(directory, ["alone"], None) as (alone,):
        is_good = _show("rollback, two workers, SQLite: until the command returns", _moves(alone, alone, times), _HERE)
    if redis_server is None:
        print("two edges on one Redis: not measured, there is no redis-server here (--redis-server names one)")
        return int(not is_good)
    with redis(redis_server, directory) as nodes, standing(directory, ["one", "two"], nodes) as (one, two):
        here = _show("rollback, two workers, Redis: until the command returns", _moves(one, one, times), _HERE)
        there = _show("rollback at one edge: until clients of the other see it", _moves(one, two, times), _THERE)
    return int(not (is_good and here and there))


def _moves(told: Edge, seen: Edge, times: int) -> list[float]:
    """Seconds of each rollback. Where it was told, nobody may be on the new arm once the command has returned."""
    told.tell("start")
    took = []
    for _ in range(times):
        told.tell("set", share=100_000)
        _wait(seen, NEW)
        began = time.perf_counter()
        told.tell("rollback")
        if told is seen:
            took.append(time.perf_counter() - began)
            if seen.answers() != {OLD}:
                raise CannotStart("clients were on the new arm after the rollback had returned")
        else:
            _wait(seen, OLD)
            took.append(time.perf_counter() - began)
        told.tell("start")
    told.tell("rollback")
    return took


def _wait(edge: Edge, arm: bytes) -> None:
    until = time.monotonic() + _PATIENCE
    while edge.answers() != {arm}:
        if time.monotonic() > until:
            raise CannotStart(f"clients are not on {arm.decode()} after {_PATIENCE:g} s")


def _show(what: str, took: list[float], most: float) -> bool:
    milliseconds = [1_000 * each for each in took]
    print(
        f"{what}: median {median(milliseconds):.0f} ms, at most {max(milliseconds):.0f} ms (bound {1_000 * most:.0f})"
    )
    return max(took) <= most


if __name__ == "__main__":
    sys.exit(main())
