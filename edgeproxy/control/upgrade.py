"""Starting the next supervisor: the same command line, whatever program stands behind it now, with our sockets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from edgeproxy.control.sockets import Offer

_READY_WITHIN: Final = 90.0  # seconds


async def start_next(offer: Callable[[int], Offer]) -> str | None:
    """None when it is ready to serve; else why it is not, and then it has ended."""
    reading, writing = os.pipe()
    try:
        process = _start(offer(writing))
    except OSError as error:
        os.close(reading)
        return f"it cannot be started: {error.strerror}"
    finally:
        os.close(writing)
    try:
        async with asyncio.timeout(_READY_WITHIN):
            await _until_readable(reading)
        if os.read(reading, 100) == b"ready":
            process.returncode = 0  # it outlives us: nobody waits for it here
            return None
    except TimeoutError:
        process.kill()
    finally:
        os.close(reading)
    return f"the new one ended with status {await _end_of(process)}"


def _start(offer: Offer) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, *sys.orig_argv[1:]),
        stdin=subprocess.DEVNULL,
        env=os.environ | offer.environment(),
        pass_fds=offer.fds,
    )


async def _end_of(process: subprocess.Popen[bytes]) -> int:
    fd = os.pidfd_open(process.pid)
    try:
        await _until_readable(fd)
    finally:
        os.close(fd)
    return process.wait()


async def _until_readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
