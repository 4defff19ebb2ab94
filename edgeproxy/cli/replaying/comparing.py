"""The answers of two targets on their way to the process that compares them, and what it says."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from replay.comparing.kinds import Kinds
from replay.comparing.pairing import Pairing
from replay.comparing.spool import Spool
from replay.comparing.worker import KINDS, from_json
from replay.planned import Planned
from replay.report.facts import Comparison
from replay.sending.asking import Budget

_FLUSH_EVERY: Final = 0.25  # seconds
_BUDGET: Final = 256 << 20  # octets of content that are in memory


class CannotCompare(Exception):
    """The process that compares has ended; the message says how."""


class Comparer:
    """Use it by `comparer()`. `is_twice` says which requests the old side is asked once more."""

    def __init__(self, process: asyncio.subprocess.Process, spool: Spool, share: float, seed: int) -> None:
        self._process = process
        self._spool = spool
        self._dice = Random(seed)
        self._share = share
        self._twice: set[int] = set()
        self._progress: Mapping[str, Any] = {}
        self._result: Mapping[str, Any] | None = None
        self.listening = asyncio.create_task(self._listen())
        self.budget = Budget(_BUDGET)
        self.pairing = Pairing(spool.put, self._was_chosen, self.budget)

    def is_twice(self, planned: Planned) -> bool:
        """Once for each."""
        if not self._share or self._dice.random() >= self._share:
            return False
        self._twice.add(id(planned))
        return True

    def _was_chosen(self, planned: Planned) -> bool:
        if id(planned) not in self._twice:
            return False
        self._twice.discard(id(planned))
        return True

    @property
    def told(self) -> str:
        """For the line of progress."""
        different = self._progress.get("different", 0)
        return f"; {different:,} of {self._progress.get('compared', 0):,} compared differ"

    async def end(self, beside: str) -> Comparison:
        """Wait for the rest to be compared. Raises CannotCompare."""
        self._spool.end()
        await self._process.wait()
        await self.listening
        if self._result is None:
            raise CannotCompare(f"the process that compares has ended with status {self._process.returncode}")
        comparison = from_json(self._result, beside)
        comparison.not_compared += self.pairing.not_compared
        return comparison

    async def _listen(self) -> None:
        assert self._process.stdout is not None, "it was asked for"
        while line := await self._process.stdout.readline():
            words = json.loads(line)
            if "result" in words:
                self._result = words["result"]
            else:
                self._progress = words

    async def flush(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_EVERY)
            self._spool.flush()


@asynccontextmanager
async def comparer(kinds: Kinds, most: int, share: float, seed: int) -> AsyncIterator[Comparer]:
    with tempfile.TemporaryDirectory(prefix="edgeproxy-replay-") as name:
        directory = Path(name)
        (directory / KINDS).write_text(json.dumps(kinds.to_json()))
        spool = Spool(directory, most)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "replay.comparing.worker", name), stdout=asyncio.subprocess.PIPE, limit=1 << 28
        )
        made = Comparer(process, spool, share, seed)
        flushing = asyncio.create_task(made.flush())
        try:
            yield made
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            flushing.cancel()
            await asyncio.gather(flushing, made.listening, return_exceptions=True)
