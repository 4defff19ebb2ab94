"""One measurement: an edge, an origin, and a shadow's backend, each a process on loopback.

Laws:
- CPU time is that of the edge's process alone, per request of its clients, at full load;
- latencies are those of an open load far below it: a closed one hides what stands still.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from loadtests.bench.cases import CASES, CpuTime
from loadtests.bench.cpu import cpu_seconds, settle
from loadtests.bench.load import Door, Driver, answers_well, fault_of
from loadtests.bench.memory import memory_of
from loadtests.bench.processes import CannotStart, free_port, running, wait_until_it_answers
from loadtests.shadow.target import Target
from loadtests.slow.good import ask_at_rate

_CASE: Final = next(case for case in CASES if case.name == "pass-1k")
_WARM_UP: Final = 1  # seconds
_REPORT_SECONDS: Final = 10.0
_SHADOW: Final = ", shadow: {to: target, percent: 100}"
_RULES: Final = """
edge: 1
listen: [{{address: "127.0.0.1:{port}"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{origin}"}}
  target: {{url: "http://127.0.0.1:{target}"}}
rules:
  - {{name: all, match: {{path: "/{{rest*}}"}}, forward: {{backend: origin}}{shadow}}}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """`seconds` of each of the two loads; `rate`: requests a second of the open one."""

    seconds: int
    rate: int
    connections: int


@dataclass(frozen=True, slots=True)
class Outcome:
    cpu: float  # seconds per request
    p50: float  # seconds, of the open load
    p99: float
    resident: int  # octets, after both
    failures: int
    fault: str | None
    shadows: Mapping[str, int]  # asked, answered by silence, and dropped, by why

    @property
    def is_well(self) -> bool:
        return self.fault is None and not self.failures


def measure(target: Target, load: Load, driver: Driver) -> Outcome:
    """Raises CannotStart and LoadFailed."""
    with _edge(target, driver.directory) as (pid, port, log):
        door, way = Door(port), CpuTime()
        driver.drive(_CASE, way, door, _WARM_UP)
        settle(pid)
        before = cpu_seconds(pid)
        closed = driver.drive(_CASE, way, door, load.seconds)
        cpu = (cpu_seconds(pid) - before) / max(closed.requests, 1)
        seen = asyncio.run(ask_at_rate(port, load.rate, load.seconds, load.connections))
        resident, counters = memory_of(pid).resident, _counters(pid, log)
        fault = fault_of(closed, _CASE)
    p50, p99 = seen.percentile(0.5), seen.percentile(0.99)
    return Outcome(cpu, p50, p99, resident, seen.failures + counters["unexpected"], fault, _shadows(counters))


@contextmanager
def _edge(target: Target, directory: Path) -> Iterator[tuple[int, int, Path]]:
    """Its process, its port, and what it prints."""
    origin, other, port = free_port(), free_port(), free_port()
    rules, log = directory / "rules.yaml", directory / "edge.log"
    log.unlink(missing_ok=True)
    shadow = "" if target is Target.NONE else _SHADOW
    rules.write_text(_RULES.format(port=port, origin=origin, target=other, shadow=shadow))
    edge = (sys.executable, "-m", "loadtests.shadow.worker", str(rules))
    with _origin(origin, directory), _target(target, other, directory), running(edge, log) as process:
        wait_until_it_answers(process, partial(answers_well, _CASE, Door(port)), log)
        yield process.pid, port, log


@contextmanager
def _origin(port: int, directory: Path) -> Iterator[None]:
    log = directory / f"origin-{port}.log"
    with running((sys.executable, "-m", "loadtests.slow.origin", str(port)), log) as process:
        wait_until_it_answers(process, partial(answers_well, _CASE, Door(port)), log)
        yield


@contextmanager
def _target(target: Target, port: int, directory: Path) -> Iterator[None]:
    if target in (Target.NONE, Target.DEAD):
        yield
    elif target is Target.ANSWERS:
        with _origin(port, directory):
            yield
    else:
        command = (sys.executable, "-m", "loadtests.shadow.target", target, str(port))
        with running(command, directory / "target.log"):
            yield


def _counters(pid: int, log: Path) -> Mapping[str, Any]:
    """As the edge tells them. Raises CannotStart when it does not."""
    os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + _REPORT_SECONDS
    while time.monotonic() < until:
        lines = [line for line in log.read_text().splitlines(keepends=True) if line.startswith("{")]
        if lines and lines[-1].endswith("\n"):
            counters: Mapping[str, Any] = json.loads(lines[-1])
            return counters
        time.sleep(0.02)
    raise CannotStart("the edge does not tell its counters")


def _shadows(counters: Mapping[str, Any]) -> dict[str, int]:
    """There is one rule: the names of reasons are enough."""
    found = {"asked": sum(counters["shadows"].values())}
    for name in ("shadow_silences", "shadow_drops"):
        found |= {key.partition("/")[2]: count for key, count in counters[name].items()}
    return found
