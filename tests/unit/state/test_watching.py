"""News of a store, to those who wait for them."""

from __future__ import annotations

import asyncio

from edgeproxy.state.watching import Changed, Found, Lost, Watchers


async def test_everybody_who_watches_is_told_from_then_on() -> None:
    watchers = Watchers()
    with watchers.add() as one:
        watchers.tell(Changed("reads", 1))
        with watchers.add() as two:
            watchers.tell(Changed("files", 1))
            assert await anext(two) == Changed("files", 1)
        assert [await anext(one), await anext(one)] == [Changed("reads", 1), Changed("files", 1)]


async def test_who_is_slow_hears_the_last_of_each_kind_in_the_order_of_the_last() -> None:
    watchers = Watchers()
    with watchers.add() as slow:
        for news in (Changed("reads", 1), Lost("x"), Changed("files", 1), Found(), Changed("reads", 2), Lost("y")):
            watchers.tell(news)
        heard = [await anext(slow) for _ in range(4)]
    assert heard == [Changed("files", 1), Found(), Changed("reads", 2), Lost("y")]


async def test_who_closes_is_told_no_more_and_who_waits_is_let_go() -> None:
    watchers = Watchers()
    watch = watchers.add()
    waiting = asyncio.create_task(anext(watch, "nothing more"))
    await asyncio.sleep(0)
    watchers.close()
    assert await waiting == "nothing more"
    watchers.tell(Found())
    assert await anext(watch, "nothing more") == "nothing more"
