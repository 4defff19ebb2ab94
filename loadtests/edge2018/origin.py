"""The backend of the 2018 edge load: it makes what is asked for, after a while, and remembers what it was asked.

Laws:
- a content begins with the number of its resource, in TAG_OCTETS octets, so that a wrong one is seen at once;
- the headers are those of facts/pypi.md §2.5 and §3.4;
- what reached it is told with the time of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from asyncio import Transport
from typing import Final

from loadtests.bench.answering import NOT_FOUND, answer_until_ended, asked, ok, told
from loadtests.edge2018.population import PROJECTS, Kind, Population, population

REACHED: Final = "/-/reached"  # the times of the requests so far, as JSON
TAG_OCTETS: Final = 16
_FILLING: Final = memoryview(b"0123456789abcde\n" * (20_000_000 // 16 + 1))
_CONTENT_TYPES: Final = {
    Kind.INDEX: "text/html; charset=utf-8",
    Kind.JSON: "application/json",
    Kind.FILE: "application/octet-stream",
}
_MODIFIED: Final = "Mon, 16 Apr 2018 15:00:00 GMT"


def command_of_origin(port: int, seed: int, mean: int, delay: float, projects: int = PROJECTS) -> tuple[str, ...]:
    words = {"seed": seed, "mean": mean, "delay": delay, "projects": projects}
    options = (word for name, value in words.items() for word in (f"--{name}", str(value)))
    return (sys.executable, "-m", "loadtests.edge2018.origin", str(port), *options)


def tag_of(resource: int) -> bytes:
    return b"%015d\n" % resource


def reached_at(port: int) -> list[float]:
    """When requests reached the origin, by the monotonic clock. Raises OSError."""
    times: list[float] = json.loads(asked(port, REACHED))
    return times


class Origin:
    """All connections together."""

    def __init__(self, asked_for: Population, delay: float) -> None:
        self._asked_for = asked_for
        self._delay = delay
        self._reached: list[float] = []

    def answer(self, target: bytes, out: Transport) -> None:
        path = target.decode("latin-1")
        if path == REACHED:
            out.write(told(json.dumps(self._reached).encode()))
            return
        self._reached.append(time.monotonic())
        asyncio.get_running_loop().call_later(self._delay, self._answer, path, out)

    def _answer(self, path: str, out: Transport) -> None:
        resource = self._asked_for.resource_of(path)
        if resource is None:
            out.write(NOT_FOUND)
            return
        size = self._asked_for.sizes[resource]
        head = head_of(self._asked_for, resource)
        out.writelines([head + tag_of(resource), _FILLING[: size - TAG_OCTETS]])


def head_of(asked_for: Population, resource: int) -> bytes:
    kind = asked_for.kind_of(resource)
    fields = [
        ("Content-Type", _CONTENT_TYPES[kind]),
        ("Content-Length", str(asked_for.sizes[resource])),
        ("ETag", f'"{resource:032x}"'),
    ]
    if kind is Kind.FILE:
        fields += [("Cache-Control", "max-age=365000000, immutable, public"), ("Last-Modified", _MODIFIED)]
    else:
        lifetime = 600 if kind is Kind.INDEX else 900
        fields += [
            ("Cache-Control", f"public, max-age={lifetime}"),
            ("Surrogate-Control", "max-age=86400, stale-while-revalidate=300, stale-if-error=86400"),
            ("Surrogate-Key", f"project/name-{asked_for.project_of(resource)}"),
            ("Vary", "Accept-Encoding"),
            ("X-PyPI-Last-Serial", str(3_700_000 + resource)),
        ]
    return ok(fields)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.edge2018.origin")
    parser.add_argument("port", type=int)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--mean", type=int, required=True)
    parser.add_argument("--delay", type=float, required=True, help="seconds from a request to its answer")
    parser.add_argument("--projects", type=int, default=PROJECTS)
    options = parser.parse_args()
    asked_for = population(options.seed, options.mean, options.projects)
    answer_until_ended(Origin(asked_for, options.delay).answer, options.port)


if __name__ == "__main__":
    main()
