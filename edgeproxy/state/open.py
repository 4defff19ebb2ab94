"""Which store an edge has, by where its state is said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgeproxy.state.sqlite import SqliteStore
from edgeproxy.state.store import CannotOpen, Store

_REDIS: Final = ("redis://", "rediss://", "unix://")


async def open_store(location: str, node: str, memory: Path | None = None) -> Store:
    """A path: SQLite, for one machine. A URL: Redis, for several nodes; `memory` is a file in which this one keeps what
    it knows, for a start without the server. Raises CannotOpen.
    """
    if not location.startswith(_REDIS):
        return await SqliteStore.open(Path(location), node)
    try:
        from edgeproxy.state.redis_store import RedisStore  # noqa: PLC0415  # redis-py is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise CannotOpen(
            "state in Redis needs redis-py, which is not installed: pip install 'edgeproxy[redis]'"
        ) from None
    return await RedisStore.open(location, node, memory=memory)
