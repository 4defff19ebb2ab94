"""What the writer's thread is asked to do, and how it answers to the loop that asked."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edgeproxy.caching.keys import Key
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.directory import Generation
from edgeproxy.proxy.cache.index import DiskCopy, Place
from edgeproxy.proxy.cache.spool import Taken


@dataclass(frozen=True, slots=True)
class Listener:
    """A callback, and the loop on which it is called."""

    loop: AbstractEventLoop
    then: Callable[[bool], None]

    def tell(self, is_done: bool) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self.loop.call_soon_threadsafe(self.then, is_done)


@dataclass(frozen=True, slots=True)
class Put:
    """Keep an answer, whose fetch began when `since` was the log's number."""

    key: Key
    variant: bytes
    stored: Stored
    content: bytes | Taken
    since: int
    listener: Listener | None

    @property
    def weight(self) -> int:
        """Octets of memory that wait with it."""
        return len(self.content) if isinstance(self.content, bytes) else 0

    def end(self, is_done: bool) -> None:
        """Exactly once."""
        if isinstance(self.content, Taken):
            self.content.unlink()  # unless it was moved, nobody needs it
            self.content.close()
        if self.listener is not None:
            self.listener.tell(is_done)


@dataclass(frozen=True, slots=True)
class Update:
    """Another head for a copy, by an answer whose fetch began when `since` was the log's number."""

    copy: DiskCopy
    stored: Stored
    since: int
    listener: Listener | None = None

    def end(self, is_done: bool) -> None:
        """Exactly once."""
        if self.listener is not None:
            self.listener.tell(is_done)


@dataclass(frozen=True, slots=True)
class Remove:
    place: Place


@dataclass(frozen=True, slots=True)
class Hits:
    """By primary key, how many."""

    times: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Renew:
    """Begin a new generation instead of one that is damaged; None: there is none."""

    damaged: Generation | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look for files to be unlinked."""


class Stop:
    """Do what was asked before, and end."""


Job = Put | Update | Remove | Hits | Renew | Sweep | Stop
