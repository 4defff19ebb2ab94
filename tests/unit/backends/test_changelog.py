"""The change log as both sites tell it by XML-RPC: in steps, and as the standard library would write it."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from packages import LAUNCH

from backends.changelog import CHANGES_A_STEP, changes_after, changes_since
from backends.marshalling import Written, printable, write_result
from backends.steps import at_once, taken
from backends.store import Store
from backends.store.reading import MOST_CHANGES
from backends.store.rows import to_micros

START = to_micros(LAUNCH)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def add(store: Store, changes: Sequence[tuple[str, str | None, int, str]]) -> None:
    """Each a project, a version, seconds, and what was done."""
    rows = [(name, name, version, START + at * 1_000_000, action) for name, version, at, action in changes]
    with store.exclusive():
        store.connection.executemany(
            "INSERT INTO change (project, normalized, version, moment, action) VALUES (?, ?, ?, ?, ?)", rows
        )


def serials(told: Written) -> list[int]:
    ((rows,), _) = xmlrpc.client.loads(write_result(told))
    assert isinstance(rows, list)
    return [row[-1] for row in rows]


def test_what_is_told_is_what_the_standard_library_writes(store: Store) -> None:
    add(store, [("a&b", None, 0, "create"), ("<c>", "1.0", 1, 'add "it"'), ("d", "]]>", 2, "rings\x07 twice\nsaid é")])
    rows = [
        [printable(text) if isinstance(text, str) else text for text in (change.project, change.version)]
        + [int(change.moment.timestamp()), printable(change.action), change.serial]
        for change in store.changes_after(0)
    ]
    earlier = LAUNCH - timedelta(seconds=1)
    assert write_result(at_once(changes_after(store, 0))) == write_result(rows)
    assert write_result(at_once(changes_since(store, earlier, True))) == write_result(rows)
    assert write_result(at_once(changes_since(store, earlier, False))) == write_result([row[:-1] for row in rows])
    assert write_result(at_once(changes_after(store, 3))) == write_result([])


def test_by_time_no_change_is_left_out_or_told_twice_where_steps_meet(store: Store) -> None:
    count = 2 * CHANGES_A_STEP + 10
    add(store, [("a", None, (count - number) // 100, "create") for number in range(count)])
    told = serials(at_once(changes_since(store, LAUNCH - timedelta(seconds=1), True)))
    assert told == [change.serial for change in store.changes_since(LAUNCH - timedelta(seconds=1))]
    assert len(told) == count


def test_no_more_is_told_than_one_answer_has(store: Store) -> None:
    add(store, [("a", None, 0, "create")] * (MOST_CHANGES + 10))
    assert serials(at_once(changes_after(store, 0))) == list(range(1, MOST_CHANGES + 1))
    assert serials(at_once(changes_after(store, MOST_CHANGES))) == list(range(MOST_CHANGES + 1, MOST_CHANGES + 11))


def test_a_serial_that_xml_rpc_does_not_have_is_an_error(store: Store) -> None:
    add(store, [("a", None, 2**31, "create")])
    with pytest.raises(OverflowError):
        at_once(changes_after(store, 0))


async def test_between_steps_others_have_their_turn_and_may_change_the_log(store: Store) -> None:
    add(store, [("a", None, 0, "create")] * (3 * CHANGES_A_STEP))
    telling = asyncio.create_task(taken(changes_after(store, 0), store.snapshot))
    turns = 0
    while not telling.done():
        turns += 1
        if turns < 3:  # never within somebody else's snapshot
            add(store, [("b", None, 0, "create")])
        await asyncio.sleep(0)
    assert turns > 3
    assert serials(telling.result()) == list(range(1, 3 * CHANGES_A_STEP + 3))
