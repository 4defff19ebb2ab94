"""What other workers are told of a content while it comes, so that their clients have it as it comes, too.

A small file under the key's name: how it stands with the content (under way, whole, failed, kept no more), its final
size, and then the answer's head and the name of the spool file.

Laws of this module:
- who announces has the claim to the key, and locks the file: while its process lives and the content is under way, the
  lock is held. So one that died never looks alive, and its readers never wait for it;
- what is announced is no answer for anybody whose request came after a purge of it.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgeproxy.caching.keys import Key
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.heads import Torn, read_head, write_head
from edgeproxy.proxy.cache.ofd_locks import is_locked_elsewhere, try_lock
from edgeproxy.proxy.cache.process_names import is_name, new_name

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.spool import Spool

_STATE: Final = struct.Struct("=cq")
_COMES, _WHOLE, _FAILED, _UNKEPT = b"c", b"w", b"f", b"u"
_LOCKED: Final = 0
_MOST: Final = 1 << 20  # octets of a head
_PURGES_SEEN: Final = struct.Struct("=q16s16s16s16s")  # `since`, then the key and the variant


class End(Enum):
    """How an arriving content ended."""

    DONE = "done"
    FAILED = "failed"  # it broke off, or is not what its rule verifies
    UNKEPT = "unkept"  # it goes on, for clients of the worker that fetches it only: nobody writes it down
    DEAD = "dead"  # the worker that fetched it


DONE: Final = End.DONE
FAILED: Final = End.FAILED
_ENDS: Final = {_COMES: End.DEAD, _WHOLE: End.DONE, _FAILED: End.FAILED, _UNKEPT: End.UNKEPT}


class Announcement:
    """The announcer's side. Raises OSError when it cannot be announced; one of `finish`, `fail` and `withdraw` is
    called once, whatever happens.
    """

    __slots__ = ("_fd", "_path")

    def __init__(self, folder: Path, key: Key, variant: bytes, stored: Stored, spool: Spool, since: int) -> None:
        self._path = folder / key.primary.hex()
        aside = folder / new_name()
        name = spool.path.name
        head = write_head(key, variant, name, stored)
        seen = _PURGES_SEEN.pack(since, key.path, key.address, key.primary, variant)
        self._fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try_lock(self._fd, _LOCKED)
            os.write(self._fd, b"".join((_STATE.pack(_COMES, 0), seen, name.encode(), b"\0", head)))
            os.replace(aside, self._path)
        except OSError:
            os.close(self._fd)
            with suppress(OSError):
                os.unlink(aside)
            raise

    def finish(self, size: int) -> None:
        """The content is whole, of that size."""
        self._end(_WHOLE, size)

    def fail(self) -> None:
        """It will not be whole."""
        self._end(_FAILED)

    def withdraw(self) -> None:
        """Nobody writes it down any more."""
        self._end(_UNKEPT)

    def _end(self, state: bytes, size: int = 0) -> None:
        with suppress(OSError):  # then it looks dead, as soon as the lock goes
            os.pwrite(self._fd, _STATE.pack(state, size), 0)
        with suppress(OSError):
            if os.path.samestat(os.stat(self._path), os.fstat(self._fd)):  # not that of who has the claim now
                os.unlink(self._path)
        os.close(self._fd)


class Arriving:
    """The reader's side: the head, and the content as far as it came. Whoever has it closes it."""

    __slots__ = ("_told", "fd", "key", "since", "stored", "variant")

    def __init__(self, told: int, fd: int, key: Key, variant: bytes, stored: Stored, since: int) -> None:
        self._told = told  # descriptor of the announcement
        self.fd = fd  # of the spool file
        self.key = key
        self.variant = variant
        self.stored = stored
        self.since = since

    def poll(self) -> int | End:
        """How many octets came so far, or how it ended; `size` says how many came by then."""
        try:
            state, _ = self._state()
            if state == _COMES and not is_locked_elsewhere(self._told, _LOCKED):
                state, _ = self._state()  # it may have ended between the two looks
                return _ENDS.get(state, FAILED)
            if state == _COMES:
                return os.fstat(self.fd).st_size
        except (OSError, struct.error):
            return FAILED
        return _ENDS.get(state, FAILED)

    @property
    def size(self) -> int:
        """So far. Raises OSError."""
        return os.fstat(self.fd).st_size

    def read(self, offset: int, most: int) -> bytes:
        """Raises OSError."""
        return os.pread(self.fd, most, offset)

    def close(self) -> None:
        told, self._told, fd, self.fd = self._told, -1, self.fd, -1
        if told >= 0:
            os.close(told)
            os.close(fd)

    def _state(self) -> tuple[bytes, int]:
        state, size = _STATE.unpack(os.pread(self._told, _STATE.size, 0))
        return state, size


def read_announcement(folder: Path, spool: Path, primary: bytes) -> Arriving | None:
    """What is announced under a key; None: nothing that still comes. Raises OSError, but not for what is missing."""
    try:
        told = os.open(folder / primary.hex(), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        arriving = _read(told, spool, primary)
    except (FileNotFoundError, Torn, struct.error, ValueError):
        arriving = None  # it ended at this moment, or a crash left a part of it
    except OSError:
        os.close(told)
        raise
    if arriving is None:
        os.close(told)
    elif not isinstance(arriving.poll(), int):
        arriving.close()
        return None
    return arriving


def is_announced(file: Path) -> bool:
    """Whether somebody lives who announced it. Raises OSError."""
    fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        return is_locked_elsewhere(fd, _LOCKED)
    finally:
        os.close(fd)


def _read(told: int, spool: Path, primary: bytes) -> Arriving | None:
    text = os.pread(told, _MOST, _STATE.size)
    since, path, address, named, variant = _PURGES_SEEN.unpack_from(text)
    name, _, head = text[_PURGES_SEEN.size :].partition(b"\0")
    file = name.decode("latin-1")
    if named != primary or not is_name(file):
        return None
    key = Key(path, address, primary)
    stored = read_head(key, variant, file, head, None)
    return Arriving(told, os.open(spool / file, os.O_RDONLY | os.O_CLOEXEC), key, variant, stored, since)
