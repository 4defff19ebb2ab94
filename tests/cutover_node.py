"""A controller of cutovers with what it is given by hand: rules, gates, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cutover_values import cutover
from state_stores import PATIENT, SOON, open_store

from edgeproxy.control.cutovers import Cutovers, Judged, Shell, Undecided, WaysBack
from edgeproxy.migration.commands import Step
from edgeproxy.migration.journal import Entry
from edgeproxy.migration.phases import State
from edgeproxy.migration.rehearsal import Rehearsal, Rehearsals
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.state.store import Store

READS = cutover(1, 5, 20, 100)
ON = Step("di", "on we go", is_forced=True)


class Node:
    """A controller with what it is given: rules, gates and a clock that the test moves."""

    def __init__(
        self, store: Store, name: str = "edge-1", rules: Cutover = READS, ways_back: WaysBack | None = None
    ) -> None:
        self.store = store
        self.rules = {rules.name: rules}
        self.now = 1_000.0
        self.judged: Judged = Undecided()
        self.judges: Callable[[State], None] = lambda _: None
        self.lines: list[str] = []
        self.in_force: list[Split] = []
        self.rehearsed: tuple[Rehearsal, ...] = ()
        self._changed = asyncio.Event()
        shell = Shell(lambda: self.rules, self._judge, self._publish, self._tell, lambda: self.now, self._rehearsals)
        self.cutovers = Cutovers(store, shell, name, tick=0.005, ways_back=ways_back)

    @property
    def share(self) -> int:
        return self.in_force[-1].arms[1].share if self.in_force else -1

    @property
    def state(self) -> State:
        return self.cutovers.states["reads"]

    def _judge(self, _: Cutover, state: State) -> Judged:
        self._changed.set()
        self.judges(state)
        return self.judged

    def _publish(self, split: Split, _: bool) -> None:
        self.in_force.append(split)
        self._changed.set()

    async def _rehearsals(self) -> Rehearsals:
        return Rehearsals("rules-1", {}, self.rehearsed)

    def _tell(self, line: str) -> None:
        self.lines.append(line)
        self._changed.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Looked at whenever anything happened."""
        async with asyncio.timeout(SOON):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def do(self, *commands) -> None:
        for command in commands:
            made = await self.cutovers.do("reads", command)
            assert isinstance(made, Entry), str(made)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    task = asyncio.create_task(node.cutovers.run())
    await node.until(lambda: bool(node.in_force or node.lines))
    try:
        yield node
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def a_node(
    location: str | Path, name: str = "edge-1", rules: Cutover = READS, patience: float = PATIENT
) -> AsyncIterator[Node]:
    store = await open_store(str(location), name, patience=patience)
    try:
        async with running(Node(store, name, rules)) as node:
            yield node
    finally:
        await store.close()
