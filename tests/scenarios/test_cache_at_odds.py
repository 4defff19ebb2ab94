"""Exchanges of the cache that cross each other: on one connection, in one fetch, with a purge, with a client that leaves."""

from __future__ import annotations

import asyncio
import gzip
import os
import tracemalloc
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from harness import request
from kept_answers import kept
from site_under_test import FRESH, Site, ok, site

from edgeproxy.caching.keys import Key, path_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.stored import Terms
from edgeproxy.http.target import Scheme
from edgeproxy.proxy.cache.arriving import DONE
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.keeper import Keeper
from edgeproxy.proxy.cache.purges import carry_out
from edgeproxy.proxy.plan import Pass, Planned

CHUNKED = f"HTTP/1.1 200 OK\r\n{FRESH}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
NOT_MODIFIED = f"HTTP/1.1 304 Not Modified\r\n{FRESH}\r\n\r\n".encode()
LANGUAGES = "Vary: Accept-Language"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def keeper_of(its: Site) -> Keeper:
    keeper = its.edge.edge.keeper
    assert keeper is not None
    return keeper


def key_of(its: Site, target: str) -> Key:
    planned = its.edge.edge.planners[Scheme.HTTP].plan(f"GET {target} HTTP/1.1".encode(), "pypi.test")
    assert isinstance(planned, Planned)
    assert isinstance(planned.plan, Pass)
    assert planned.plan.cache is not None
    return planned.plan.cache.key({}, None)


def on_disk(tmp_path: Path) -> str:
    return f"cache: {{directory: {tmp_path / 'kept'}, disk: 1GiB}}"


# -- requests that are known by their octets ------------------------------------------------------------------------


async def test_what_one_url_was_answered_by_is_remembered_for_no_other() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"one", FRESH), ok(b"two", FRESH))
        await its.get("/one")
        async with its.edge.client() as client:
            for target in ("/one", "/two", "/two", "/one"):  # the first is a hit whose fields nobody knew
                assert (await client.ask(request(target, "X-New: 1"))).body == target[1:].encode()


async def test_a_known_request_is_given_no_older_copy_than_it_asks_for() -> None:
    async with site("{heed_clients: true}") as its:
        its.origin.will_say(ok(b"old", FRESH), ok(b"new", FRESH))
        async with its.edge.client() as client:
            for _ in range(3):
                assert (await client.ask(request("/", "Cache-Control: max-age=30"))).body == b"old"
            its.time.now += 40
            assert (await client.ask(request("/", "Cache-Control: max-age=30"))).body == b"new"


async def test_a_coded_copy_goes_with_the_one_that_it_is_made_of() -> None:
    old, new = b"<p>old" * 100, b"<p>new" * 100
    async with site("{fresh: 1h, compress: [gzip], heed_clients: true}") as its:
        its.origin.will_say(ok(old, "Content-Type: text/html"), ok(new, "Content-Type: text/html"))
        async with its.edge.client() as client:
            for _ in range(3):
                zipped = await client.ask(request("/", "Accept-Encoding: gzip"))
                assert gzip.decompress(zipped.body) == old
            assert (await its.get("/", "Cache-Control: no-cache")).body == new
            zipped = await client.ask(request("/", "Accept-Encoding: gzip"))
            assert gzip.decompress(zipped.body) == new
        assert keeper_of(its).memory.count == 2


# -- several in one fetch -------------------------------------------------------------------------------------------


async def test_a_copy_that_was_renewed_is_given_to_nobody_whom_it_does_not_fit() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"english", FRESH, LANGUAGES, 'ETag: "v1"'))
        await its.get("/", "Accept-Language: en")
        await its.origin.asked.get()
        its.time.now += 61
        english = asyncio.ensure_future(its.get("/", "Accept-Language: en"))
        await its.origin.asked.get()
        german = asyncio.ensure_future(its.get("/", "Accept-Language: de"))
        await its.until_running(2)
        its.origin.will_say(NOT_MODIFIED, ok(b"deutsch", FRESH, LANGUAGES))
        assert [(await each).body for each in (english, german)] == [b"english", b"deutsch"]


async def test_a_stale_copy_stands_in_though_who_asked_had_none() -> None:
    async with site("{fresh: 10s, stale_if_error: 1h}") as its:
        its.origin.will_say(ok(b"deutsch", LANGUAGES))
        await its.get("/", "Accept-Language: de")
        await its.origin.asked.get()
        its.time.now += 20
        french = asyncio.ensure_future(its.get("/", "Accept-Language: fr"))
        await its.origin.asked.get()
        german = asyncio.ensure_future(its.get("/", "Accept-Language: de"))
        await its.until_running(2)
        its.origin.will_say(ok(b"", status="503 Service Unavailable"), ok(b"", status="503 Service Unavailable"))
        assert ((await french).status, (await german).body) == (503, b"deutsch")
        assert len(its.origin.seen) == 2


async def test_what_is_not_kept_and_nobody_waits_for_is_not_fetched_to_its_end() -> None:
    async with site(settings="cache: {memory: 1MiB}") as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as client:
            await client.send(request("/"))
            await its.origin.asked.get()
            pieces.put_nowait(CHUNKED + chunk(b"x"))
            await client.head()
        await its.until_running(0)
        pieces.put_nowait(chunk(bytes(300_000)))  # it has no end
        async with asyncio.timeout(5):
            while its.edge.edge.counters.pools_now["origin"]().open:
                await asyncio.sleep(0.01)
        pieces.put_nowait(b"")


async def test_an_answer_for_one_client_has_the_type_that_it_reads() -> None:
    html = "application/vnd.pypi.simple.v1+html"
    async with site("{fresh: 1h, accept: [json, html]}") as its:
        its.origin.will_say(ok(b"<p>", f"Content-Type: {html}", "Cache-Control: private"))
        browser = await its.get("/", "Accept: text/html")
        assert (browser.body, browser.field("Content-Type")) == (b"<p>", "text/html")


async def test_a_call_of_another_type_is_another_call() -> None:
    async with site("{fresh: 30s, key: [body]}", safety="safe") as its:
        its.origin.will_say(ok(b"fault"), ok(b"flask"))
        assert (await its.post("/pypi", b"<flask/>", "Content-Type: text/plain")).body == b"fault"
        assert (await its.post("/pypi", b"<flask/>", "Content-Type: text/xml")).body == b"flask"
        assert (await its.post("/pypi", b"<flask/>", "Content-Type: text/xml")).body == b"flask"


async def test_credentials_that_a_content_host_never_sees_choose_no_answer() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"file", FRESH, "Vary: Cookie, Authorization"))
        for cookie in ("a=b", "c=d"):
            answer = await its.get("/f", f"Cookie: {cookie}", host="files.pypihosted.test")
            assert answer.body == b"file"
        assert len(its.origin.seen) == 1


async def test_no_part_of_what_is_not_known_to_be_right_is_given_whole() -> None:
    wrong = os.urandom(1_000)
    async with site('{fresh: 1h, verify: {sha256: "{digest}"}}', path="/{digest}") as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as client:
            await client.send(request("/00", "Range: bytes=0-9"))
            await its.origin.asked.get()
            pieces.put_nowait(f"HTTP/1.1 200 OK\r\nContent-Length: {len(wrong)}\r\n\r\n".encode() + wrong[:500])
            assert (await client.head()).status == 206
            assert await client.reader.readexactly(9) == wrong[:9]
            pieces.put_nowait(wrong[500:])
            pieces.put_nowait(None)
            assert await client.is_closed()


# -- with a disk ----------------------------------------------------------------------------------------------------


async def test_a_renewal_by_one_who_has_a_name_keeps_nobody_from_the_next(tmp_path: Path) -> None:
    async with site(settings=on_disk(tmp_path)) as its:
        its.origin.will_say(ok(b"old", FRESH, 'ETag: "v1"'), NOT_MODIFIED, ok(b"new", FRESH))
        await its.get()
        its.time.now += 61
        assert (await its.get("/", "Authorization: Basic eDp5")).body == b"old"
        async with asyncio.timeout(5):
            assert (await its.get()).body == b"new"


async def test_a_purge_wins_over_the_renewal_of_a_copy_on_the_disk(tmp_path: Path) -> None:
    async with site(settings=on_disk(tmp_path)) as its:
        its.origin.will_say(ok(b"old", FRESH, 'ETag: "v1"'))
        await its.get()
        await its.until_no_fill()
    async with site(settings=on_disk(tmp_path)) as its:
        keeper = keeper_of(its)
        its.time.now += 61
        pieces = its.origin.will_say_in_pieces()
        asking = asyncio.ensure_future(its.get())
        await its.origin.asked.get()
        purge = Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/"), its.time.now)
        await asyncio.to_thread(carry_out, (purge,), keeper.purges, keeper.disk)
        its.origin.will_say(ok(b"other", FRESH), ok(b"new", FRESH))
        assert (await its.get("/other")).body == b"other"  # whoever asks for anything carries the purge out
        pieces.put_nowait(NOT_MODIFIED)
        pieces.put_nowait(None)
        await asking
        assert (await its.get()).body == b"new"


async def test_who_asks_after_a_purge_does_not_wait_for_what_was_asked_before_it(tmp_path: Path) -> None:
    async with site(settings=on_disk(tmp_path)) as its:
        its.origin.will_say_in_pieces()  # never
        before = asyncio.ensure_future(its.get())
        await its.origin.asked.get()
        keeper_of(its).purges.append(Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/"), its.time.now))
        its.origin.will_say(ok(b"new", FRESH))
        async with asyncio.timeout(5):
            assert (await its.get()).body == b"new"
        before.cancel()


async def test_the_last_octet_of_what_is_not_known_to_be_right_goes_to_no_other_worker(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    async with site('{fresh: 1h, verify: {sha256: "{digest}"}}', path="/{digest}", settings=on_disk(tmp_path)) as its:
        key, target = key_of(its, "/00"), request("/00")
        other = Disk.open(tmp_path / "kept", 1 << 30, 1 << 30, keeper_of(its).purges)  # another worker's
        spool = other.spool()
        assert other.claim(key.primary)
        spool.write(content)
        new = replace(kept(FRESH, content=content), terms=Terms(its.time.now, 60.0))
        other.announce(key, new, spool, 0)
        async with its.edge.client() as client:
            await client.send(target)
            assert (await client.head()).field("Content-Length") == "100000"
            assert await client.reader.readexactly(99_999) == content[:-1]
            spool.discard()  # it was wrong
            other.release(key.primary)
            assert await client.is_closed()
        other.close()


async def test_who_streams_what_another_worker_fetches_has_all_of_it_though_it_is_purged(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    async with site(settings=on_disk(tmp_path)) as its:
        purges = keeper_of(its).purges
        other = Disk.open(tmp_path / "kept", 1 << 30, 1 << 30, purges)  # another worker's
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as client:
            await client.send(request("/"))
            await its.origin.asked.get()
            head = f"HTTP/1.1 200 OK\r\n{FRESH}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            pieces.put_nowait(head + content[: 2 << 20])
            await client.head()
            await client.reader.readexactly(2 << 20)
            arriving = other.announced(key_of(its, "/").primary)
            assert arriving is not None
            purges.append(Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/"), its.time.now))
            pieces.put_nowait(content[2 << 20 :])
            pieces.put_nowait(None)
            await client.reader.readexactly(1 << 20)
            assert (arriving.poll(), arriving.read(0, len(content))) == (DONE, content)
        arriving.close()
        other.close()


async def test_who_asks_after_another_workers_fetch_has_failed_does_not_fail_with_it(tmp_path: Path) -> None:
    content = os.urandom(1_000)
    async with site(settings=on_disk(tmp_path)) as its:
        key = key_of(its, "/")
        other = Disk.open(tmp_path / "kept", 1 << 30, 1 << 30, keeper_of(its).purges)  # another worker's
        spool = other.spool()
        assert other.claim(key.primary)
        spool.write(content)
        coming = replace(kept(FRESH, content=content + b"more"), terms=Terms(its.time.now, 60.0))
        other.announce(key, coming, spool, 0)
        async with its.edge.client() as before, its.edge.client() as after:
            await before.send(request("/"))
            await before.head()
            its.origin.will_say(ok(b"new", FRESH))
            spool.discard()
            other.release(key.primary)
            assert (await after.ask(request("/"))).body == b"new"
            assert await before.reader.read() == content
        other.close()


async def test_a_file_of_what_has_come_that_becomes_shorter_leaves_nobody_hanging(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    async with site(settings=on_disk(tmp_path)) as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as one, its.edge.client() as late:
            await one.send(request("/"))
            await its.origin.asked.get()
            head = f"HTTP/1.1 200 OK\r\n{FRESH}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            pieces.put_nowait(head + content[: 2 << 20])
            await one.head()
            assert await one.reader.readexactly(2 << 20) == content[: 2 << 20]
            (spooled,) = (tmp_path / "kept" / "spool").iterdir()
            os.truncate(spooled, 0)
            await late.send(request("/"))
            async with asyncio.timeout(5):
                assert (await late.head()).status == 200
                assert await late.is_closed()
        pieces.put_nowait(b"")


async def test_who_leaves_while_the_disk_is_purged_takes_no_connection_from_others(tmp_path: Path) -> None:
    async with site(settings=on_disk(tmp_path)) as its:
        edge, purges = its.edge.edge, keeper_of(its).purges
        kept = edge.pools["origin"].endpoints[0].kept
        async with its.edge.client() as leaving:
            with purges.lock():  # the purge waits
                its.origin.will_say(CHUNKED + chunk(b"done") + b"0\r\n\r\n")
                await leaving.send(request("/", "Content-Length: 0", method="POST"))
                await its.origin.asked.get()
                while not kept:
                    await asyncio.sleep(0)
                staying = asyncio.ensure_future(its.get("/other"))
                await its.origin.asked.get()
                await leaving.close()
                await its.until_running(1)
        its.origin.will_say(ok(b"other"))
        async with asyncio.timeout(5):
            assert (await staying).body == b"other"


async def test_clients_that_take_a_large_copy_slowly_share_its_octets() -> None:
    content = os.urandom(6 << 20)
    async with site(limits={"stall": 30.0}) as its, AsyncExitStack() as leaving:
        its.origin.will_say(ok(content, FRESH))
        assert (await its.get()).body == content
        clients = [await leaving.enter_async_context(its.edge.client()) for _ in range(8)]
        tracemalloc.start()
        leaving.callback(tracemalloc.stop)
        for number, client in enumerate(clients):
            await client.send(request("/", f"Range: bytes={number}-"))
            assert (await client.head()).status == 206
        edges = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, asyncio.streams.__file__)])
        assert sum(trace.size for trace in edges.traces) < len(content)
        assert await clients[0].reader.readexactly(len(content)) == content
