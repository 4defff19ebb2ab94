"""A process beside a worker, at the other end of a pair of sockets: what would hold up exchanges is done there.

Laws of this module:
- nothing here waits: what is sent is held until the kernel takes it, and its owner is the one who bounds that;
- it ends when its worker closes the channel, or is gone, and its end is told once, after all that it has said;
- nobody waits for one that cannot be killed, since the kernel itself waits for a disk.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from edgeproxy.proxy.deaf import starting_deaf

_AT_ONCE: Final = 1 << 18  # octets: so much is given to the kernel in one turn of the loop, and taken from it
_AGAIN: Final = 0.5  # seconds until it is looked whether what it says can be handed on
_DIES_WITHIN: Final = 1.0  # seconds from SIGKILL
_ROOT: Final = Path(__file__).parents[2]  # where this very package is found: no process of it must find another one


class Owner(Protocol):
    """`is_heard`: whether there is room for what the companion says; it waits meanwhile."""

    def is_heard(self) -> bool: ...
    def on_line(self, line: bytes) -> None: ...
    def on_end(self, lived: float, how: str) -> None: ...  # `lived`: seconds


class Companion:
    """One such process, started when it is made."""

    def __init__(self, module: str, owner: Owner, fds: Sequence[int] = ()) -> None:
        """`module`: it is run with the descriptors of its channel and of `fds`. Raises OSError."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._unsent: deque[memoryview] = deque()
        self.waiting = 0  # octets that are not with the kernel yet
        self._unread = b""
        self.is_finishing = False
        self.ended = asyncio.Event()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            with theirs:
                self._process = _start_process(module, (theirs.fileno(), *fds))
        except OSError:
            self._socket.close()
            raise
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._loop.add_reader(self._socket, self._on_readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, pieces: Sequence[bytes | bytearray | memoryview]) -> None:
        """Octets, in order. None may be changed afterwards."""
        if self.is_finishing:
            return
        if not self.waiting:
            self._loop.add_writer(self._socket, self._on_writable)
        self._unsent.extend(memoryview(piece).cast("B") for piece in pieces)
        self.waiting += sum(map(len, pieces))

    def finish(self) -> None:
        """No more comes after what waits."""
        self.is_finishing = True
        if not self.waiting:
            self._end_sending()

    async def end(self, within: float) -> bool:
        """Let it do what it has, for so many seconds. Whether it has; else it is killed."""
        self.finish()
        has_ended = await self._ends(within)
        if not has_ended:
            self._process.send_signal(signal.SIGKILL)
            await self._ends(_DIES_WITHIN)
        return has_ended

    async def _ends(self, within: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.ended.wait()
        return self.ended.is_set()

    def _on_writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent[0][:_AT_ONCE])
        except BlockingIOError:
            return
        except OSError:  # it is gone: its end is told by its process
            self._forget_unsent()
            return
        self.waiting -= sent
        if sent == len(self._unsent[0]):
            self._unsent.popleft()
        else:
            self._unsent[0] = self._unsent[0][sent:]
        if not self.waiting:
            self._loop.remove_writer(self._socket)
            if self.is_finishing:
                self._end_sending()

    def _forget_unsent(self) -> None:
        self._loop.remove_writer(self._socket)
        self._unsent.clear()
        self.waiting = 0
        self.is_finishing = True

    def _end_sending(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _on_readable(self) -> None:
        if not self._owner.is_heard() and not self.is_finishing:
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
            self._owner.on_line(line)
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
        status = self._process.wait()
        self.ended.set()
        self._owner.on_end(self._loop.time() - self._began, _said(status))


def environment() -> dict[str, str]:
    """For a process of this very package."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def _said(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _start_process(module: str, fds: Sequence[int]) -> subprocess.Popen[bytes]:
    """Never by a fork that goes on in Python: this process has a loop, and maybe threads. It takes 2 ms of the loop."""
    with starting_deaf():
        return subprocess.Popen(
            (sys.executable, "-P", "-m", module, *map(str, fds)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
            pass_fds=fds,
        )
