"""What every store of journals does, whichever it is: SQLite, and Redis with a real server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cutover_values import START, cutover, ramp
from redis_server import programs, redis_server
from state_stores import READS, SOON, do, heard, heard_of, next_entry, open_store

from edgeproxy.migration.commands import GateFailed, Rollback, SetShare, Step
from edgeproxy.migration.journal import BrokenJournal, replay
from edgeproxy.migration.phases import Phase, State
from edgeproxy.state.store import Store
from edgeproxy.state.watching import Changed

TESTS = Path(__file__).parents[1]
ON = Step("di", "on we go", is_forced=True)


@pytest.fixture(params=["sqlite", *programs()])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "state.db")
        return
    with redis_server(programs()[request.param]) as server:
        yield server.url


@pytest.fixture
async def store(location: str) -> AsyncIterator[Store]:
    store = await open_store(location)
    yield store
    await store.close()


@pytest.fixture
async def other(location: str, store: Store) -> AsyncIterator[Store]:
    """Another node, or another process of the machine."""
    other = await open_store(location, "edge-2")
    yield other
    await other.close()


def child(location: str, who: str, most: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    command = [sys.executable, str(TESTS / "state_child.py"), location, who, str(most)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def begin(children: list[subprocess.Popen[bytes]]) -> None:
    """All at once, when all are ready."""
    for each in children:
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    for each in children:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()


async def test_an_operator_ramps_and_another_node_rolls_back(store: Store, other: Store) -> None:
    assert await store.read("reads") == State("reads")
    await do(store, START)
    await do(store, ON)
    with other.watch() as news:
        await do(store, ON)
        await heard_of(news, 3)
    state = await other.read("reads")
    assert (state.phase, state.share, state.number) == (Phase.STEPPING, 5_000, 3)

    with store.watch() as news:
        failed = await do(other, GateFailed("edge-2", "errors: 3 % against 0.1 %", {"old": 0.001, "new": 0.03}))
        await heard_of(news, 4)
    assert (await store.journal("reads"))[-1] == failed
    assert (await store.read("reads")).share == 0

    audit = await store.audit()
    assert [(line.node, line.entry.number) for line in audit] == [
        ("edge-1", 1),
        ("edge-1", 2),
        ("edge-1", 3),
        ("edge-2", 4),
    ]
    assert audit[-1].entry == failed
    assert all(abs(line.recorded - line.entry.at) < SOON for line in audit)


async def test_who_is_second_is_told_so_and_sees_what_was_first(store: Store, other: Store) -> None:
    await do(store, START)
    mine, theirs = await next_entry(store, ON), await next_entry(other, SetShare("bo", "straight on", 7_000))
    assert await other.append(theirs)
    assert not await store.append(mine)
    assert (await store.read("reads")).share == 7_000
    # A decision that was made on what is no more is not taken later either.
    assert not await store.append(mine)
    assert (await store.audit())[-1].entry == theirs


async def test_the_same_entry_again_is_true_and_changes_nothing(store: Store, other: Store) -> None:
    made = await next_entry(store, START)
    assert await store.append(made)
    assert await store.append(made)
    assert await other.append(made)
    assert len(await store.audit()) == 1


async def test_what_does_not_continue_a_journal_is_not_taken(store: Store) -> None:
    entries = ramp(READS, 3)
    with pytest.raises(BrokenJournal, match="entry 2 stands after entry 0"):
        await store.append(entries[1])
    assert await store.append(entries[0])
    with pytest.raises(BrokenJournal, match="entry 3 stands after entry 1"):
        await store.append(entries[2])
    with pytest.raises(BrokenJournal, match="begins with stepping at 77"):
        await store.append(replace(entries[1], from_phase=Phase.STEPPING, from_share=77))
    assert await store.append(entries[1])
    assert await store.journal("reads") == entries[:2]


async def test_cutovers_are_apart(store: Store, other: Store) -> None:
    files = cutover(10, 100, name="files, and more: ß")
    await do(store, START)
    await do(store, START, files)
    await do(other, ON, files)
    assert await store.names() == await other.names() == ("files, and more: ß", "reads")
    assert (await store.read("reads")).number == 1
    assert (await other.read(files.name)).share == 10_000
    assert (await store.read("writes")) == State("writes")


async def test_a_journal_and_an_audit_log_are_read_from_any_place(store: Store) -> None:
    entries = ramp(READS, 4)
    for entry in entries:
        assert await store.append(entry)
    assert await store.journal("reads", since=3) == entries[3:]
    assert await store.journal("reads", since=5) == ()
    first = await store.audit(most=2)
    rest = await store.audit(after=first[-1].position)
    assert [line.entry for line in (*first, *rest)] == list(entries)
    assert await store.audit(after=rest[-1].position) == ()


async def test_who_watches_slowly_hears_of_the_last_change_once(store: Store, other: Store) -> None:
    with store.watch() as slow, store.watch() as quick:
        for entry in ramp(READS, 3):
            assert await other.append(entry)
        await heard_of(quick, 4)
        assert await heard(slow, Changed) == Changed("reads", 4)
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_who_waits_for_news_of_a_store_that_closes_is_not_left_waiting(location: str) -> None:
    store = await open_store(location)
    waiting = asyncio.create_task(anext(store.watch(), None))
    await asyncio.sleep(0)
    await store.close()
    assert await waiting is None


async def test_a_journal_is_there_for_who_comes_later(location: str, store: Store) -> None:
    for entry in ramp(READS, 2):
        assert await store.append(entry)
    async with AsyncExitStack() as stack:
        later = await open_store(location, "edge-3")
        stack.push_async_callback(later.close)
        assert await later.read("reads") == replay("reads", ramp(READS, 2))


async def test_of_many_tasks_that_decide_at_once_one_wins(store: Store, other: Store) -> None:
    await do(store, START)
    made = [replace(await next_entry(store, ON), who=f"task {n}") for n in range(40)]
    won = await asyncio.gather(*((store, other)[n % 2].append(entry) for n, entry in enumerate(made)))
    assert won.count(True) == 1
    assert (await store.journal("reads"))[-1] == made[won.index(True)]


async def test_each_number_is_won_by_exactly_one_of_many_processes(location: str, store: Store) -> None:
    most = 80
    with ExitStack() as stack:
        children = [stack.enter_context(child(location, f"writer {n}", most)) for n in range(4)]
        for each in children:
            stack.callback(each.kill)
        begin(children)
        won = {f"writer {n}": each.communicate(timeout=SOON)[0].split() for n, each in enumerate(children)}
    journal = await store.journal("reads")
    assert replay("reads", journal).number == len(journal) == most
    assert sorted(int(number) for numbers in won.values() for number in numbers) == list(range(1, most + 1))
    for entry in journal:
        assert str(entry.number).encode() in won[entry.who]
    assert [line.entry for line in await store.audit()] == list(journal)


async def test_a_rollback_is_read_by_who_has_not_heard_of_it_yet(store: Store, other: Store) -> None:
    """No waiting for news: what is read is what is there."""
    for asked in (START, ON, ON, Rollback("di", "users complain")):
        made = await do(store, asked)
        assert (await other.journal("reads"))[-1] == made
