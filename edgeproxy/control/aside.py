"""Work of seconds that is done aside of the event loop, and that nobody waits for at the end.

Law: a process that is told to end ends, whatever is under way here. `asyncio.to_thread` would hold it until the work is
done (10,000 rules: 15 s); a daemon thread alone would be torn down inside the interpreter, and inside RE2.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from threading import enumerate as threads
from typing import Final, TypeVar

T = TypeVar("T")
_NAME: Final = "edgeproxy aside"


async def aside(work: Callable[[], T]) -> T:
    """The result of the work, or what it raises."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # from now on nobody can cancel it: the thread always has whom to tell

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            done.set_exception(error)
        else:
            done.set_result(result)

    Thread(target=run, name=_NAME, daemon=True).start()
    return await asyncio.wrap_future(done)


def leave_aside() -> None:
    """End this process at once, as one that did what it was told, if work is under way; else do nothing."""
    if any(thread.name == _NAME for thread in threads()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
