"""Whether a file has the content that it is to have.

Laws of this module:
- a file is read through, and hashed, before it is given for the first time in this process, and again whenever its
  inode, its ctime or its size is another: whoever writes to a file changes its ctime;
- a file that changed at the moment at which it is looked at may change once more in the same tick of the file system's
  clock: what it is then is not remembered.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from edgeproxy.caching.stored import DIGEST_OCTETS, Stored
from edgeproxy.proxy.cache.aside import Aside

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.intake import Hash

AT_ONCE: Final = 262_144  # octets that are checked on the loop: 300 µs
TICK: Final = 50_000_000  # ns: several of any file system's
_BLOCK: Final = 1 << 20
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


class Wanted(NamedTuple):
    """What a file is to be. `name` is that by which it is remembered; `digest` in hexadecimal digits."""

    name: Hashable
    size: int
    digest: str
    new_hash: Callable[[], Hash]


def kept_as(name: str, stored: Stored) -> Wanted:
    return Wanted(name, stored.size, stored.digest.hex(), _content_hash)


def is_content(content: bytes, stored: Stored) -> bool:
    return len(content) == stored.size and blake2b(content, digest_size=DIGEST_OCTETS).digest() == stored.digest


def _content_hash() -> Hash:
    return blake2b(digest_size=DIGEST_OCTETS)


class Checker:
    """For one loop; large files are read aside."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._known: dict[Hashable, tuple[_Mark, str]] = {}

    def check(self, fd: int, wanted: Wanted, then: Callable[[bool | OSError], None]) -> None:
        """`then` hears whether it is what it is to be: at once, or later on the loop."""
        try:
            found: bool | OSError | None = self._remembered(fd, wanted)
            if found is None and wanted.size > AT_ONCE:
                self._aside.do(lambda: self._read_once(fd, wanted), then)
                return
            if found is None:
                found = self._read(fd, wanted)
        except OSError as error:
            found = error
        then(found)

    def _remembered(self, fd: int, wanted: Wanted) -> bool | None:
        """What it was found to be, if it is as it was then; None: nobody knows. Raises OSError. PERF: 2 µs."""
        known = self._known.get(wanted.name)
        if known is None:
            return None
        status = os.fstat(fd)
        return known[1] == wanted.digest if known[0] == _mark(status) and status.st_size == wanted.size else None

    def _read_once(self, fd: int, wanted: Wanted) -> bool:
        """It may have been asked for several times at once. Raises OSError."""
        found = self._remembered(fd, wanted)
        return self._read(fd, wanted) if found is None else found

    def _read(self, fd: int, wanted: Wanted) -> bool:
        """Raises OSError."""
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != wanted.size:
            return False
        digest = self._digest(fd, wanted.new_hash())
        if _mark(os.fstat(fd)) == _mark(status) and time.time_ns() - status.st_ctime_ns > TICK:
            self._remember(wanted.name, _mark(status), digest)
        return digest == wanted.digest

    def _digest(self, fd: int, found: Hash) -> str:
        offset = 0
        while (block := os.pread(fd, _BLOCK, offset)) and not self._aside.is_closed:
            found.update(block)
            offset += len(block)
        if self._aside.is_closed:
            raise InterruptedError("the cache is closed")
        return found.hexdigest()

    def _remember(self, name: Hashable, mark: _Mark, digest: str) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[name] = mark, digest


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_ctime_ns, status.st_size
