"""Whether a file has the content that it was kept for.

Laws of this module:
- a file is read through, and hashed, before it is given for the first time in this process, and again whenever its
  inode, its ctime or its size is another: whoever writes to a file changes its ctime;
- a file that changed at the moment at which it is looked at may change once more in the same tick of the file system's
  clock: it is given, but not remembered.
"""

from __future__ import annotations

import os
import stat
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from queue import SimpleQueue
from threading import Thread
from typing import Final

from edgeproxy.caching.stored import DIGEST_OCTETS, Stored

AT_ONCE: Final = 262_144  # octets that are checked on the loop: 300 µs
_BLOCK: Final = 1 << 20
_TICK: Final = 50_000_000  # ns: several of any file system's
_MOST_REMEMBERED: Final = 65_536

_Mark = tuple[int, int, int]


class KeptFile:
    """A content's file, open for reading. Whoever holds it closes it."""

    __slots__ = ("fd", "size")

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.size = size

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


Content = bytes | KeptFile


def is_content(content: bytes, stored: Stored) -> bool:
    return len(content) == stored.size and blake2b(content, digest_size=DIGEST_OCTETS).digest() == stored.digest


class Checker:
    """For one loop; large files are read by a thread of its own, one after the other."""

    def __init__(self) -> None:
        self._known: dict[str, _Mark] = {}
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_closed = False

    def is_known(self, name: str, fd: int, stored: Stored) -> bool:
        """Whether it was checked and is as it was then. Raises OSError. PERF: 2 µs."""
        status = os.fstat(fd)
        return status.st_size == stored.size and self._known.get(name) == _mark(status)

    def check(self, name: str, fd: int, stored: Stored) -> bool:
        """Now. Raises OSError."""
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != stored.size or self._digest(fd) != stored.digest:
            return False
        if _mark(os.fstat(fd)) == _mark(status) and time.time_ns() - status.st_ctime_ns > _TICK:
            self._remember(name, _mark(status))
        return True

    def check_aside(
        self, name: str, fd: int, stored: Stored, loop: AbstractEventLoop, then: Callable[[bool | OSError], None]
    ) -> None:
        """In the thread; `then` is called on the loop."""

        def run() -> None:
            try:
                # It may have been asked for several times at once.
                found: bool | OSError = self.is_known(name, fd, stored) or self.check(name, fd, stored)
            except OSError as error:
                found = error
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(then, found)

        if self._thread is None:
            self._thread = Thread(target=self._work, name="edgeproxy cache check", daemon=True)
            self._thread.start()
        self._asked.put(run)

    def close(self) -> None:
        """What is under way is told to have failed."""
        self._is_closed = True
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (run := self._asked.get()) is not None:
            run()

    def _digest(self, fd: int) -> bytes:
        found = blake2b(digest_size=DIGEST_OCTETS)
        offset = 0
        while (block := os.pread(fd, _BLOCK, offset)) and not self._is_closed:
            found.update(block)
            offset += len(block)
        if self._is_closed:
            raise InterruptedError("the cache is closed")
        return found.digest()

    def _remember(self, name: str, mark: _Mark) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[name] = mark


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_ctime_ns, status.st_size
