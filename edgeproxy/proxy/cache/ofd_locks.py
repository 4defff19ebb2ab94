"""Locks on octets of a file that belong to an open file description (fcntl(2), F_OFD_SETLK).

Why these: the kernel frees them when their process dies, however it dies. Those of flock(2) have no ranges; those of
F_SETLK are a process's own, and all lost when it closes any descriptor of the file.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

_FLOCK: Final = struct.Struct("=hhxxxxqqixxxx")  # struct flock: type, whence, start, length, pid


def try_lock(fd: int, octet: int) -> bool:
    """Whether it is locked by this description now. Raises OSError where locks cannot be had."""
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, octet, 1, 0))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as POSIX leaves open
        return False
    return True


def lock(fd: int, octet: int) -> None:
    """Wait until it is locked by this description."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, octet, 1, 0))


def unlock(fd: int, octet: int) -> None:
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, octet, 1, 0))


def is_locked_elsewhere(fd: int, octet: int) -> bool:
    """Whether another description has it."""
    found = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, octet, 1, 0))
    kind: int = _FLOCK.unpack(found)[0]
    return kind != fcntl.F_UNLCK
