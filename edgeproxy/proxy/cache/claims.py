"""Who fetches what, among all workers that share the directory.

Laws of this module:
- of all processes at most one has the claim to a key; the kernel takes it from one that dies, however it dies;
- where locks cannot be had, everybody may fetch: twice is better than never.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from edgeproxy.proxy.cache.ofd_locks import try_lock, unlock


class Claims:
    """One process's. PERF: 7 µs to claim and release."""

    __slots__ = ("_fd", "_held")

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held: set[int] = set()

    def claim(self, primary: bytes) -> bool:
        """Whether the caller may fetch it now; until `release`."""
        octet = _octet(primary)
        if octet in self._held:
            return False
        try:
            is_free = try_lock(self._fd, octet)
        except OSError:
            is_free = True
        if is_free:
            self._held.add(octet)
        return is_free

    def release(self, primary: bytes) -> None:
        octet = _octet(primary)
        if octet in self._held:
            self._held.remove(octet)
            with suppress(OSError):
                unlock(self._fd, octet)

    def close(self) -> None:
        self._held.clear()
        os.close(self._fd)


def _octet(primary: bytes) -> int:
    """Which octet of the file stands for the key: beyond those with another use, and within what an offset can say.
    Two keys in 2^62 share one, and then wait for each other.
    """
    return (1 << 62) | int.from_bytes(primary[:8]) >> 2
