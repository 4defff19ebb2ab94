"""The capture of a running edge: begun, ended and told of by the control socket, and the same in every worker.

Laws of this module:
- a command is answered when what it asks for is so in every worker: of a capture that was stopped, files are whole;
- a worker that starts while a capture runs has it from its first connection on, those of a reload and an upgrade, too;
- a capture that cannot write ends everywhere, and it is told why. Traffic never waits for it;
- what a worker had not written when it died is in no number, so it is told that there is such.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeproxy.capture.settings import Settings, least_of, name_of
from edgeproxy.control.child import Child
from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.messages import Tapped
from edgeproxy.control.sockets import Offer
from edgeproxy.telemetry.stderr import tell

VERBS: Final = ("start", "stop", "status")
_KEYS: Final = frozenset({"verb", "directory", "share", "most"})
_WITHIN: Final = 20.0  # seconds; workers give what waits for the disk half of that
_AT_ONCE: Final = 4  # workers for each that serves: those that drain after a reload, and another one
_MOST: Final = 1 << 30  # octets, when nobody says


class Capturing:
    """`children`: all workers that are there, those that drain included; `workers`: how many serve."""

    def __init__(self, offer: Offer | None, children: Callable[[], Collection[Child]], workers: int) -> None:
        self._children = children
        self._writers = workers * _AT_ONCE
        self.number = 0  # of what is in force
        self.now: dict[str, Any] | None = None if offer is None or offer.capture is None else dict(offer.capture)
        self._last = self.now  # the capture that runs, or ran last
        self._numbers: dict[int, Mapping[str, int]] = {}  # of it, by worker
        self._died = 0  # workers that had a part in it, and could not end it
        self._problem: str | None = None  # why not all of it was written
        self._turn = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None

    async def do(self, words: Words) -> Words:
        """The command of the control socket. Raises Refused."""
        unknown = sorted(words.keys() - _KEYS)
        if unknown:
            raise Refused(f"capture: unknown key {unknown[0]!r}: there are {', '.join(sorted(_KEYS))}")
        match words.get("verb"):
            case "start":
                async with self._turn:
                    await self._start(words)
            case "stop":
                async with self._turn:
                    await self._stop()
            case "status":
                pass
            case verb:
                raise Refused(f"capture: {verb!r} is none of {', '.join(VERBS)}")
        return self._status()

    def hear(self, child: Child, tapped: Tapped) -> None:
        """What a worker says of it."""
        if tapped.numbers:
            self._numbers[child.pid] = tapped.numbers
        if tapped.problem is None or tapped.number != self.number:
            return
        self._problem = self._problem or tapped.problem
        if self.now is not None:
            self.now = None
            tell(f"the capture has ended: {tapped.problem}: free the disk, or name another directory, and start anew")
            self._ending = asyncio.get_running_loop().create_task(self._put(None))

    def lose(self, child: Child) -> None:
        """A worker is gone. One that was told to end has written what it had."""
        if self.now is not None and child.is_ready and child.status != 0:
            self._died += 1
            tell(f"worker {child.pid} {child.how_it_ended()}: what it had not written yet of the capture is lost")

    # -- steps --------------------------------------------------------------------------------------------------

    async def _start(self, words: Words) -> None:
        if self.now is not None:
            raise Refused(f"capture: one runs already, to {self.now['directory']}: stop it first")
        settings = self._settings(words)
        _prepare(Path(settings.directory))
        self._numbers, self._died, self._problem = {}, 0, None
        self._last = asdict(settings)
        await self._put(asdict(settings))

    async def _stop(self) -> None:
        if self.now is None:
            because = "" if self._problem is None else f": the last one could not be written: {self._problem}"
            raise Refused(f"capture: none runs{because}")
        await self._put(None)

    async def _put(self, settings: dict[str, Any] | None) -> None:
        self.number += 1
        self.now = settings
        waiting = {asyncio.ensure_future(each.tap(self.number, settings)): each.pid for each in tuple(self._children())}
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_WITHIN)
            for each in late:
                each.cancel()
                tell(f"worker {waiting[each]} has not begun or ended a capture within {_WITHIN:g} s")

    def _settings(self, words: Words) -> Settings:
        directory, share, most = words.get("directory"), words.get("share", 1.0), words.get("most", _MOST)
        if not isinstance(directory, str) or not os.path.isabs(directory):
            raise Refused("capture: `directory` is an absolute path")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise Refused("capture: `share` is a number above 0, and at most 1: of clients' connections")
        least = least_of(self._writers)
        if isinstance(most, bool) or not isinstance(most, int) or most < least:
            raise Refused(f"capture: `most` is octets, at least {least} for this edge's workers")
        name = name_of(datetime.now(UTC), None if self._last is None else self._last["name"])
        return Settings(name, directory, float(share), most, self._writers)

    def _status(self) -> Words:
        total: Counter[str] = Counter()
        for numbers in self._numbers.values():
            total.update(numbers)
        last = self._last
        asked = {} if last is None else {key: last[key] for key in ("name", "directory", "share", "most")}
        return {"running": self.now is not None, **asked, **total, "died": self._died, "problem": self._problem}


def _prepare(directory: Path) -> None:
    """Raises Refused."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(0, "the edge may not write there")
    except OSError as error:
        raise Refused(f"capture: {directory}: {error.strerror}: name another directory") from None
