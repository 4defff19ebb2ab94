"""The threads of writes: few, and none of those that files are read in.

Whoever keeps them busy, with wrong passwords or with documentation, keeps other writes waiting and nobody else. A
password is hashed in 16 MiB, and no more than this many are at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

T = TypeVar("T")
P = ParamSpec("P")

_MOST: Final = 2

_THREADS: Final = web.AppKey("write_threads", ThreadPoolExecutor)


def add_threads(app: web.Application) -> None:
    threads = app[_THREADS] = ThreadPoolExecutor(_MOST, "write")

    async def end(_app: web.Application) -> None:
        await asyncio.to_thread(threads.shutdown)

    app.on_cleanup.append(end)


def threads_of(request: web.Request) -> ThreadPoolExecutor:
    return request.app[_THREADS]


async def in_thread(threads: ThreadPoolExecutor, act: Callable[P, T], /, *arguments: P.args, **options: P.kwargs) -> T:
    """What it notes is noted of the request that waits for it."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: context.run(act, *arguments, **options))
