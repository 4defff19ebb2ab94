"""`python -m loadtests.replaying`: how exact the sender of replays is, what it tells of stalls, how much it can send.

timing     500 requests a second as recorded: how late each is sent
omission   a target that stalls for one second in ten: corrected latency beside plain, and the page of the report
ceiling    requests a second, and CPU time for each, on one core: beside wrk, hey, and Locust (--locust PROGRAM)
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loadtests.bench.answering import asked
from loadtests.bench.processes import CannotStart, find_program, free_port, running, wait_until_it_answers
from loadtests.replaying import contestants
from loadtests.replaying.contestants import CONNECTIONS, Measured, measured, replay_command
from loadtests.replaying.recording import write_recording

PARTS = ("timing", "omission", "ceiling")
_TIMING_RATE, _OMISSION_RATE = 500.0, 100.0
_MODERATE = 5_000.0
_ORIGIN_CORE, _LOAD_CORE = 1, 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.replaying", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--seconds", type=int, default=20, help="of each run (20)")
    parser.add_argument("--rounds", type=int, default=3, help="of the ceiling (3)")
    parser.add_argument("--locust", metavar="PROGRAM", default=find_program("locust"), help="for the ceiling")
    parser.add_argument("--out", type=Path, default=Path("var/replaying"), metavar="DIR", help="(var/replaying)")
    given = parser.parse_args(arguments)
    if not set(given.parts) <= set(PARTS):
        parser.error(f"a part is one of {', '.join(PARTS)}")
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        for part in given.parts or PARTS:
            with tempfile.TemporaryDirectory() as place:
                {"timing": timing, "omission": omission, "ceiling": ceiling}[part](given, Path(place))
    except CannotStart as error:
        print(f"replaying: the origin {error}", file=sys.stderr)
        return 1
    return 0


def timing(given: argparse.Namespace, place: Path) -> None:
    recording = place / "a.capture"
    write_recording(recording, _TIMING_RATE, given.seconds, connections=50)
    with origin(place) as port:
        report = _replayed(recording, port, place, given.seconds)
    print(f"timing: {_TIMING_RATE:g} requests a second as recorded, over 50 connections, {given.seconds} s")
    print(_row("sent late", report["timing"]), f"  of {report['timing']['count']:,}", sep="")
    print(f"  {report['waited']['count']:,} more waited for the answer before on their connection")


def omission(given: argparse.Namespace, place: Path) -> None:
    recording, page = place / "a.capture", given.out / "omission.html"
    seconds = max(given.seconds, 30)
    write_recording(recording, _OMISSION_RATE, seconds, connections=10)
    with origin(place, "--stall", "1", "--every", "10") as port:
        report = _replayed(recording, port, place, seconds, "--html", str(page))
    print(f"omission: {_OMISSION_RATE:g} requests a second, a target that stalls for 1 s in 10, {seconds} s")
    for name in ("corrected", "plain"):
        print(_row(name, report[name]))
    print(f"  {page}")


def ceiling(given: argparse.Namespace, place: Path) -> None:
    """All take turns. Of each the least CPU time is shown, and the highest rate: least disturbed by what else runs."""
    print(f"ceiling: one core, {CONNECTIONS} connections, pages of 1 KiB, {given.rounds} rounds of {given.seconds} s")
    print(f"  {'':24}{'requests/s':>12}{'CPU µs each':>14}")
    recording = place / "a.capture"
    write_recording(recording, 1_000, 100, connections=CONNECTIONS)
    rounds: dict[str, list[Measured]] = {}
    with origin(place) as port:
        for _ in range(given.rounds):
            for name, found in _contest(given, recording, port, place):
                rounds.setdefault(name, []).append(found)
                contestants.pause()
    for program in ("wrk", "hey"):
        if find_program(program) is None:
            print(f"  {program:<24}not installed (Debian: apt install {program})")
    for name, each in rounds.items():
        rate, cost = max(one.rate for one in each), min(one.cost for one in each)
        print(f"  {name:<24}{rate:>12,.0f}{cost * 1e6:>14,.1f}")


def _contest(given: argparse.Namespace, recording: Path, port: int, place: Path) -> Iterator[tuple[str, Measured]]:
    seconds = given.seconds
    moderate = _of_replay(given, recording, port, place, _MODERATE)
    yield f"edgeproxy, {_MODERATE:,.0f}/s", moderate
    yield "edgeproxy, at most", _of_replay(given, recording, port, place, 1.2 / moderate.cost)
    if find_program("wrk") is not None:
        command = contestants.wrk_command(port, seconds, place)
        yield "wrk", measured(command, contestants.wrk_requests, seconds, _LOAD_CORE)
    if find_program("hey") is not None:
        yield "hey", measured(contestants.hey_command(port, seconds), contestants.hey_requests, seconds, _LOAD_CORE)
    if given.locust is not None:
        command = contestants.locust_command(given.locust, port, seconds, place)
        yield "Locust, FastHttpUser", measured(command, contestants.locust_requests, seconds, _LOAD_CORE)


def _of_replay(given: argparse.Namespace, recording: Path, port: int, place: Path, rate: float) -> Measured:
    """Over any free connection, as the others do it."""
    pace = ("--rate", f"{rate:.0f}", "--loop", "0", "--for", f"{given.seconds}s")
    bounds = ("--connections-as", "free", "--connections", str(CONNECTIONS), "--waiting", "1000")
    out = place / f"{rate:.0f}.json"
    command = replay_command(recording, port, *pace, *bounds, "--json", str(out))
    begun = measured((*command, "--dry-run"), lambda _: 1, 1, _LOAD_CORE).cpu  # to read is not to send
    found = measured(
        command, lambda _: json.loads(out.read_text())["targets"][0]["answered"], given.seconds, _LOAD_CORE
    )
    return Measured(found.requests, found.seconds, found.cpu - begun, found.out)


@contextmanager
def origin(place: Path, *more: str) -> Iterator[int]:
    port, log = free_port(), place / "origin.log"
    command = ("taskset", "-c", str(_ORIGIN_CORE), sys.executable, "-m", "loadtests.replaying.origin", str(port), *more)
    with running(command, log) as process:
        wait_until_it_answers(process, lambda: len(asked(port, "/")) == 1_024, log)
        yield port


def _replayed(recording: Path, port: int, place: Path, seconds: int, *more: str) -> dict[str, Any]:
    out = place / "report.json"
    command = replay_command(recording, port, "--json", str(out), *more)
    measured(command, lambda _: 1, seconds)
    side: dict[str, Any] = json.loads(out.read_text())["targets"][0]
    return side


def _row(name: str, histogram: dict[str, Any]) -> str:
    values = "".join(f"{key:>8} {histogram[key] * 1_000:>8,.2f}" for key in ("p50", "p90", "p99", "p99.9", "max"))
    return f"  {name:<12}{values}  ms"


if __name__ == "__main__":
    if shutil.which("taskset") is None:
        sys.exit("replaying: taskset is not installed, and each program is to have a core (Debian: util-linux)")
    sys.exit(main())
