"""A content on its way to the disk: written to a file aside, and hashed as it comes.

Laws of this module:
- what was written can be read again at once, by this process and by others that heard of it (arriving.py);
- the file has a name until it is kept or discarded; after a crash its name says that its process is dead;
- who keeps it takes it over by a descriptor of their own: `discard` then only lets go of this one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproxy.caching.stored import DIGEST_OCTETS
from edgeproxy.proxy.cache.process_names import new_name

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.arriving import Announcement
    from edgeproxy.proxy.cache.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Taken:
    """A whole content's file, of whoever keeps it: named `path`, open as `fd`."""

    path: Path
    fd: int
    size: int

    def read(self) -> bytes:
        return os.pread(self.fd, self.size, 0)

    def sync(self) -> None:
        """Wait until it is on the disk. Raises OSError."""
        os.fdatasync(self.fd)

    def close(self) -> None:
        os.close(self.fd)

    def unlink(self) -> None:
        with suppress(OSError):
            os.unlink(self.path)


class Spool:
    """Whoever makes one calls `discard` in the end, whatever became of it."""

    __slots__ = ("_hash", "_is_mine", "_trouble", "announcement", "fd", "path", "size")

    def __init__(self, folder: Path, trouble: Trouble | None = None) -> None:
        """`trouble` hears whether it could be written, if nobody else tells. Raises OSError."""
        self._trouble = trouble
        self.path = folder / new_name()
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0
        self.announcement: Announcement | None = None
        self._hash = blake2b(digest_size=DIGEST_OCTETS)
        self._is_mine = True  # the name

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Raises OSError; then what is here is not whole, and is to be discarded."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.pwrite(self.fd, rest, self.size + len(data) - len(rest)) :]
        except OSError as error:
            if self._trouble is not None:
                self._trouble.failed(error)
            raise
        if self._trouble is not None:
            self._trouble.worked()
        self._hash.update(data)
        self.size += len(data)

    def read(self, offset: int, most: int) -> bytes:
        """Of what was written; empty at its end. Raises OSError."""
        return os.pread(self.fd, max(0, min(most, self.size - offset)), offset)

    def digest(self) -> bytes:
        """Of what was written, as Stored.digest."""
        return self._hash.digest()

    def take(self) -> Taken:
        """The content is whole. From now on its name is the taker's. Raises OSError."""
        fd = os.dup(self.fd)
        self._is_mine = False
        self.end()
        return Taken(self.path, fd, self.size)

    def end(self) -> None:
        """The content is whole, kept or not: who streams it has all of it."""
        if self.announcement is not None:
            self.announcement.end(self.size)
            self.announcement = None

    def discard(self) -> None:
        """Let go of it. Unless it was taken, its file goes, and who streams it hears that it failed."""
        if self.fd < 0:
            return
        if self.announcement is not None:
            self.announcement.end(None)
            self.announcement = None
        if self._is_mine:
            with suppress(OSError):
                os.unlink(self.path)
        fd, self.fd = self.fd, -1
        os.close(fd)
