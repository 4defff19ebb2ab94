"""What is measured: `edgeproxy run` with a cache, before a backend that makes what is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from loadtests.bench.processes import LOOPBACK, free_port, running, wait_until_it_answers
from loadtests.edge2018.load import Settings
from loadtests.edge2018.origin import command_of_origin, reached_at

_RULES: Final = """\
edge: 1
listen: [{{address: "127.0.0.1:{port}"}}]
cache: {{memory: {memory}, directory: {directory}, disk: {disk}}}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{origin}", host: pypi.test}}
rules:
  - name: simple
    match: {{host: app, path: "/simple/{{project}}/", methods: [GET, HEAD]}}
    forward: {{backend: origin}}
    cache: {{fresh: 1d, stale_while_revalidate: 5m, stale_if_error: 1d, tags: ["project/{{project}}"]}}
  - name: json
    match: {{host: app, path: "/pypi/{{project}}/json", methods: [GET, HEAD]}}
    forward: {{backend: origin}}
    cache: {{fresh: 1d, stale_while_revalidate: 5m, stale_if_error: 1d, tags: ["project/{{project}}"]}}
  - name: files
    match: {{host: app, path: "/packages/{{rest*}}", methods: [GET, HEAD]}}
    forward: {{backend: origin}}
    cache: {{fresh: 365d, immutable: true}}
"""


@dataclass(frozen=True, slots=True)
class Edge:
    """How the edge is run. Sizes in octets; `memory` is of each worker."""

    workers: int
    memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Stand:
    edge: int  # process
    origin: int  # process
    port: int
    origin_port: int
    log: Path


def rules_of(edge: Edge, port: int, origin: int, directory: Path) -> str:
    sizes = {"memory": _size(edge.memory), "disk": _size(edge.disk)}
    return _RULES.format(port=port, origin=origin, directory=directory, **sizes)


def _size(octets: int) -> str:
    return f"{octets >> 20}MiB"


@contextmanager
def standing(directory: Path, edge: Edge, settings: Settings, delay: float) -> Iterator[Stand]:
    """A fresh edge with an empty cache. Raises CannotStart."""
    port, origin_port = free_port(), free_port()
    rules, log, origin_log = (directory / name for name in ("rules.yaml", "edge.log", "origin.log"))
    rules.write_text(rules_of(edge, port, origin_port, directory / "cache"))
    run_origin = command_of_origin(origin_port, settings.seed, settings.mean, delay, settings.projects)
    run_edge = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--workers", str(edge.workers))
    with running(run_origin, origin_log) as backend:
        wait_until_it_answers(backend, lambda: reached_at(origin_port) is not None, origin_log)
        with running(run_edge, log) as process:
            wait_until_it_answers(process, lambda: _answers(port), log)
            yield Stand(process.pid, backend.pid, port, origin_port, log)


def _answers(port: int) -> bool:
    """Whether the edge answers; nothing it will be asked for is asked for."""
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/nothing", headers={"Host": "pypi.test"})
        return connection.getresponse().status in (404, 421)
    finally:
        connection.close()
