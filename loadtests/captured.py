"""`python -m loadtests.captured`: what it costs an edge, for each request that it passes on, to capture all of them.

Two edges take turns under the load of `loadtests.bench`, case `pass-1k`: one as it is, and one whose capture takes
every connection. CPU time of all its processes and threads is counted, that of the thread that writes included.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgeproxy.control.control_client import ask
from loadtests.bench.cases import CASES, Case
from loadtests.bench.idle import allow_open_files
from loadtests.bench.load import Driver
from loadtests.bench.processes import find_program
from loadtests.bench.proxies import Edge
from loadtests.bench.report import reports_of, text_of
from loadtests.bench.runner import Plan, run_all
from loadtests.bench.site import Site

_CASES: Final = {case.name: case for case in CASES}


class CapturedEdge(Edge):
    name = "captured"

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        command = super().prepare(site, case)
        shutil.rmtree(site.directory / "captures", ignore_errors=True)
        return (sys.executable, "-m", "loadtests.captured", "--run", str(site.directory), *command)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.captured", description=__doc__)
    parser.add_argument("--case", nargs="+", choices=_CASES, default=["pass-1k"], metavar="CASE", help="(pass-1k)")
    parser.add_argument("--rounds", type=int, default=5, help="(5)")
    parser.add_argument("--seconds", type=int, default=3, help="of load per measurement (3)")
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        return _run(Path(options.run[0]), options.run[1:])
    wrk = find_program("wrk")
    if wrk is None:
        print("captured: wrk is not installed, and it makes the load (Debian: apt install wrk)", file=sys.stderr)
        return 2
    plan = Plan(tuple(_CASES[name] for name in options.case), (Edge(), CapturedEdge()), options.rounds, options.seconds)
    allow_open_files()
    with tempfile.TemporaryDirectory(prefix="edgeproxy-captured-") as directory:
        results = run_all(plan, Driver(wrk, 32, Path(directory)), lambda step: print(step, file=sys.stderr))
    print(text_of(reports_of(plan, results)))
    return 0


def _run(directory: Path, command: Sequence[str]) -> int:
    """An edge, and its capture as soon as it is ready."""
    control = directory / "control"
    with subprocess.Popen((*command, "--control", str(control)), stdout=subprocess.PIPE) as edge:
        signal.signal(signal.SIGTERM, lambda *_: edge.terminate())
        assert edge.stdout is not None
        edge.stdout.readline()
        start = {"do": "capture", "verb": "start", "directory": str((directory / "captures").absolute())}
        list(ask(control, [start]))
        with contextlib.suppress(KeyboardInterrupt):
            edge.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
