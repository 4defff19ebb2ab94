"""How often one client may ask: the generic cell rate algorithm (ITU-T I.371, annex A), over workers together.

A client's state is one number, `due`: when its next request would come if it kept exactly to the rate. So the memory of
all clients is a table of numbers, which workers share.

Laws of the decision:
- of a client at most burst + elapsed / interval requests are allowed, whatever it tries; refused ones cost it nothing;
- a client that keeps to the rate is never limited, and nobody waits longer than one interval.

Laws of the table:
- it never grows. Where all slots that a client may have are in use, the one that is due first is given away: a flood
  of addresses makes the limiter forget, and who is forgotten has a full burst again, as any new address has;
- workers write it without locks. Two that count the same client in the same microsecond may count once: the client
  gains a request. No lost or mixed-up write does harm for longer than burst * interval, which bounds every `due`.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address
from typing import Final, Self

from edgeproxy.http.addresses import read_address
from edgeproxy.ruleset.modifiers import Rate

# A clock's grain: without it, rounding would now and then limit a client that sends exactly at the rate.
GRAIN: Final = 1e-6


@dataclass(slots=True)
class Allowed:
    """`due` is what to remember of the client. PERF: not frozen, which makes one in 0.15 µs instead of 0.29."""

    due: float


@dataclass(slots=True)
class Limited:
    """Seconds until the next request will be allowed, more than 0."""

    retry_after: float


Verdict = Allowed | Limited


def decide(due: float, now: float, rate: Rate) -> Verdict:
    """What becomes of a request that comes now; `due` as remembered, or anything in the past for a new client."""
    interval = rate.interval
    span = interval * rate.burst
    most = now + span + GRAIN
    if not due <= most:  # it is from another rate, or damaged: it may not even be a number
        due = most
    wait = due - now - (span - interval)
    if wait > GRAIN:
        return Limited(wait)
    return Allowed((due if due > now else now) + interval)


@lru_cache(maxsize=4_096)  # PERF: 4 to 11 µs an address
def rate_key(address: str) -> str:
    """Whom to count: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has at the least
    (RFC 6177 §2). What is no address (the peer of a Unix socket) counts as it is.
    """
    parsed = read_address(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


# -- the table ----------------------------------------------------------------------------------------------------

_PROBED: Final = 8  # slots that a client may have: a bucket
_BUCKET: Final = 2 * 8 * _PROBED  # octets: the fingerprints, then the dues
_FINGERPRINTS: Final = struct.Struct(f"={_PROBED}Q")
_DUES: Final = struct.Struct(f"={_PROBED}d")
_HEADER: Final = struct.Struct("=16s16sQ24x")  # magic, key, buckets
_MAGIC: Final = b"edge rates v1\0\0\0"


class NotARateTable(ValueError):
    """A descriptor is not that of a rate table; the message says why."""


class RateTable:
    """Clients and their dues in shared memory, for the workers that have its descriptor.

    A slot holds a 64-bit fingerprint of (rule, client) and the due, on CLOCK_MONOTONIC, which all processes share.
    Fingerprints are keyed by the table: nobody outside can look for an address that shares another's slot.
    """

    __slots__ = ("_dues", "_hash", "_mask", "_memory", "_owns_fd", "_words", "fd", "forgotten")

    def __init__(self, fd: int, owns_fd: bool) -> None:
        self.fd = fd
        self._owns_fd = owns_fd
        self.forgotten = 0  # clients whose slot this process gave away before they were due
        self._memory = _map(fd)
        _, key, buckets = _HEADER.unpack_from(self._memory)
        self._mask = buckets - 1
        self._hash = blake2b(key, digest_size=8)
        self._words = memoryview(self._memory).cast("Q")
        self._dues = memoryview(self._memory).cast("d")

    @classmethod
    def create(cls, slots: int) -> Self:
        """A new table of at least so many slots, 16 octets each; its descriptor is inherited by new processes."""
        if slots < 1:
            raise ValueError(f"a rate table of {slots} slots: it needs at least 1")
        buckets = 1 << max(0, (slots - 1) // _PROBED).bit_length()
        fd = os.memfd_create("edgeproxy rates", 0)  # without MFD_CLOEXEC
        os.truncate(fd, _HEADER.size + buckets * _BUCKET)
        os.pwrite(fd, _HEADER.pack(_MAGIC, os.urandom(16), buckets), 0)
        return cls(fd, owns_fd=True)

    @classmethod
    def attach(cls, fd: int) -> Self:
        """The table of another process, by its descriptor, which stays the caller's. Raises NotARateTable."""
        return cls(fd, owns_fd=False)

    @classmethod
    def adopt(cls, fd: int) -> Self:
        """The same, and the descriptor is the table's from now on. Raises NotARateTable; then it is not."""
        return cls(fd, owns_fd=True)

    def close(self) -> None:
        self._words.release()
        self._dues.release()
        self._memory.close()
        if self._owns_fd:
            self._owns_fd = False
            os.close(self.fd)

    def ask(self, rule: str, client: str, rate: Rate, now: float) -> float:
        """0.0 when the client's request is allowed, and then it is counted; else the seconds to wait.

        PERF: 1.7 µs, of which the fingerprint takes 0.7; 2.4 for a client that the table does not know.
        """
        hashed = self._hash.copy()
        hashed.update(f"{rule}\0{client}".encode())
        fingerprint = int.from_bytes(hashed.digest()) or 1  # 0 is an empty slot's
        offset = _HEADER.size + (fingerprint & self._mask) * _BUCKET
        held = _FINGERPRINTS.unpack_from(self._memory, offset)
        if fingerprint in held:
            word = offset // 8 + held.index(fingerprint)
            verdict = decide(self._dues[word + _PROBED], now, rate)
        else:
            word = self._give_away(offset, now)
            self._words[word] = fingerprint
            verdict = decide(now, now, rate)
        if isinstance(verdict, Limited):
            return verdict.retry_after
        self._dues[word + _PROBED] = verdict.due
        return 0.0

    def _give_away(self, offset: int, now: float) -> int:
        """The word of the bucket's slot that is due first: one that nobody needs (never used, or due in the past,
        which is as good as new), if there is any.
        """
        dues = _DUES.unpack_from(self._memory, offset + _FINGERPRINTS.size)
        first = min(dues)
        if first > now:
            self.forgotten += 1
        return offset // 8 + dues.index(first)


def _map(fd: int) -> mmap.mmap:
    size = os.fstat(fd).st_size
    if size < _HEADER.size:
        raise NotARateTable(f"descriptor {fd} has {size} octets: not a rate table")
    memory = mmap.mmap(fd, size)
    magic, _, buckets = _HEADER.unpack_from(memory)
    if magic != _MAGIC or size != _HEADER.size + buckets * _BUCKET or buckets & (buckets - 1):
        memory.close()
        raise NotARateTable(f"descriptor {fd} does not hold a rate table of this version")
    return memory
