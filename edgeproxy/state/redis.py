"""A Redis server, as the store needs it: its journals, its audit stream, and the line on which it tells of changes.

This module alone knows redis-py (the extra `redis`). Laws:
- every call has its time; nothing is repeated behind the store's back;
- whatever goes wrong with the server is ServerTrouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from edgeproxy.migration.journal import Entry, UnreadableEntry, read_entry, written
from edgeproxy.state.redis_calls import APPEND, OTHER_VERSION, VERSION, Answer, Keys
from edgeproxy.state.store import Audited

_SILENCE: Final = 3.0  # seconds without news, after which the server is asked whether it is there


class ServerTrouble(Exception):
    """It did not do what it was asked, as far as is known. The message says which server, why, and what to do.
    `is_known`: it said so itself; else it may have done it, and its answer was lost.
    """

    def __init__(self, why: str, *, is_known: bool = False) -> None:
        super().__init__(why)
        self.is_known = is_known


class RedisServer:
    """`patience`: seconds that a call may take."""

    def __init__(self, url: str, node: str, prefix: str, patience: float) -> None:
        """Raises ValueError for a URL that is none."""
        self.where = where(url)
        self.keys = Keys(prefix)
        self._node = node
        self._client = Redis.from_url(
            url,
            protocol=2,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )

    async def check_version(self) -> None:
        found = await self._ask("GET", self.keys.version)
        if found is not None and found != str(VERSION).encode():
            raise ServerTrouble(self._of_other_version(found.decode(errors="replace")), is_known=True)

    async def check_writable(self) -> None:
        """Without changing anything: a server that is full, that cannot save what it has, or that became a replica can
        be read, and takes no entry.
        """
        await self._ask("SET", self.keys.never, "", "XX")

    async def names(self) -> set[str]:
        """The cutovers that have a journal."""
        return {name.decode() for name in await self._ask("SMEMBERS", self.keys.names)}

    async def journal(self, name: str, start: int) -> tuple[Entry, ...]:
        """From an index on. Raises UnreadableEntry, too."""
        texts = await self._ask("LRANGE", self.keys.journal(name), start, -1)
        return tuple(_read(text) for text in texts)

    async def append(self, entry: Entry) -> Answer:
        """Compare and set."""
        keys, name = self.keys, entry.cutover
        named = (keys.version, keys.journal(name), keys.names, keys.audit)
        words = (VERSION, entry.number - 1, written(entry), name, self._node, keys.channel)
        answer: int = await self._ask("EVAL", APPEND, len(named), *named, *words)
        if answer == OTHER_VERSION:
            raise ServerTrouble(self._of_other_version("another one"), is_known=True)
        return Answer(answer)

    async def audit(self, after: str, most: int) -> tuple[Audited, ...]:
        """Raises UnreadableEntry, too."""
        rows = await self._ask("XRANGE", self.keys.audit, f"({after}" if after else "-", "+", "COUNT", most)
        return tuple(_audited(position.decode(), fields) for position, fields in rows)

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """The changes from now on."""
        async with self._client.pubsub() as subscription:
            line = Line(subscription, self.trouble)
            with self.trouble():
                await subscription.subscribe(self.keys.channel)
            await line.hear("subscribe")
            yield line

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._client.aclose()

    @contextmanager
    def trouble(self) -> Iterator[None]:
        try:
            yield
        except ResponseError as error:
            why = f"the Redis server at {self.where} does not do what it is asked ({error})"
            raise ServerTrouble(f"{why}: look at its memory and disk, and who may use it", is_known=True) from None
        except (RedisError, OSError) as error:
            raise ServerTrouble(self._said(error)) from None

    async def _ask(self, *words: str | int) -> Any:
        with self.trouble():
            answer = await self._client.execute_command(*words)  # type: ignore[no-untyped-call]
        _heed_cancel()
        return answer

    def _of_other_version(self, found: str) -> str:
        return (
            f"what the Redis server at {self.where} keeps under {self.keys.prefix!r} is of version {found}, and this "
            f"edge knows {VERSION}: nothing there was changed: upgrade this node, or name another prefix"
        )

    def _said(self, error: Exception) -> str:
        said = str(error) or type(error).__name__
        return f"the Redis server at {self.where} is lost ({said}): look whether it runs, and who may use it"


class Line:
    """On which the server tells the names of cutovers that changed."""

    def __init__(self, subscription: PubSub, trouble: Callable[[], AbstractContextManager[None]]) -> None:
        self._subscription = subscription
        self._trouble = trouble

    async def hear(self, kind: str = "message") -> str:
        """What is told next. A silent server is asked whether it is there."""
        is_asked = False
        while True:
            with self._trouble():
                told = await self._subscription.get_message(timeout=_SILENCE)
                _heed_cancel()
                if told is not None and told["type"] == kind:
                    data = told["data"]
                    return data.decode() if isinstance(data, bytes) else ""
                if told is None and is_asked:
                    raise RedisError(f"it said nothing for {2 * _SILENCE:g} seconds")
                is_asked = told is None
                if is_asked:
                    await self._subscription.ping()


def _heed_cancel() -> None:
    """redis-py (8.1.0) loses a cancellation that comes together with what it waits for: seen on asyncio's own loop."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def where(url: str) -> str:
    """As it may be said: without passwords."""
    scheme, mark, rest = url.partition("?")[0].partition("://")
    address, slash, path = rest.partition("/")
    return f"{scheme}{mark}{address.rpartition('@')[2]}{slash}{path}"


def _audited(position: str, fields: Any) -> Audited:
    """Raises UnreadableEntry."""
    words = dict(fields)
    milliseconds = int(position.partition("-")[0])
    node = words.get(b"node", b"").decode(errors="replace")
    return Audited(position, milliseconds / 1_000, node, _read(words.get(b"entry", b"")))


def _read(text: bytes) -> Entry:
    """Raises UnreadableEntry."""
    try:
        return read_entry(text.decode())
    except UnicodeDecodeError as error:
        raise UnreadableEntry(f"it is no text: {error}") from None
