"""What of a fill's content came so far: in memory while it is small, on the disk when it is not, and, when it cannot be
kept, only what somebody has yet to read.

Laws of this module:
- octets can be read from where they came first to where they came last, by several readers, each at its own place;
- all of a worker together hold no more than their budget in memory: beyond it content goes to the disk, however small,
  or is not kept;
- content that is kept is never forgotten before it is taken; of content that is not, whoever feeds it says what all
  readers have read, and `held` says when it must wait for them.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b, md5, sha256
from typing import Protocol, assert_never

from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.stored import DIGEST_OCTETS
from edgeproxy.proxy.cache.spool import Spool
from edgeproxy.ruleset.modifiers import Digest


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


class Budget:
    """Octets of content in memory: `small`, of one, `limit`, of all that are on their way together."""

    __slots__ = ("limit", "small", "used")

    def __init__(self, small: int, limit: int) -> None:
        self.small = small
        self.limit = limit
        self.used = 0


class Intake:
    """`why_not`: content that came is not kept, for this reason, since when it was set."""

    __slots__ = ("_base", "_budget", "_buffer", "_largest", "_open_spool", "_verifier", "size", "spool", "why_not")

    def __init__(
        self, budget: Budget, largest: int, open_spool: Callable[[], Spool] | None, verify: Digest | None = None
    ) -> None:
        """`open_spool`: for what is not for memory, if there is a disk. `largest`: octets; more are not kept."""
        self._budget = budget
        self._largest = largest
        self._open_spool = open_spool
        self._buffer = bytearray()
        self._base = 0  # where the buffer begins
        self._verifier = None if verify is None else new_hash(verify)
        self.size = 0
        self.spool: Spool | None = None
        self.why_not: NotStored | None = None

    @property
    def held(self) -> int:
        """Octets in memory."""
        return len(self._buffer)

    @property
    def digest(self) -> bytes:
        """Of content that is whole."""
        if self.spool is not None:
            return self.spool.digest()
        return blake2b(self._buffer, digest_size=DIGEST_OCTETS).digest()

    def has_digest(self, wanted: str) -> bool:
        """Whether what came has the digest, in hexadecimal digits, that its rule asks for."""
        return self._verifier is not None and self._verifier.hexdigest() == wanted

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._verifier is not None:
            self._verifier.update(data)
        if self.why_not is None:
            if self.size > self._largest:
                self.why_not = NotStored.TOO_LARGE
            elif self.spool is None and self._is_too_much(len(data)):
                self.spool = self._new_spool()
        self._buffer += data
        self._budget.used += len(data)
        if self.spool is not None and self.why_not is None:
            self._flush(self.spool)

    def read(self, offset: int, most: int) -> bytes:
        if offset < self._base:
            assert self.spool is not None, "what is before the buffer is in the spool, or forgotten by all"
            return self.spool.read(offset, min(most, self._base - offset))
        begin = offset - self._base
        return bytes(memoryview(self._buffer)[begin : begin + most])

    def forget_before(self, offset: int) -> None:
        """Everybody has read so far, and nobody else will come."""
        if offset > self._base:
            self._budget.used -= min(offset - self._base, len(self._buffer))
            del self._buffer[: offset - self._base]
            self._base = offset

    def content(self) -> bytes:
        """All of it, where it is in memory."""
        assert not self._base, "it is small"
        return bytes(self._buffer)

    def end(self) -> None:
        """All of it has come, and is right, though it is not kept."""
        if self.spool is not None:
            self.spool.end()

    def close(self) -> None:
        """Nobody reads it any more."""
        self._budget.used -= len(self._buffer)
        self._buffer = bytearray()
        if self.spool is not None:
            self.spool.discard()
            self.spool = None

    def _is_too_much(self, more: int) -> bool:
        return self.size > self._budget.small or self._budget.used + more > self._budget.limit

    def _new_spool(self) -> Spool | None:
        """A disk that takes nothing costs the keeping, and no client its answer."""
        if self._open_spool is None:
            self.why_not = NotStored.TOO_LARGE if self.size > self._budget.small else NotStored.NO_ROOM
            return None
        try:
            return self._open_spool()
        except OSError:
            self.why_not = NotStored.NO_ROOM
            return None

    def _flush(self, spool: Spool) -> None:
        try:
            spool.write(self._buffer)
        except OSError:
            self.why_not = NotStored.NO_ROOM
            return
        self._base += len(self._buffer)
        self._budget.used -= len(self._buffer)
        self._buffer.clear()


def new_hash(digest: Digest) -> Hash:
    match digest:
        case Digest.BLAKE2B:
            return blake2b(digest_size=32)
        case Digest.SHA256:
            return sha256()
        case Digest.MD5:
            return md5(usedforsecurity=False)
        case _:
            assert_never(digest)
