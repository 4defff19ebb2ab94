"""The disk tier in one process: what is put is found, until it is purged, replaced, removed or evicted."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from disk_copies import MIB, NOW, content_of, files_of, index_of, key_of, look_up, opened, put, read, settled, stored_of

from edgeproxy.caching.keys import tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.arriving import DONE, FAILED
from edgeproxy.proxy.cache.checking import KeptFile
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PLACES, PurgeLog, carry_out

SIZES = (0, 1, 16_384, 16_385, 262_144, 262_145, 3 * MIB)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_put_is_found_and_after_a_restart_too(tmp_path: Path, size: int) -> None:
    content = content_of("flask", size)
    stored = stored_of(content, "project/flask")
    with opened(tmp_path) as disk:
        assert disk.find(key_of("/flask").primary) == ()
        assert await put(disk, "/flask", content, stored)
        assert await look_up(disk, "/flask") == content
    with opened(tmp_path) as disk:
        (copy,) = disk.find(key_of("/flask").primary)
        assert copy.key == key_of("/flask")
        assert copy.stored == stored
        assert await read(disk, copy) == content
        assert (disk.count, disk.errors, disk.refused) == (1, 0, 0)
        assert disk.octets >= size
    assert files_of(tmp_path, "spool") == []
    assert len(files_of(tmp_path, "objects")) == (size > 16_384)


@pytest.mark.parametrize("size", SIZES)
async def test_a_spooled_content_is_read_while_it_comes_and_kept_when_it_is_whole(tmp_path: Path, size: int) -> None:
    content = content_of("wheel", size)
    with opened(tmp_path) as disk:
        spool = disk.spool()
        for start in range(0, size, 100_000):
            spool.write(content[start : start + 100_000])
            assert spool.read(start, MIB) == content[start : start + 100_000]
        assert spool.read(spool.size, 1) == b""
        stored = replace(stored_of(content), digest=spool.digest())
        assert await put(disk, "/wheel", spool, stored)
        assert spool.read(0, size) == content  # who has it open reads on
        spool.discard()
        spool.discard()
        assert await look_up(disk, "/wheel") == content
    assert files_of(tmp_path, "spool") == []


async def test_a_discarded_spool_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        spool = disk.spool()
        spool.write(b"half of it")
        assert len(files_of(tmp_path, "spool")) == 1
        spool.discard()
        assert files_of(tmp_path, "spool") == []


async def test_what_was_checked_is_given_at_once_from_then_on(tmp_path: Path) -> None:
    content = content_of("large", MIB)
    with opened(tmp_path) as disk:
        await put(disk, "/large", content)
        for file in files_of(tmp_path, "objects"):  # long enough ago to be remembered
            while not disk._checker._known:
                assert await look_up(disk, "/large") == content
            assert os.fspath(file)
        (copy,) = disk.find(key_of("/large").primary)
        given: list[object] = []
        disk.read(copy, given.append)
        (file_given,) = given
        assert isinstance(file_given, KeptFile)
        assert os.pread(file_given.fd, MIB, 0) == content
        file_given.close()


async def test_variants_live_side_by_side_and_each_is_replaced_by_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        for accept, content in (("json", b"{}"), ("html", content_of("html", 20_000)), ("json", b"{1}")):
            assert await put(disk, "/simple/", content, stored_of(content, accept=accept))
        copies = {copy.stored.selecting[0][1]: copy for copy in disk.find(key_of("/simple/").primary)}
        assert {accept: await read(disk, copy) for accept, copy in copies.items()} == {
            "json": b"{1}",
            "html": content_of("html", 20_000),
        }
        assert disk.count == 2


async def test_of_too_many_variants_the_oldest_goes(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        for number in range(40):
            await put(disk, "/simple/", b"x", stored_of(b"x", accept=f"type/{number}"))
        names = {copy.stored.selecting[0][1] for copy in disk.find(key_of("/simple/").primary)}
        assert names == {f"type/{number}" for number in range(8, 40)}


async def test_a_replaced_file_is_unlinked_and_who_reads_it_reads_on(tmp_path: Path) -> None:
    old, new = content_of("old", 50_000), content_of("new", 60_000)
    with opened(tmp_path) as disk:
        await put(disk, "/file", old)
        got: list[object] = []
        disk.read(disk.find(key_of("/file").primary)[0], got.append)
        await put(disk, "/file", new)
        await settled(disk)
        assert [path.stat().st_size for path in files_of(tmp_path, "objects")] == [60_000]
        (file,) = got
        assert isinstance(file, KeptFile)
        assert os.pread(file.fd, MIB, 0) == old
        file.close()
        assert await look_up(disk, "/file") == new


async def test_a_validated_copy_has_its_new_head_and_its_old_content(tmp_path: Path) -> None:
    content = content_of("flask", 20_000)
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        await put(disk, "/flask", content, stored_of(content, "old", purged=NOW))
        (copy,) = disk.find(key_of("/flask").primary)
        fresh = replace(stored_of(content, "new"), terms=replace(copy.stored.terms, born=NOW + 1000))
        disk.update(copy, fresh, since=0)
        await settled(disk)
        (copy,) = disk.find(key_of("/flask").primary)
        assert copy.stored == fresh
        assert await read(disk, copy) == content
        assert carry_out([Purge(What.TAG, Mode.HARD, tag_digest("old"))], log, disk) == 0
        assert carry_out([Purge(What.TAG, Mode.HARD, tag_digest("new"))], log, disk) == 1
    log.close()


async def test_a_removed_copy_is_gone_with_its_file(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        await put(disk, "/flask", content_of("flask", 20_000))
        disk.remove(disk.find(key_of("/flask").primary)[0])
        await settled(disk)
        assert await look_up(disk, "/flask") is None
        assert files_of(tmp_path, "objects") == []


async def test_what_is_larger_than_the_largest_is_not_kept(tmp_path: Path) -> None:
    log = PurgeLog.create()
    disk = Disk.open(tmp_path, MIB, 1000, log)
    assert not await put(disk, "/large", bytes(1001))
    assert await put(disk, "/fits", bytes(1000))
    disk.close()
    log.close()


async def test_a_content_of_another_size_than_its_head_says_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with opened(tmp_path) as disk, pytest.raises(ValueError, match="of 3 octets is put, and its head says 4"):
        disk.put(key_of("/"), stored_of(b"four"), b"abc", 0)


async def test_after_closing_nothing_is_kept_and_everybody_is_answered(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        pass
    assert not await put(disk, "/late", b"late")


# -- purges ---------------------------------------------------------------------------------------------------------

PURGES = {
    "all": (What.ALL, b"", {"/flask", "/flask?c", "/django"}),
    "path": (What.PATH, key_of("/flask").path, {"/flask", "/flask?c"}),
    "address": (What.ADDRESS, key_of("/flask", "c").address, {"/flask?c"}),
    "tag": (What.TAG, tag_digest("web"), {"/flask", "/django"}),
}


async def fill_three(disk: Disk) -> None:
    loop = asyncio.get_running_loop()
    for path, query, tags in (("/flask", "", ("web", "small")), ("/flask", "c", ()), ("/django", "", ("web",))):
        content = content_of(path, 20_000)
        kept = loop.create_future()
        disk.put(key_of(path, query), stored_of(content, *tags), content, 0, kept.set_result)
        assert await kept


def purged_of_three(disk: Disk) -> dict[str, float | None]:
    """What is left of the three, and since when each is purged."""
    found = {}
    for path, query in (("/flask", ""), ("/flask", "c"), ("/django", "")):
        for copy in disk.find(key_of(path, query).primary):
            found[f"{path}?{query}".rstrip("?")] = copy.stored.purged
    return found


@pytest.mark.parametrize("kind", PURGES)
@pytest.mark.parametrize("mode", Mode)
async def test_a_purge_takes_what_it_names_and_nothing_else(tmp_path: Path, kind: str, mode: Mode) -> None:
    what, digest, taken = PURGES[kind]
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        await fill_three(disk)
        assert carry_out([Purge(what, mode, digest, NOW + 5)], log, disk) == len(taken)
        left = {"/flask", "/flask?c", "/django"} - taken
        if mode is Mode.HARD:
            assert purged_of_three(disk) == dict.fromkeys(left)
            await settled(disk)
            assert len(files_of(tmp_path, "objects")) == len(left)
        else:
            assert purged_of_three(disk) == dict.fromkeys(left) | dict.fromkeys(taken, NOW + 5)
            carry_out([Purge(what, mode, digest, NOW + 99)], log, disk)
            assert purged_of_three(disk) == dict.fromkeys(left) | dict.fromkeys(taken, NOW + 5)  # the first counts
    log.close()


@pytest.mark.parametrize("mode", Mode)
async def test_a_purge_wins_over_a_fetch_that_began_before_it(tmp_path: Path, mode: Mode) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        before = log.seq
        carry_out([Purge(What.PATH, mode, key_of("/flask").path, NOW)], log, disk)
        assert not await put(disk, "/flask", content_of("flask", 20_000), since=before)
        assert await put(disk, "/django", b"django", since=before)
        assert await put(disk, "/flask", content_of("flask", 20_000), since=log.seq)
    assert len(files_of(tmp_path, "objects")) == 1
    assert files_of(tmp_path, "spool") == []
    log.close()


async def test_a_purge_wins_over_a_validation_that_began_before_it(tmp_path: Path) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        await put(disk, "/flask", b"flask")
        (copy,) = disk.find(key_of("/flask").primary)
        carry_out([Purge(What.PATH, Mode.SOFT, key_of("/flask").path, NOW)], log, disk)
        disk.update(copy, copy.stored, since=0)
        await settled(disk)
        assert disk.find(key_of("/flask").primary)[0].stored.purged == NOW
    log.close()


async def test_more_purges_than_are_known_take_everything(tmp_path: Path) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        for _ in range(5000):
            log.append(Purge(What.PATH, Mode.SOFT, bytes(16), NOW))
        assert not await put(disk, "/flask", b"flask", since=0)
        assert await put(disk, "/flask", b"flask", since=log.seq)
    log.close()


# -- directories that were out of use when something was purged ----------------------------------------------------


def purge_of_flask(mode: Mode) -> Purge:
    return Purge(What.PATH, mode, key_of("/flask").path, NOW)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("meanwhile", ["open", "closed"])
async def test_a_directory_misses_no_purge_that_it_was_not_told_of(tmp_path: Path, mode: Mode, meanwhile: str) -> None:
    log = PurgeLog.create()
    left, used = tmp_path / "left", tmp_path / "used"
    taken = {} if mode is Mode.HARD else {"/flask": NOW, "/flask?c": NOW}
    with opened(used, log=log) as other, ExitStack() as stack:
        disk = stack.enter_context(opened(left, log=log))
        await fill_three(disk)
        if meanwhile == "closed":
            stack.close()
        assert carry_out([purge_of_flask(mode)], log, other) == 0
        if meanwhile == "closed":
            disk = stack.enter_context(opened(left, log=log))
        assert purged_of_three(disk) == taken | {"/django": None}  # by the log
        await settled(disk)
        assert purged_of_three(disk) == taken | {"/django": None}  # by itself
        await put(disk, "/flask", b"flask", since=log.seq)
        assert await look_up(disk, "/flask") == b"flask"
    log.close()


async def test_one_that_missed_more_than_is_known_begins_anew(tmp_path: Path) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as disk:
        await fill_three(disk)
    for _ in range(PLACES):
        log.append(Purge(What.PATH, Mode.SOFT, bytes(16), NOW))
    before = index_of(tmp_path)
    with opened(tmp_path, log=log) as disk:
        assert purged_of_three(disk) == {}
        assert await put(disk, "/flask", b"flask", since=log.seq)
        assert await look_up(disk, "/flask") == b"flask"
        assert (disk.count, index_of(tmp_path) == before) == (1, False)
        assert carry_out([purge_of_flask(Mode.HARD)], log, disk) == 1
        after = index_of(tmp_path)
    with opened(tmp_path, log=log) as disk:
        assert index_of(tmp_path) == after
    log.close()


async def test_what_an_edge_before_had_purged_is_not_purged_again_by_the_numbers_of_its_log(tmp_path: Path) -> None:
    before, now = PurgeLog.create(), PurgeLog.create()
    with opened(tmp_path, log=before) as disk:
        for _ in range(3):
            carry_out([purge_of_flask(Mode.HARD)], before, disk)
        await put(disk, "/flask", b"flask", since=before.seq)
    now.append(Purge(What.PATH, Mode.HARD, key_of("/django").path, NOW))
    with opened(tmp_path, log=now) as disk:
        assert await look_up(disk, "/flask") == b"flask"
        assert carry_out([purge_of_flask(Mode.HARD)], now, disk) == 1
        assert await look_up(disk, "/flask") is None
    before.close()
    now.close()


# -- who fetches, and what comes -------------------------------------------------------------------------------------


async def test_one_of_all_has_the_claim(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        key, another = key_of("/flask").primary, key_of("/django").primary
        assert one.claim(key)
        assert not one.claim(key)
        assert not other.claim(key)
        assert other.claim(another)
        one.release(another)  # it is not its to release
        assert not one.claim(another)
        one.release(key)
        one.release(key)
        assert other.claim(key)


async def test_a_claim_ends_with_who_has_it(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        with opened(tmp_path) as other:
            assert other.claim(key_of("/flask").primary)
        assert one.claim(key_of("/flask").primary)


async def test_a_content_streams_from_one_to_the_other_while_it_comes(tmp_path: Path) -> None:
    content = content_of("wheel", MIB)
    key = key_of("/wheel")
    with opened(tmp_path) as one, opened(tmp_path) as other:
        assert one.claim(key.primary)
        assert other.announced(key.primary) is None
        spool = one.spool()
        stored = stored_of(content, "web")
        one.announce(key, replace(stored, size=0, digest=b""), spool, since=0)
        arriving = other.announced(key.primary)
        assert arriving is not None
        assert (arriving.key, arriving.stored) == (key, replace(stored, size=0, digest=b""))
        assert arriving.poll() == 0
        spool.write(content[:1000])
        assert arriving.poll() == 1000
        assert arriving.read(0, MIB) == content[:1000]
        spool.write(content[1000:])
        assert await put(one, "/wheel", spool, stored)
        spool.discard()
        one.release(key.primary)
        assert arriving.poll() is DONE
        assert arriving.size == MIB
        assert arriving.read(1000, MIB) == content[1000:]
        arriving.close()
        arriving.close()
        assert other.announced(key.primary) is None
        assert await look_up(other, "/wheel") == content
    assert files_of(tmp_path, "arriving") == []


async def test_who_streams_what_fails_hears_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        spool = one.spool()
        one.announce(key_of("/wheel"), stored_of(b""), spool, since=0)
        arriving = other.announced(key_of("/wheel").primary)
        assert arriving is not None
        spool.write(b"half of it")
        spool.discard()
        assert arriving.poll() is FAILED
        arriving.close()
    assert files_of(tmp_path, "arriving") == []
    assert files_of(tmp_path, "spool") == []


async def test_what_was_purged_while_it_comes_is_not_for_who_asks_now(tmp_path: Path) -> None:
    log = PurgeLog.create()
    with opened(tmp_path, log=log) as one, opened(tmp_path, log=log) as other:
        spool = one.spool()
        one.announce(key_of("/wheel"), stored_of(b"", "web"), spool, since=log.seq)
        arriving = other.announced(key_of("/wheel").primary)
        assert arriving is not None
        log.append(Purge(What.TAG, Mode.SOFT, tag_digest("web")))
        assert other.announced(key_of("/wheel").primary) is None
        assert arriving.poll() == 0  # who asked before has it
        arriving.close()
        spool.discard()
    log.close()
