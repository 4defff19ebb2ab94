"""A program that is listened to: one can wait for what it says."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from dataclasses import dataclass, field

from edge_process import WAIT


@dataclass
class Heard:
    """`said` has every line so far of its output, of which errors are a part."""

    process: Process
    said: list[str] = field(default_factory=list)
    _has_ended: bool = False
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._news:
                self.said.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._has_ended = True
            self._news.notify_all()

    async def until_said(self, text: str) -> str:
        """The first line that has it."""
        async with asyncio.timeout(WAIT), self._news:
            await self._news.wait_for(lambda: self._found(text) or self._has_ended)
        assert self._found(text), self.said
        return self._found(text)[0]

    def _found(self, text: str) -> list[str]:
        return [line for line in self.said if text in line]
