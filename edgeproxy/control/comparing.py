"""A worker's end of comparing: its comparer, a process that gets specimens and says what it has found.

Laws of this module:
- nothing here waits: a specimen for which there is no room is not taken, and whoever has it counts that;
- the comparer is started with the first specimen, and again, ever more slowly, when it dies young. What is lost with it
  is counted;
- what could not be compared (no room, or lost with a comparer) is said with the next specimen of its rule that is
  taken, under the same shares: no gate passes on what is left;
- when nobody takes what it found, the comparer waits, and so, in the end, specimens are not taken.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from edgeproxy.control.child import environment
from edgeproxy.control.comparer import Report, write_start
from edgeproxy.control.restarts import Restarts
from edgeproxy.migration.comparing.frames import framed
from edgeproxy.migration.comparing.shadowed import Shadowed
from edgeproxy.migration.specimen import Specimen
from edgeproxy.telemetry.counters import Counters
from edgeproxy.telemetry.stderr import tell

MOST_WAITING: Final = 16 << 20  # octets of specimens that are not with the kernel yet
_AT_ONCE: Final = 1 << 18  # octets: so much is given to the kernel in one turn of the loop, and taken from it
_STEADY: Final = 60.0  # seconds: the death of a comparer that lived so long is news
Shares = tuple[str, int, int]  # a rule, under rules and shares of these numbers
Waiting = tuple[Shares, int]  # a specimen, and as how many it is lost: it may tell of others
_AGAIN: Final = 0.5  # seconds until it is looked whether what it says can be handed on


class Comparing:
    """`lessons`: the noise that is known (`comparer.write_start`). `on_found` gets what was found, as
    `Findings.from_json` reads it, and is asked only while `is_heard` says that there is room for it.
    """

    def __init__(
        self,
        shadowed: Sequence[Shadowed],
        lessons: str,
        on_found: Callable[[str], None],
        is_heard: Callable[[], bool],
        counters: Counters,
    ) -> None:
        self._shadowed = shadowed
        self._lessons = lessons
        self._on_found = on_found
        self.is_heard = is_heard
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._restarts = Restarts()
        self._not_before = 0.0
        self._is_told = False
        self._is_closed = False
        self._running: _Running | None = None
        self._lost: Counter[Shares] = Counter()

    def deliver(self, specimen: Specimen) -> bool:
        """Whether it is taken."""
        if self._running is None:
            self._start()
        shares = specimen.rule, specimen.generation, specimen.number
        lost = self._lost[shares]
        whole = replace(specimen, lost=lost) if lost and not specimen.is_overridden else specimen
        if self._running is None or not self._running.send(framed(whole), (shares, 1 + whole.lost)):
            self._lose([(shares, 1)])
            return False
        if whole.lost:
            del self._lost[shares]
        return True

    def _lose(self, gone: Iterable[Waiting]) -> None:
        for shares, count in gone:
            self._lost[shares] += count
        newest = max((number for _, _, number in self._lost), default=0)
        self._lost = Counter({each: count for each, count in self._lost.items() if count and each[2] == newest})

    @property
    def pid(self) -> int:
        return 0 if self._running is None else self._running.process.pid

    async def close(self, within: float) -> None:
        """Let it compare what it has, for so many seconds, and say what it found."""
        self._is_closed = True
        running = self._running
        if running is None:
            return
        running.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await running.ended.wait()
        running.kill()
        await running.ended.wait()

    def _start(self) -> None:
        if self._is_closed or self._loop.time() < self._not_before:
            return
        try:
            self._running = _Running(self, self._loop, write_start(self._shadowed, self._lessons))
        except OSError as error:  # no process, no memory, no descriptor left
            self._put_off(0.0, f"the comparer of shadows cannot be started: {error.strerror}")

    def hear(self, report: Report) -> None:
        self._lessons = self._lessons if report.lessons is None else report.lessons
        self._on_found(report.found)

    def on_end(self, lost: Sequence[Waiting], lived: float, how: str) -> None:
        self._running = None
        self._counters.specimens_lost += len(lost)
        self._lose(lost)
        if self._is_closed:
            return
        self._counters.comparers_ended += 1
        self._is_told = self._is_told and lived < _STEADY
        self._put_off(lived, f"the comparer of shadows {how}: another one takes its place")

    def _put_off(self, lived: float, why: str) -> None:
        self._not_before = self._loop.time() + self._restarts.pause_after(lived)
        if not self._is_told:
            self._is_told = True
            tell(why)


class _Running:
    """One comparer's process."""

    def __init__(self, owner: Comparing, loop: asyncio.AbstractEventLoop, start: int) -> None:
        """`start` is closed. Raises OSError."""
        self._owner = owner
        self._loop = loop
        self._began = loop.time()
        self._unsent: deque[memoryview] = deque()
        self._waiting = 0  # octets
        self._unread = b""
        self._undone: deque[Waiting] = deque()  # specimens
        self._is_finishing = False
        self.ended = asyncio.Event()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            with theirs:
                self.process = _start_process(theirs.fileno(), start)
        except OSError:
            self._socket.close()
            raise
        finally:
            os.close(start)
        self._pidfd = os.pidfd_open(self.process.pid)
        loop.add_reader(self._pidfd, self._on_exit)
        loop.add_reader(self._socket, self._on_readable)

    def send(self, pieces: Sequence[bytes], waiting: Waiting) -> bool:
        """Whether there is room; for one specimen, be it what it may, there always is."""
        size = sum(map(len, pieces))
        if self._is_finishing or (self._waiting and self._waiting + size > MOST_WAITING):
            return False
        if not self._waiting:
            self._loop.add_writer(self._socket, self._on_writable)
        self._unsent.extend(map(memoryview, pieces))
        self._waiting += size
        self._undone.append(waiting)
        return True

    def finish(self) -> None:
        """No more comes after what waits."""
        self._is_finishing = True
        if not self._waiting:
            self._end_sending()

    def kill(self) -> None:
        if not self.ended.is_set():
            self.process.send_signal(signal.SIGKILL)

    def _on_writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent[0][:_AT_ONCE])
        except BlockingIOError:
            return
        except OSError:  # it is gone: its end is told by its process
            self._forget_unsent()
            return
        self._waiting -= sent
        if sent == len(self._unsent[0]):
            self._unsent.popleft()
        else:
            self._unsent[0] = self._unsent[0][sent:]
        if not self._waiting:
            self._loop.remove_writer(self._socket)
            if self._is_finishing:
                self._end_sending()

    def _forget_unsent(self) -> None:
        self._loop.remove_writer(self._socket)
        self._unsent.clear()
        self._is_finishing = True

    def _end_sending(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _on_readable(self) -> None:
        if not self._owner.is_heard() and not self._is_finishing:
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_AGAIN, self._read_again)
            return
        with suppress(OSError):
            self._read()

    def _read_again(self) -> None:
        if not self.ended.is_set():
            self._loop.add_reader(self._socket, self._on_readable)

    def _read(self) -> bool:
        """Whether there may be more. Raises OSError when there is nothing now."""
        data = self._socket.recv(_AT_ONCE)
        if not data:
            self._loop.remove_reader(self._socket)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            report = Report.read(line)
            for _ in range(report.done):
                self._undone.popleft()
            self._owner.hear(report)
        return bool(data)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        with suppress(OSError):
            while self._read():
                pass
        self._loop.remove_writer(self._socket)
        self._loop.remove_reader(self._socket)
        self._socket.close()
        status = self.process.wait()
        self.ended.set()
        self._owner.on_end(self._undone, self._loop.time() - self._began, _said(status))


def _said(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _start_process(channel: int, start: int) -> subprocess.Popen[bytes]:
    """Never by a fork that goes on in Python: this process has a loop, and threads. It takes 2 ms of the loop."""
    return subprocess.Popen(
        (sys.executable, "-P", "-m", "edgeproxy.control.comparer", str(channel), str(start)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment(),
        pass_fds=(channel, start),
    )
