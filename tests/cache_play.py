"""The steps of a case, through a real edge: real sockets, an origin that answers by the step, the clock in one's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cache_cases.cases import START, Asked, Seen, Step
from harness import Answer, BackendPeer, RunningEdge, backend, running_edge

from edgeproxy.caching.outcomes import NotStored, Outcome

_LONGEST = 10.0  # seconds until what must come has come


@dataclass
class Play:
    """The hour, the step at hand, and what the origin was asked for it."""

    running: RunningEdge | None = None
    now: float = START
    step: Step | None = None
    asked: list[Asked] = field(default_factory=list)

    async def take(self, step: Step) -> Seen:
        """What the client gets for a request. What is asked for behind its back is over when this returns."""
        assert self.running is not None
        self.step, self.now, self.asked = step, step.now, []
        async with asyncio.timeout(_LONGEST):
            answer = await self.running.ask(step.request)
            await self._settle()
        return _seen(answer, self.asked)

    async def _settle(self) -> None:
        """Until the edge has no fetch on its way: what it was given is kept, or not."""
        assert self.running is not None
        keeper = self.running.edge.keeper
        while keeper is not None and keeper.fills:
            await asyncio.sleep(0.001)

    async def script(self, peer: BackendPeer) -> None:
        while True:
            head = await peer.head()
            content = await _content(peer, head)
            assert self.step is not None
            if not self.step.origin:
                self.asked.append(Asked(head, content, None))
                return
            answer = self.step.answer_to(head[:-2], content)
            self.asked.append(Asked(head, content, answer))
            if answer is None:
                return
            self.now += answer.after
            await peer.send(answer.octets(to_head=head.startswith(b"HEAD ")))
            if answer.breaks_off:
                return


@asynccontextmanager
async def playing(rules: str) -> AsyncIterator[Play]:
    """`rules`: a rule file with `{port}` for the origin's port."""
    play = Play()
    async with backend(play.script) as origin:
        async with running_edge(rules.replace("{port}", str(origin.port))) as running:
            running.edge.clock.wall = lambda: play.now
            play.running = running
            yield play


async def _content(peer: BackendPeer, head: bytes) -> bytes:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return await peer.reader.readexactly(int(value))
    return b""


def _seen(answer: Answer, asked: list[Asked]) -> Seen:
    member = answer.field("Cache-Status")
    outcome, why = (None, None) if member is None else _read(member)
    return Seen(answer.status, answer.fields, answer.body, asked, outcome, why, answer.is_whole)


def _read(member: str) -> tuple[Outcome, NotStored | None]:
    """The outcome that a Cache-Status tells (RFC 9211)."""
    name, *parameters = [part.strip() for part in member.split(";")]
    assert name == "edgeproxy"
    said = {key: value for key, _, value in (parameter.partition("=") for parameter in parameters)}
    detail = said.get("detail", "")
    if "hit" in said:
        return Outcome.STALE if int(said["ttl"]) <= 0 else Outcome.HIT, None
    if detail in (Outcome.STALE_IF_ERROR, Outcome.ONLY_IF_CACHED):
        return Outcome(detail), None
    if "stored" in said:
        return Outcome.MISS, None
    if "collapsed" in said:
        return Outcome.COLLAPSED, None
    if said["fwd"] == "bypass":
        return Outcome.BYPASS, NotStored(detail) if detail else None
    if detail or said["fwd"] == "method":
        return Outcome.UNCACHEABLE, NotStored(detail or "method")
    return (Outcome.REVALIDATED if said["fwd"] == "stale" else Outcome.UNCACHEABLE), None
