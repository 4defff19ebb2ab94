"""`python -m loadtests.slow`: attack, show the table, write slow.json.

Exit status: 0 the edge held, 1 good requests were too slow or failed, 2 nothing can be measured or wrong usage.
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
from loadtests.bench.processes import REPOSITORY, CannotStart, find_program
from loadtests.bench.report import this_machine
from loadtests.slow.attackers import PROGRAM, stay_here
from loadtests.slow.report import faults_of, json_of, text_of
from loadtests.slow.run import ATTACKS, Load, Outcome, run_attack

_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    load = Load(options.attackers, options.rate, options.seconds, options.connections, options.own)
    if allow_open_files() < 3 * load.attackers + 200:
        print(f"slow: too few open files are allowed for {load.attackers} attackers (ulimit -n)", file=sys.stderr)
        return _USAGE
    signal.signal(signal.SIGTERM, _leave)
    stay_here()
    try:
        with tempfile.TemporaryDirectory(prefix="edgeproxy-slow-") as directory:
            results = _run_all(options.attack, options.rounds, load, Path(directory))
    except CannotStart as error:
        print(f"slow: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        print("slow: stopped, and everything it had started", file=sys.stderr)
        return 128 + signal.SIGINT
    return _show(results, load, options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.slow", description="What slow attackers cost others (see loadtests/README.md)."
    )
    names = [attack.name for attack in ATTACKS]
    parser.add_argument("--attack", nargs="+", choices=names, default=names, metavar="ATTACK", help=", ".join(names))
    parser.add_argument("--attackers", type=int, default=1000, help="connections of each kind (1000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement (20)")
    parser.add_argument("--rate", type=int, default=200, help="good requests a second (200)")
    parser.add_argument("--connections", type=int, default=8, help="that they come by (8)")
    parser.add_argument("--own", action="store_true", help=f"the attackers of this package, though {PROGRAM} is here")
    parser.add_argument("--json", type=Path, default=REPOSITORY / "var/slow/slow.json", help="file for the figures")
    return parser


def _run_all(names: Sequence[str], rounds: int, load: Load, directory: Path) -> dict[str, list[Outcome]]:
    results: dict[str, list[Outcome]] = {attack.name: [] for attack in ATTACKS if attack.name in names}
    for number in range(rounds):
        for attack in ATTACKS:
            if attack.name in results:
                print(f"round {number + 1}/{rounds}  {attack.name}", file=sys.stderr, flush=True)
                results[attack.name].append(run_attack(attack, load, directory))
    return results


def _show(results: dict[str, list[Outcome]], load: Load, file: Path) -> int:
    program = "those of loadtests/slow" if load.own or find_program(PROGRAM) is None else PROGRAM
    print(f"{load.attackers} attackers of each kind ({program}); {load.rate} good requests a second; milliseconds\n")
    print(text_of(results))
    about = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(this_machine()),
        "attackers": program,
        "load": asdict(load),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about | {"attacks": json_of(results)}, indent=2) + "\n")
    print(f"\nwrote {file}")
    faults = faults_of(results)
    for fault in faults:
        print(f"slow: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
