"""A program, played on a real edge: real sockets, the hour in one's hand, one event loop for all.

What is asked and answered is noticed by waiting until nobody has anything to do any more, never by waiting for a time.
With a directory there are two workers, which share it, and the purges; they see each other's fetches and copies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from harness import Backend, RawClient, RunningEdge, backend, request

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.purges import PurgeLog, carry_out
from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.load import parse_ruleset
from overlapping.clients import Client
from overlapping.history import Ending, History, Purged, Sent
from overlapping.origin import Origin
from overlapping.program import (
    TARGETS,
    Ask,
    Begin,
    Deed,
    Fail,
    Later,
    Leave,
    More,
    Program,
    Purges,
    Request,
    Unchanged,
    Whole,
)

START = 1_800_000_000.0
_LONGEST = 20.0  # seconds until what must come has come; another worker's fetch is waited for 10
_CALM = 10  # turns of the loop in which nobody notices anything
_TOKEN = "a-token-of-the-tests"
_PROBER = 100  # the first number of clients that are no program's
_PROBES = ((), ("X-A: 1",), ("Cookie: s=1", "Authorization: Basic YTpi"))
RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
cache: {{memory: 1MiB, purge_token: {token}{directory}}}
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  origin: {{url: "http://127.0.0.1:{port}", timeouts: {{connect: 5s, head: 60s, between: 60s}}}}
rules:
  - {{name: kept, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: origin}}, cache: {cache}}}
"""


async def play(program: Program, place: Path, *, has_disk: bool) -> History:
    """What was seen. Afterwards all that is kept has been asked for, too. Raises AssertionError for who is left hanging."""
    player = Player(program, place, has_disk=has_disk)
    async with backend(player.origin.serve) as origin:
        async with player.edges(origin, 2 if has_disk else 1):
            for step in program.steps:
                await player.do(step.deed)
                if not step.is_raced:
                    await player.settle()
            await player.finish()
            await player.probe()
        if has_disk:
            async with player.edges(origin, 1):
                await player.probe()
    return player.history


class Player:
    def __init__(self, program: Program, place: Path, *, has_disk: bool) -> None:
        self.history = History(program.rule)
        self.now = START
        self.origin = Origin(self.history, lambda: self.now, self._note_move, lambda client: self._worker_of[client])
        self._place = place
        self._has_disk = has_disk
        self._edges: list[RunningEdge] = []
        self._started = 0  # edges so far
        self._clients: dict[int, Client] = {}
        self._worker_of: dict[int, int] = {}
        self._leaving = AsyncExitStack()
        self._purging: set[asyncio.Task[None]] = set()
        self._moves = 0
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def edges(self, origin: Backend, workers: int) -> AsyncIterator[None]:
        token = self._place / "token"
        token.touch(0o600)
        token.write_text(_TOKEN)
        directory = f", directory: {self._place / 'kept'}, disk: 1GiB" if self._has_disk else ""
        rules = RULES.format(port=origin.port, token=token, directory=directory, cache=self.history.rule.block)
        ruleset = parse_ruleset(rules, "rules.yaml", base=self._place)
        log = PurgeLog.create()
        edges = [Edge(ruleset, replace(DEFAULT_LIMITS, tick=0.02), purges=log) for _ in range(workers)]
        self._edges = []
        try:
            for edge in edges:
                edge.clock.wall = lambda: self.now
                (address,) = await edge.start()
                self._edges.append(RunningEdge(edge, address.port))
            yield
        finally:
            await asyncio.gather(*self._purging, return_exceptions=True)
            for client in self._clients.values():
                await client.leave()
            self._clients.clear()
            self._started += workers
            for edge in edges:
                await edge.stop(grace=0)
            log.close()

    # -- what happens -----------------------------------------------------------------------------------------------

    async def do(self, deed: Deed) -> None:
        """What cannot happen now does not."""
        match deed:
            case Ask(client=client, requests=requests):
                await self._ask(client, client % len(self._edges), requests)
            case Leave(client=client):
                if client in self._clients:
                    await self._clients.pop(client).leave()
            case Later(seconds=seconds):
                await self.settle()
                self.now += seconds
            case Purges():
                self._purge(deed)
            case Begin() | Whole() | Unchanged() | More() | Fail():
                self._answer(deed)
            case _:
                assert_never(deed)

    def _answer(self, deed: Begin | Whole | Unchanged | More | Fail) -> None:
        origin = self.origin
        asking = origin.asking(has_begun=None if isinstance(deed, Fail) else isinstance(deed, More))
        if not asking:
            return
        exchange = asking[deed.which % len(asking)]
        match deed:
            case Begin(says=says):
                origin.begin(exchange, says)
            case Whole(says=says):
                origin.whole(exchange, says)
            case Unchanged(cache_control=cache_control, is_mistaken=is_mistaken):
                origin.unchanged(exchange, cache_control, is_mistaken=is_mistaken)
            case More(is_end=is_end):
                origin.more(exchange, is_end=is_end)
            case Fail(resets=resets):
                origin.fail(exchange, resets=resets)
            case _:
                assert_never(deed)

    async def _ask(self, number: int, worker: int, requests: tuple[Request, ...]) -> None:
        client = self._clients.get(number)
        if client is None or not client.is_open:
            if client is not None:
                await client.leave()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._edges[worker].port)
            client = Client(RawClient(reader, writer), self._started + worker, self.history, self._note_move)
            self._clients[number], self._worker_of[number] = client, client.worker
        asked = [self._request(number, client.worker, each) for each in requests]
        self.history.sent += [sent for sent, _ in asked]
        client.ask([sent for sent, _ in asked], b"".join([octets for _, octets in asked]))

    def _request(self, client: int, worker: int, asked: Request) -> tuple[Sent, bytes]:
        lines = [f"X-Client: {client}", *asked.lines]
        tags = [
            one.name for one in self.history.exchanges if one.target == asked.target and "etag" in one.head and one.says
        ]
        if asked.names is not None and tags:
            lines.append(f'If-None-Match: "{tags[-1 - asked.names % len(tags)]}"')
        content = b""
        if asked.method == "POST":
            lines.append("Content-Length: 1")
            content = b"x"
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        sent = Sent(asked, client, worker, fields, self.history.next(), self.now)
        return sent, request(asked.target, *lines, method=asked.method) + content

    def _purge(self, deed: Purges) -> None:
        purged = Purged(deed.target, deed.tag, deed.is_hard, self.history.next(), self.now)
        self.history.purges.append(purged)
        task = asyncio.get_running_loop().create_task(self._carry_out(purged))
        self._purging.add(task)

    async def _carry_out(self, purged: Purged) -> None:
        mode = Mode.HARD if purged.is_hard else Mode.SOFT
        if purged.target is None and purged.tag is None:  # there is no PURGE of all
            keeper = self._edges[0].edge.keeper
            assert keeper is not None
            await asyncio.to_thread(carry_out, (Purge(What.ALL, mode, b"", self.now),), keeper.purges, keeper.disk)
        else:
            lines = [f"Authorization: Bearer {_TOKEN}", f"Purge-Mode: {mode.name.lower()}"]
            lines += [f"Surrogate-Key: {purged.tag}"] if purged.tag is not None else []
            answer = await self._edges[0].ask(request(purged.target or "/", *lines, method="PURGE"))
            assert answer.status == 200, answer
        purged.done = self.history.next()
        self._note_move()

    # -- until it is over -------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Until nobody has anything to do: all that was sent was read, all purges are done."""
        while True:
            await self._until_calm()
            running = [task for task in self._purging if not task.done()]
            if not running:
                break
            await asyncio.wait(running)
        for task in self._purging:
            task.result()
        self._purging.clear()
        now = self.history.next()
        for exchange in self.history.exchanges:
            if exchange.begun is not None and exchange.read is None:
                exchange.read = now
            if exchange.ended is not None and exchange.heard is None:
                exchange.heard = now

    async def _until_calm(self) -> None:
        turns, moves = 0, self._moves
        while turns < _CALM:
            await asyncio.sleep(0)
            turns, moves = (turns + 1, moves) if moves == self._moves else (0, self._moves)

    async def finish(self) -> None:
        """The origin answers all that it was asked, and is asked from now on."""
        self.origin.answer_all()
        await self._until_answered()
        await self.settle()

    async def probe(self) -> None:
        """Ask for all that may be kept."""
        requests = tuple(Request(target, lines=lines) for target in TARGETS for lines in _PROBES)
        for worker in range(len(self._edges)):
            await self._ask(_PROBER + self._started + worker, worker, requests)
            await self._until_answered()
            await self.settle()

    async def _until_answered(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                while any(one.ending is Ending.NOT_YET for one in self.history.sent):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise AssertionError(f"somebody is left hanging:\n{self.history}") from None

    def _note_move(self) -> None:
        self._moves += 1
        self._moved.set()
