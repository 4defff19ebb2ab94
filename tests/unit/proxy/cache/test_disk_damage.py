"""A disk that lies, fills up, or goes away: no wrong octet is given, no start fails, and what works goes on."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from disk_copies import content_of, files_of, index_of, key_of, look_up, opened, put, read, settled

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.disk_purges import CannotPurge
from edgeproxy.proxy.cache.purges import PurgeLog, carry_out
from edgeproxy.proxy.cache.schema import VERSION

SMALL, MIDDLE, LARGE = (
    3_000,
    100_000,
    700_000,
)  # in the index; checked at once; checked in a threadfrom edgeproxy.proxy.cache.schema import VERSION


def flip(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        octet = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([octet ^ 0x20]))


def truncate(path: Path, size: int) -> None:
    os.truncate(path, size)


def swap_for_fifo(path: Path, _: int) -> None:
    path.unlink()
    os.mkfifo(path)


def swap_for_link(path: Path, _: int) -> None:
    other = path.with_suffix(".other")
    path.rename(other)
    path.symlink_to(other)


DAMAGES: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "an octet is another": (flip, 77_777),
    "it is shorter": (truncate, 77_777),
    "it is longer": (truncate, 1_000_000),
    "it is empty": (truncate, 0),
    "it is a FIFO": (swap_for_fifo, 0),
    "it is a link": (swap_for_link, 0),
    "it is missing": (lambda path, _: path.unlink(), 0),
}


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_known", [False, True], ids=["first look", "given before"])
async def test_an_altered_file_is_never_given(
    tmp_path: Path, size: int, damage: str, is_known: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    deed, where = DAMAGES[damage]
    with opened(tmp_path) as disk:
        await put(disk, "/file", content_of("file", size))
        await put(disk, "/other", content_of("other", size))
        (file,) = [path for path in files_of(tmp_path, "objects") if b"<file>" in path.read_bytes()]
        while is_known and not disk._checker._known:
            assert await look_up(disk, "/file") is not None
        deed(file, where)
        assert await look_up(disk, "/file") is None
        await settled(disk)
        assert disk.find(key_of("/file").primary) == ()  # it is removed
        assert await look_up(disk, "/other") == content_of("other", size)
        is_torn = damage not in ("it is missing", "it is a link")
        assert disk.refused == is_torn
        assert ("torn or altered" in capsys.readouterr().err) == is_torn
        assert await put(disk, "/file", content_of("again", size))
        assert await look_up(disk, "/file") == content_of("again", size)


def change_row(directory: Path, change: str, *values: object) -> None:
    with closing(sqlite3.connect(index_of(directory), isolation_level=None)) as db:
        assert db.execute(change, values).rowcount > 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contents SET content = zeroblob(3000)",
        "UPDATE contents SET content = x'00'",
        "DELETE FROM contents",
        "UPDATE copies SET head = zeroblob(300)",
        "UPDATE copies SET head = x''",
        "UPDATE copies SET path = zeroblob(16)",
        "UPDATE copies SET variant = zeroblob(16)",
        "UPDATE copies SET file = '../../../../../etc/passwd'",
        "UPDATE copies SET file = '1-2-3'",
    ],
)
async def test_an_altered_row_is_never_given(tmp_path: Path, change: str) -> None:
    with opened(tmp_path) as disk:
        await put(disk, "/row", content_of("row", SMALL))
    change_row(tmp_path, change)
    with opened(tmp_path) as disk:
        assert await look_up(disk, "/row") is None
        await settled(disk)
        assert disk.find(key_of("/row").primary) == ()
        assert disk.refused == 1
        assert await put(disk, "/row", content_of("again", SMALL))
        assert await look_up(disk, "/row") == content_of("again", SMALL)


async def test_one_key_never_gets_anothers_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        await put(disk, "/one", content_of("one", SMALL))
        await put(disk, "/other", content_of("other", SMALL))
    change_row(tmp_path, "DELETE FROM copies WHERE key = ?", key_of("/one").primary)
    change_row(tmp_path, "UPDATE copies SET key = ? WHERE key = ?", key_of("/one").primary, key_of("/other").primary)
    with opened(tmp_path) as disk:
        assert disk.find(key_of("/one").primary) == ()
        assert disk.refused == 1


# -- the index -------------------------------------------------------------------------------------------------------


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def make_foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (a)")


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def lose_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE copies")


def write_over(path: Path) -> None:
    path.write_bytes(b"this is no index at all")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def lose_current(path: Path) -> None:
    (path.parents[1] / f"current-{VERSION}").unlink()


def misname_current(path: Path) -> None:
    (path.parents[1] / f"current-{VERSION}").write_text("../../../etc\n")


def lose_generation(path: Path) -> None:
    shutil.rmtree(path.parent)


RUINS = [
    *(fill_with_zeros, make_foreign, make_newer, lose_a_table, write_over, make_folder, Path.unlink),
    *(lose_current, misname_current, lose_generation),
]


@pytest.mark.parametrize("ruin", RUINS)
async def test_with_an_index_that_cannot_be_used_it_begins_anew(tmp_path: Path, ruin: Callable[[Path], None]) -> None:
    with opened(tmp_path) as disk:
        await put(disk, "/small", content_of("small", SMALL))
        await put(disk, "/large", content_of("large", LARGE))
    ruin(index_of(tmp_path))
    with opened(tmp_path) as disk:
        await put(disk, "/first", b"first")  # it may be what meets the ruin
        assert await look_up(disk, "/small") is None
        assert await look_up(disk, "/large") is None
        assert await put(disk, "/small", content_of("again", SMALL))
        assert await put(disk, "/large", content_of("again", LARGE))
        assert await look_up(disk, "/small") == content_of("again", SMALL)
        assert await look_up(disk, "/large") == content_of("again", LARGE)
    with opened(tmp_path) as disk:
        await settled(disk)
        assert await look_up(disk, "/large") == content_of("again", LARGE)
    assert len(files_of(tmp_path, "objects")) == 1
    assert len(list(tmp_path.glob("g*-*"))) == 1  # nothing of the ruin is left
    assert not list(tmp_path.glob("old-*"))


@pytest.mark.parametrize("ruin", [fill_with_zeros, write_over, lose_current, lose_generation])
async def test_an_index_that_is_ruined_while_it_is_used_is_replaced_for_all(
    tmp_path: Path, ruin: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeproxy.proxy.cache.index._AGAIN", 0.0)
    with opened(tmp_path) as one, opened(tmp_path) as other:
        await asyncio.gather(*[put(one, f"/{number}", content_of(f"{number}", SMALL)) for number in range(200)])
        await settled(one)
        one._writer._written = 1 << 30  # so that the WAL is copied back: what is ruined is what is read
        await settled(one)
        ruin(index_of(tmp_path))
        for number in range(200):
            for disk in (one, other):
                assert await look_up(disk, f"/{number}") in (None, content_of(f"{number}", SMALL))
        for disk in (one, other):
            await put(disk, "/settled", b"")  # it may be what meets the ruin
        for disk, path in ((one, "/one"), (other, "/other")):
            assert await put(disk, path, path.encode())
        for disk in (one, other):
            assert await look_up(disk, "/one") == b"/one"
            assert await look_up(disk, "/other") == b"/other"


@pytest.mark.parametrize("seed", range(8))
async def test_octets_that_flip_in_the_index_never_become_an_answer(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    names = [f"/{number}" for number in range(150)]
    with opened(tmp_path) as disk:
        await asyncio.gather(*[put(disk, name, content_of(name, dice.choice([10, SMALL, 20_000]))) for name in names])
    index = index_of(tmp_path)
    for _ in range(30):
        flip(index, dice.randrange(index.stat().st_size))
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        for name in names:
            for copy in disk.find(key_of(name).primary):
                got = await read(disk, copy)
                assert got is None or got.startswith(f"<{name}>"[:10].encode())
                assert got is None or got == content_of(name, len(got))
        # What it does to the tables shows only where they are used; then they are replaced.
        for _ in range(3):
            await put(disk, "/again", b"again")
        carry_out([Purge(What.ALL, Mode.HARD)], log, disk)
        assert [name for name in names if disk.find(key_of(name).primary)] == []
    log.close()


# -- no room, no permission -------------------------------------------------------------------------------------------


async def test_without_room_nothing_is_kept_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_full(fd: int, data: object, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(tmp_path) as disk:
        await put(disk, "/before", content_of("before", LARGE))
        with monkeypatch.context() as patched:
            patched.setattr("edgeproxy.proxy.cache.spool.os.pwrite", is_full)
            for number in range(5):
                assert not await put(disk, f"/{number}", content_of("late", LARGE))
            spool = disk.spool()
            with pytest.raises(OSError, match="No space left"):
                spool.write(b"x")
            spool.discard()
        assert disk.errors == 6
        assert await look_up(disk, "/before") == content_of("before", LARGE)
        assert await put(disk, "/after", content_of("after", LARGE))
    said = capsys.readouterr().err
    assert said.count("cannot write to") == 2  # to keep what is there, and what comes
    assert said.count("again") == 1
    assert files_of(tmp_path, "spool") == []


async def test_without_room_for_what_comes_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only large answers are asked for, nothing is ever put on a full disk."""

    def is_full(fd: int, data: object, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(tmp_path) as disk:
        with monkeypatch.context() as patched:
            patched.setattr("edgeproxy.proxy.cache.spool.os.pwrite", is_full)
            for _ in range(3):
                spool = disk.spool()
                with pytest.raises(OSError, match="No space left"):
                    spool.write(b"x")
                spool.discard()
        assert disk.errors == 3
        assert capsys.readouterr().err.count("No space left") == 1
        spool = disk.spool()
        spool.write(content_of("after", LARGE))
        assert capsys.readouterr().err.count("again") == 1
        spool.discard()


async def test_a_directory_that_is_none_costs_the_disk_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "cache"
    place.write_text("a file")
    with opened(place) as disk:
        assert disk.find(key_of("/flask").primary) == ()
        assert not await put(disk, "/flask", b"flask")
        assert (disk.octets, disk.count) == (0, 0)
        assert disk.claim(key_of("/flask").primary)
        assert disk.announced(key_of("/flask").primary) is None
        with pytest.raises(NotADirectoryError):
            disk.spool()
        assert disk.errors > 0
    assert "cannot write to" in capsys.readouterr().err


async def test_a_directory_that_goes_away_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeproxy.proxy.cache.index._AGAIN", 0.0)
    monkeypatch.setattr("edgeproxy.proxy.cache.writer._AGAIN", 0.0)
    place, away = tmp_path / "cache", tmp_path / "away"
    with opened(place) as disk:
        await put(disk, "/flask", content_of("flask", LARGE))
        place.rename(away)
        place.write_text("a file")
        assert await look_up(disk, "/flask") is None
        assert not await put(disk, "/late", b"late")
        place.unlink()
        away.rename(place)
        assert await look_up(disk, "/flask") == content_of("flask", LARGE)
        assert await put(disk, "/late", b"late")


async def test_a_purge_that_the_index_refuses_takes_everything(tmp_path: Path) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        await put(disk, "/flask", b"flask")
        await put(disk, "/django", b"django")
        lose_a_table(index_of(tmp_path))
        carry_out([Purge(What.PATH, Mode.HARD, key_of("/flask").path)], log, disk)
        assert disk.find(key_of("/flask").primary) == ()
        await put(disk, "/settled", b"")
        assert await put(disk, "/flask", b"flask", since=log.seq)
        assert await look_up(disk, "/flask") == b"flask"
    log.close()


def put_a_directory_in_the_place_of(file: Path) -> None:
    """The writing thread may make the file again at any moment."""
    while not file.is_dir():
        file.unlink(missing_ok=True)
        with suppress(FileExistsError):
            file.mkdir()


async def test_a_purge_that_cannot_be_done_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "cache"
    log = PurgeLog.create()
    with opened(place, log=log) as disk:
        await put(disk, "/flask", b"flask")
        put_a_directory_in_the_place_of(place / "lock")
        lose_a_table(index_of(place))
        with pytest.raises(CannotPurge, match=r"stop the edge, delete .*, and start it again"):
            carry_out([Purge(What.ALL, Mode.HARD)], log, disk)
        assert log.seq == 1  # memory is purged all the same
    log.close()


async def test_a_locked_index_is_a_miss_and_nobody_waits(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        await put(disk, "/flask", b"flask")
        with closing(sqlite3.connect(index_of(tmp_path), isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # somebody writes: readers do not care
            assert await look_up(disk, "/flask") == b"flask"
            db.execute("ROLLBACK")
