"""An edge of two workers as processes, with a cache in a directory, before an origin that knows what it has given."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cache_load import (
    Origin,
    get,
    running_origin,
    version_of,
)
from edge_process import EdgeProcess, running_process

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
cache: {cache}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 1s, head: {head}, between: 60s}}{more}}}
rules:
  - {{name: kept, match: {{host: app, path: "/{{rest*}}", methods: [GET, HEAD]}}, forward: {{backend: origin}}, cache: {rule}}}
  - {{name: rest, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}}}
"""


@dataclass
class Site:
    """An edge of two workers with a cache in a directory, before an origin that may pause for as long as a test needs on a
    busy machine.
    """

    place: Path
    origin: Origin
    port: int = 0
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    kills: int = 0
    said: list[str] = field(default_factory=list)  # by edges that are gone

    @property
    def control(self) -> Path:
        return self.place / "control"

    def write_rules(self, cache: str = "", rule: str = "{}", head: str = "60s", more: str = "") -> None:
        cache = cache or f"{{directory: {self.place / 'cache'}}}"
        text = RULES.format(cache=cache, port=self.origin.port, rule=rule, head=head, more=more)
        (self.place / "rules.yaml").write_text(text)

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[EdgeProcess]:
        own = ("--workers", "2", "--control", str(self.control), *arguments)
        async with running_process(self.place / "rules.yaml", *own) as edge:
            self.port = edge.port
            self.is_up.set()
            try:
                yield edge
            finally:
                self.is_up.clear()
                self.said += edge.said

    async def kill_all(self, edge: EdgeProcess) -> None:
        """As a machine's end would, but for what the kernel has in its buffers."""
        workers = await edge.workers()
        self.is_up.clear()
        self.kills += 1
        for pid in (edge.pid, *workers):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await edge.ended()

    async def get(self, path: str) -> tuple[int, str]:
        """The version that came, which was right, and what the edge says of its cache."""
        answer = await get(self.port, path)
        assert answer.status == 200
        return version_of(path, answer.body), answer.cache_status


@asynccontextmanager
async def site(place: Path, origin: Origin | None = None) -> AsyncIterator[Site]:
    async with running_origin(origin or Origin()) as running:
        yield Site(place, running)


EXPECTED = ("was ended by SIGKILL: it is replaced", "is in use")


def unexpected(said: list[str]) -> list[str]:
    return [line for line in said if not any(text in line for text in EXPECTED)]
