"""A process beside a worker that does not end when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import Any

import pytest

from edgeproxy.proxy import companion
from edgeproxy.proxy.companion import Companion

MODULE = "edgeproxy.proxy.capture.writer"  # any will do: it waits for its first work


class Heard:
    """An owner, and what it was told of the end."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def is_heard(self) -> bool:
        return True

    def on_line(self, line: bytes) -> None:
        raise AssertionError(line)

    def on_end(self, lived: float, how: str) -> None:
        self.ends.append(how)


async def test_one_that_does_what_it_has_ends_by_itself() -> None:
    heard = Heard()
    one = Companion(MODULE, heard)
    assert await one.end(60) is True
    assert heard.ends == ["ended with status 0"]


async def test_one_that_hangs_is_killed() -> None:
    heard = Heard()
    one = Companion(MODULE, heard)
    os.kill(one.pid, signal.SIGSTOP)
    assert await one.end(0.01) is False
    await asyncio.wait_for(one.ended.wait(), 60)
    assert heard.ends == ["was ended by SIGKILL"]


async def test_nobody_waits_for_one_that_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    one = Companion(MODULE, heard)
    os.kill(one.pid, signal.SIGSTOP)
    monkeypatch.setattr(companion, "_DIES_WITHIN", 0.01)
    with monkeypatch.context() as uninterruptible:
        uninterruptible.setattr(subprocess.Popen, "send_signal", does_nothing)
        assert await one.end(0.01) is False
    assert heard.ends == []
    os.kill(one.pid, signal.SIGKILL)
    await asyncio.wait_for(one.ended.wait(), 60)
    assert heard.ends == ["was ended by SIGKILL"]


def does_nothing(*_: Any) -> None:
    """As SIGKILL to a process that waits for a disk."""
