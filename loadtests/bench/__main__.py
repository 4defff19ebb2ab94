"""`python -m loadtests.bench`: measure, show the table, write bench.json and bench.svg.

Exit status: 0 all was measured, 1 a proxy had faults or failed, 2 nothing can be measured or wrong usage.
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

from loadtests.bench.cases import CASES, Case
from loadtests.bench.chart import svg_of
from loadtests.bench.idle import allow_open_files
from loadtests.bench.load import Driver
from loadtests.bench.processes import REPOSITORY, CannotStart, find_program
from loadtests.bench.proxies import PROXIES
from loadtests.bench.report import CaseReport, has_fault, json_of, reports_of, text_of, this_machine
from loadtests.bench.runner import Plan, Results, origin_name, run_all
from loadtests.bench.site import Proxy

_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wrk = find_program("wrk")
    if wrk is None:
        print(
            "bench: wrk is not installed, and it makes the load: install it (Debian: apt install wrk)", file=sys.stderr
        )
        return _USAGE
    proxies, cases = _installed(options.proxies), _possible(options.case)
    if not proxies or not cases:
        return _USAGE
    plan = Plan(cases, proxies, options.rounds, options.seconds)
    allow_open_files()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="edgeproxy-bench-") as directory:
            results = run_all(plan, Driver(wrk, options.connections, Path(directory)), _tell)
    except CannotStart as error:
        print(f"bench: the origin did not start: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        print("bench: stopped, and everything it had started", file=sys.stderr)
        return 128 + signal.SIGINT
    return _show(plan, results, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=_about())
    cases, proxies = [case.name for case in CASES], [proxy.name for proxy in PROXIES]
    parser.add_argument("--case", nargs="+", choices=cases, default=cases, metavar="CASE", help=", ".join(cases))
    parser.add_argument(
        "--proxies", nargs="+", choices=proxies, default=proxies, metavar="PROXY", help=", ".join(proxies)
    )
    parser.add_argument("--rounds", type=_count, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=_count, default=2, help="of load per measurement (2)")
    parser.add_argument("--connections", type=_count, default=32, help="kept busy by the load (32)")
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "var/bench", help="directory for bench.svg and bench.json"
    )
    parser.add_argument("--json", type=Path, help="file for the figures, in place of bench.json")
    return parser


def _about() -> str:
    return "CPU time per request and memory per connection, beside other proxies (see loadtests/README.md)."


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")


def _installed(names: Sequence[str]) -> tuple[Proxy, ...]:
    wanted = [proxy for proxy in PROXIES if proxy.name in names]
    here = tuple(proxy for proxy in wanted if proxy.is_installed())
    for proxy in wanted:
        if proxy not in here:
            print(f"bench: {proxy.name} is not installed, so not measured ({proxy.source})", file=sys.stderr)
    return here


def _possible(names: Sequence[str]) -> tuple[Case, ...]:
    wanted = [case for case in CASES if case.name in names]
    has_openssl = find_program("openssl") is not None
    for case in wanted:
        if case.tls and not has_openssl:
            print(
                f"bench: {case.name} needs openssl for its certificate (Debian: apt install openssl)", file=sys.stderr
            )
    return tuple(case for case in wanted if has_openssl or not case.tls)


def _tell(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _show(plan: Plan, results: Results, options: argparse.Namespace) -> int:
    reports = reports_of(plan, results)
    about = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(this_machine()),
        "origin": origin_name(),
        "connections": options.connections,
    }
    print(_heading(plan))
    print(text_of(reports))
    json_file: Path = options.json or options.out / "bench.json"
    _write(json_file, json.dumps(json_of(plan, results, reports, about), indent=2) + "\n")
    _write(options.out / "bench.svg", _picture(plan, reports))
    return 1 if has_fault(reports) else 0


def _heading(plan: Plan) -> str:
    versions = ", ".join(f"{proxy.name} {proxy.version()}" for proxy in plan.proxies)
    return f"{versions}; origin {origin_name()}\n"


def _picture(plan: Plan, reports: Sequence[CaseReport]) -> str:
    machine = this_machine()
    rounds = f"medians of {plan.rounds} rounds of {plan.seconds} s, with the least and the greatest"
    return svg_of(
        reports, "The edge beside other proxies, one worker each", f"{machine.cpu}, {machine.cores} cores; {rounds}"
    )


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    print(f"wrote {file}")


if __name__ == "__main__":
    sys.exit(main())
