"""An uploader's description as HTML that can do nothing: rendered by readme-renderer, whose output nh3 has cleaned.

Laws of this module:
- what is longer than `LONGEST` is shown as it is, and no more of it than that: a page has a bound;
- a rendering takes as long as an uploader wants, so it is done in another process (`describer`), which ends at a
  deadline; that text is shown as it is from then on, and is not rendered again as long as it is remembered;
- what is rendered is rendered once, however many ask for it meanwhile;
- nobody waits longer than `PATIENCE` for others' descriptions: he gets the text as it is, for the moment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from backends.modern.describer import LENGTH, as_it_is
from backends.store import Release

DEADLINE: Final = 2.0  # seconds of CPU time; an ordinary description takes up to a tenth
PATIENCE: Final = 10.0  # seconds
_KEPT: Final = 256  # descriptions
_MOST_WAITING: Final = 32  # of these are to be rendered; one more is shown as it is

# Characters that are rendered. The worst ones take a time that grows by their square: 64 KiB of targets in
# reStructuredText took 1 s, 540 KB more than 100 s; 64 KiB of quotes in quotes in Markdown 6.5 s.
LONGEST: Final = 64 << 10

_NOT_ALL: Final = "<p><strong>These are the first {:,} of {:,} characters.</strong></p>"

_Asked: TypeAlias = tuple[str, bool, str]  # the content type, whether it is CommonMark, the text


@dataclass(frozen=True, slots=True)
class Description:
    html: str  # trusted
    is_lasting: bool = True  # or to be looked at again soon


class Describing:
    def __init__(self, deadline: float = DEADLINE, patience: float = PATIENCE) -> None:
        self._deadline = deadline
        self._patience = patience
        self._kept: dict[_Asked, str] = {}
        self._making: dict[_Asked, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._describer: Process | None = None
        self._starting: asyncio.Task[Process] | None = None
        self.started = 0  # processes

    async def described(self, release: Release) -> Description | None:
        """None if there is no description."""
        text = release.text("description")
        if not text.strip():
            return None
        if len(text) > LONGEST:
            return Description(_beginning(text))
        content_type, _, parameters = release.text("description_content_type").partition(";")
        asked = (content_type.strip().lower(), "commonmark" in parameters.lower(), text)
        if asked not in self._kept and (asked in self._making or len(self._making) < _MOST_WAITING):
            # Who gives up waiting leaves the task going.
            await asyncio.wait([self._make(asked)], timeout=self._patience)
        made = self._kept.get(asked)
        return Description(as_it_is(text), is_lasting=False) if made is None else Description(made)

    async def close(self) -> None:
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end()

    def _make(self, asked: _Asked) -> asyncio.Task[None]:
        task = self._making.get(asked)
        if task is None:
            task = self._making[asked] = asyncio.create_task(self._keep(asked))
            task.add_done_callback(lambda _: self._making.pop(asked))
        return task

    async def _keep(self, asked: _Asked) -> None:
        async with self._turn:
            made = await self._rendered(asked)
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]  # the oldest
        self._kept[asked] = as_it_is(asked[2]) if made is None else made

    async def _rendered(self, asked: _Asked) -> str | None:
        """None if the describer has ended over it."""
        message = json.dumps(asked).encode()
        try:
            describer = self._describer or await self._start()
            assert describer.stdin is not None
            assert describer.stdout is not None
            describer.stdin.write(LENGTH.pack(len(message)) + message)
            await describer.stdin.drain()
            (length,) = LENGTH.unpack(await describer.stdout.readexactly(LENGTH.size))
            return (await describer.stdout.readexactly(length)).decode()
        except (asyncio.IncompleteReadError, OSError):
            await self._end()
            return None

    async def _start(self) -> Process:
        """Who is cancelled meanwhile leaves it going: what is begun of a process is a process, which is to be ended."""
        self._starting = asyncio.create_task(self._started())
        return await asyncio.shield(self._starting)

    async def _started(self) -> Process:
        program = (sys.executable, "-m", "backends.modern.describer", str(self._deadline))
        found_like_here = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._describer = await asyncio.create_subprocess_exec(
            *program, stdin=PIPE, stdout=PIPE, env=found_like_here, start_new_session=True
        )
        self.started += 1
        return self._describer

    async def _end(self) -> None:
        if self._starting is not None:
            with suppress(OSError):
                await self._starting
        describer, self._describer, self._starting = self._describer, None, None
        if describer is not None:
            with suppress(ProcessLookupError):
                describer.kill()
            await describer.communicate()


def _beginning(text: str) -> str:
    return _NOT_ALL.format(LONGEST, len(text)) + as_it_is(text[:LONGEST])
