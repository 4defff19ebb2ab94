"""One worker: a process with an edge on its own event loop, from its first sign of life to its last exchange.

Started by its supervisor as `python -m edgeproxy.control.worker CHANNEL START`, two inherited descriptors. A worker
whose supervisor is gone drains and ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import io
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, assert_never

import uvloop

from edgeproxy.capture.settings import Settings
from edgeproxy.control.channel import Channel
from edgeproxy.control.comparing import Comparing
from edgeproxy.control.failures import CannotRun, watch_failures
from edgeproxy.control.messages import (
    Beat,
    Count,
    Counted,
    Drain,
    Draining,
    Ended,
    Failed,
    Fell,
    Found,
    Hurry,
    Message,
    Move,
    Moved,
    Ready,
    Tallied,
    Tap,
    Tapped,
    ToWorker,
)
from edgeproxy.control.start import Start, read_start
from edgeproxy.migration.comparing.shadowed import shadowed_of
from edgeproxy.migration.comparing.targets import kept_name, kept_target
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.capture.taking import Taking
from edgeproxy.proxy.edge import Edge
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.proxy.rate import RateTable
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import RuleFileError
from edgeproxy.telemetry.access_log import AccessLog

_COMPARE_WITHIN: Final = 2.0  # seconds at the end
_REMEMBERED: Final = 1_024  # paths, and names, of the access log


def main(argv: Sequence[str]) -> int:
    channel, start = map(int, argv)
    faulthandler.enable()  # a worker that hangs is ended by SIGABRT, and so tells where it hung
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # they are for the supervisor
    _raise_descriptor_limit()
    return uvloop.run(Worker(read_start(start)).run(socket.socket(fileno=channel)))


class Worker:
    """The worker of this process."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._grace = start.grace
        self._shares, self._move = start.shares, start.move  # of cutovers, and the number of the `Move` they are from
        self._capture, self._tap_number = start.capture, start.tap  # likewise, of the `Tap`
        self._tapping: set[asyncio.Task[None]] = set()
        self._tap_turn = asyncio.Lock()
        self._told_to_end = asyncio.Event()
        self._told_to_hurry = asyncio.Event()
        self._channel = Channel(self._on_message, self._on_lost)
        self._edge: Edge | None = None
        self._comparing: Comparing | None = None  # where a rule has a shadow

    async def run(self, channel: socket.socket) -> int:
        await self._channel.open(channel)
        with contextlib.ExitStack() as stack:
            try:
                self._edge = await self._start_edge(stack)
            except (CannotListen, CannotRun, RuleFileError) as error:
                return await self._fail(str(error))
            except OSError as error:
                return await self._fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._end_soon)
            self._channel.send(Ready())
            self._beat()
            await self._told_to_end.wait()
            capture, broken_off = self._edge.capture, await self._end(self._edge)
            await self._end_comparing()
            if capture is not None and not self._is_past(capture):
                self._tell_capture(capture)
            self._tell_falls()
            self._tell_tally()
            self._channel.send(Ended(broken_off, self._edge.counters.numbers()))
        await self._channel.close()
        return 0

    async def _start_edge(self, stack: contextlib.ExitStack) -> Edge:
        ruleset = self._start.rules.compile()
        log = None
        if self._start.access_log is not None:
            out = stack.enter_context(_open_access_log(self._start.access_log))
            lines = stack.enter_context(io.TextIOWrapper(out, "ascii", write_through=True))
            # The same few again and again: scrubbing costs a look-up.
            scrub_path, scrub_text = (lru_cache(_REMEMBERED)(each) for each in (kept_target, kept_name))
            log = AccessLog(lines, scrub_path=scrub_path, scrub_text=scrub_text)
        rates = None
        if self._start.rates is not None:
            rates = stack.enter_context(contextlib.closing(RateTable.adopt(self._start.rates)))
        purges = None
        if self._start.purges is not None:
            purges = stack.enter_context(contextlib.closing(PurgeLog.adopt(self._start.purges)))
        edge = Edge(ruleset, ruleset.limits, log, rates=rates, purges=purges)
        watch_failures(asyncio.get_running_loop(), lambda: _count_unexpected(edge))
        edge.move(self._shares, self._move)
        self._comparing = self._make_comparing(ruleset, edge)
        await edge.start([[socket.socket(fileno=fd) for fd in fds] for fds in self._start.sockets])
        gc.collect()
        # 16,000 copies in memory: the longest look through them held the loop for 20 ms, and with these for 1.5 ms.
        gc.set_threshold(10_000, 20, 100)
        gc.freeze()  # what lives as long as the worker: with 10,000 rules, looking through it held the loop for 130 ms
        self._begin_capture(edge)
        return edge

    def _make_comparing(self, ruleset: Ruleset, edge: Edge) -> Comparing | None:
        shadowed = shadowed_of(ruleset)
        if not shadowed:
            return None
        comparing = Comparing(
            shadowed,
            self._start.lessons,
            lambda findings: self._channel.send(Found(findings)),
            lambda: self._channel.is_clear,
            edge.counters,
        )
        edge.deliver = comparing.deliver  # from now on there are shadows
        return comparing

    async def _end_comparing(self) -> None:
        """What was brought in is compared, if that is done soon."""
        if self._comparing is not None:
            await self._comparing.close(0.0 if self._told_to_hurry.is_set() else _COMPARE_WITHIN)

    async def _fail(self, reason: str) -> int:
        self._channel.send(Failed(reason))
        await self._channel.close()
        return 1

    async def _end(self, edge: Edge) -> int:
        """Returns how many exchanges were broken off."""
        stopping = asyncio.create_task(edge.stop(self._grace))
        hurry = asyncio.create_task(self._told_to_hurry.wait())
        await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait((stopping,))
            return await edge.stop(0)
        return stopping.result()

    def _on_message(self, message: Message) -> None:
        assert isinstance(message, ToWorker)
        match message:
            case Drain(grace=grace, is_final=is_final):
                self._grace = grace
                self._end_soon(is_final=is_final)
            case Hurry():
                self._told_to_end.set()
                self._told_to_hurry.set()
            case Move(number=number, shares=shares):
                self._shares, self._move = shares, number
                if self._edge is not None:
                    self._edge.move(shares, number)
                self._channel.send(Moved(number))
            case Tap(number=number, settings=settings):
                task = asyncio.get_running_loop().create_task(self._tap(number, settings))
                self._tapping.add(task)
                task.add_done_callback(self._tapping.discard)
            case Count():
                assert self._edge is not None, "it is asked only when it is ready"
                self._channel.send(Counted(self._edge.counters.numbers()))
            case _:
                assert_never(message)

    def _on_lost(self) -> None:
        """The supervisor is gone, and its sockets with it."""
        if self._edge is not None:
            self._edge.drain(is_final=True)
        self._told_to_end.set()

    def _end_soon(self, *, is_final: bool = False) -> None:
        """Accept nobody from this moment on, and say so."""
        if self._edge is not None:
            self._edge.drain(is_final=is_final)
        self._channel.send(Draining(0 if self._edge is None else self._edge.running()))
        self._told_to_end.set()

    def _beat(self) -> None:
        self._channel.send(Beat())
        self._tell_falls()
        self._tell_tally()
        if self._edge is not None and self._edge.capture is not None:
            self._tell_capture(self._edge.capture)
        asyncio.get_running_loop().call_later(self._start.beat, self._beat)

    def _tell_falls(self) -> None:
        if self._edge is not None and len(self._edge.ledger):
            self._channel.send(Fell(self._edge.ledger.take().words()))

    async def _tap(self, number: int, settings: dict[str, Any] | None) -> None:
        """Put a capture in the place of the one that runs, in the order in which it was said."""
        async with self._tap_turn:
            self._capture, self._tap_number = settings, number
            ended = None if self._edge is None else await self._edge.end_capture()
            if self._edge is not None and not self._edge.is_draining:
                self._begin_capture(self._edge)
            if self._edge is not None and self._edge.capture is not None:
                await self._edge.capture.begun()
            self._channel.send(Tapped(number) if ended is None else Tapped(number, ended.numbers(), ended.problem))

    def _begin_capture(self, edge: Edge) -> None:
        if self._capture is not None:
            edge.begin_capture(Settings(**self._capture))

    def _is_past(self, capture: Taking) -> bool:
        """Another one has begun since, of which a worker that drains has no part."""
        return self._capture is not None and Settings(**self._capture) != capture.settings

    def _tell_capture(self, capture: Taking) -> None:
        self._channel.send(Tapped(self._tap_number, capture.numbers(), capture.problem))

    def _tell_tally(self) -> None:
        blocks = {} if self._edge is None else self._edge.tally.take()
        if blocks:
            self._channel.send(Tallied(self._move, self._start.rules.generation, blocks))


def _open_access_log(path: Path) -> io.FileIO:
    """Workers append to one file: without a buffer, each flush is one write(2), and lines stay whole."""
    try:
        return io.FileIO(path, "a")
    except OSError as error:
        raise CannotRun(f"--access-log {path} cannot be written: {error.strerror}") from None


def _count_unexpected(edge: Edge) -> None:
    edge.counters.unexpected += 1


def _raise_descriptor_limit() -> None:
    """Two descriptors an exchange, and a limit of connections that the usual soft limit of 1024 would undercut."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
