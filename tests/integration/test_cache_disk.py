"""The disk tier between processes: killed, purged, full, and not allowed to write."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from disk_child import PATHS, check
from disk_copies import MIB, content_of, files_of, index_of, key_of, look_up, opened, put

from edgeproxy.caching.keys import tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.arriving import DONE, End
from edgeproxy.proxy.cache.changes import transaction
from edgeproxy.proxy.cache.cleaning import clean
from edgeproxy.proxy.cache.directory import Directory
from edgeproxy.proxy.cache.purges import PurgeLog, carry_out
from edgeproxy.proxy.cache.schema import open_index

TESTS = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("EDGEPROXY_KILLS", "12"))
LIMIT = 6 * MIB


@pytest.fixture
def log() -> Iterator[PurgeLog]:
    log = PurgeLog.create()
    yield log
    log.close()


@contextmanager
def process(*arguments: object, log: PurgeLog) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that has said `ready`; it is killed at the end, if it still runs."""
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[log.fd], env=environment
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            yield child
        finally:
            child.kill()


def said(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def tell(child: subprocess.Popen[bytes], line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(f"{line}\n".encode())
    child.stdin.flush()


def busy(directory: Path, log: PurgeLog, seed: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return process(TESTS / "disk_child.py", directory, log.fd, LIMIT, seed, log=log)


def until_rounds(child: subprocess.Popen[bytes], count: int) -> None:
    """Until it has done so many more rounds, all of them right."""
    assert child.stdout is not None
    assert child.stdout.read(count) == b"." * count


def leftovers(directory: Path) -> list[Path]:
    """Files that no row names, after all is cleaned."""
    place = Directory(directory)
    generation = place.current()
    assert generation is not None
    with closing(open_index(generation.index, 5.0)) as db:
        for _ in clean(place, generation, db):
            pass
        named = {name for (name,) in db.execute("SELECT file FROM copies WHERE file IS NOT NULL")}
    files = [path for path in files_of(directory, "objects") if path.name not in named]
    return [*files, *files_of(directory, "spool"), *files_of(directory, "arriving")]


async def test_a_writer_killed_at_any_moment_leaves_a_directory_that_is_right(tmp_path: Path, log: PurgeLog) -> None:
    dice = random.Random(5)
    given = 0
    for round_ in range(ROUNDS):
        with busy(tmp_path, log, seed=round_) as child:
            until_rounds(child, dice.randrange(1, 12))
            child.kill()
        with opened(tmp_path, LIMIT, log) as disk:
            for number in range(PATHS):
                given += await check(disk, f"/{number}")
            assert await put(disk, "/after", b"after", since=log.seq)
            assert disk.errors == 0
            assert disk.refused == 0
            assert disk.octets <= LIMIT
        assert leftovers(tmp_path) == []
        on_disk = sum(path.stat().st_size for path in files_of(tmp_path, "objects"))
        assert on_disk <= LIMIT
    assert given > ROUNDS * 10


async def test_others_work_on_while_one_is_killed_again_and_again(tmp_path: Path, log: PurgeLog) -> None:
    dice = random.Random(6)
    with busy(tmp_path, log, seed=1000) as survivor:
        for round_ in range(ROUNDS):
            with busy(tmp_path, log, seed=round_) as child:
                until_rounds(child, dice.randrange(1, 8))
                until_rounds(survivor, 1)
                child.kill()
            until_rounds(survivor, 2)
        with opened(tmp_path, LIMIT, log) as disk:
            for number in range(PATHS):
                await check(disk, f"/{number}")
            assert disk.refused == 0
    assert leftovers(tmp_path) == []


# -- claims, and what comes -------------------------------------------------------------------------------------------

FETCHING = """
import sys
from pathlib import Path
from dataclasses import replace
from disk_copies import content_of, key_of, stored_of
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PurgeLog
log = PurgeLog.adopt(int(sys.argv[2]))
disk = Disk.open(Path(sys.argv[1]), 1 << 30, 1 << 30, log)
key, content = key_of("/wheel"), content_of("wheel", 1_000_000)
assert disk.claim(key.primary)
spool = disk.spool()
disk.announce(key, replace(stored_of(content), size=0), spool, log.seq)
spool.write(content[:300_000])
print("ready", flush=True)
sys.stdin.readline()
spool.write(content[300_000:])
disk.put(key, stored_of(content), spool, log.seq)
disk.close()
print("kept", flush=True)
sys.stdin.readline()
"""


async def test_what_one_process_fetches_streams_to_clients_of_another(tmp_path: Path, log: PurgeLog) -> None:
    content = content_of("wheel", 1_000_000)
    with opened(tmp_path, log=log) as disk, process("-c", FETCHING, tmp_path, log.fd, log=log) as child:
        assert not disk.claim(key_of("/wheel").primary)
        arriving = disk.announced(key_of("/wheel").primary)
        assert arriving is not None
        assert arriving.poll() == 300_000
        begin = arriving.read(0, MIB)
        tell(child, "go on")
        assert said(child) == "kept"
        assert arriving.poll() is DONE
        assert begin + arriving.read(len(begin), MIB) == content
        arriving.close()
        assert await look_up(disk, "/wheel") == content


async def test_who_waits_for_one_that_is_killed_hears_so_and_may_fetch(tmp_path: Path, log: PurgeLog) -> None:
    with opened(tmp_path, log=log) as disk:
        with process("-c", FETCHING, tmp_path, log.fd, log=log) as child:
            arriving = disk.announced(key_of("/wheel").primary)
            assert arriving is not None
            child.kill()
            child.wait()
        assert arriving.poll() is End.DEAD
        arriving.close()
        assert disk.announced(key_of("/wheel").primary) is None
        assert disk.claim(key_of("/wheel").primary)
        disk.release(key_of("/wheel").primary)
    assert leftovers(tmp_path) == []


# -- purges -----------------------------------------------------------------------------------------------------------

KEEPING = """
import sys
from pathlib import Path
from disk_copies import content_of, key_of, stored_of
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PurgeLog
log = PurgeLog.adopt(int(sys.argv[2]))
disk = Disk.open(Path(sys.argv[1]), 1 << 30, 1 << 30, log)
print("ready", flush=True)
version = 0
for line in sys.stdin:  # the log's number at which the fetch began
    content = content_of("/flask", 3_000 if version % 2 else 30_000)
    version += 1
    disk.put(key_of("/flask"), stored_of(content, "web"), content, int(line))
disk.close()
"""


async def test_no_purge_ever_loses_against_a_put_of_another_process(tmp_path: Path, log: PurgeLog) -> None:
    """Puts and purges race; what is there right after a purge began to be fetched after it."""
    purge = Purge(What.TAG, Mode.HARD, tag_digest("web"))
    with opened(tmp_path, log=log) as disk, process("-c", KEEPING, tmp_path, log.fd, log=log) as child:
        dice, taken = random.Random(2), 0
        for _ in range(200):
            for _ in range(3):
                tell(child, str(log.seq))
            looks = dice.choice([0, 1, 10, 1_000_000])  # the last: until it is there
            while looks and not disk.find(key_of("/flask").primary):
                looks -= 1
            taken += carry_out([purge], log, disk)
            assert disk.find(key_of("/flask").primary) == ()
        tell(child, str(log.seq))
        tell(child, str(log.seq - 1))  # late
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait() == 0
        assert len(disk.find(key_of("/flask").primary)) == 1
        assert taken > 20
    assert leftovers(tmp_path) == []


# -- limits -----------------------------------------------------------------------------------------------------------


async def test_the_directory_stays_within_its_limit(tmp_path: Path) -> None:
    """In files and index together, but for the index's own trees and what is being written."""
    dice = random.Random(1)
    with opened(tmp_path, limit=8 * MIB) as disk:
        for number in range(400):
            await put(disk, f"/{number}", content_of(f"{number}", dice.choice([2_000, 12_000, 40_000, 300_000])))
            assert disk.octets <= 8 * MIB
        assert disk.evictions > 200
        assert disk.octets > 6 * MIB
        disk._writer._written = 1 << 30  # copy the WAL back with the next
        await put(disk, "/last", b"last")
        taken = sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*") if path.is_file())
        assert taken <= 8 * MIB + 8 * MIB  # the WAL has some 4 MiB, and a batch
    assert leftovers(tmp_path) == []


async def test_what_is_asked_for_again_outlives_a_scan(tmp_path: Path) -> None:
    with opened(tmp_path, limit=8 * MIB) as disk:
        hot = [f"/hot/{number}" for number in range(20)]
        for path in hot:
            await put(disk, path, content_of(path, 100_000))
            disk.note_hits({key_of(path).primary: 3})
        for number in range(300):
            await put(disk, f"/scan/{number}", content_of(f"scan {number}", 100_000))
        assert [path for path in hot if not disk.find(key_of(path).primary)] == []


async def test_files_do_not_take_the_room_of_pages(tmp_path: Path) -> None:
    """Pages keep a quarter of it, and have more while nobody else wants it."""
    with opened(tmp_path, limit=16 * MIB) as disk:
        pages = [f"/page/{number}" for number in range(300)]
        for path in pages:
            await put(disk, path, content_of(path, 10_000))
        for number in range(60):
            await put(disk, f"/file/{number}", content_of(f"file {number}", 1_000_000))
        assert [path for path in pages if not disk.find(key_of(path).primary)] == []
        for number in range(600):
            await put(disk, f"/other/{number}", content_of(f"other {number}", 10_000))
        there = sum(bool(disk.find(key_of(path).primary)) for path in pages)
        assert there < 200  # they were beyond their quarter, and it was they who made room
        assert disk.octets > 14 * MIB


async def test_many_files_that_come_at_once_neither_take_it_nor_go_beyond_the_limit(tmp_path: Path) -> None:
    """The index is locked meanwhile, so that they all wait for its writer."""
    with opened(tmp_path, limit=20 * MIB) as disk:
        pages = [f"/page/{number}" for number in range(300)]
        for path in pages:
            await put(disk, path, content_of(path, 10_000))
        async with asyncio.TaskGroup() as group:
            with closing(open_index(index_of(tmp_path), 5.0)) as db, transaction(db):
                for number in range(40):
                    group.create_task(put(disk, f"/file/{number}", content_of(f"file {number}", 1_000_000)))
                await asyncio.sleep(0)  # they are all put
        assert disk.octets <= 20 * MIB
        assert [path for path in pages if not disk.find(key_of(path).primary)] == []


async def test_an_edge_of_another_version_has_its_own(tmp_path: Path) -> None:
    """Its copies are left to it, as long as it uses them."""
    theirs = tmp_path / "g1-0123456789abcdef"
    with opened(tmp_path) as disk:
        theirs.mkdir()
        (theirs / "index.sqlite").write_bytes(b"another version's")
        (tmp_path / "current-1").write_text(f"{theirs.name}\n")
        await put(disk, "/page", b"page")
        Directory(tmp_path).sweep()
        assert (theirs / "index.sqlite").read_bytes() == b"another version's"
        assert await look_up(disk, "/page") == b"page"
        two_days_ago = time.time() - 2 * 86_400
        os.utime(theirs / "index.sqlite", (two_days_ago, two_days_ago))
        Directory(tmp_path).sweep()
        assert not theirs.exists()
        assert await look_up(disk, "/page") == b"page"


async def test_a_page_that_grows_into_a_file_is_counted_as_one(tmp_path: Path) -> None:
    with opened(tmp_path, limit=16 * MIB) as disk:
        for size in (10_000, 1_000_000, 10_000):
            for number in range(14):
                await put(disk, f"/{number}", content_of(f"{number} {size}", size))
                assert await look_up(disk, f"/{number}") == content_of(f"{number} {size}", size)
            assert disk.count == 14
            assert disk.octets < 14 * (size + 8_192)


FULL = """
import asyncio, resource, sys
from pathlib import Path
from disk_copies import content_of, look_up, put
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PurgeLog
async def main():
    log = PurgeLog.adopt(int(sys.argv[2]))
    disk = Disk.open(Path(sys.argv[1]), 1 << 30, 1 << 30, log)
    assert await put(disk, "/before", content_of("before", 500_000))
    assert await put(disk, "/small", content_of("small", 5_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for number in range(60):  # until neither a file nor the index can grow
        kept = await put(disk, f"/{number}", content_of("late", 400_000 if number % 2 else 15_000))
    assert not kept
    assert disk.errors > 0
    assert await look_up(disk, "/before") == content_of("before", 500_000)
    assert await look_up(disk, "/small") == content_of("small", 5_000)
    disk.close()
    print("ready", flush=True)
asyncio.run(main())
"""


async def test_where_no_file_can_grow_what_is_there_is_given(tmp_path: Path, log: PurgeLog) -> None:
    with process("-c", FULL, tmp_path, log.fd, log=log) as child:
        assert child.wait() == 0
    with opened(tmp_path, log=log) as disk:
        assert await look_up(disk, "/before") == content_of("before", 500_000)
        assert await put(disk, "/after", content_of("after", 500_000))
        assert disk.errors == 0
    assert leftovers(tmp_path) == []


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from disk_copies import content_of, look_up, put
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PurgeLog
async def main():
    log = PurgeLog.adopt(int(sys.argv[2]))
    here = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)  # what is above may be closed to others
    if os.getuid() == 0:  # whom no mode keeps from writing
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    disk = Disk.open(Path(f"/proc/self/fd/{here}"), 1 << 30, 1 << 30, log)
    assert await look_up(disk, "/flask") is None
    assert not await put(disk, "/late", content_of("late", 50_000))
    assert not await put(disk, "/late", b"late")
    assert disk.errors > 0
    disk.close()
    print("ready", flush=True)
asyncio.run(main())
"""


async def test_a_directory_that_may_not_be_written_costs_the_disk_alone(tmp_path: Path, log: PurgeLog) -> None:
    place = tmp_path / "cache"
    with opened(place, log=log) as disk:
        await put(disk, "/flask", content_of("flask", 50_000))
    modes = {path: path.stat().st_mode for path in (place, *place.rglob("*"))}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with process("-c", READ_ONLY, place, log.fd, log=log) as child:
            assert child.wait() == 0
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    with opened(place, log=log) as disk:
        assert await look_up(disk, "/flask") == content_of("flask", 50_000)
