"""Both stores by one call, and what tests do with either."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cutover_values import cutover

from edgeproxy.migration.commands import Command, Happening, Refusal
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry
from edgeproxy.ruleset.arms import Cutover
from edgeproxy.state.redis_store import RedisStore
from edgeproxy.state.sqlite import SqliteStore
from edgeproxy.state.store import Store
from edgeproxy.state.watching import Changed, News, Watch

N = TypeVar("N", bound=News)
READS = cutover()
SOON = 60.0  # seconds: only a test that fails waits so long
PATIENT = 20.0  # seconds: no server is late that is not stopped, however slow the disk that it waits for


async def open_store(
    location: str, node: str = "edge-1", dice: Callable[[], float] = lambda: 0.5, patience: float = PATIENT
) -> Store:
    """`patience`: with a Redis server."""
    if "://" in location:
        return await RedisStore.open(location, node, patience=patience, dice=dice)
    return await SqliteStore.open(Path(location), node, look_every=0.02)


async def heard(watch: Watch, kind: type[N]) -> N:
    """The next news of a kind."""
    async with asyncio.timeout(SOON):
        async for news in watch:
            if isinstance(news, kind):
                return news
    raise AssertionError(f"no {kind.__name__} was told")


async def next_entry(store: Store, asked: Command | Happening, of: Cutover = READS) -> Entry:
    """As its operator would have it. Forced: no hold stands in the way of a test."""
    made = decide(of, await store.read(of.name), asked, time.time())
    assert not isinstance(made, Refusal), str(made)
    return made


async def do(store: Store, asked: Command | Happening, of: Cutover = READS) -> Entry:
    made = await next_entry(store, asked, of)
    assert await store.append(made)
    return made


async def heard_of(watch: Watch, number: int, name: str = "reads") -> None:
    """Until a journal is said to have so many entries."""
    while (changed := await heard(watch, Changed)).name != name or changed.number < number:
        pass
    assert changed.number == number
