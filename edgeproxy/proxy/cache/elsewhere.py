"""A fetch that another worker of this machine runs: its content as it comes, or the copy that it leaves.

Workers tell each other nothing; who waits looks at the directory that they share. A claim is the kernel's lock, so a
worker that dies has none any more, and somebody who waits takes its place.

Laws of this module:
- who looks in vain looks less often, by an eighth of the time since something came: it learns of it hardly later,
  and thousands of keys whose backend hangs cost next to nothing (at each 10 ms, 500 of them took half a core);
- what befalls the backend's answer befalls all who read it, in every worker: it breaks off for them. What befalls the
  worker that fetches it, its death or a full disk, befalls its own clients alone: the others look again, together, and
  who has had octets goes on from another fetch if that brings the same (streaming.py).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, assert_never

from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.reuse import may_be_joined
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.arriving import Arriving, End
from edgeproxy.proxy.cache.source import Source, Waiter

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.disk import Disk
    from edgeproxy.proxy.cache.fetches import Fetches
    from edgeproxy.ruleset.modifiers import Cache

_EVERY: Final = 0.01  # seconds between looks, at least
_SELDOM: Final = 0.25  # and at most
_SHARE: Final = 8
_PATIENCE: Final = 10.0  # seconds until those who see nothing of an answer ask, together, for one


class Elsewhere(Source):
    __slots__ = (
        "_arriving", "_disk", "_end", "_fetches", "_loop", "_moved", "_policy", "_seen", "_until", "key", "since",
        "stored", "waiters",
    )  # fmt: skip

    def __init__(self, fetches: Fetches, disk: Disk, key: Key, policy: Cache) -> None:
        self.stored: Stored | None = None
        self.waiters: list[Waiter] = []
        self.key = key
        self.since = fetches.purges.seq
        self._fetches = fetches
        self._disk = disk
        self._policy = policy
        self._loop = asyncio.get_running_loop()
        self._moved = self._loop.time()  # when something came
        self._seen = 0  # octets by then
        self._until = self._moved + _PATIENCE
        self._arriving: Arriving | None = None
        self._end: End | None = None

    def start(self) -> None:
        self._look()

    @property
    def tags(self) -> tuple[str, ...]:
        return () if self.stored is None else self.stored.tags

    def is_lost(self) -> bool:
        """Whether it has ended since the last look, and not well: who comes now need not begin with it."""
        if self._arriving is None:
            return False
        state = self._arriving.poll()
        return isinstance(state, End) and state is not End.DONE

    # -- as a source --------------------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        return 0 if self._arriving is None else self._arriving.size

    @property
    def is_right(self) -> bool:
        return self._policy.verify is None or self.is_whole

    @property
    def is_whole(self) -> bool:
        return self._end is End.DONE

    def read(self, offset: int, most: int) -> bytes:
        assert self._arriving is not None, "its head is known"
        return self._arriving.read(offset, most)

    def leave(self, waiter: Waiter) -> None:
        super().leave(waiter)
        if not self.waiters:
            self._close()

    def on_taken(self) -> None:
        """The disk holds what is read."""

    # -- looking ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self.waiters:
            self._close()
        elif self._arriving is not None:
            self._follow(self._arriving)
        elif self._disk.claim(self.key.primary):  # nobody fetches it any more: it is kept, or it is our turn
            self._disk.release(self.key.primary)
            if not self._disk.find(self.key.primary):  # it came to nothing: workers do not try one after the other
                self._fetches.lately.note_unshared(self.key, self._fetches.now())
            self._send_away()
        elif self._loop.time() >= self._until:
            self._fetches.lately.note_unshared(self.key, self._fetches.now())
            self._send_away()  # to one fetch of this worker's own
        else:
            self._arriving = self._disk.announced(self.key.primary)
            if self._arriving is not None:
                self._begin(self._arriving)
            self._look_later()

    def _begin(self, arriving: Arriving) -> None:
        self.stored = arriving.stored
        for waiter in self.waiting():
            if may_be_joined(arriving.stored, waiter.values, self._fetches.now(), self._policy):
                waiter.on_arriving(Outcome.COLLAPSED)
            else:
                self.leave(waiter)
                waiter.on_alone(NotStored.VARY)

    def _follow(self, arriving: Arriving) -> None:
        state = arriving.poll()
        match state:
            case int():
                self._tell_growth()
                self._look_later()
            case End.DONE:
                self._end = state
                self._fetches.drop(self)  # who waits has its client to wait for
                self._tell_growth()
            case End.FAILED:
                self._close()
                for waiter in self._take_waiters():
                    waiter.on_broken()
            case End.UNKEPT | End.DEAD:
                self._fetches.drop(self)
                if state is End.UNKEPT:
                    self._fetches.lately.note_unshared(self.key, self._fetches.now())
                for waiter in self.waiting():
                    waiter.on_lost()
            case _:
                assert_never(state)

    def _tell_growth(self) -> None:
        for waiter in self.waiting():
            waiter.on_growth()

    def _look_later(self) -> None:
        now, available = self._loop.time(), self.available
        if available != self._seen:
            self._moved, self._seen = now, available
        self._loop.call_later(min(max(_EVERY, (now - self._moved) / _SHARE), _SELDOM), self._look)

    def _send_away(self) -> None:
        """To look once more, and find it, or fetch it."""
        self._close()
        for waiter in self._take_waiters():
            waiter.on_again()

    def _take_waiters(self) -> tuple[Waiter, ...]:
        waiters, self.waiters = tuple(self.waiters), []
        return waiters

    def _close(self) -> None:
        self._fetches.drop(self)
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            arriving.close()
