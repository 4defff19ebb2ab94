"""An edge that keeps answers, at a time that its test sets: before a backend that answers what the test says, when it
says, or over a directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import QUICK, Answer, BackendPeer, RunningEdge, backend, request, running_edge

from edgeproxy.proxy.cache.keeper import Keeper

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
{settings}
hosts: {{app: {{names: [pypi.test]}}, content: {{names: [files.pypihosted.test], kind: content}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 500ms, head: 5s, between: 5s}}}}
rules:
  - {{name: kept, match: {{host: [app, content], path: "{path}"}}, {safety}forward: {{backend: origin}}, cache: {cache}}}
"""
FRESH = "Cache-Control: max-age=60"


@dataclass
class Origin:
    """Each request takes the next answer: octets, or the pieces that are put in a queue until None
    comes; an empty one ends the connection."""

    seen: list[bytes] = field(default_factory=list)
    answers: asyncio.Queue[bytes | asyncio.Queue[bytes | None]] = field(default_factory=asyncio.Queue)
    asked: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def will_say(self, *answers: bytes) -> None:
        for each in answers:
            self.answers.put_nowait(each)

    def will_say_in_pieces(self) -> asyncio.Queue[bytes | None]:
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.answers.put_nowait(pieces)
        return pieces

    async def serve(self, peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    head += await peer.reader.readexactly(int(line.split(b":")[1]))
            self.seen.append(head)
            self.asked.put_nowait(head)
            answer = await self.answers.get()
            if isinstance(answer, bytes):
                await peer.send(answer)
                continue
            while (piece := await answer.get()) is not None:
                if not piece:
                    return  # in the middle of it
                await peer.send(piece)


def ok(content: bytes = b"hello", *lines: str, status: str = "200 OK") -> bytes:
    head = "".join(
        [f"HTTP/1.1 {status}\r\n", f"Content-Length: {len(content)}\r\n", *(f"{line}\r\n" for line in lines)]
    )
    return head.encode() + b"\r\n" + content


class Time:
    """The wall clock of an edge: it stands still until its test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Keeping:
    """An edge that keeps answers, what it has and what it counted."""

    edge: RunningEdge
    time: Time

    async def get(self, target: str = "/", *lines: str, method: str = "GET", host: str = "pypi.test") -> Answer:
        return await self.edge.ask(request(target, *lines, method=method, host=host))

    @property
    def keeper(self) -> Keeper:
        assert self.edge.edge.keeper is not None
        return self.edge.edge.keeper

    @property
    def counted(self) -> dict[str, int]:
        """What the cache did, by outcome."""
        return {str(outcome): count for (_, outcome), count in self.edge.edge.counters.cache.items()}

    @property
    def not_stored(self) -> dict[str, int]:
        return dict(self.edge.edge.counters.not_stored)


@dataclass
class Site(Keeping):
    origin: Origin

    async def post(self, target: str, body: bytes, *lines: str) -> Answer:
        return await self.edge.ask(request(target, f"Content-Length: {len(body)}", *lines, method="POST") + body)

    async def until_running(self, exchanges: int) -> None:
        while self.edge.edge.running() != exchanges:
            await asyncio.sleep(0)

    async def until_no_fill(self) -> None:
        while self.keeper.fills:
            await asyncio.sleep(0)


@asynccontextmanager
async def site(
    cache: str = "{}",
    *,
    path: str = "/{rest*}",
    settings: str = "",
    safety: str = "",
    base: Path | None = None,
    limits: dict[str, float] | None = None,
) -> AsyncIterator[Site]:
    """`cache`: the rule's block; `safety`: the rule's word; `settings`: further keys of the file."""
    origin, time = Origin(), Time()
    async with backend(origin.serve) as server:
        rules = RULES.format(
            port=server.port, cache=cache, path=path, settings=settings, safety=f"safety: {safety}, " if safety else ""
        )
        async with at_a_time(rules, time, base=base, limits=limits) as edge:
            yield Site(edge, time, origin)


@asynccontextmanager
async def at_a_time(
    rules: str, time: Time, *, base: Path | None = None, limits: dict[str, float] | None = None
) -> AsyncIterator[RunningEdge]:
    async with running_edge(rules, base=base, limits=replace(QUICK, idle=5.0, **(limits or {}))) as edge:
        edge.edge.clock.wall = time
        yield edge
