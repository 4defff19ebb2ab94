"""Two sides behind an edge whose rule shadows the old one's requests to the new one, and what is handed on of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from harness import Backend, RunningEdge, Script, always, backend, running_edge

from edgeproxy.migration.specimen import Specimen
from edgeproxy.telemetry.counters import Counters, Drop

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  content: {{names: [files.pypihosted.test], kind: content}}
backends:
  legacy: {{url: "http://127.0.0.1:{old}", host: legacy.pypi.test, timeouts: {{connect: 10s, head: 2s, between: 2s}}}}
  modern: {{url: "http://127.0.0.1:{new}", timeouts: {{connect: 10s, head: {patience}, between: {patience}}}}}
  spare: {{url: "http://127.0.0.1:{old}", host: spare.pypi.test}}
cutovers:
  reads: {{from: legacy, to: modern, steps: [50, 100], hold: 1m}}
rules:
  - name: calls
    match: {{path: /pypi}}
    forward: {{backend: legacy}}
    safety: safe
    shadow: {{to: modern, percent: 100}}
  - name: pages
    match: {{path: "/{{rest*}}"}}
    forward: {forward}
    shadow: {{to: modern, percent: {percent}, compare: {compare}}}
    {more}
"""
CACHED = "cache: {fresh: 1h}"


def answer(text: str = "", *lines: str, status: int = 200) -> bytes:
    fields = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 {status} It\r\n{fields}Content-Length: {len(text)}\r\n\r\n{text}".encode()


OLD, NEW = always(answer("old")), always(answer("new"))


@dataclass
class Site:
    running: RunningEdge
    old: Backend
    new: Backend
    specimens: asyncio.Queue[Specimen]

    async def handed_on(self) -> Specimen:
        """The next one."""
        async with asyncio.timeout(30):
            return await self.specimens.get()

    async def is_quiet(self) -> bool:
        """Whether nothing else was handed on when all that was under way has ended."""
        shadower = self.running.edge.shadower
        async with asyncio.timeout(30):
            while shadower.running or shadower.waiting:
                await asyncio.sleep(0)
        return self.specimens.empty()

    @property
    def held(self) -> int:
        """Octets that shadows hold."""
        return self.running.edge.shadower.room.used

    @property
    def counters(self) -> Counters:
        return self.running.edge.counters

    def drops(self, rule: str = "pages") -> dict[Drop, int]:
        return {why: count for (its, why), count in self.counters.shadow_drops.items() if its == rule}


@asynccontextmanager
async def shadowed(
    old: Script = OLD,
    new: Script = NEW,
    *,
    more: str = "",
    percent: str = "100",
    compare: str = "exact",
    forward: str = "{backend: legacy}",
    patience: str = "20s",
    dice: Callable[[], float] = lambda: 0.5,
    takes: Callable[[Specimen], bool] = lambda _: True,
) -> AsyncIterator[Site]:
    """`takes`: whether there is somebody who compares; `patience`: with the new side."""
    specimens: asyncio.Queue[Specimen] = asyncio.Queue()

    def deliver(specimen: Specimen) -> bool:
        if not takes(specimen):
            return False
        specimens.put_nowait(specimen)
        return True

    async with backend(old) as first, backend(new) as second:
        said = {"more": more, "percent": percent, "compare": compare, "forward": forward, "patience": patience}
        rules = RULES.format(old=first.port, new=second.port, **said)
        async with running_edge(rules, deliver=deliver, dice=dice) as running:
            yield Site(running, first, second, specimens)
