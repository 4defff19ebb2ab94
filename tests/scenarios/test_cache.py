"""Kept answers through the real edge: given from memory, asked for anew, waited for together, and done without."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from harness import request
from site_under_test import FRESH, ok, site

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.directory import Directory


async def test_an_answer_is_asked_for_once_and_then_given_with_its_age() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH, 'ETag: "v1"'))
        first = await its.get()
        its.time.now += 7
        second = await its.get()
        assert (first.body, second.body) == (b"hello", b"hello")
        assert (first.field("Age"), second.field("Age")) == (None, "7")
        assert first.field("Cache-Status") == "edgeproxy; fwd=miss; stored"
        assert second.field("Cache-Status") == "edgeproxy; hit; ttl=53"
        assert second.field("ETag") == '"v1"'
        assert len(its.origin.seen) == 1
        assert its.counted == {"miss": 1, "hit": 1}


async def test_the_same_request_on_one_connection_is_known_by_its_octets() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with its.edge.client() as client:
            for _ in range(5):
                assert (await client.ask(request("/"))).body == b"hello"
            head = await client.ask(request("/", method="HEAD"))
        assert (head.status, head.field("Content-Length"), head.body) == (200, "5", b"")
        assert its.counted == {"miss": 1, "hit": 5}
        assert its.edge.edge.counters.requests == 6
        assert its.edge.edge.counters.statuses[200] == 6


@pytest.mark.parametrize("octets", [100, 4_097, 20_000, 70_000])
async def test_content_of_any_size_is_whole_each_time(octets: int) -> None:
    content = bytes(range(256)) * (octets // 256 + 1)
    async with site() as its:
        its.origin.will_say(ok(content[:octets], FRESH))
        async with its.edge.client() as client:
            for _ in range(4):
                assert (await client.ask(request("/"))).body == content[:octets]
            await client.send(request("/") * 3)
            assert [(await client.answer()).body == content[:octets] for _ in range(3)] == [True] * 3
        assert its.counted == {"miss": 1, "hit": 6}


async def test_a_stale_copy_is_asked_for_anew_and_a_304_renews_it() -> None:
    async with site() as its:
        its.origin.will_say(
            ok(b"hello", FRESH, 'ETag: "v1"'),
            b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nX-New: 1\r\nCache-Control: max-age=30\r\n\r\n',
        )
        await its.get()
        its.time.now += 61
        renewed = await its.get()
        assert b'If-None-Match: "v1"\r\n' in its.origin.seen[1]
        assert (renewed.status, renewed.body, renewed.field("X-New")) == (200, b"hello", "1")
        assert (await its.get()).field("Cache-Status") == "edgeproxy; hit; ttl=30"
        assert its.counted == {"miss": 1, "revalidated": 1, "hit": 1}


async def test_conditions_and_ranges_are_answered_from_the_copy() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"0123456789", FRESH, 'ETag: "v1"'))
        miss = await its.get("/", "Range: bytes=2-4", 'If-None-Match: "v0"')
        assert (miss.status, miss.body, miss.field("Content-Range")) == (206, b"234", "bytes 2-4/10")
        assert b"Range" not in its.origin.seen[0]
        assert b"If-None-Match" not in its.origin.seen[0]
        hit = await its.get("/", 'If-None-Match: "v1"')
        assert (hit.status, hit.body, hit.field("ETag")) == (304, b"", '"v1"')
        suffix = await its.get("/", "Range: bytes=-3")
        assert (suffix.status, suffix.body) == (206, b"789")
        assert len(its.origin.seen) == 1


async def test_many_who_ask_at_once_wait_for_one_fetch() -> None:
    async with site() as its:
        asking = [asyncio.ensure_future(its.get()) for _ in range(20)]
        await its.origin.asked.get()
        while its.edge.edge.running() < 20:
            await asyncio.sleep(0)
        its.origin.will_say(ok(b"hello", FRESH))
        assert {(await each).body for each in asking} == {b"hello"}
        assert len(its.origin.seen) == 1
        assert its.counted == {"miss": 1, "collapsed": 19}


async def test_an_answer_for_one_client_is_given_to_no_other_and_holds_nobody_up() -> None:
    async with site() as its:
        asking = [asyncio.ensure_future(its.get()) for _ in range(3)]
        await its.origin.asked.get()
        while its.edge.edge.running() < 3:
            await asyncio.sleep(0)
        its.origin.will_say(
            ok(b"first", "Cache-Control: private"),
            ok(b"other", "Cache-Control: private"),
            ok(b"other", "Cache-Control: private"),
        )
        bodies = sorted([(await each).body for each in asking])
        assert bodies == [b"first", b"other", b"other"]
        assert its.counted == {"uncacheable": 3}
        assert its.edge.edge.counters.not_stored == {"private": 1}


async def test_content_that_comes_in_pieces_goes_to_all_who_wait_as_it_comes() -> None:
    async with site() as its:
        one, other = asyncio.ensure_future(its.get()), asyncio.ensure_future(its.get())
        await its.origin.asked.get()
        its.origin.will_say(
            f"HTTP/1.1 200 OK\r\n{FRESH}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n".encode()
        )
        assert [(await each).body for each in (one, other)] == [b"hello world"] * 2
        third = await its.get()
        assert (third.body, third.field("Content-Length")) == (b"hello world", "11")


async def test_a_copy_is_given_though_stale_while_somebody_asks_for_another() -> None:
    async with site("{fresh: 10s, stale_while_revalidate: 60s}") as its:
        its.origin.will_say(ok(b"old"), ok(b"new"))
        await its.get()
        its.time.now += 20
        stale = await its.get()
        assert (stale.body, stale.field("Age")) == (b"old", "20")
        await its.origin.asked.get()
        await its.origin.asked.get()
        while its.edge.edge.keeper is None or its.edge.edge.keeper.fills:
            await asyncio.sleep(0)
        assert (await its.get()).body == b"new"
        assert its.counted == {"miss": 1, "stale": 1, "hit": 1}


async def test_a_purged_copy_says_since_when_it_is_stale() -> None:
    async with site("{stale_while_revalidate: 1m}") as its:
        its.origin.will_say(ok(b"old", FRESH), ok(b"new", FRESH))
        await its.get()
        its.keeper.purges.append(Purge(What.ALL, Mode.SOFT, at=its.time.now))
        its.time.now += 5
        answer = await its.get()
        assert (answer.body, answer.field("Cache-Status")) == (b"old", "edgeproxy; hit; ttl=-5")
        await its.until_no_fill()
        assert (await its.get()).body == b"new"


@pytest.mark.parametrize(
    "failure", [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 nonsense\r\n\r\n"]
)
async def test_a_stale_copy_stands_in_for_a_backend_that_fails(failure: bytes) -> None:
    async with site("{fresh: 10s, stale_if_error: 1h}") as its:
        its.origin.will_say(ok(b"old"), failure)
        await its.get()
        its.time.now += 20
        stale = await its.get()
        assert (stale.status, stale.body) == (200, b"old")
        assert "stale_if_error" in (stale.field("Cache-Status") or "")
        again = await its.get()  # within a second the backend is not asked again
        assert again.body == b"old"
        assert len(its.origin.seen) == 2


async def test_an_unsafe_request_takes_away_what_it_may_have_made_wrong() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"old", FRESH), ok(b"done"), ok(b"new", FRESH))
        assert (await its.get("/page")).body == b"old"
        assert (await its.get("/page", "Content-Length: 0", method="POST")).body == b"done"
        assert (await its.get("/page")).body == b"new"


async def test_variants_are_told_apart_by_what_the_answer_says_it_varies_by() -> None:
    async with site() as its:
        its.origin.will_say(
            ok(b"english", FRESH, "Vary: Accept-Language"), ok(b"deutsch", FRESH, "Vary: Accept-Language")
        )
        assert (await its.get("/", "Accept-Language: en")).body == b"english"
        assert (await its.get("/", "Accept-Language: de")).body == b"deutsch"
        assert (await its.get("/", "Accept-Language: en")).body == b"english"
        assert len(its.origin.seen) == 2


async def test_bytes_with_another_digest_than_their_path_says_are_not_kept_and_not_given() -> None:
    right, wrong = b"x" * 5000, b"y" * 5000
    path = f"/{hashlib.sha256(right).hexdigest()}"
    cache = '{immutable: true, fresh: 1h, verify: {sha256: "{digest}"}}'
    async with site(cache, path="/{digest:[0-9a-f]{64}}") as its:
        its.origin.will_say(ok(wrong), ok(right))
        broken = await its.get(path)
        assert (broken.status, wrong in broken.body) == (502, False)
        assert (await its.get(path)).body == right
        assert (await its.get(path)).body == right
        assert len(its.origin.seen) == 2
        assert its.edge.edge.counters.not_stored == {"digest": 1}


@contextmanager
def taken_by_somebody_else(lock: Path) -> Iterator[None]:
    """All claims to fetch, as by a process that dies at the end."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 1 << 62, 0, 0))
        yield
    finally:
        os.close(fd)


@contextmanager
def busy(directory: Directory) -> Iterator[None]:
    """Nothing comes into the index meanwhile."""
    generation = directory.current()
    assert generation is not None
    with closing(sqlite3.connect(generation.index, isolation_level=None)) as index:
        index.execute("BEGIN IMMEDIATE")
        yield
        index.execute("ROLLBACK")


async def test_after_who_fetched_has_died_one_fetch_is_for_all_until_the_disk_has_it(tmp_path: Path) -> None:
    """Nobody keeps a key for himself that somebody has claimed in vain, and so nobody waits for whoever keeps it."""
    content = bytes(2_000_000)
    async with site(settings=f"cache: {{directory: {tmp_path / 'kept'}}}") as its:
        directory = Directory(tmp_path / "kept")
        its.origin.will_say(ok(content, FRESH))
        with taken_by_somebody_else(directory.lock):
            first = asyncio.ensure_future(its.get("/file"))
            while not its.keeper.fills:
                await asyncio.sleep(0.01)
            assert its.origin.seen == []
        with busy(directory):
            assert (await first).body == content
            async with asyncio.timeout(4):  # so long does the disk wait for others
                assert [(await its.get("/file")).body == content for _ in range(3)] == [True] * 3
        await its.until_no_fill()
        assert (await its.get("/file")).body == content
        assert len(its.origin.seen) == 1
        assert its.counted == {"miss": 1, "collapsed": 3, "hit": 1}
