"""The latest purges, in memory that all workers share: how each of them hears of one before it gives its next copy.

Laws of this module:
- a purge is seen by everybody from the moment that `append` returns: `seq` is one look at shared memory;
- who keeps an answer, and who purges, does it under `lock()`: none comes between the other's look and its deed;
- the log is what counts. A directory of answers knows up to which number of which log it has followed, and what came
  since then takes its copies though nobody has told the directory: one that was out of use misses nothing;
- a writer that is killed at any instruction leaves a log that can be read: a purge is written into its place first and
  then published by one store; the kernel takes the dead writer's lock away;
- a reader that was overtaken, or that reads what is not whole, learns that and nothing else (None): it has to take
  everything for purged.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Final, Protocol, Self
from zlib import crc32

from edgeproxy.caching.purging import Mode, Purge, What

PLACES: Final = 4_096
_HEADER: Final = struct.Struct("=16sQ8s32x")  # magic, the last purge's number, the log's identity
_MAGIC: Final = b"edge purges v2\0\0"
_SEQ: Final = slice(16, 24)
_IDENTITY: Final = slice(24, 32)
_RECORD: Final = struct.Struct("=QdBB16s")  # number, at, what, mode, digest
_CHECK: Final = struct.Struct(
    "=I"
)  # CRC-32 of the record: on a weakly ordered CPU a number may be seen before its rest
_PLACE: Final = 40
_SIZE: Final = _HEADER.size + PLACES * _PLACE


class NotAPurgeLog(ValueError):
    """A descriptor is not that of a purge log; the message says why."""


class PurgeLog:
    """A ring of purges, numbered from 1, for the processes that have its descriptor."""

    __slots__ = ("_depth", "_memory", "_thread_lock", "fd", "identity", "last")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._memory = _map(fd)
        self.last = memoryview(self._memory)[_SEQ].cast("Q")  # its only item is `seq`. PERF: to be read without a call
        self.identity = self._memory[_IDENTITY]  # no other log has it, now or later
        self._thread_lock = RLock()
        self._depth = 0  # how often the thread that has the lock has taken it

    @classmethod
    def create(cls) -> Self:
        """A new log; its descriptor is inherited by new processes. Raises OSError."""
        fd = os.memfd_create("edgeproxy purges", 0)  # without MFD_CLOEXEC
        os.truncate(fd, _SIZE)
        os.pwrite(fd, _HEADER.pack(_MAGIC, 0, os.urandom(8)), 0)
        return cls(fd)

    @classmethod
    def adopt(cls, fd: int) -> Self:
        """The log of another process; the descriptor is the log's from now on. Raises NotAPurgeLog; then it is not."""
        return cls(fd)

    def close(self) -> None:
        self.last.release()
        self._memory.close()
        os.close(self.fd)

    @property
    def seq(self) -> int:
        """The last purge's number, 0 before the first. PERF: 100 ns."""
        return self.last[0]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else, of all processes and of this one's threads, purges or keeps anything meanwhile. It may be taken
        again inside. It waits: an event loop takes it only for what is short.

        By fcntl, whose locks are a process's own: those of flock(2) would be everybody's who inherited the descriptor.
        """
        with self._thread_lock:
            if not self._depth:
                fcntl.lockf(self.fd, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def append(self, purge: Purge) -> int:
        """Let everybody know, from now on. Returns its number."""
        with self.lock():
            number = self.last[0] + 1
            record = _RECORD.pack(number, purge.at, purge.what, purge.mode, purge.digest)
            at = _offset(number)
            self._memory[at : at + _PLACE] = (record + _CHECK.pack(crc32(record))).ljust(_PLACE, b"\0")
            self.last[0] = number
            return number

    def since(self, seq: int) -> tuple[Purge, ...] | None:
        """What was purged after that number, in order; None: more than is known, so take everything for purged."""
        last = self.last[0]
        found = [self._read(number) for number in range(max(seq, last - PLACES) + 1, last + 1)]
        # A place may have been written again while it was read, or be written again just now.
        if not self.last[0] - PLACES < seq <= last:
            return None
        purges = tuple(purge for purge in found if purge is not None)
        return purges if len(purges) == len(found) else None

    def _read(self, number: int) -> Purge | None:
        at = _offset(number)
        place = self._memory[at : at + _PLACE]
        record, (check,) = place[: _RECORD.size], _CHECK.unpack_from(place, _RECORD.size)
        its, when, what, mode, digest = _RECORD.unpack(record)
        if its != number or check != crc32(record):
            return None
        return Purge(What(what), Mode(mode), b"" if what == What.ALL else digest, when)


class Follower(Protocol):
    """A tier that outlives the processes whose log it follows."""

    def catch_up(self) -> int:
        """Carry out what the log has and it has not yet; for who has the log's lock. Returns how many copies that took.
        May raise what its medium raises.
        """
        ...


def carry_out(purges: Sequence[Purge], log: PurgeLog, disk: Follower | None) -> int | None:
    """Let all workers know of these, and the disk: as one, against whoever keeps an answer. Returns how many copies on
    disk they took, if there is one. It waits for the disk.

    Whatever the disk raises, no copy in memory is given any more.
    """
    with log.lock():
        for purge in purges:
            log.append(purge)
        return None if disk is None else disk.catch_up()


def _offset(number: int) -> int:
    return _HEADER.size + number % PLACES * _PLACE


def _map(fd: int) -> mmap.mmap:
    size = os.fstat(fd).st_size
    if size != _SIZE:
        raise NotAPurgeLog(f"descriptor {fd} has {size} octets: not a purge log of this version")
    memory = mmap.mmap(fd, size)
    if memory[: len(_MAGIC)] != _MAGIC:
        memory.close()
        raise NotAPurgeLog(f"descriptor {fd} does not hold a purge log of this version")
    return memory
