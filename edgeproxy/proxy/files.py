"""Files of a directory: from a URL path to an open descriptor (Linux: O_PATH and /proc/self/fd).

Laws: what is opened is a regular file below the directory, whatever links the way there holds and whoever
changes them meanwhile, because what is judged is the descriptor and not its name. Nothing is opened for
reading before it is judged: opening a device or a FIFO has effects. "No such file" is a value; a directory
that cannot be reached, or a lack of descriptors, is an OSError: clients would remember a 404 for it.
"""

from __future__ import annotations

import os
import stat
from enum import Enum
from errno import EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from edgeproxy.http.etags import EntityTag
from edgeproxy.http.media_types import media_type
from edgeproxy.http.selection import Representation


class NotAFile(Enum):
    """Why a path has no file to answer with."""

    MISSING = "missing"
    OUTSIDE = "outside"  # the path, or a link on its way, leads out of the directory
    NOT_REGULAR = "not_regular"  # a directory, a device, a FIFO, a socket
    UNREADABLE = "unreadable"  # the edge has no permission


class OpenFile:
    """A regular file, open for reading. Whoever holds it closes it."""

    __slots__ = ("fd", "mtime_ns", "representation")

    def __init__(self, fd: int, mtime_ns: int, representation: Representation) -> None:
        self.fd = fd
        self.mtime_ns = mtime_ns
        self.representation = representation

    @property
    def size(self) -> int:
        return self.representation.size

    @property
    def content_type(self) -> str:
        return self.representation.content_type

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


_LOOK: Final = os.O_PATH | os.O_CLOEXEC
_LOOK_DIRECTORY: Final = _LOOK | os.O_DIRECTORY
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_WHY: Final = {
    ENOENT: NotAFile.MISSING,
    ENOTDIR: NotAFile.MISSING,
    ENAMETOOLONG: NotAFile.MISSING,
    ELOOP: NotAFile.MISSING,
    EACCES: NotAFile.UNREADABLE,
}
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, where HTTP-date ends


def open_file(directory: Path, path: str) -> OpenFile | NotAFile:
    """Open what a normalised URL path names below a directory. Raises OSError when it cannot be known."""
    relative = _relative(path)
    if isinstance(relative, NotAFile):
        return relative
    root = os.open(directory, _LOOK_DIRECTORY)
    try:
        return _open_below(root, relative)
    finally:
        os.close(root)


def _relative(path: str) -> bytes | NotAFile:
    """The path's octets without the first slash, if a file system reads the same in them as the URL says."""
    before, *segments = [unquote_to_bytes(segment) for segment in path.split("/")]
    if b".." in segments or any(b"/" in segment for segment in segments):
        return NotAFile.OUTSIDE
    # Empty segments and dots are skipped by file systems: a file would have many URLs.
    if before or not segments or b"" in segments or b"." in segments:
        return NotAFile.MISSING
    if any(b"\0" in segment for segment in segments):
        return NotAFile.MISSING
    return b"/".join(segments)


def _open_below(root: int, relative: bytes) -> OpenFile | NotAFile:
    try:
        found = os.open(relative, _LOOK, dir_fd=root)
    except OSError as error:
        return _why(error)
    try:
        status = os.fstat(found)
        if not _where(found).startswith(_where(root).rstrip(b"/") + b"/"):
            return NotAFile.OUTSIDE
        if not stat.S_ISREG(status.st_mode):
            return NotAFile.NOT_REGULAR
        return _open_found(found, status, os.fsdecode(relative))
    finally:
        os.close(found)


def _open_found(found: int, status: os.stat_result, name: str) -> OpenFile | NotAFile:
    try:
        fd = os.open(f"/proc/self/fd/{found}", _READ)
    except PermissionError as error:
        return _why(error)
    return OpenFile(fd, status.st_mtime_ns, _representation(status, name))


def _where(fd: int) -> bytes:
    return os.readlink(b"/proc/self/fd/%d" % fd)


def _why(error: OSError) -> NotAFile:
    reason = _WHY.get(error.errno or 0)
    if reason is None:
        raise error
    return reason


def _representation(status: os.stat_result, name: str) -> Representation:
    """The entity-tag has the nanoseconds, so that a file overwritten within a second has another one."""
    seconds = status.st_mtime_ns // 1_000_000_000
    return Representation(
        size=status.st_size,
        etag=EntityTag(f"{status.st_mtime_ns:x}-{status.st_size:x}"),
        last_modified=seconds if 0 <= seconds <= _LAST_SECOND else None,
        content_type=media_type(name),
    )
