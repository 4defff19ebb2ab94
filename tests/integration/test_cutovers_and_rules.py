"""The controller when rules are others than those by which somebody was moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cutover_node import ON, Node, a_node, running
from cutover_values import HOLD, LEGACY, OTHER, START, cutover

from edgeproxy.migration.commands import Finish, Rollback, SetShare
from edgeproxy.migration.phases import State
from edgeproxy.ruleset.arms import WHOLE

GONE = "and the rules have no cutover of that name"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with a_node(tmp_path / "state.db") as node:
        yield node


async def test_rules_with_other_arms_move_nobody_and_it_is_said(node: Node) -> None:
    await node.do(START, ON, ON)
    node.rules = {"reads": cutover(1, 5, 20, 100, new=OTHER)}
    await node.cutovers.reload()
    assert [(arm.backend, arm.share) for arm in node.in_force[-1].arms] == [(LEGACY, WHOLE), (OTHER, 0)]
    assert node.lines[-1].startswith(
        "cutover reads: it is at 5 % from legacy to modern, and the rules now say from legacy"
    )
    await node.do(Rollback("di", "new rules"), START, ON)
    assert [(arm.backend, arm.share) for arm in node.in_force[-1].arms] == [(LEGACY, 99_000), (OTHER, 1_000)]
    node.rules = {}
    await node.cutovers.reload()
    assert node.cutovers.states == {}


async def test_a_cutover_that_is_renamed_while_clients_are_moved_is_told_of(node: Node) -> None:
    before = node.rules
    await node.do(START, ON, ON)
    node.rules = {"pages": cutover(1, 5, 20, 100, name="pages")}
    await node.cutovers.reload()
    assert node.share == 0
    assert [line for line in node.lines if GONE in line] == [
        "cutover reads: it is stepping at 5 % from legacy to modern, and the rules have no cutover of that name: its "
        "clients go where the rules send them now; if they have it again, it goes on from there"
    ]
    node.rules = before
    await node.cutovers.reload()
    assert node.share == 5_000


async def test_one_that_is_done_is_told_of_when_it_leaves_the_rules_and_not_at_each_start(
    node: Node,
) -> None:
    await node.do(START, SetShare("di", "all of them", WHOLE))
    node.now += HOLD
    await node.do(Finish("di", "it is well"))
    node.rules = {}
    await node.cutovers.reload()
    await node.cutovers.reload()
    assert sum(GONE in line for line in node.lines) == 1
    later = Node(node.store, rules=cutover(name="pages"))
    await later.cutovers.reload()
    assert later.lines == []


async def test_what_is_odd_about_the_rules_is_told_once_at_a_start(node: Node) -> None:
    await node.do(START, ON)
    for rules, said in ((cutover(name="pages"), GONE), (cutover(new=OTHER), "and the rules now say")):
        later = Node(node.store, rules=rules)
        await later.cutovers.reload()
        async with running(later):
            await later.until(lambda: len(later.in_force) > 0)  # noqa: B023
        assert [said in line for line in later.lines] == [True]


async def test_rules_that_change_while_a_journal_is_read_are_those_that_count(node: Node) -> None:
    await node.do(START, ON)
    read, is_read, is_asked = node.store.read, asyncio.Event(), asyncio.Event()

    async def slowly(name: str) -> State:
        is_asked.set()
        await is_read.wait()
        return await read(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node.store, "read", slowly)
        reading = asyncio.create_task(node.cutovers._refresh("reads"))
        await is_asked.wait()
        node.rules = {"reads": cutover(1, 5, 20, 100, new=OTHER)}
        is_read.set()
        await reading
    assert node.in_force[-1] == node.rules["reads"].resting
