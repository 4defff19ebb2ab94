"""A worker's process as its supervisor sees it: started, heard, told to drain, and, when nothing else helps, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, assert_never

from edgeproxy.control.channel import Channel
from edgeproxy.control.failures import CannotRun
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
    FromWorker,
    Hurry,
    Message,
    Move,
    Moved,
    Numbers,
    Ready,
    Tallied,
    Tap,
    Tapped,
)
from edgeproxy.control.start import Start
from edgeproxy.migration.ledger import Ledger, read_words
from edgeproxy.proxy.companion import environment

_Waiting = list[tuple[int, asyncio.Future[None]]]
_KILL_AFTER: Final = 1.0  # seconds between SIGABRT, on which it says where it hangs, and SIGKILL


class Child:
    """One worker's process. `ready` is done when it accepts, or has a CannotRun; `ended` when it is gone."""

    def __init__(
        self,
        number: int,
        on_leaving: Callable[[Child], None],
        on_ended: Callable[[Child], None],
        on_fallen: Callable[[Ledger], None],
        on_tallied: Callable[[Child, Tallied], None],
        on_found: Callable[[str], None],
        on_tapped: Callable[[Child, Tapped], None],
    ) -> None:
        self.number = number
        self._on_fallen = on_fallen
        self._on_tallied = on_tallied
        self._on_found = on_found
        self._on_tapped = on_tapped
        self._on_leaving = on_leaving
        self._on_ended = on_ended
        self._loop = asyncio.get_running_loop()
        self.began = self.heard = time.monotonic()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.ready.add_done_callback(_note)
        self.is_leaving = False  # nobody waits for it any more
        self.draining = asyncio.Event()  # it accepts nobody any more
        self.is_hung = False
        self.status: int | None = None  # as of subprocess
        self.running = 0  # exchanges when it began to drain
        self.broken_off = 0  # exchanges when it ended
        self.numbers: Numbers = {}  # its counters as last heard
        self._failure: str | None = None  # why it could not start, in its own words
        self._counted: asyncio.Future[None] | None = None
        self._moving: _Waiting = []
        self._tapping: _Waiting = []
        self._channel = Channel(self._on_message, lambda: None)
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    @property
    def has_ended(self) -> bool:
        return self.status is not None

    @property
    def is_ready(self) -> bool:
        return self.ready.done() and self.ready.exception() is None

    def start(self, start: Start) -> None:
        """Start the process. Raises OSError; then there is none."""
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _start_process(theirs.fileno(), start)
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._socket.close()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            raise
        self._loop.add_reader(self._pidfd, self._on_exit)

    async def open(self) -> None:
        """Begin to listen to it."""
        assert self._socket is not None, "it is started"
        await self._channel.open(self._socket)

    # -- to the worker ------------------------------------------------------------------------------------------

    def drain(self, grace: float, *, is_final: bool = False) -> None:
        self.is_leaving = True
        self.draining.clear()  # it says once more what runs
        self._channel.send(Drain(grace, is_final))

    def hurry(self) -> None:
        self._channel.send(Hurry())

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def kill_hung(self) -> None:
        self.is_hung = True
        self._signal(signal.SIGABRT)
        self._loop.call_later(_KILL_AFTER, self.kill)

    async def count(self) -> None:
        """Ask for its counters, until they are in `numbers` or it has ended."""
        if self.has_ended or not self.is_ready:
            return
        if self._counted is None:
            self._counted = self._loop.create_future()
            self._channel.send(Count())
        await self._counted

    async def move(self, number: int, shares: dict[str, int]) -> None:
        """Let it put shares of cutovers in force, until it has or has ended. Numbers rise."""
        if self.has_ended:
            return
        moved: asyncio.Future[None] = self._loop.create_future()
        self._moving.append((number, moved))
        self._channel.send(Move(number, shares))
        await moved

    async def tap(self, number: int, settings: dict[str, Any] | None) -> None:
        """Let it begin a capture, or end it, until it has or has ended. Numbers rise."""
        if self.has_ended:
            return
        tapped: asyncio.Future[None] = self._loop.create_future()
        self._tapping.append((number, tapped))
        self._channel.send(Tap(number, settings))
        await tapped

    # -- from the worker ----------------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        assert isinstance(message, FromWorker)
        self.heard = time.monotonic()
        match message:
            case Ready():
                if not self.ready.done():
                    self.ready.set_result(None)
            case Failed(reason=reason):
                self._failure = reason
                if not self.ready.done():
                    self.ready.set_exception(CannotRun(reason))
            case Beat():
                pass
            case Draining(running=running):
                self.running = running
                self.draining.set()
                if not self.is_leaving:
                    self.is_leaving = True
                    self._on_leaving(self)
            case Counted(numbers=numbers):
                self.numbers = numbers
                self._end_count()
            case Moved(number=number):
                self._moving = _settled(self._moving, number)
            case Tapped(number=number):
                self._on_tapped(self, message)
                self._tapping = _settled(self._tapping, number)
            case Fell(uses=uses):
                self._on_fallen(read_words(uses))
            case Tallied():
                self._on_tallied(self, message)
            case Found(findings=findings):
                self._on_found(findings)
            case Ended(broken_off=broken_off, numbers=numbers):
                self.broken_off, self.numbers = broken_off, numbers
            case _:
                assert_never(message)

    def _on_exit(self) -> None:
        assert self._process is not None
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._channel.read_rest()  # why it could not start, or what it counted
        self.status = self._process.wait()
        if not self.ready.done():
            self.ready.set_exception(CannotRun(f"a worker {self.how_it_ended()} before it was ready"))
        self.draining.set()
        self._end_count()
        self._moving, self._tapping = _settled(self._moving, None), _settled(self._tapping, None)
        self._on_ended(self)

    def how_it_ended(self) -> str:
        assert self.status is not None
        if self._failure is not None:
            return f"could not start: {self._failure}"
        if self.status < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}"

    def _end_count(self) -> None:
        counted, self._counted = self._counted, None
        if counted is not None and not counted.done():
            counted.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and not self.has_ended:
            self._process.send_signal(number)


def _start_process(channel: int, start: Start) -> subprocess.Popen[bytes]:
    """Never by a fork that goes on in Python: this process has a loop."""
    fd = start.write()
    try:
        return subprocess.Popen(
            (sys.executable, "-P", "-m", "edgeproxy.control.worker", str(channel), str(fd)),
            stdin=subprocess.DEVNULL,
            env=environment(),
            pass_fds=(channel, fd, *start.fds),
            process_group=0,  # a terminal's Ctrl-C is for the supervisor
        )
    finally:
        os.close(fd)


def _settled(waiting: _Waiting, number: int | None) -> _Waiting:
    """What is left: those up to that number are in force; None: nobody is left in whom they could be."""
    for its, done in waiting:
        if (number is None or its <= number) and not done.done():
            done.set_result(None)
    return [] if number is None else [each for each in waiting if each[0] > number]


def _note(ready: asyncio.Future[None]) -> None:
    """Whoever does not wait for a worker hears of its failure when it has ended."""
    if not ready.cancelled():
        ready.exception()


async def all_ready(children: Sequence[Child], within: float) -> None:
    """Raises CannotRun for the first that is not in so many seconds."""
    readies = [child.ready for child in children]
    _, late = await asyncio.wait(readies, timeout=within, return_when=asyncio.FIRST_EXCEPTION)
    for ready in readies:
        if ready.done():
            ready.result()
    if late:
        raise CannotRun(f"a worker was not ready within {within:g} seconds")
