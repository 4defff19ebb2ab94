"""Shares in every worker: who starts meanwhile keeps nobody waiting, and who is late brings nothing back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from specimens import RULES, ruleset

from edgeproxy.control.child import Child
from edgeproxy.control.control_socket import Words
from edgeproxy.control.messages import Moved, Ready
from edgeproxy.control.moving import Moving
from edgeproxy.control.shares import Shares


def new_child() -> Child:
    """Of a process that says nothing yet."""
    return Child(0, *[lambda *_: None] * 6)


async def test_a_worker_that_starts_is_told_and_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    child = new_child()
    shares = Shares(lambda: (child,))
    await shares.put({"reads": 0})
    assert shares.is_everywhere  # it has them before it accepts anybody
    assert capsys.readouterr().err == ""
    child._on_message(Ready())
    child._on_message(Moved(1))
    await asyncio.sleep(0)
    assert shares.is_everywhere


async def test_one_that_serves_is_and_is_told_of_when_it_is_late(capsys: pytest.CaptureFixture[str]) -> None:
    child = new_child()
    child._on_message(Ready())
    shares = Shares(lambda: (child,))
    await shares.put({"reads": 0})
    assert not shares.is_everywhere
    assert "has not put new shares of cutovers in force within 1 s" in capsys.readouterr().err
    child._on_message(Moved(1))
    await asyncio.wait(shares.late)
    assert shares.is_everywhere


async def test_what_a_late_worker_has_asked_of_the_new_arm_is_forgotten_when_it_has_heard(tmp_path: Path) -> None:
    rules, child, purges = (
        ruleset(RULES.replace("shadow: {to", "cache: {fresh: 1h}\n    shadow: {to", 1)),
        new_child(),
        [],
    )
    is_done = asyncio.Event()

    async def purge(words: Words) -> Words:
        purges.append(words)
        is_done.set()
        return {}

    child._on_message(Ready())
    moving = Moving(tmp_path, None, lambda: rules, Shares(lambda: (child,)), purge)
    opening = asyncio.create_task(moving.open())
    await asyncio.sleep(0)
    await opening
    try:
        told = await moving.do({"cutover": "reads", "verb": "start", "who": "di", "why": "it is time"})
        assert (told["in_force"], len(purges)) == (False, 1)
        is_done.clear()
        child._on_message(Moved(99))
        async with asyncio.timeout(10):
            await is_done.wait()
        assert purges == [{"tags": ["new arm of reads"], "hard": True}] * 2
    finally:
        await moving.close()
