"""`python -m loadtests.edge2018`: carry the load of 2018, show what became of it, write edge2018.json and edge2018.svg.

Exit status: 0 it was held, 1 it was not, 2 nothing can be measured or wrong usage.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtests.bench.idle import allow_open_files
from loadtests.bench.processes import REPOSITORY, CannotStart
from loadtests.bench.report import this_machine
from loadtests.edge2018.figures import RATE_2018, Figures, figures_of, verdicts_of
from loadtests.edge2018.load import Phase, Settings
from loadtests.edge2018.picture import svg_of
from loadtests.edge2018.report import json_of, text_of
from loadtests.edge2018.run import MakerFailed, run
from loadtests.edge2018.stand import Edge, standing

_USAGE: Final = 2
_ROOM: Final = 0.85  # of the disk, for the files that are brought in before

Runs = list[tuple[Edge, Settings, Figures]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    settings = Settings(
        seed=options.seed,
        mean=options.mean * 1_000,
        rate=options.rate,
        seconds=options.settle + options.seconds,
        uptime=options.uptime * 3_600,
        room=int(options.disk * _ROOM * 2**30),
        connections=options.connections,
        per_connection=options.per_connection,
    )
    allow_open_files()
    signal.signal(signal.SIGTERM, _leave)
    runs: Runs = []
    try:
        for workers in options.workers:
            edge = Edge(workers, options.memory << 20, int(options.disk * 2**30))
            runs.append((edge, settings, _measure(edge, settings, options)))
            print(text_of(*runs[-1]), flush=True)
    except (CannotStart, MakerFailed, OSError, ValueError) as error:
        print(f"edge2018: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        print("edge2018: stopped, and everything it had started", file=sys.stderr)
        return 128 + signal.SIGINT
    return _show(runs, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.edge2018", description="The load of PyPI's edge in 2018 (see loadtests/README.md)."
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="of the edge; several: one run each (2)")
    parser.add_argument("--seconds", type=float, default=120, help="measured (120)")
    parser.add_argument("--settle", type=float, default=15, help="seconds of load before (15)")
    parser.add_argument("--rate", type=float, default=RATE_2018, help=f"requests a second ({RATE_2018:,.0f})")
    parser.add_argument("--mean", type=int, default=220, help="kB of the mean answer (220)")
    parser.add_argument("--uptime", type=float, default=1, help="hours of this load that the edge is to have had (1)")
    parser.add_argument("--memory", type=int, default=256, help="MiB of each worker's cache (256)")
    parser.add_argument("--disk", type=float, default=12, help="GiB of the cache's files (12)")
    parser.add_argument("--delay", type=float, default=50, help="ms that the backend takes to answer (50)")
    parser.add_argument("--connections", type=int, default=200, help="open at least (200)")
    parser.add_argument("--per-connection", type=int, default=20, help="requests (20)")
    parser.add_argument("--seed", type=int, default=2018, help="of all that is drawn (2018)")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "var/edge2018", help="directory for the files")
    return parser


def _measure(edge: Edge, settings: Settings, options: argparse.Namespace) -> Figures:
    asked_for = settings.population()
    schedule = settings.schedule(Phase.LOAD, asked_for)
    with tempfile.TemporaryDirectory(prefix="edgeproxy-2018-") as name:
        directory = Path(name)
        with standing(directory, edge, settings, options.delay / 1e3) as stand:
            result = run(settings, options.settle, stand, directory, _tell)
    return figures_of(result, schedule, asked_for, options.settle, settings.seconds)


def _tell(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _show(runs: Runs, options: argparse.Namespace) -> int:
    machine = this_machine()
    about = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(machine),
        "delay": options.delay / 1e3,
    }
    title = f"PyPI's edge of 2018: {options.rate:,.0f} requests/s, {options.mean} kB each in the mean"
    shared = f"{machine.cpu}, {machine.cores} cores, shared with load maker and backend"
    below = f"{shared}; p50 / p99 / p99.9 from intended times"
    _write(options.out / "edge2018.json", json.dumps(json_of(runs, about), indent=2) + "\n")
    _write(options.out / "edge2018.svg", svg_of([(edge, figures) for edge, _, figures in runs], title, below))
    faults = [fault for _, settings, figures in runs for fault in verdicts_of(figures, settings.rate)]
    for fault in faults:
        print(f"edge2018: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    print(f"wrote {file}")


if __name__ == "__main__":
    sys.exit(main())
