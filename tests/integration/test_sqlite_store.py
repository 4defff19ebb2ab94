"""The store on SQLite: killed in the middle, damaged, of another version, taken away, and not allowed to write."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cutover_values import START, ramp
from state_stores import READS, do, heard, heard_of, next_entry

from edgeproxy.migration.commands import Step
from edgeproxy.migration.journal import replay, written
from edgeproxy.state.sqlite import SqliteStore
from edgeproxy.state.store import CannotOpen, StateLost
from edgeproxy.state.watching import Changed, Found, Lost

TESTS = Path(__file__).parents[1]
ON = Step("di", "on we go", is_forced=True)
KILLS = int(os.environ.get("EDGEPROXY_KILLS", "6"))


async def opened(path: Path) -> SqliteStore:
    return await SqliteStore.open(path, "edge-1", look_every=0.02)


async def filled(path: Path) -> None:
    store = await opened(path)
    for entry in ramp(READS, 3):
        assert await store.append(entry)
    await store.close()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def killed_after(count: int, path: Path) -> int:
    """A process that appends until it is killed, wherever it is by then. The last number that it said it had won."""
    command = [sys.executable, str(TESTS / "state_child.py"), str(path), "the killed", "1000000"]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.stdin.write(b"\n")
        child.stdin.flush()
        said = [child.stdout.readline() for _ in range(count)]
        child.kill()
        return max(map(int, [*said, *child.stdout.read().split()]))


async def refused(path: Path) -> str:
    """What is said of a file that is not opened, nor changed."""
    before = path.read_bytes()
    with pytest.raises(CannotOpen) as refusal:
        await opened(path)
    assert path.read_bytes() == before
    return str(refusal.value)


async def test_a_writer_that_is_killed_loses_nothing_that_it_was_told_it_had_won(tmp_path: Path) -> None:
    path, won = tmp_path / "state.db", 0
    for kill in range(KILLS):
        won = max(won, killed_after(3 + 7 * kill, path))
        store = await opened(path)
        journal = await store.journal("reads")
        # It may have one more: taken, and killed before it could say so.
        assert replay("reads", journal).number in (won, won + 1)
        await store.close()


async def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    """What another process would find after the machine has lost its power: the file and its WAL, as they are now."""
    store = await opened(tmp_path / "state.db")
    await do(store, START)
    for file in tmp_path.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, tmp_path / file.name.replace("state", "copy"))
    copy = await opened(tmp_path / "copy.db")
    assert await copy.journal("reads") == await store.journal("reads")
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await copy.close()
    await store.close()


async def test_a_new_file_is_the_owners_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "var" / "edge" / "state.db"
    await filled(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["state.db"]


async def test_a_damaged_file_is_refused_as_it_is_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    content = bytearray(path.read_bytes())
    content[4_096:12_288] = b"\xa5" * 8_192
    path.write_bytes(content)
    said = await refused(path)
    assert said.startswith(f"the state file {path} is damaged (")
    assert said.endswith("and then `set` each cutover to the share that it had")


async def test_what_is_no_state_file_is_refused_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("the shopping list, " * 500)
    assert "is damaged (file is not a database)" in await refused(path)
    path.write_bytes(b"")
    assert await refused(path) == f"{path} is no state file of edgeproxy, and was left as it is: name another file"
    path.unlink()
    change(path, "CREATE TABLE accounts (name)")
    assert "is no state file of edgeproxy" in await refused(path)


async def test_a_file_of_a_newer_version_is_refused_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    change(path, "PRAGMA user_version = 2")
    said = await refused(path)
    assert said == (
        f"{path} is a newer edgeproxy's (version 2; this one knows 1), and was left as it is: "
        "run that one, or name another file"
    )
    change(path, "PRAGMA user_version = 1")
    store = await opened(path)
    assert await store.journal("reads") == ramp(READS, 3)
    await store.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"v":2}', "a newer edgeproxy has written it (version 2; this one reads 1): upgrade this node"),
        ("half of an ent", "it is no JSON"),
        (written(ramp(READS, 4)[4]).replace('"share":100000', '"share":5'), "goes down from 20000 to 5"),
    ],
)
async def test_an_entry_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(
            "INSERT INTO entries (cutover, number, entry, node, recorded) VALUES ('reads', 5, ?, 'x', 0)", (text,)
        )
    assert why in await refused(path)


async def test_entries_are_not_changed_or_removed_by_anybody(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    for statement, why in (
        ("DELETE FROM entries", "never removed"),
        ("UPDATE entries SET node = 'me'", "never changed"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=why):
            change(path, statement)


async def test_a_file_that_is_taken_away_is_lost_and_what_was_known_counts(tmp_path: Path) -> None:
    path, aside = tmp_path / "state.db", tmp_path / "aside.db"
    store = await opened(path)
    await do(store, START)
    with store.watch() as news:
        path.rename(aside)
        assert (await heard(news, Lost)).why == store.lost
        assert store.lost is not None
        assert store.lost.startswith(f"the state file {path} cannot be used: ")
        assert (await store.read("reads")).number == 1
        with pytest.raises(StateLost, match="cannot be used"):
            await store.append(await next_entry(store, ON))
        with pytest.raises(StateLost, match="cannot be used"):
            await store.audit()
        aside.rename(path)
        await heard(news, Found)
    await do(store, ON)
    await store.close()


async def test_another_file_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    await do(store, START)
    await filled(tmp_path / "other.db")
    (tmp_path / "other.db").replace(path)
    with pytest.raises(StateLost, match="another file has taken its place"):
        await store.append(await next_entry(store, ON))
    await store.close()


async def test_a_wal_without_its_file_is_kept(tmp_path: Path) -> None:
    """It may hold entries, and a new file would make it unreadable."""
    path, aside = tmp_path / "state.db", tmp_path / "aside.db"
    store = await opened(path)
    await do(store, START)
    path.rename(aside)
    with pytest.raises(CannotOpen, match=r"state\.db-wal, and no state\.db that it belongs to"):
        await opened(path)
    assert not path.exists()
    aside.rename(path)
    assert (await store.read("reads")).number == 1
    await store.close()


async def test_a_writer_that_holds_the_lock_too_long_costs_an_append_and_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    await do(store, START)
    store._db.execute("PRAGMA busy_timeout = 20")
    made = await next_entry(store, ON)
    with closing(sqlite3.connect(path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateLost, match="database is locked"):
            await store.append(made)
        assert (await store.read("reads")).number == 1
        hog.execute("ROLLBACK")
    assert await store.append(made)
    assert store.lost is None
    await store.close()


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotOpen, match="look at the disk and at who may read and write there"):
        await opened(tmp_path / "file" / "state.db")


async def test_another_process_is_heard_of_without_asking(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store, other = await opened(path), await opened(path)
    with store.watch() as news:
        await do(other, START)
        assert await heard(news, Changed) == Changed("reads", 1)
        await do(other, ON)
        await heard_of(news, 2)
    await store.close()
    await other.close()
