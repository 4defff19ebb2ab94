"""The store of several nodes: a Redis server, which any node may lose and find again.

Laws of this module:
- what this node knows is read here, and is as the server has it while the server is there: it tells of every change;
- a server that can be read and takes nothing is lost, too (it is full, say), and is not found again by reading it;
- a server that is lost takes nothing. One thing is done without it, for it must be possible always: a way back to 0 %
  is taken here at once, and offered to the others on return;
- what this node knows is written down, too, where it has a file for it: a start without the server goes on from there;
- on return the histories are reconciled (reconcile.py) before anything else is done, entry by entry and by
  compare-and-set, so that several nodes may do it at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Self, assert_never

from edgeproxy.migration.journal import BrokenJournal, Entry, UnreadableEntry, replay
from edgeproxy.migration.phases import Phase, State
from edgeproxy.state.backoff import Backoff
from edgeproxy.state.known import Known
from edgeproxy.state.memory import Memory
from edgeproxy.state.reconcile import Ahead, Behind, Differ, Same, compare
from edgeproxy.state.redis import RedisServer, ServerTrouble, where
from edgeproxy.state.redis_calls import Answer
from edgeproxy.state.store import Audited, CannotOpen, StateLost
from edgeproxy.state.watching import Changed, Conflict, Found, Lost, NotRemembered, Unreadable, Watch, Watchers

PATIENCE: Final = 1.0  # seconds that a call may take
_UNSURE: Final = "It may have taken the entry all the same: look at the journal before it is said again"
_TRIES: Final = 100  # at offering entries while other nodes do the same


class RedisStore:
    """Open it with `open`. `dice` gives numbers in [0, 1)."""

    def __init__(self, server: RedisServer, memory: Memory | None, dice: Callable[[], float]) -> None:
        self.lost: str | None = f"the Redis server at {server.where} was not asked yet"
        self._server = server
        self._memory = memory
        self._dice = dice
        self._known = Known()
        self._has_grown = asyncio.Event()  # what is known, since it was written down
        self._is_closed = False
        self._unreadable: dict[str, str] = {}  # by name, why
        self._watchers = Watchers()
        self._turn = asyncio.Lock()  # one exchange with the server's journals at a time
        self._was_found = False  # ever: what it has was read
        self._was_tried = asyncio.Event()
        self._session: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._remembering: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        node: str,
        *,
        prefix: str = "edgeproxy",
        memory: Path | None = None,
        patience: float = PATIENCE,
        dice: Callable[[], float] = random.random,
    ) -> Self:
        """`url`: redis://, rediss:// or unix://. `memory`: a file of this node's. It is open when the server was tried
        once: look at `lost`. Raises CannotOpen.
        """
        try:
            server = RedisServer(url, node, prefix, patience)
        except ValueError as error:
            raise CannotOpen(f"{where(url)} is no URL of a Redis server: {error}: write redis://HOST:PORT/0") from None
        store = cls(server, None if memory is None else Memory(memory), dice)
        if store._memory is not None:
            for name, entries in (await asyncio.to_thread(store._memory.read)).items():
                store._known.replace(name, entries)
            store._remembering = asyncio.create_task(store._remember(store._memory), name="edgeproxy state: memory")
        store._following = asyncio.create_task(store._follow(), name="edgeproxy state")
        await store._was_tried.wait()
        return store

    async def read(self, name: str) -> State:
        await self._refresh(name)
        return self._known.state(name)

    async def journal(self, name: str, since: int = 0) -> tuple[Entry, ...]:
        await self._refresh(name)
        return self._known.entries(name, since)

    async def names(self) -> tuple[str, ...]:
        names = self._known.names()
        if not names:
            self._check_known("")
        return names

    async def append(self, entry: Entry) -> bool:
        name = entry.cutover
        self._check_known(name)
        async with self._turn:
            if not self._known.is_next(entry) and self.lost is None:
                await self._guarded(self._pull(name))
            is_there = self._known.is_there(entry)
            if is_there is not None:
                return is_there
            why = self.lost or self._unreadable.get(name)
            if why is not None:
                return self._take_alone(entry, why)
            try:
                return await self._append(entry)
            except ServerTrouble as error:
                self._doubt(error)
                return self._take_alone(entry, str(error) if error.is_known else f"{error}. {_UNSURE}")

    async def audit(self, after: str = "", most: int = 1_000) -> tuple[Audited, ...]:
        try:
            return await self._server.audit(after, most)
        except ServerTrouble as error:
            raise StateLost(str(error)) from None
        except UnreadableEntry as error:
            keys = self._server.keys
            raise StateLost(f"the stream {keys.audit} on {self._server.where} cannot be read: {error}") from None

    def watch(self) -> Watch:
        return self._watchers.add()

    async def close(self) -> None:
        for task in (self._following, self._session):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)  # what it raised, it was about to tell
        if self._remembering is not None:  # never stopped in the middle of a write
            self._is_closed = True
            self._has_grown.set()
            await self._remembering
        self._watchers.close()
        await self._server.close()

    # -- what is known, and what it grows by --------------------------------------------------------------------------

    def _check_known(self, name: str) -> None:
        """Raises StateLost."""
        if self._known.state(name).number:
            return
        if not self._was_found:
            raise StateLost(f"{self.lost}. Nothing is known of it yet")
        if name in self._unreadable:
            raise StateLost(self._unreadable[name])

    async def _refresh(self, name: str) -> None:
        """What is known becomes what the server has, if it can be asked. Raises StateLost."""
        self._check_known(name)
        if self.lost is None:
            async with self._turn:
                await self._guarded(self._pull(name))
            self._check_known(name)

    def _take(self, name: str, entries: Sequence[Entry]) -> None:
        """Raises BrokenJournal."""
        if self._known.take(name, entries):
            self._tell_changed(name)

    def _tell_changed(self, name: str) -> None:
        self._has_grown.set()
        self._watchers.tell(Changed(name, self._known.state(name).number))

    async def _remember(self, memory: Memory) -> None:
        """Whatever is new, and the last of it when it is closed."""
        is_last = False
        while not is_last:
            await self._has_grown.wait()
            is_last = self._is_closed
            await self._write_down(memory)

    async def _write_down(self, memory: Memory) -> None:
        self._has_grown.clear()
        journals = [self._known.entries(name) for name in self._known.names()]
        try:
            await asyncio.to_thread(memory.write, journals)
        except OSError as error:
            why = f"what this node knows cannot be written to {memory.path}: {error}: look at the disk"
            self._watchers.tell(NotRemembered(why))

    def _take_alone(self, entry: Entry, why: str) -> bool:
        """Without the server. Raises StateLost."""
        if entry.phase is not Phase.ROLLED_BACK:
            raise StateLost(f"{why}. Until then only a rollback is taken, and on this node alone")
        self._take(entry.cutover, (entry,))
        return True

    async def _append(self, entry: Entry) -> bool:
        """Raises what goes wrong with the server."""
        for _ in range(_TRIES):
            match await self._server.append(entry):
                case Answer.TAKEN:
                    self._take(entry.cutover, (entry,))
                    return True
                case Answer.REFUSED:
                    await self._pull(entry.cutover)
                    return False
                case Answer.BEHIND:
                    await self._reconcile(entry.cutover)
                    if self._known.is_there(entry) is not None:
                        return False  # another history took the place of the one that it continues
        raise ServerTrouble(self._always_behind())

    async def _pull(self, name: str) -> None:
        """What the server has after the last known entry; all of it, if that is not there."""
        number = self._known.state(name).number
        theirs = await self._theirs(name, max(number - 1, 0))
        if theirs is None:
            return
        if number and theirs[:1] != self._known.entries(name, number - 1):
            await self._reconcile(name)
            return
        try:
            self._take(name, theirs)
        except BrokenJournal as error:
            self._note_unreadable(name, error)

    async def _reconcile(self, name: str) -> None:
        """Raises what goes wrong with the server."""
        for _ in range(_TRIES):
            theirs = await self._theirs(name, 0)
            if theirs is None:
                return
            ours = self._known.entries(name)
            match compare(ours, theirs):
                case Same():
                    return
                case Behind(entries=entries):
                    self._take(name, entries)
                    return
                case Differ(number=number, ours=rest, theirs=other):
                    self._known.replace(name, theirs)
                    self._watchers.tell(Conflict(name, number, rest, other))
                    self._tell_changed(name)
                    return
                case Ahead(entries=entries):
                    for entry in entries:
                        if await self._server.append(entry) is not Answer.TAKEN:
                            break
                case other_case:
                    assert_never(other_case)
        raise ServerTrouble(self._always_behind())

    async def _theirs(self, name: str, start: int) -> tuple[Entry, ...] | None:
        """The server's journal from an index on; None: it is no journal, which is told."""
        try:
            entries = await self._server.journal(name, start)
            _check_places(name, start, entries)
            if not start:
                replay(name, entries)
        except (UnreadableEntry, BrokenJournal) as error:
            self._note_unreadable(name, error)
            return None
        self._unreadable.pop(name, None)
        return entries

    # -- lost and found -----------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """One session after the other, for ever."""
        backoff = Backoff()
        while True:
            self._session = asyncio.create_task(self._serve(backoff), name="edgeproxy state: session")
            await asyncio.wait([self._session])
            if not self._session.cancelled():
                error = self._session.exception()
                self._lose(str(error) if isinstance(error, ServerTrouble) else repr(error))
            self._was_tried.set()
            await asyncio.sleep(backoff.pause(self._dice()))

    async def _serve(self, backoff: Backoff) -> None:
        """Until the server is lost: then it raises what went wrong."""
        async with self._server.line() as line:
            await self._server.check_version()
            async with self._turn:
                for name in sorted({*await self._server.names(), *self._known.names()}):
                    await self._reconcile(name)
                self._was_found = True
                await self._server.check_writable()
                self._find()
            backoff.worked()
            self._was_tried.set()
            while True:
                name = await line.hear()
                async with self._turn:
                    await self._pull(name)

    async def _guarded(self, exchange: Awaitable[None]) -> None:
        try:
            await exchange
        except ServerTrouble as error:
            self._doubt(error)

    def _doubt(self, error: ServerTrouble) -> None:
        """A call failed: the session ends, and another begins when the server is there."""
        self._lose(str(error))
        if self._session is not None:
            self._session.cancel()

    def _lose(self, why: str) -> None:
        is_new, self.lost = self.lost is None or not self._was_tried.is_set(), why
        if is_new:
            self._watchers.tell(Lost(why))

    def _find(self) -> None:
        self.lost = None
        self._watchers.tell(Found())

    def _note_unreadable(self, name: str, error: Exception) -> None:
        key = self._server.keys.journal(name)
        said = f"the journal {key} on {self._server.where} cannot be read ({error})"
        why = f"{said}, and was left as it is: look at it with LRANGE"
        if self._unreadable.get(name) != why:
            self._unreadable[name] = why
            self._watchers.tell(Unreadable(name, why))

    def _always_behind(self) -> str:
        return f"the Redis server at {self._server.where} forgets what it is given: look who else writes there"


def _check_places(name: str, start: int, entries: Sequence[Entry]) -> None:
    """An entry's place in the list is its number. Raises BrokenJournal."""
    for before, entry in enumerate(entries, start):
        if (entry.cutover, entry.number) != (name, before + 1):
            raise BrokenJournal(f"entry {entry.number} of {entry.cutover} stands after entry {before} of {name}")
