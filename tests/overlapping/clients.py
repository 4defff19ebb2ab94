"""A client that pipelines what it asks, and notes what it gets as it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from harness import RawClient

from overlapping.history import Ending, History, Sent

_AT_A_TIME = 65_536  # octets


class Client:
    """One connection. `moved` is called for all that it notices."""

    def __init__(self, raw: RawClient, worker: int, history: History, moved: Callable[[], None]) -> None:
        self.raw = raw
        self.worker = worker
        self._history = history
        self._moved = moved
        self._waiting: deque[Sent] = deque()
        self._sent = asyncio.Event()
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self.is_open = True

    def ask(self, sent: list[Sent], octets: bytes) -> None:
        self._waiting += sent
        self._sent.set()
        self.raw.writer.write(octets)

    async def leave(self) -> None:
        self._close(Ending.LEFT)
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self.raw.close()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                while not self._waiting:
                    self._sent.clear()
                    await self._sent.wait()
                sent = self._waiting[0]
                await self._read_answer(sent)
                self._waiting.popleft()
                self._end(sent, Ending.WHOLE)
        except (asyncio.IncompleteReadError, ConnectionError):
            if self._waiting:
                self._end(self._waiting.popleft(), Ending.BROKEN)
            self._close(Ending.LOST)

    async def _read_answer(self, sent: Sent) -> None:
        answer = await self.raw.head()
        sent.status = answer.status
        sent.head = {name.lower(): value for name, value in answer.fields}
        sent.headed = self._history.next()
        self._history.know(sent.head.get("x-number"))
        self._moved()
        if sent.request.method == "HEAD" or answer.status == 304:
            return
        if sent.head.get("transfer-encoding") != "chunked":
            await self._read_octets(sent, int(sent.head["content-length"]))
            return
        reader = self.raw.reader
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await self._read_octets(sent, size)
            assert await reader.readexactly(2) == b"\r\n"
        assert await reader.readexactly(2) == b"\r\n"

    async def _read_octets(self, sent: Sent, left: int) -> None:
        while left:
            octets = await self.raw.reader.read(min(left, _AT_A_TIME))
            if not octets:
                raise asyncio.IncompleteReadError(b"", left)
            sent.body += octets
            left -= len(octets)
            self._moved()

    def _end(self, sent: Sent, ending: Ending) -> None:
        sent.ended, sent.ending = self._history.next(), ending
        self._moved()

    def _close(self, ending: Ending) -> None:
        self.is_open = False
        while self._waiting:
            self._end(self._waiting.popleft(), ending)
