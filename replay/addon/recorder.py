"""Flows, written as a capture by a thread: scrubbed, capped on the disk, and in nobody's way.

Laws of this module:
- a flow that finds no room in what waits is dropped and counted; so is one that is no exchange;
- all files together stay below what is allowed: the oldest make room;
- a disk that takes nothing ends the recording and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from edgeproxy.capture.files import Files
from edgeproxy.capture.record import BadRecord, Captured
from edgeproxy.capture.settings import Settings
from replay.capture.flows import Content, record_of
from replay.capture.writing import contents_of

_MOST_WAITING: Final = 10_000  # flows
_MOST_HELD: Final = 1 << 26  # octets of their content
_EACH: Final = 1_000  # records that make a block
_WITHIN: Final = 1.0  # seconds
_AT_THE_END: Final = 10.0  # likewise: for a slow disk


@dataclass(frozen=True, slots=True)
class Passed:
    """A flow that is over, as `Flow.get_state` gives it; `url`: as the client asked; `content`: of an answer that went
    by in pieces.
    """

    state: Mapping[str, Any]
    url: str | None
    content: Content | None
    octets: int  # that it holds


class Recorder(Thread):
    """Its numbers are its own to change, but for `dropped`, and anybody's to read."""

    def __init__(self, settings: Settings, about: Mapping[str, object], say: Callable[[str], None]) -> None:
        """`about`: words of the note with which each file begins; `say`: a problem, to whoever watches."""
        super().__init__(name="edgeproxy capture", daemon=True)
        self._files = Files(settings, os.getpid(), about, time.time)
        self._directory = Path(settings.directory)
        self._say = say
        self._queue: SimpleQueue[Passed | None] = SimpleQueue()
        self._records: list[Captured] = []
        self._due = 0.0
        self._put = self._put_octets = self._taken = self._taken_octets = 0
        self.dropped = 0  # nobody had time for them
        self.unreadable = 0  # no exchange of HTTP, or none that a capture can hold
        self.lost = 0  # the disk did not take them
        self.problem: str | None = None

    @property
    def written(self) -> int:
        return self._files.written

    def take(self, passed: Passed) -> None:
        held = self._put_octets - self._taken_octets
        if self._put - self._taken >= _MOST_WAITING or (held and held + passed.octets > _MOST_HELD):
            self.dropped += 1
            return
        self._put += 1
        self._put_octets += passed.octets
        self._queue.put(passed)

    def end(self) -> None:
        """When this returns its files are whole, unless the disk is very slow."""
        self._queue.put(None)
        self.join(_AT_THE_END)

    def run(self) -> None:
        while True:
            try:
                passed = self._queue.get(timeout=_WITHIN if self._records else None)
            except Empty:
                self._write()
                continue
            if passed is None:
                self._write()
                self._files.close(self._numbers())
                return
            self._add(passed)
            self._taken += 1
            self._taken_octets += passed.octets
            if len(self._records) >= _EACH or time.monotonic() >= self._due:
                self._write()

    def _add(self, passed: Passed) -> None:
        try:
            record = record_of(passed.state, passed.url, passed.content)
        except BadRecord:
            self.unreadable += 1
            return
        if not self._records:
            self._due = time.monotonic() + _WITHIN
        self._records.append(record)

    def _write(self) -> None:
        records, self._records = self._records, []
        if not records:
            return
        left = len(records)
        if self.problem is None:
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                for content, count in contents_of(records):
                    self._files.add(content, count)
                    left -= count
                return
            except OSError as error:
                self._files.give_up()
                self.problem = f"{self._directory}: {error.strerror or error}"
                self._say(f"the capture has ended: {self.problem}: free the disk, or name another directory")
        self.lost += left

    def _numbers(self) -> dict[str, object]:
        return {"dropped": self.dropped, "unreadable": self.unreadable, "lost": self.lost}
