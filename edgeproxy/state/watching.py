"""News of a store, and those who wait for them.

Law: who watches slowly hears less, never late and never without end: of each cutover, and of each kind of other news,
the last is kept until it is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, assert_never

from edgeproxy.migration.journal import Entry


@dataclass(frozen=True, slots=True)
class Changed:
    """The journal of a cutover has entries up to this number. Whoever wrote them."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The store cannot be asked any more."""

    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """It can be asked again, and what this node knows is what it has."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two histories of one cutover, which differ from entry `number` on. `theirs`, the store's, is what counts."""

    name: str
    number: int
    ours: tuple[Entry, ...]
    theirs: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What the store has of a cutover is no journal. What was known of it still counts here."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class NotRemembered:
    """What this node knows could not be written down: a start without the shared store would know less."""

    why: str


News = Changed | Lost | Found | Conflict | Unreadable | NotRemembered


class Watch:
    """News since it was made: `async for`. Close it, or use it in a `with`."""

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers
        self._news: dict[Hashable, News] = {}
        self._is_there = asyncio.Event()
        self._is_closed = False

    def tell(self, news: News) -> None:
        key = _key(news)
        self._news.pop(key, None)  # the last one comes last
        self._news[key] = news
        self._is_there.set()

    def close(self) -> None:
        """Who waits is told that there is no more."""
        self._is_closed = True
        self._watchers.remove(self)
        self._is_there.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[News]:
        return self

    async def __anext__(self) -> News:
        while not self._news:
            if self._is_closed:
                raise StopAsyncIteration
            self._is_there.clear()
            await self._is_there.wait()
        return self._news.pop(next(iter(self._news)))


class Watchers:
    """All who watch one store."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._first = asyncio.Event()

    def add(self) -> Watch:
        watch = Watch(self)
        self._watches.add(watch)
        self._first.set()
        return watch

    def remove(self, watch: Watch) -> None:
        self._watches.discard(watch)
        if not self._watches:
            self._first.clear()

    async def wait_for_one(self) -> None:
        await self._first.wait()

    def tell(self, news: News) -> None:
        for watch in self._watches:
            watch.tell(news)

    def close(self) -> None:
        for watch in tuple(self._watches):
            watch.close()


def _key(news: News) -> Hashable:
    match news:
        case Changed(name=name) | Conflict(name=name) | Unreadable(name=name):
            return type(news).__name__, name
        case Lost() | Found() | NotRemembered():
            return type(news).__name__
        case _:
            assert_never(news)
