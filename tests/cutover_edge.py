"""An edge of two workers with one cutover, of a process's own, and what it is told by `edgeproxy cutover`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cache_load import Client, clients_of_each
from edge_process import EdgeProcess, running_process
from harness import Script, always, backend
from verbs import verb

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test, www.pypi.test, legacy.pypi.test]}}}}
backends:
  legacy: {{url: "http://127.0.0.1:{legacy}"}}
  modern: {{url: "http://127.0.0.1:{modern}"}}
cutovers:
  reads: {{from: legacy, to: modern, steps: [{steps}], hold: {hold}{more}}}
rules:
  - {{name: all, match: {{host: app, path: "/{{rest*}}", methods: [GET]}}, forward: {{cutover: reads}}{cache}}}
"""


def says(name: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()


LEGACY, MODERN = always(says("legacy")), always(says("modern"))


@asynccontextmanager
async def rules_in(
    place: Path,
    hold: str = "1m",
    steps: str = "20, 50, 100",
    more: str = "",
    legacy: Script = LEGACY,
    modern: Script = MODERN,
    cache: str = ", cache: {fresh: 1h}",
) -> AsyncIterator[Path]:
    """`more`: of the cutover's keys. `legacy`, `modern`: what its arms do."""
    async with backend(legacy) as old, backend(modern) as new:
        path = place / "rules.yaml"
        path.write_text(RULES.format(legacy=old.port, modern=new.port, hold=hold, steps=steps, more=more, cache=cache))
        yield path


def own(place: Path) -> tuple[str, ...]:
    return ("--workers", "2", "--control", str(place / "control"), "--state", str(place / "state"))


async def cutover(place: Path, *words: str, why: str = "the plan says so") -> tuple[int, str]:
    return await verb(*command_of(place, *words, why=why))


def command_of(place: Path, *words: str, why: str = "the plan says so") -> Sequence[object]:
    """What a person types after `edgeproxy`."""
    said = () if words[0] == "status" else ("--why", why, "--who", "di")
    return ("cutover", *words, *said, "--control", place / "control")


async def status(place: Path) -> dict[str, Any]:
    _, text = await cutover(place, "status", "reads", "--format", "json")
    found: dict[str, Any] = json.loads(text)
    return found


async def arms(clients: list[Client], path: str = "/") -> set[bytes]:
    return {(await client.get(path)).body for client in clients}


@asynccontextmanager
async def running(rules: Path) -> AsyncIterator[tuple[EdgeProcess, list[Client]]]:
    """An edge of two workers, and a client of each."""
    async with running_process(rules, *own(rules.parent)) as edge:
        async with clients_of_each(edge.port, await edge.workers(), 1) as by_worker:
            yield edge, [client for each in by_worker for client in each]
