"""Locust itself: a master and workers on this machine, headless, with what they said and what they counted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_process import WAIT
from heard import Heard
from own_environment import programs_of
from system import ROOT

from loadtests.bench.processes import free_port

LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"


class Node(Heard):
    """A master or worker."""

    async def ended(self) -> int:
        async with asyncio.timeout(2 * WAIT):
            return await self.process.wait()


@dataclass
class Swarm:
    """`host`: the edge's URL."""

    host: str
    place: Path
    port: int
    options: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    async def master(self, workers: int, *options: str) -> Node:
        ports = ("--master-bind-host", "127.0.0.1", "--master-bind-port", str(self.port))
        counts = ("--json-file", str(self.place / "counts"))
        return await self._start("--master", *ports, "--expect-workers", str(workers), *counts, *options)

    async def worker(self, *options: str) -> Node:
        to = ("--worker", "--master-host", "127.0.0.1", "--master-port", str(self.port))
        return await self._start(*to, *options)

    async def alone(self, *options: str) -> Node:
        return await self._start("--json-file", str(self.place / "counts"), *options)

    def counts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Of the whole run, by type and name."""
        entries = json.loads((self.place / "counts.json").read_text())
        return {(each["method"], each["name"]): each for each in entries}

    async def _start(self, *options: str) -> Node:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(programs_of("locust") / "locust", "-f", LOCUSTFILE, "--headless", "--only-summary"),
            *("--host", self.host, *options, *self.options),
            env=kept | {"HOME": str(self.place), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            cwd=self.place,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        node = Node(process)
        self.nodes.append(node)
        self._listening.append(asyncio.ensure_future(node.listen()))
        return node

    async def end(self) -> None:
        for node in self.nodes:
            if node.process.returncode is None:
                node.process.send_signal(signal.SIGKILL)
                await node.process.wait()
        await asyncio.gather(*self._listening)


@asynccontextmanager
async def swarm(host: str, place: Path, *options: str) -> AsyncIterator[Swarm]:
    """At the end all its processes are gone. `options`: of each of them."""
    made = Swarm(host, place, free_port(), options)
    try:
        yield made
    finally:
        await made.end()
