"""What is attacked: one worker of the edge before an origin, each a process on loopback."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from loadtests.bench.processes import LOOPBACK, CannotStart, free_port, running, wait_until_it_answers
from loadtests.slow.attackers import elsewhere
from loadtests.slow.good import HOST, PATH

_REPORT: Final = "{"
_REPORT_SECONDS: Final = 30.0
_RULES: Final = """
edge: 1
listen: [{{address: "127.0.0.1:{port}"}}]
limits: {{{limits}}}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{origin}"}}
  attacked: {{url: "http://127.0.0.1:{attacked}", limits: {{connections: 20000}}}}
rules:
  - {{name: page, match: {{path: "{page}"}}, forward: {{backend: origin}}}}
  - {{name: all, match: {{path: "/{{rest*}}"}}, forward: {{backend: attacked}}}}
"""


@dataclass(frozen=True, slots=True)
class Stand:
    pid: int  # of the edge's supervisor
    port: int
    log: Path

    def counters(self) -> Mapping[str, Any]:
        """The worker's, as it tells them when asked. Raises CannotStart when it does not."""
        said = self._reports()
        os.kill(self.pid, signal.SIGUSR1)
        until = time.monotonic() + _REPORT_SECONDS
        while time.monotonic() < until:
            reports = self._reports()
            if len(reports) > len(said):
                (worker,) = json.loads(reports[-1])["workers"]
                counters: Mapping[str, Any] = worker["counters"]
                return counters
            time.sleep(0.02)
        raise CannotStart("the edge does not tell its counters")

    def _reports(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines(keepends=True) if _is_report(line)]


def _is_report(line: str) -> bool:
    return line.startswith(_REPORT) and line.endswith("\n")


@contextmanager
def standing(directory: Path, limits: str) -> Iterator[Stand]:
    """A fresh edge under these limits. Raises CannotStart."""
    origin, attacked, port = free_port(), free_port(), free_port()
    rules, log = directory / "rules.yaml", directory / "edge.log"
    log.unlink(missing_ok=True)
    rules.write_text(_RULES.format(port=port, origin=origin, attacked=attacked, page=PATH, limits=limits))
    edge = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--workers", "1")
    with _origin(origin, directory), _origin(attacked, directory, *elsewhere()), running(edge, log) as process:
        wait_until_it_answers(process, lambda: _answers(port), log)
        yield Stand(process.pid, port, log)


@contextmanager
def _origin(port: int, directory: Path, *before: str) -> Iterator[None]:
    """Two of them: what an attack costs the origin that it is for is not to be taken for the edge's delay."""
    log = directory / f"origin-{port}.log"
    with running((*before, sys.executable, "-m", "loadtests.slow.origin", str(port)), log) as process:
        wait_until_it_answers(process, lambda: _answers(port), log)
        yield


def _answers(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", PATH, headers={"Host": HOST})
        return connection.getresponse().status == 200
    finally:
        connection.close()
