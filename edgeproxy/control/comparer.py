"""The comparer of a worker: a process of its own, so that reading strangers' content never holds up an exchange.

Started by its worker as `python -m edgeproxy.control.comparer CHANNEL START`, two inherited descriptors. What comes
there are specimens, as frames; what it says are lines of JSON, at most one a second.

Laws of this module:
- it ends when its worker closes the channel, when all that came is compared, and when its worker is gone;
- whatever is in a specimen, comparing it ends, in bounded memory: what takes too much is given up, and counts as a
  difference where the old side alone takes less: what is broken never passes for want of something to compare;
- it works when nobody else wants to (nice).
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from edgeproxy.migration.comparing.comparer import Comparer
from edgeproxy.migration.comparing.findings import Lessons, lessons_json, read_lessons
from edgeproxy.migration.comparing.frames import FrameReader
from edgeproxy.migration.comparing.shadowed import Shadowed
from edgeproxy.migration.specimen import Specimen
from edgeproxy.proxy.deaf import be_deaf
from edgeproxy.telemetry.stderr import tell

T = TypeVar("T")

_NICE: Final = 10
_MEMORY: Final = 1 << 30  # octets of address space. Two pages of 8 MiB, the most that is read, take 300 MB as trees
_LONGEST: Final = 10.0  # seconds of CPU for a comparison: the bounds of content allow for 4 (comparing/bounds.py)
_DEADLY: Final = 30.0  # the same, of one that does not even hear that it is to be given up: then the kernel ends it
_EVERY: Final = 1.0  # seconds between two reports, at the least
_LESSONS_EVERY: Final = 10.0  # all noise is said more rarely: it is needed when this process has died
_RECEIVED: Final = 1 << 18  # octets at a time


class TooLong(Exception):
    """What is being compared is to be given up."""


def main(argv: Sequence[str]) -> int:
    channel, start = map(int, argv)
    be_deaf()
    signal.signal(signal.SIGVTALRM, _give_up)
    os.nice(_NICE)
    _bound_memory()
    shadowed, lessons = _read_start(start)
    with socket.socket(fileno=channel) as sock:
        return _Process(sock, Comparer(shadowed, lessons)).run()


def write_start(shadowed: Iterable[Shadowed], lessons: str) -> int:
    """A new descriptor from which a comparer reads what it needs to know. `lessons`: as a report had them, or ""."""
    fd = os.memfd_create("edgeproxy comparer")
    with os.fdopen(fd, "w", closefd=False) as file:
        json.dump({"shadowed": [each.to_json() for each in shadowed], "lessons": json.loads(lessons or "{}")}, file)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


@dataclass(frozen=True, slots=True)
class Report:
    """What a comparer says: how many specimens it is done with since the last, what it found, and, now and then, all
    noise that it knows. Both are texts, which its worker only hands on.
    """

    done: int
    found: str
    lessons: str | None

    def line(self) -> bytes:
        return json.dumps({"done": self.done, "found": self.found, "lessons": self.lessons}).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Report:
        """Both ends run the same code: what cannot be read raises TypeError or ValueError, and is a fault."""
        return cls(**json.loads(line))


class _Process:
    def __init__(self, sock: socket.socket, comparer: Comparer) -> None:
        self._socket = sock
        self._comparer = comparer
        self._frames = FrameReader()
        self._done = 0
        self._reported = self._taught = time.monotonic()
        self._has_failed = False

    def run(self) -> int:
        try:
            while data := self._next():
                for specimen in self._frames.add(data):
                    self._compare(specimen)
                    self._report_when_due()
            self._report()
        except ConnectionError:  # its worker is gone
            return 0
        return 0

    def _next(self) -> bytes:
        """What comes next, as soon as it does; meanwhile what is known is said. Empty: no more comes."""
        while self._done:
            left = self._reported + _EVERY - time.monotonic()
            if select.select([self._socket], [], [], max(left, 0.0))[0]:
                break
            self._report_when_due()
        return self._socket.recv(_RECEIVED)

    def _compare(self, specimen: Specimen) -> None:
        """A pair of the old side is not worth as much as the comparison that it came with."""
        seen = self._within_bounds(self._comparer.look, specimen)
        if seen is None and specimen.again is not None:
            seen = self._within_bounds(self._comparer.look, replace(specimen, again=None))
        if seen is None:
            self._comparer.give_up(specimen, self._within_bounds(self._comparer.look_at_old, specimen))
        else:
            self._comparer.take(seen)
        self._done += 1

    def _within_bounds(self, look: Callable[[Specimen], T | None], specimen: Specimen) -> T | None:
        """None: it takes too much."""
        try:
            _arm(_LONGEST, _DEADLY)
            try:
                return look(specimen)
            finally:
                _arm(0.0, 0.0)
        except (TooLong, MemoryError, RecursionError):
            return None
        except Exception as error:  # noqa: BLE001  # this is the supervisor of one comparison: others are made all the same
            self._tell_fault(error, specimen)
            return None

    def _tell_fault(self, error: Exception, specimen: Specimen) -> None:
        if not self._has_failed:
            self._has_failed = True
            tell(f"unexpected: comparing answers of the rule {specimen.rule}: {type(error).__name__}: {error}")

    def _report_when_due(self) -> None:
        if self._done and time.monotonic() >= self._reported + _EVERY:
            self._report()

    def _report(self) -> None:
        """Raises ConnectionError."""
        now = time.monotonic()
        lessons = None
        if now >= self._taught + _LESSONS_EVERY:
            lessons, self._taught = json.dumps(lessons_json(self._comparer.lessons)), now
        found = json.dumps(self._comparer.news().to_json())
        self._socket.sendall(Report(self._done, found, lessons).line())
        self._done, self._reported = 0, now


def _arm(longest: float, deadly: float) -> None:
    """Seconds of this process's own CPU time: a machine that has much else to do makes nothing too costly."""
    signal.setitimer(signal.ITIMER_VIRTUAL, longest)
    signal.setitimer(signal.ITIMER_PROF, deadly)


def _give_up(number: int, frame: Any) -> None:  # noqa: ARG001
    raise TooLong


def _bound_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _read_start(fd: int) -> tuple[list[Shadowed], Lessons]:
    with os.fdopen(fd) as file:
        words = json.load(file)
    return [Shadowed.from_json(each) for each in words["shadowed"]], read_lessons(words["lessons"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
