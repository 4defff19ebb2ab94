"""Fetches that many wait for: what comes in pieces, breaks off, grows too large, is purged on its way, or is for one."""

from __future__ import annotations

import asyncio
import gzip
import os
from pathlib import Path

import brotli
import pytest
from harness import Answer, request
from site_under_test import FRESH, Site, ok, site

from edgeproxy.caching.keys import path_digest
from edgeproxy.caching.purging import Mode, Purge, What

CHUNKED = f"HTTP/1.1 200 OK\r\n{FRESH}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
SMALL = "cache: {memory: 1MiB}"  # no copy in memory is larger than an eighth of it
MANY = os.urandom(1 << 20) * 3


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def long_head(octets: int, *lines: str) -> bytes:
    return "".join(
        [f"HTTP/1.1 200 OK\r\n{FRESH}\r\nContent-Length: {octets}\r\n", *(f"{x}\r\n" for x in lines), "\r\n"]
    ).encode()


async def test_who_waits_has_the_octets_that_have_come_before_the_rest_comes() -> None:
    async with site() as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as one, its.edge.client() as other:
            await one.send(request("/"))
            await its.origin.asked.get()
            await other.send(request("/"))
            pieces.put_nowait(long_head(10) + b"01234")
            for client in (one, other):
                assert (await client.head()).status == 200
                assert await client.reader.readexactly(5) == b"01234"
            pieces.put_nowait(b"56789")
            pieces.put_nowait(None)
            for client in (one, other):
                assert await client.reader.readexactly(5) == b"56789"
        assert its.counted == {"miss": 1, "collapsed": 1}


async def test_a_fetch_goes_on_when_its_client_has_left() -> None:
    async with site() as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as client:
            await client.send(request("/"))
            await its.origin.asked.get()
            pieces.put_nowait(long_head(4) + b"ab")
            await client.head()
        await its.until_running(0)
        pieces.put_nowait(b"cd")
        pieces.put_nowait(None)
        await its.until_no_fill()
        assert (await its.get()).body == b"abcd"
        assert len(its.origin.seen) == 1


@pytest.mark.parametrize("head", [long_head(10), CHUNKED])
async def test_an_answer_that_breaks_off_breaks_off_at_all_and_is_not_kept(head: bytes) -> None:
    async with site() as its:
        pieces = its.origin.will_say_in_pieces()
        asking = [asyncio.ensure_future(its.get()) for _ in range(3)]
        await its.origin.asked.get()
        await its.until_running(3)
        pieces.put_nowait(head + (chunk(b"01234") if head is CHUNKED else b"01234"))
        pieces.put_nowait(b"")
        assert [(await each).is_whole for each in asking] == [False] * 3
        its.origin.will_say(ok(b"whole", FRESH))
        assert (await its.get()).body == b"whole"
        assert its.edge.edge.counters.not_stored == {"truncated": 1}


async def test_a_connection_that_ends_before_an_answer_is_tried_again_once() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"one", FRESH))
        await its.get("/one")
        pieces = its.origin.will_say_in_pieces()
        asking = asyncio.ensure_future(its.get("/two"))
        await its.origin.asked.get()
        pieces.put_nowait(b"")
        its.origin.will_say(ok(b"two", FRESH))
        assert (await asking).body == b"two"


async def test_what_grows_too_large_is_given_to_all_and_kept_for_nobody() -> None:
    async with site(settings=SMALL) as its:
        pieces = its.origin.will_say_in_pieces()
        asking = [asyncio.ensure_future(its.get()) for _ in range(2)]
        await its.origin.asked.get()
        await its.until_running(2)
        pieces.put_nowait(CHUNKED)
        for at in range(0, len(MANY), 65_536):
            pieces.put_nowait(chunk(MANY[at : at + 65_536]))
        pieces.put_nowait(b"0\r\n\r\n")
        pieces.put_nowait(None)
        assert [(await each).body == MANY for each in asking] == [True, True]
        assert its.edge.edge.counters.not_stored == {"too_large": 1}


async def test_a_slow_reader_of_what_is_not_kept_holds_the_backend_and_no_memory() -> None:
    async with site(settings=SMALL, limits={"stall": 30.0}) as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as slow:
            await slow.send(request("/"))
            await its.origin.asked.get()
            pieces.put_nowait(CHUNKED + chunk(MANY) + chunk(MANY) + chunk(MANY) + b"0\r\n\r\n")
            pieces.put_nowait(None)
            assert (await slow.head()).status == 200
            body = await slow.reader.readuntil(b"\r\n0\r\n\r\n")
            assert len(body) > 3 * len(MANY)


async def test_a_length_that_is_too_large_is_passed_on_at_once() -> None:
    async with site(settings=SMALL) as its:
        its.origin.will_say(ok(MANY, FRESH), ok(MANY, FRESH))
        assert (await its.get()).body == MANY
        assert (await its.get()).body == MANY
        assert its.counted == {"uncacheable": 2}


async def test_a_range_of_what_is_on_its_way_is_given_as_soon_as_it_is_there() -> None:
    async with site() as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as client:
            await client.send(request("/", "Range: bytes=1-2,7-8"))
            await its.origin.asked.get()
            pieces.put_nowait(long_head(10) + b"01234")
            head = await client.head()
            assert (head.status, "multipart/byteranges" in (head.field("Content-Type") or "")) == (206, True)
            assert b"12" in await client.reader.readuntil(b"12")
            pieces.put_nowait(b"56789")
            pieces.put_nowait(None)
            assert b"78" in await client.reader.readuntil(b"78")


async def test_an_old_client_gets_content_of_unknown_length_until_the_connection_ends() -> None:
    async with site() as its:
        its.origin.will_say(CHUNKED + chunk(b"hello") + b"0\r\n\r\n")
        answer = await its.edge.ask(b"GET / HTTP/1.0\r\nHost: pypi.test\r\nConnection: keep-alive\r\n\r\n")
        assert (answer.body, answer.field("Transfer-Encoding"), answer.field("Connection")) == (b"hello", None, "close")
        again = await its.edge.ask(b"GET / HTTP/1.0\r\nHost: pypi.test\r\nConnection: keep-alive\r\n\r\n")
        assert (again.body, again.field("Content-Length"), again.field("Connection")) == (b"hello", "5", "keep-alive")


async def test_a_head_that_waits_for_a_page_of_unknown_length_gets_no_content() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"old", FRESH))
        await its.get()
        await its.origin.asked.get()
        its.time.now += 61  # a HEAD without a copy would ask for itself
        pieces = its.origin.will_say_in_pieces()
        getting = asyncio.ensure_future(its.get())
        await its.origin.asked.get()
        async with its.edge.client() as client:
            await client.send(request("/", method="HEAD"))
            await its.until_running(2)
            pieces.put_nowait(CHUNKED + chunk(b"hello") + b"0\r\n\r\n")
            pieces.put_nowait(None)
            assert (await client.answer(to_head=True)).status == 200
            assert (await client.ask(request("/"))).body == b"hello"
        assert (await getting).body == b"hello"


async def test_a_call_too_long_for_a_key_goes_on_whole_to_the_backend() -> None:
    body = b"<call>" * 20_000
    async with site("{fresh: 30s, key: [body]}", safety="safe") as its:
        its.origin.will_say(ok(b"one"), ok(b"two"))
        assert (await its.post("/pypi", body)).body == b"one"
        assert (await its.post("/pypi", body)).body == b"two"
        assert [head.rpartition(b"\r\n\r\n")[2] == body for head in its.origin.seen] == [True, True]
        assert its.counted == {"bypass": 2}


async def test_who_provokes_an_answer_for_one_keeps_nobody_else_from_a_copy() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"bad", status="400 Bad Request"), ok(b"page", FRESH))
        assert (await its.get("/", "X-Odd: 1")).status == 400
        assert [(await its.get()).body for _ in range(3)] == [b"page"] * 3
        assert its.counted == {"uncacheable": 1, "miss": 1, "hit": 2}


ERROR = ok(b"oops", status="500 Oops")


async def waiting_for(its: Site, number: int) -> list[asyncio.Task[Answer]]:
    """Clients of which one has asked the backend, and the others wait for its answer."""
    asking = [asyncio.ensure_future(its.get()) for _ in range(number)]
    await its.origin.asked.get()
    await its.until_running(number)
    return asking


async def test_after_an_error_of_the_backend_one_still_asks_for_all() -> None:
    async with site() as its:
        its.origin.will_say(ERROR)
        assert (await its.get()).status == 500
        await its.origin.asked.get()
        asking = await waiting_for(its, 5)
        its.origin.will_say(ok(b"page", FRESH))
        assert [(await each).body for each in asking] == [b"page"] * 5
        assert len(its.origin.seen) == 2


async def test_an_error_goes_to_whose_request_it_answers_and_of_the_others_one_asks_for_all() -> None:
    async with site() as its:
        asking = await waiting_for(its, 5)
        its.origin.will_say(ERROR, ok(b"page", FRESH))
        assert sorted([(await each).body for each in asking]) == [b"oops"] + [b"page"] * 4
        assert len(its.origin.seen) == 2


async def test_after_a_second_error_nobody_waits_for_the_next() -> None:
    async with site() as its:
        asking = await waiting_for(its, 5)
        its.origin.will_say(ERROR, ERROR)
        for _ in range(4):  # the second, and then three at once
            await its.origin.asked.get()
        its.origin.will_say(*[ERROR] * 3)
        assert [(await each).status for each in asking] == [500] * 5
        assert len(its.origin.seen) == 5


async def test_a_head_that_is_given_a_stale_copy_has_it_renewed_by_a_get() -> None:
    async with site("{fresh: 1h, stale_while_revalidate: 1h}") as its:
        its.origin.will_say(ok(b"old", 'ETag: "v1"'), ok(b"new", 'ETag: "v2"'))
        await its.get()
        its.time.now += 3601
        assert (await its.get(method="HEAD", target="/")).field("ETag") == '"v1"'
        await its.until_no_fill()
        assert (await its.get()).body == b"new"
        assert [head.split(b" ")[0] for head in its.origin.seen] == [b"GET", b"GET"]
        assert its.counted == {"miss": 1, "stale": 1, "hit": 1}


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    async with site() as its:
        its.origin.will_say(b"HTTP/1.1 304 Not Modified\r\n\r\n", ok(b"page", FRESH))
        assert (await its.get("/", 'If-None-Match: "v1"')).status == 502
        assert (await its.get()).body == b"page"


async def test_a_head_that_asks_anew_lets_others_fetch_afterwards(tmp_path: Path) -> None:
    async with site(settings=f"cache: {{directory: {tmp_path / 'kept'}, disk: 1GiB}}") as its:
        its.origin.will_say(ok(b"old", FRESH, 'ETag: "v1"'))
        await its.get()
        its.time.now += 61
        its.origin.will_say(
            b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=1\r\n\r\n', ok(b"new", FRESH)
        )
        assert (await its.get(method="HEAD")).status == 200
        its.time.now += 61
        async with asyncio.timeout(5):
            assert (await its.get()).body == b"new"


async def test_an_answer_for_one_that_is_malformed_in_its_first_octets_fails_its_client() -> None:
    async with site() as its:
        its.origin.will_say(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        async with asyncio.timeout(5):
            assert not (await its.get()).is_whole
        await its.until_running(0)


@pytest.mark.parametrize("has_disk", [False, True])
async def test_other_variants_do_not_wait_for_one_that_comes_slowly(has_disk: bool, tmp_path: Path) -> None:
    async with site(settings=f"cache: {{directory: {tmp_path / 'kept'}}}" if has_disk else "") as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as slow:
            await slow.send(request("/", "X-A: slow"))
            await its.origin.asked.get()
            pieces.put_nowait(long_head(4, "Vary: X-A"))
            await slow.head()
            its.origin.will_say(ok(b"one", FRESH, "Vary: X-A"), ok(b"other", FRESH, "Vary: X-A"))
            async with asyncio.timeout(5):
                assert (await its.get("/", "X-A: one")).body == b"one"
                assert (await its.get("/", "X-A: other")).body == b"other"
                assert (await its.get("/", "X-A: one")).body == b"one"
            pieces.put_nowait(b"slow")
            pieces.put_nowait(None)
            assert await slow.reader.readexactly(4) == b"slow"
        assert its.counted == {"miss": 3, "hit": 1}


@pytest.mark.parametrize("has_disk", [False, True])
async def test_who_asks_after_a_purge_does_not_wait_for_what_came_before(has_disk: bool, tmp_path: Path) -> None:
    async with site(settings=f"cache: {{directory: {tmp_path / 'kept'}}}" if has_disk else "") as its:
        keeper = its.edge.edge.keeper
        assert keeper is not None
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as before:
            await before.send(request("/"))
            await its.origin.asked.get()
            pieces.put_nowait(long_head(3))
            await before.head()
            keeper.purges.append(Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/"), its.time.now))
            its.origin.will_say(ok(b"new", FRESH))
            async with asyncio.timeout(5):
                assert [(await its.get()).body, (await its.get()).body] == [b"new", b"new"]
            pieces.put_nowait(b"old")
            pieces.put_nowait(None)
            assert await before.reader.readexactly(3) == b"old"
        assert (await its.get()).body == b"new"


@pytest.mark.parametrize("word", ["no-cache", "max-age=0", "max-age=2"])
async def test_content_that_comes_slowly_is_not_joined_once_it_is_not_fresh(word: str) -> None:
    async with site() as its:
        pieces = its.origin.will_say_in_pieces()
        async with its.edge.client() as slow:
            await slow.send(request("/"))
            await its.origin.asked.get()
            pieces.put_nowait(ok(b"", f"Cache-Control: {word}", 'ETag: "a"').replace(b"Length: 0", b"Length: 3"))
            await slow.head()
            its.time.now += 3
            its.origin.will_say(ok(b"new", f"Cache-Control: {word}", 'ETag: "b"'))
            async with asyncio.timeout(5):
                assert (await its.get()).body == b"new"
            pieces.put_nowait(b"old")
            pieces.put_nowait(None)
            assert await slow.reader.readexactly(3) == b"old"


async def test_a_purge_takes_what_is_on_its_way() -> None:
    async with site() as its:
        keeper = its.edge.edge.keeper
        assert keeper is not None
        pieces = its.origin.will_say_in_pieces()
        before = asyncio.ensure_future(its.get())
        await its.origin.asked.get()
        pieces.put_nowait(long_head(3) + b"o")
        keeper.purges.append(Purge(What.PATH, Mode.SOFT, path_digest("pypi.test", "/"), its.time.now))
        its.origin.will_say(ok(b"new", FRESH))
        pieces.put_nowait(b"ld")
        after = asyncio.ensure_future(its.get())  # asked after the purge: it does not join
        pieces.put_nowait(None)
        assert (await before).body == b"old"
        assert (await after).body == b"new"
        assert (await its.get()).body == b"new"
        assert its.edge.edge.counters.not_stored == {"purged": 1}


async def test_a_soft_purge_lets_the_old_answer_stand_in_and_a_hard_one_does_not() -> None:
    async with site("{fresh: 1h, stale_while_revalidate: 0s, stale_if_error: 1d}") as its:
        keeper = its.edge.edge.keeper
        assert keeper is not None
        its.origin.will_say(ok(b"old"), ok(b"", status="500 Oops"), ok(b"", status="500 Oops"))
        await its.get()
        keeper.purges.append(Purge(What.ALL, Mode.SOFT, at=its.time.now))
        assert (await its.get()).body == b"old"
        keeper.purges.append(Purge(What.ALL, Mode.HARD, at=its.time.now))
        assert (await its.get()).status == 500
        assert its.counted == {"miss": 1, "stale_if_error": 1, "uncacheable": 1}


async def test_a_call_is_kept_by_its_body() -> None:
    async with site("{fresh: 30s, key: [body]}", safety="safe") as its:
        its.origin.will_say(ok(b"flask"), ok(b"six"))
        assert (await its.post("/pypi", b"<flask/>")).body == b"flask"
        assert (await its.post("/pypi", b"<six/>")).body == b"six"
        assert (await its.post("/pypi", b"<flask/>", "Expect: 100-continue")).status == 100
        assert (await its.post("/pypi", b"<flask/>")).body == b"flask"
        assert [head.rpartition(b"\r\n\r\n")[2] for head in its.origin.seen] == [b"<flask/>", b"<six/>"]


async def test_variants_by_accept_are_one_copy_each_whatever_the_spelling() -> None:
    json, html = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"
    async with site("{fresh: 1h, accept: [json, html]}") as its:
        its.origin.will_say(ok(b"{}", f"Content-Type: {json}"), ok(b"<p>", f"Content-Type: {html}"))
        pip = f"Accept: {json}, {html}; q=0.1, text/html; q=0.01"
        assert (await its.get("/", pip)).body == b"{}"
        assert (await its.get("/", f"Accept: {json}")).body == b"{}"
        browser = await its.get("/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
        assert (browser.body, browser.field("Content-Type")) == (b"<p>", "text/html")
        mirror = await its.get("/", f"Accept: {html}")
        assert (mirror.body, mirror.field("Content-Type")) == (b"<p>", html)
        assert (await its.get("/")).body == b"<p>"
        assert len(its.origin.seen) == 2


async def test_codings_are_made_once_and_told_apart() -> None:
    page = b"<a href='x'>" * 400
    async with site("{fresh: 1h, compress: [br, gzip]}") as its:
        its.origin.will_say(ok(page, "Content-Type: text/html", 'ETag: "v1"'))
        plain = await its.get()
        assert (plain.body, plain.field("Content-Encoding"), plain.field("Vary")) == (page, None, "Accept-Encoding")
        zipped = await its.get("/", "Accept-Encoding: gzip, deflate")
        assert (gzip.decompress(zipped.body), zipped.field("Content-Encoding"), zipped.field("ETag")) == (
            page,
            "gzip",
            '"v1-gzip"',
        )
        brown = await its.get("/", "Accept-Encoding: gzip, br")
        assert (brotli.decompress(brown.body), brown.field("ETag")) == (page, '"v1-br"')
        held = await its.get("/", "Accept-Encoding: br", 'If-None-Match: "v1-br"')
        assert (held.status, held.field("ETag")) == (304, '"v1-br"')
        part = await its.get("/", "Accept-Encoding: br", "Range: bytes=0-3")
        assert (part.status, part.body, part.field("Content-Encoding")) == (206, page[:4], None)
        assert len(its.origin.seen) == 1
        assert b"Accept-Encoding" not in its.origin.seen[0]


async def test_a_content_host_gives_no_credentials_on_and_no_cookie_back() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"file", FRESH))
        first = await its.get("/f", "Cookie: a=b", "Authorization: Basic eDp5", host="files.pypihosted.test")
        second = await its.get("/f", host="files.pypihosted.test")
        assert (first.body, second.body, second.field("X-Content-Type-Options")) == (b"file", b"file", "nosniff")
        assert b"Cookie" not in its.origin.seen[0]
        assert b"Authorization" not in its.origin.seen[0]
        assert len(its.origin.seen) == 1


async def on_disk(its: Site, content: bytes) -> None:
    its.origin.will_say(ok(content, FRESH, 'ETag: "v1"'))
    assert (await its.get("/file")).body == content
    await its.until_no_fill()


async def test_large_answers_lie_on_the_disk_and_are_found_again_by_the_next_edge(tmp_path: Path) -> None:
    settings = f"cache: {{directory: {tmp_path / 'kept'}, disk: 1GiB}}"
    async with site(settings=settings) as its:
        await on_disk(its, MANY)
        for _ in range(2):
            assert (await its.get("/file")).body == MANY
        part = await its.get("/file", "Range: bytes=-7")
        assert (part.status, part.body) == (206, MANY[-7:])
        assert (await its.get("/file", 'If-None-Match: "v1"')).status == 304
        assert len(its.origin.seen) == 1
    async with site(settings=settings) as its:
        assert (await its.get("/file")).body == MANY
        assert (its.counted, its.origin.seen) == ({"hit": 1}, [])


async def test_an_unsafe_request_takes_away_what_is_on_the_disk_before_its_answer_goes_on(tmp_path: Path) -> None:
    async with site(settings=f"cache: {{directory: {tmp_path / 'kept'}, disk: 1GiB}}") as its:
        await on_disk(its, MANY)
        its.origin.will_say(ok(b"done"), ok(b"new", FRESH))
        async with its.edge.client() as client:
            await client.send(request("/file", "Content-Length: 0", method="POST") + request("/file"))
            assert (await client.answer()).body == b"done"
            assert (await client.answer()).body == b"new"


async def test_what_is_on_its_way_holds_no_more_memory_than_its_share_of_the_limit() -> None:
    content = os.urandom(100_000)
    async with site(settings=SMALL) as its:  # a quarter of it is for what is on its way
        ways = [its.origin.will_say_in_pieces() for _ in range(4)]
        asking = []
        for number in range(4):
            asking.append(asyncio.ensure_future(its.get(f"/{number}")))
            await its.origin.asked.get()
        for pieces in ways:
            pieces.put_nowait(long_head(len(content)) + content[:90_000])
        while len(its.edge.edge.counters.statuses) == 0 or its.edge.edge.counters.statuses[200] < 4:
            await asyncio.sleep(0)
        for pieces in ways:
            pieces.put_nowait(content[90_000:])
            pieces.put_nowait(None)
        assert [(await each).body == content for each in asking] == [True] * 4
        assert its.edge.edge.counters.not_stored["no_room"] >= 1
        assert its.edge.edge.counters.copies["memory"]()["copies"] >= 2
