"""A worker's end of its capture's writer.

Laws of this module:
- nobody waits for the writer: what it has not taken yet is held up to a bound, by who asks (`has_room`);
- a writer that is gone ends the capture and nothing else: the problem is told, and what it had not written is lost, and
  counted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Begin, End, Told, Work, Write, octets_of
from edgeproxy.proxy.companion import Companion

MOST_WAITING: Final = 1 << 23  # octets: of blocks, and of answers that are to be digested
_END_WITHIN: Final = 10.0  # seconds for what waits: beyond, the disk hangs
_NOTHING: Final = Told(0, 0, 0, 0, None)


class Writing:
    """Begins when it is made. `problem`: why nothing more can be written."""

    def __init__(self, settings: Settings, about: Mapping[str, object]) -> None:
        """`about`: words of the note with which each file begins."""
        self._told = _NOTHING
        self._handed = 0  # records
        self._is_over = False
        self.problem: str | None = None
        self.begun = asyncio.Event()  # the writer is there, or gone already
        self._companion: Companion | None = None
        try:
            self._companion = Companion("edgeproxy.proxy.capture.writer", self)
        except OSError as error:  # no process, no memory, no descriptor left
            self.problem = f"its writer cannot be started: {error.strerror}"
            self.begun.set()
        self.put(Begin(settings, os.getpid(), about))

    def has_room(self, octets: int) -> bool:
        return self._companion is None or self._companion.waiting + octets <= MOST_WAITING

    def put(self, work: Work) -> None:
        if isinstance(work, Write):
            self._handed += work.draft.records
        if self._companion is not None:
            self._companion.send(octets_of(work))

    async def end(self, about: Mapping[str, object]) -> None:
        """Nothing is put any more. `about`: words of the last note."""
        self._is_over = True
        self.put(End(about))
        if self._companion is not None and not await self._companion.end(_END_WITHIN):
            self._companion = None  # it may be there as long as its disk hangs
            self.problem = f"its writer has not written what it had within {_END_WITHIN:g} s: the disk hangs"

    def numbers(self) -> dict[str, int]:
        told = asdict(self._told)
        del told["problem"]
        if self._companion is None:
            told["lost"] = self._handed - self._told.written
        return told

    # -- for its companion --------------------------------------------------------------------------------------

    def is_heard(self) -> bool:
        return True

    def on_line(self, line: bytes) -> None:
        self._told = Told.read(line)
        self.problem = self._told.problem
        self.begun.set()

    def on_end(self, lived: float, how: str) -> None:
        self._companion = None
        self.begun.set()
        if self._handed > self._told.written + self._told.lost or not self._is_over:
            self.problem = f"its writer {how}"
