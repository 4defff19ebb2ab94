"""`python -m loadtests.shadow`: measure, show the table, write shadow.json.

Exit status: 0 the edge held, 1 shadows cost its clients too much, 2 nothing can be measured or wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtests.bench.load import Driver, LoadFailed
from loadtests.bench.processes import REPOSITORY, CannotStart, find_program
from loadtests.bench.report import this_machine
from loadtests.shadow.report import faults_of, json_of, text_of
from loadtests.shadow.run import Load, Outcome, measure
from loadtests.shadow.target import Target

_USAGE: Final = 2
_WRK_CONNECTIONS: Final = 32


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wrk = find_program("wrk")
    if wrk is None:
        print("shadow: wrk makes the load, and is not installed (apt install wrk)", file=sys.stderr)
        return _USAGE
    load = Load(options.seconds, options.rate, options.connections)
    try:
        with tempfile.TemporaryDirectory(prefix="edgeproxy-shadow-") as directory:
            driver = Driver(wrk, _WRK_CONNECTIONS, Path(directory))
            results = _run_all([Target(name) for name in options.target], options.rounds, load, driver)
    except (CannotStart, LoadFailed) as error:
        print(f"shadow: {error}", file=sys.stderr)
        return _USAGE
    return _show(results, load, options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.shadow", description="What shadows cost clients (see loadtests/README.md)."
    )
    names = [target.value for target in Target]
    parser.add_argument("--target", nargs="+", choices=names, default=names, metavar="TARGET", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=int, default=5, help="of each of the two loads (5)")
    parser.add_argument("--rate", type=int, default=500, help="requests a second of the open load (500)")
    parser.add_argument("--connections", type=int, default=8, help="that it comes by (8)")
    parser.add_argument("--json", type=Path, default=REPOSITORY / "var/shadow/shadow.json", help="file for the figures")
    return parser


def _run_all(targets: Sequence[Target], rounds: int, load: Load, driver: Driver) -> dict[Target, list[Outcome]]:
    """In turn, and each round from another one on: what changes on the machine meanwhile meets all of them."""
    results: dict[Target, list[Outcome]] = {target: [] for target in targets}
    for number in range(rounds):
        first = number % len(targets)
        for target in (*targets[first:], *targets[:first]):
            print(f"round {number + 1}/{rounds}  {target}", file=sys.stderr, flush=True)
            results[target].append(measure(target, load, driver))
    return results


def _show(results: dict[Target, list[Outcome]], load: Load, file: Path) -> int:
    print(text_of(results))
    about = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(this_machine()),
        "load": asdict(load),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about | {"targets": json_of(results)}, indent=2) + "\n")
    print(f"\nwrote {file}")
    faults = faults_of(results)
    for fault in faults:
        print(f"shadow: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
