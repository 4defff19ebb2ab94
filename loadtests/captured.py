"""`python -m loadtests.captured`: what it costs an edge, for each request that it passes on, to capture all of them.

The load of `loadtests.bench`, case `pass-1k`, goes to one edge for a while, and its capture is switched meanwhile:
off, all connections, off, a tenth of them by dice, and so on, a second each. A ratio is that of a second with it beside
the seconds without it before and after: what changes on the machine meets both, and so does what one process is luckier
with than another (where its memory lies: two edges that do the same differ by a tenth). Then it is another edge's turn.
CPU time of all processes and threads of an edge is counted, that of the capture's writer included; the origin counts
the requests.

Exit status: 0 it costs at most a tenth, 1 more, or something failed, 2 nothing can be measured or wrong usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import mean, median, stdev
from typing import Final

from edgeproxy.control.control_client import CannotAsk, ask
from loadtests.bench.cases import CASES, Case, CpuTime
from loadtests.bench.cpu import run_seconds
from loadtests.bench.load import Door, Driver, Load, LoadFailed, answers_well, fault_of
from loadtests.bench.processes import CannotStart, find_program, free_port, running, wait_until_it_answers
from loadtests.bench.proxies import Edge, Nginx
from loadtests.bench.runner import Plan, Stand, own_directory, standing
from loadtests.bench.site import Site

BOUND: Final = 1.1  # of CPU time per request, with every connection captured
OFF: Final = "off"
_CASE: Final = next(case for case in CASES if case.name == "pass-1k")
_SHARES: Final[Mapping[str, float]] = {"all": 1.0, "a tenth": 0.1}  # of connections that are captured
_SLICE: Final = 1.0  # seconds that are measured
_SETTLES: Final = 1.0  # seconds from a switch until all is as it will be: beside a load, a process takes 0.5 to begin
_TURN: Final = 2 * len(_SHARES) * (_SLICE + _SETTLES) + 3.0  # seconds, with what switching takes
_USAGE: Final = 2

Costs = dict[str, list[tuple[float, float]]]  # of captured seconds: microseconds a request, and of those around without


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.captured", description=__doc__)
    parser.add_argument("--edges", type=int, default=3, help="one after the other (3)")
    parser.add_argument("--seconds", type=int, default=90, help="of each one's load (90)")
    options = parser.parse_args(arguments)
    wrk = find_program("wrk")
    if wrk is None or not Nginx().is_installed():
        needed = "wrk makes the load, and nginx counts it (Debian: apt install wrk nginx-light)"
        print(f"captured: not both are installed: {needed}", file=sys.stderr)
        return _USAGE
    costs: Costs = {name: [] for name in _SHARES}
    edges, seconds = max(options.edges, 1), max(options.seconds, round(2 * _TURN))
    try:
        with tempfile.TemporaryDirectory(prefix="edgeproxy-captured-") as directory:
            driver = Driver(wrk, 32, Path(directory))
            with standing(Plan((_CASE,), (Edge(),), edges, seconds), driver) as stand:
                for number in range(edges):
                    print(f"edge {number + 1}/{edges}", file=sys.stderr, flush=True)
                    _measure(str(number + 1), driver, stand, seconds, costs)
    except (CannotStart, CannotAsk, LoadFailed, OSError) as error:
        print(f"captured: {error}", file=sys.stderr)
        return 1
    print(text_of(costs))
    return 0 if ratio_of(costs["all"]) <= BOUND else 1


def _measure(name: str, driver: Driver, stand: Stand, seconds: int, costs: Costs) -> None:
    """An edge and its load."""
    site = Site(own_directory(stand.directory, f"edge-{name}"), stand.store, stand.origin, free_port())
    control, log = site.directory / "control", site.directory / "log"
    command = (*Edge().prepare(site, _CASE), "--control", str(control))
    with running(command, log) as process, ThreadPoolExecutor(1) as beside:
        door = Door(site.port)
        wait_until_it_answers(process, partial(answers_well, _CASE, door), log)
        ends = time.monotonic() + seconds
        load = beside.submit(driver.drive, _CASE, _way(_CASE), door, seconds)
        time.sleep(_SETTLES)
        cost, switch = partial(_cost, process.pid, stand.origin), partial(_switch, control, site.directory)
        while time.monotonic() + _TURN < ends and not load.done():
            _take_turn(cost, switch, costs)
        _check(name, load.result())


def _take_turn(cost: Callable[[], float], switch: Callable[[float], None], costs: Costs) -> None:
    before = cost()
    for name, share in _SHARES.items():
        switch(share)
        captured = cost()
        switch(0.0)
        after = cost()
        costs[name].append((captured, (before + after) / 2))
        before = after


def _switch(control: Path, directory: Path, share: float) -> None:
    """The capture of the edge: 0, it has none."""
    to = str((directory / "captures").absolute())
    start = {"do": "capture", "verb": "start", "directory": to, "share": share}
    list(ask(control, [start if share else {"do": "capture", "verb": "stop"}]))
    time.sleep(_SETTLES)


def _cost(pid: int, origin: int) -> float:
    """Of a request, in microseconds of CPU, by those of a second."""
    requests, used = _asked(origin), run_seconds(pid)
    time.sleep(_SLICE)
    used = run_seconds(pid) - used
    return used / (_asked(origin) - requests) * 1e6


def _asked(origin: int) -> int:
    """Requests that the origin has had (nginx's stub_status: accepts, handled, requests in its third line)."""
    connection = HTTPConnection("127.0.0.1", origin)
    try:
        connection.request("GET", "/requests")
        return int(connection.getresponse().read().splitlines()[2].split()[2])
    finally:
        connection.close()


def _check(name: str, load: Load) -> None:
    fault = fault_of(load, _CASE)
    if fault is not None:
        raise LoadFailed(f"edge {name}: {fault}")


def _way(case: Case) -> CpuTime:
    assert isinstance(case.measurement, CpuTime), "it is a case of CPU time"
    return case.measurement


def ratio_of(costs: Sequence[tuple[float, float]]) -> float:
    return median(cost / beside for cost, beside in costs)


def text_of(costs: Costs) -> str:
    lines = [
        "captured    CPU µs: least, quarter, median    beside off: median, mean and its standard error, of how many"
    ]
    lines.append(f"{OFF:<12}{_figures([beside for each in costs.values() for _, beside in each])}")
    for name, each in costs.items():
        ratios = [cost / beside for cost, beside in each]
        error = stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else float("nan")
        told = f"{ratio_of(each):.3f}  {mean(ratios):.3f} ± {error:.3f}  {len(each)}"
        lines.append(f"{name:<12}{_figures([cost for cost, _ in each]):<34}{told}")
    return "\n".join(lines)


def _figures(costs: Sequence[float]) -> str:
    ordered = sorted(costs)
    return f"{ordered[0]:.1f}  {ordered[len(ordered) // 4]:.1f}  {median(ordered):.1f}"


if __name__ == "__main__":
    sys.exit(main())
