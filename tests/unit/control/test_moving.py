"""What is told of a cutover: one moment's, whoever moves it meanwhile."""

from __future__ import annotations

from pathlib import Path

from cutover_values import START
from specimens import ruleset
from state_stores import do, open_store

from edgeproxy.control.control_socket import Words
from edgeproxy.control.moving import NAME, Moving
from edgeproxy.control.shares import Shares


async def purge(_: Words) -> Words:
    return {}


async def test_a_status_is_what_its_journal_says_also_when_another_process_has_just_moved_it(tmp_path: Path) -> None:
    rules = ruleset()
    moving = Moving(tmp_path, None, lambda: rules, Shares(lambda: ()), purge)
    await moving.open()  # and nobody follows what others do
    other = await open_store(str(tmp_path / NAME), "edge-2")
    try:
        await do(other, START)
        told = await moving.do({"cutover": "reads", "verb": "status"})
    finally:
        await other.close()
        await moving.close()
    (state,), (entry,) = told["cutovers"], told["journal"]
    assert (state["phase"], state["number"]) == (entry["phase"], entry["number"]) == ("shadowing", 1)
