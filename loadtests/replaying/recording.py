"""A recording as an edge would have made it: pip's requests over kept connections, so many a second as are wanted."""

from __future__ import annotations

from pathlib import Path

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from loadtests.bench.cases import CASES, headers_of
from replay.capture.writing import write_records

_BEGAN = 1_523_887_200.0  # 16 April 2018
_CASE = next(case for case in CASES if case.name == "pass-1k")
HEADERS = {
    name.lower(): value
    for name, value in headers_of(_CASE, _CASE.paths[0])
    if name.lower() in ("accept", "accept-encoding", "user-agent", "cache-control")
}
URLS = [f"http://pypi.test/simple/project-{number}/" for number in range(200)]


def write_recording(path: Path, rate: float, seconds: float, connections: int) -> None:
    with path.open("xb") as file:
        write_records(file, (_record(number, rate, connections) for number in range(round(rate * seconds))))


def _record(number: int, rate: float, connections: int) -> Captured:
    return Captured(
        time=_BEGAN + number / rate,
        method="GET",
        url=URLS[number % len(URLS)],
        headers=HEADERS,
        connection=f"1-{number % connections}",
        safety=SafetyClass.SAFE,
        rule="simple",
        shape="/simple/{project}/",
        status=200,
    )
