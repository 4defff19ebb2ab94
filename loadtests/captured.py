"""`python -m loadtests.captured`: what it costs an edge, for each request that it passes on, to capture all of them.

Three edges stand side by side: one as it is, one whose capture takes every connection, and one whose capture takes a
tenth of them, by dice. The load of `loadtests.bench`, case `pass-1k`, goes to each in turn, a second at a time, so what
changes on the machine meanwhile meets all three alike: a ratio is that of two loads one after the other, and the median
of all of those is told. CPU time of all processes and threads of an edge is counted, that of the capture's writer
included.

Exit status: 0 it costs at most a tenth, 1 more, or something failed, 2 nothing can be measured or wrong usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from edgeproxy.control.control_client import CannotAsk, ask
from loadtests.bench.cases import CASES, Case, CpuTime
from loadtests.bench.cpu import run_seconds, settle
from loadtests.bench.load import Door, Driver, LoadFailed, answers_well, fault_of
from loadtests.bench.processes import CannotStart, find_program, free_port, running, wait_until_it_answers
from loadtests.bench.proxies import Edge
from loadtests.bench.runner import Plan, Stand, own_directory, standing
from loadtests.bench.site import Site

BOUND: Final = 1.1  # of CPU time per request, with every connection captured
_CASE: Final = next(case for case in CASES if case.name == "pass-1k")
_SHARES: Final[Mapping[str, float]] = {"off": 0.0, "all": 1.0, "a tenth": 0.1}  # of connections that are captured
_USAGE: Final = 2


@dataclass(slots=True)
class Measured:
    """One edge. `costs`: microseconds of CPU for one request, of each load."""

    name: str
    pid: int
    door: Door
    costs: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.captured", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="loads of each edge (30)")
    parser.add_argument("--seconds", type=int, default=1, help="of a load (1)")
    options = parser.parse_args(arguments)
    wrk = find_program("wrk")
    if wrk is None:
        print("captured: wrk is not installed, and it makes the load (Debian: apt install wrk)", file=sys.stderr)
        return _USAGE
    try:
        with tempfile.TemporaryDirectory(prefix="edgeproxy-captured-") as directory:
            found = _measure(Driver(wrk, 32, Path(directory)), max(options.rounds, 1), max(options.seconds, 1))
    except (CannotStart, CannotAsk, LoadFailed, OSError) as error:
        print(f"captured: {error}", file=sys.stderr)
        return 1
    print(text_of({each.name: each.costs for each in found}))
    return 0 if ratio_of(found[1].costs, found[0].costs) <= BOUND else 1


def _measure(driver: Driver, rounds: int, seconds: int) -> Sequence[Measured]:
    with standing(Plan((_CASE,), (Edge(),), rounds, seconds), driver) as stand, ExitStack() as edges:
        found = [_begun(name, share, stand, edges) for name, share in _SHARES.items()]
        for each in found:
            _load(each, driver, 1)  # what is remembered is remembered now
            settle(each.pid)
        for number in range(rounds):
            print(f"round {number + 1}/{rounds}", file=sys.stderr, flush=True)
            first = number % len(found)
            for each in (*found[first:], *found[:first]):
                before = run_seconds(each.pid)
                requests = _load(each, driver, seconds)
                settle(each.pid)  # what is written behind is the load's
                each.costs.append((run_seconds(each.pid) - before) / requests * 1e6)
    return found


def _begun(name: str, share: float, stand: Stand, edges: ExitStack) -> Measured:
    """An edge that runs, and captures that share."""
    site = Site(own_directory(stand.directory, name.replace(" ", "-")), stand.store, stand.origin, free_port())
    control, log = site.directory / "control", site.directory / "log"
    command = (*Edge().prepare(site, _CASE), "--control", str(control))
    process, door = edges.enter_context(running(command, log)), Door(site.port)
    wait_until_it_answers(process, partial(answers_well, _CASE, door), log)
    if share:
        to = str((site.directory / "captures").absolute())
        list(ask(control, [{"do": "capture", "verb": "start", "directory": to, "share": share}]))
    return Measured(name, process.pid, door)


def _load(edge: Measured, driver: Driver, seconds: int) -> int:
    """How many requests it answered. Raises LoadFailed."""
    load = driver.drive(_CASE, _way(_CASE), edge.door, seconds)
    fault = fault_of(load, _CASE)
    if fault is not None:
        raise LoadFailed(f"{edge.name}: {fault}")
    return load.requests


def _way(case: Case) -> CpuTime:
    assert isinstance(case.measurement, CpuTime), "it is a case of CPU time"
    return case.measurement


def ratio_of(costs: Sequence[float], beside: Sequence[float]) -> float:
    """Of two that took turns."""
    return median(cost / other for cost, other in zip(costs, beside, strict=True))


def text_of(costs: Mapping[str, Sequence[float]]) -> str:
    """The first one is what the others are set beside."""
    beside = next(iter(costs.values()))
    lines = ["captured    CPU µs: least, quarter, median      beside off: of the least, in the median of turns"]
    for name, each in costs.items():
        ordered = sorted(each)
        figures = f"{ordered[0]:.1f}  {ordered[len(ordered) // 4]:.1f}  {median(ordered):.1f}"
        ratios = f"{ordered[0] / min(beside):.3f}  {ratio_of(each, beside):.3f}"
        lines.append(f"{name:<12}{figures:<36}{ratios}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
