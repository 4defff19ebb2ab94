"""Copies in codings that the edge applies itself, made by a thread when somebody first asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import blake2b

from edgeproxy.caching.coding import coded
from edgeproxy.caching.stored import DIGEST_OCTETS
from edgeproxy.proxy.cache.compress import compress
from edgeproxy.proxy.cache.memory import Copy, MemoryTier
from edgeproxy.ruleset.modifiers import Coding
from edgeproxy.telemetry.stderr import tell

_Job = tuple[Copy, Coding]


class Codings:
    """A coded copy is kept beside the one that it is made of, and is of no use without it."""

    __slots__ = ("_jobs", "_memory")

    def __init__(self, memory: MemoryTier) -> None:
        self._memory = memory
        self._jobs: dict[_Job, list[Callable[[Copy], None]]] = {}

    def find(self, copy: Copy, coding: Coding) -> Copy | None:
        """In this coding, with the same content, and under the same terms."""
        stored = copy.stored
        for one in self._memory.of(copy.key.primary):
            its = one.stored
            if its.coding == coding and its.origin == stored.digest and its.selecting == stored.selecting:
                return one if (its.terms, its.purged) == (stored.terms, stored.purged) else None
        return None

    def make(self, copy: Copy, coding: Coding, then: Callable[[Copy], None]) -> None:
        """Once, for all who ask meanwhile. What cannot be coded is given as it is."""
        job = copy, coding
        waiting = self._jobs.get(job)
        if waiting is not None:
            waiting.append(then)
            return
        self._jobs[job] = [then]
        coding_it = asyncio.get_running_loop().run_in_executor(None, compress, coding, copy.body)
        coding_it.add_done_callback(lambda done: self._on_made(job, done))

    def _on_made(self, job: _Job, done: asyncio.Future[bytes]) -> None:
        waiting = self._jobs.pop(job)
        if done.cancelled():
            return
        failure = done.exception()
        if failure is not None:
            tell(f"a copy cannot be coded as {job[1]}: {failure!r}: it is given as it came")
        copy = job[0] if failure is not None else self._kept(*job, done.result())
        for then in waiting:
            then(copy)

    def _kept(self, copy: Copy, coding: Coding, content: bytes) -> Copy:
        """What came out of date meanwhile is given to those who waited, and kept for nobody."""
        stored = coded(copy.stored, coding, len(content), blake2b(content, digest_size=DIGEST_OCTETS).digest())
        if stored is None:
            return copy
        is_current = any(one is copy for one in self._memory.of(copy.key.primary))
        kept = self._memory.put(copy.key, stored, content) if is_current else None
        return kept or Copy(copy.key, stored, content)
