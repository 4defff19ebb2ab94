"""Processes that no signal ends but SIGKILL: they end when the worker beside which they are does.

Who stops an edge may tell all of its processes at once (systemd does, and a terminal). Between a process's start and
its first line of Python a tenth of a second goes by: meanwhile what would end it is held, by a mask that it inherits.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})


@contextmanager
def starting_deaf() -> Iterator[None]:
    """What is started within it has these signals held, until it says `be_deaf`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def be_deaf() -> None:
    """From now on, and to what has come since this process was started."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
