"""What the small uvloop programs of the load tests share: listen on loopback until they are ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import uvloop

from loadtests.bench.processes import LOOPBACK


def serve_until_ended(protocol: Callable[[], asyncio.Protocol], port: int) -> None:
    uvloop.run(_serve(protocol, port))


async def _serve(protocol: Callable[[], asyncio.Protocol], port: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    listener = await loop.create_server(protocol, LOOPBACK, port, backlog=4096)
    await ended.wait()
    listener.close()  # its connections end with the process: waiting for them would wait for the load
