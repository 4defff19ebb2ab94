"""What is moved: edges of two workers with one cutover, between two origins that say who they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from edgeproxy.control.control_client import CannotAsk, ask
from loadtests.bench.processes import LOOPBACK, CannotStart, free_port, running, wait_until_it_answers

OLD: Final = b"legacy"
NEW: Final = b"modern"
_WORKERS: Final = 2
_RULES: Final = """
edge: 1
listen: [{{address: "127.0.0.1:{port}"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  legacy: {{url: "http://127.0.0.1:{old}"}}
  modern: {{url: "http://127.0.0.1:{new}"}}
cutovers:
  reads: {{from: legacy, to: modern, steps: [50, 100], hold: 1h}}
rules:
  - {{name: all, match: {{host: app, path: "/{{rest*}}"}}, forward: {{cutover: reads}}}}
"""


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge, told by its control socket."""

    port: int
    control: Path

    def tell(self, verb: str, **words: object) -> None:
        """Raises CannotStart when it does not take it."""
        command = {"do": "cutover", "cutover": "reads", "verb": verb, "who": "loadtests", "why": "measured", **words}
        try:
            list(ask(self.control, [command]))
        except CannotAsk as error:
            raise CannotStart(str(error)) from None

    def answers(self) -> set[bytes]:
        """Of so many new connections that each worker takes some."""
        return {self._answer() for _ in range(8 * _WORKERS)}

    def _answer(self) -> bytes:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Host": "pypi.test"})
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def standing(directory: Path, names: Sequence[str], nodes: str | None) -> Iterator[tuple[Edge, ...]]:
    """Edges of these names, each with a state of its own, or on one Redis. Raises CannotStart."""
    with ExitStack() as stack:
        old, new = (stack.enter_context(_origin(directory, name)) for name in (OLD, NEW))
        yield tuple(stack.enter_context(_edge(directory / name, old, new, nodes)) for name in names)


@contextmanager
def _edge(place: Path, old: int, new: int, nodes: str | None) -> Iterator[Edge]:
    place.mkdir()
    edge = Edge(free_port(), place / "control")
    rules, log = place / "rules.yaml", place / "log"
    rules.write_text(_RULES.format(port=edge.port, old=old, new=new))
    command = (sys.executable, "-m", "edgeproxy", "run", str(rules), "--workers", str(_WORKERS))
    own = ("--control", str(edge.control), "--state", str(place / "state"))
    shared = () if nodes is None else ("--nodes", nodes)
    with running((*command, *own, *shared), log) as process:
        wait_until_it_answers(process, lambda: edge.answers() == {OLD}, log)
        yield edge


@contextmanager
def _origin(directory: Path, name: bytes) -> Iterator[int]:
    port, log = free_port(), directory / f"origin-{name.decode()}.log"
    command = (sys.executable, "-m", "loadtests.moving.origin", str(port), name.decode())
    with running(command, log) as process:
        wait_until_it_answers(process, lambda: Edge(port, log).answers() == {name}, log)
        yield port


@contextmanager
def redis(program: str, directory: Path) -> Iterator[str]:
    """Where the server is that is run. Raises CannotStart."""
    path = directory / "redis"
    command = (program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(directory))
    with running(command, directory / "redis.log") as process:
        wait_until_it_answers(process, path.exists, directory / "redis.log")
        yield f"unix://{path}"
