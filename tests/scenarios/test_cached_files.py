"""Files of a directory under a rule that keeps answers: from memory, from the file, and never with a wrong digest."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest
import trustme
from files_under_test import CONTENT, LARGE, LONG_AGO, MIDDLE, SMALL, by_digest, content_of, files
from harness import request

from edgeproxy.caching.purge_names import purges_of_tags, purges_of_target, read_url
from edgeproxy.caching.purging import Mode
from edgeproxy.http.dates import http_date


async def test_a_small_file_is_read_once_and_then_given_from_memory(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        path = its.write(b"hello")
        first = await its.get()
        its.time.now += 7
        path.unlink()  # nobody looks, as long as the copy is fresh
        second = await its.get()
        assert (first.status, first.body, second.status, second.body) == (200, b"hello", 200, b"hello")
        assert first.field("Cache-Status") == "edgeproxy; fwd=miss; stored"
        assert second.field("Cache-Status") == "edgeproxy; hit; ttl=53"
        assert (first.field("Age"), second.field("Age")) == (None, "7")
        assert second.field("Cache-Control") == "public, max-age=60"
        assert second.field("Content-Type") == "text/plain; charset=utf-8"
        assert second.field("Last-Modified") == http_date(LONG_AGO)
        assert (second.field("Server"), second.field("Via")) == ("edgeproxy", None)
        assert second.field("ETag") == first.field("ETag")
        assert its.counted == {"miss": 1, "hit": 1}


async def test_the_same_request_on_one_connection_is_known_by_its_octets(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        async with its.edge.client() as client:
            for _ in range(5):
                assert (await client.ask(request("/page.txt"))).body == b"hello"
            head = await client.ask(request("/page.txt", method="HEAD"))
        assert (head.status, head.field("Content-Length"), head.body) == (200, "5", b"")
        assert its.counted == {"miss": 1, "hit": 5}
        (planner,) = [each for each in its.edge.edge.planners.values() if each.known]
        assert len(planner.known) == 2
        assert its.edge.edge.counters.rules["kept"] == 6


async def test_a_copy_that_is_no_longer_fresh_is_held_against_its_file(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        await its.get()
        its.time.now += 61
        same = await its.get()
        assert (same.body, same.field("Cache-Status")) == (b"hello", "edgeproxy; fwd=stale")
        assert (await its.get()).field("Cache-Status") == "edgeproxy; hit; ttl=60"
        its.write(b"world", changed=LONG_AGO + 1)
        assert (await its.get()).body == b"hello"  # as its rule says
        its.time.now += 61
        other = await its.get()
        assert (other.body, other.field("Cache-Status")) == (b"world", "edgeproxy; fwd=miss; stored")
        assert its.counted == {"miss": 2, "revalidated": 1, "hit": 2}
        assert its.copies == 1


async def test_without_a_lifetime_each_request_sees_the_file_as_it_is(tmp_path: Path) -> None:
    async with files(tmp_path, "{}") as its:
        its.write(b"hello")
        first = await its.get()
        assert (first.body, first.field("Cache-Control")) == (b"hello", None)
        assert (await its.get()).body == b"hello"
        its.write(b"world", changed=LONG_AGO + 1)
        assert (await its.get()).body == b"world"
        assert its.counted == {"miss": 2, "revalidated": 1}


async def test_a_large_file_goes_out_from_where_it_lies(tmp_path: Path) -> None:
    content = content_of(LARGE)
    async with files(tmp_path, "{fresh: 1d, immutable: true, compress: [gzip]}") as its:
        its.write(content)
        for _ in range(2):
            answer = await its.get("/page.txt", "Accept-Encoding: gzip")
            assert (answer.status, answer.body) == (200, content)
            assert answer.field("Cache-Status") == "edgeproxy; hit; ttl=86400"
            assert answer.field("Cache-Control") == "public, max-age=86400, immutable"
            assert (answer.field("Content-Encoding"), answer.field("Vary")) == (None, "Accept-Encoding")
        assert (its.counted, its.copies) == ({"hit": 2}, 0)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_conditions_and_parts_are_as_of_any_file(tmp_path: Path, size: int) -> None:
    content = content_of(size)
    async with files(tmp_path) as its, its.edge.client() as client:
        its.write(content)
        etag = (await client.ask(request("/page.txt", method="HEAD"))).field("ETag")
        part = await client.ask(request("/page.txt", "Range: bytes=10-19"))
        assert (part.status, part.body) == (206, content[10:20])
        assert part.field("Content-Range") == f"bytes 10-19/{size}"
        two = await client.ask(request("/page.txt", "Range: bytes=0-1,-7"))
        assert two.status == 206
        assert content[-7:] in two.body
        assert (await client.ask(request("/page.txt", f"Range: bytes={size}-"))).status == 416
        same = await client.ask(request("/page.txt", f"If-None-Match: {etag}"))
        assert (same.status, same.body, same.field("Cache-Control")) == (304, b"", "public, max-age=60")
        since = f"If-Modified-Since: {http_date(LONG_AGO)}"
        assert (await client.ask(request("/page.txt", since))).status == 304
        assert (await client.ask(request("/page.txt", 'If-Match: "other"'))).status == 412
        whole = await client.ask(request("/page.txt", f"If-Match: {etag}"))
        assert (whole.status, whole.body) == (200, content)


async def test_a_condition_on_the_version_is_held_against_the_file_and_not_against_a_copy(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        old = (await its.get()).field("ETag")
        its.write(b"world", changed=LONG_AGO + 1)
        assert (await its.get("/page.txt", f"If-Match: {old}")).status == 412
        assert (await its.get()).body == b"world"


async def test_a_text_is_coded_once_for_those_who_take_it(tmp_path: Path) -> None:
    async with files(tmp_path, "{fresh: 1m, compress: [br, gzip]}") as its:
        its.write(b"hello " * 1_000)
        plain = await its.get()
        coded = [await its.get("/page.txt", "Accept-Encoding: gzip, br") for _ in range(2)]
        assert plain.field("Content-Encoding") is None
        assert [each.field("Content-Encoding") for each in coded] == ["br", "br"]
        assert {each.field("Vary") for each in (plain, *coded)} == {"Accept-Encoding"}
        assert coded[0].field("ETag") == (plain.field("ETag") or "").removesuffix('"') + '-br"'
        assert len(coded[0].body) < 1_000
        assert (its.counted, its.copies) == ({"miss": 1, "hit": 2}, 2)


@pytest.mark.parametrize("name", ["a tag", "a URL", "a URL with a query"])
@pytest.mark.parametrize("mode", list(Mode))
async def test_a_purge_makes_the_edge_look_at_the_file(tmp_path: Path, name: str, mode: Mode) -> None:
    async with files(tmp_path, "{fresh: 365d}") as its:
        its.write(b"hello")
        await its.get()
        its.write(b"world", changed=LONG_AGO + 1)
        ruleset = its.edge.edge.ruleset
        url = read_url("http://pypi.test/page.txt" + ("?x=1" if name.endswith("query") else ""))
        by_url = purges_of_target(url, ruleset, mode, its.time.now)
        its.purge(purges_of_tags(["page/page.txt"], mode, its.time.now) if name == "a tag" else by_url)
        assert (await its.get()).body == b"world"
        assert its.counted == {"miss": 2}


async def test_a_soft_purge_of_a_file_that_has_not_changed_costs_one_look(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        await its.get()
        its.purge(purges_of_tags(["page/page.txt"], Mode.SOFT, its.time.now))
        assert [(await its.get()).body for _ in range(2)] == [b"hello", b"hello"]
        assert its.counted == {"miss": 1, "revalidated": 1, "hit": 1}


async def test_the_query_makes_no_other_file(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        assert [(await its.get(f"/page.txt?{n}")).body for n in range(3)] == [b"hello"] * 3
        assert (its.counted, its.copies) == ({"miss": 1, "hit": 2}, 1)


async def test_directories_of_two_rules_are_told_apart(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"one", "pages/both.txt")
        its.write(b"two", "other/both.txt")
        for _ in range(2):
            assert (await its.get("/both.txt")).body == b"one"
            assert (await its.get("/both.txt", "X-Other: 1")).body == b"two"


async def test_a_file_that_is_not_there_is_looked_for_each_time_unless_its_rule_says_otherwise(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        assert [(await its.get()).status for _ in range(2)] == [404, 404]
        assert (its.counted, its.not_stored) == ({"uncacheable": 2}, {"no_lifetime": 2})
        its.write(b"hello")
        assert (await its.get()).body == b"hello"
    async with files(tmp_path, "{fresh: 1m, negative: 5s}") as its:
        (tmp_path / "pages/page.txt").unlink()
        missing = await its.get()
        its.write(b"hello")
        kept = await its.get()
        assert (missing.status, missing.body, kept.status, kept.body) == (404, missing.body, 404, missing.body)
        assert kept.field("Cache-Status") == "edgeproxy; hit; ttl=5"
        its.time.now += 6
        assert (await its.get()).body == b"hello"
        (tmp_path / "pages/page.txt").unlink()
        its.time.now += 61
        assert (await its.get()).status == 404  # and not what was kept
        assert its.counted == {"miss": 3, "hit": 1}


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_file_with_the_digest_of_its_path_is_given(tmp_path: Path, size: int) -> None:
    content = content_of(size)
    target = by_digest(content)
    async with files(tmp_path) as its:
        its.write(content, f"files{target}")
        for _ in range(2):
            answer = await its.get(target, host=CONTENT)
            assert (answer.status, answer.body) == (200, content)
            assert answer.field("Cache-Control") == "public, max-age=31536000, immutable"
            assert answer.field("X-Content-Type-Options") == "nosniff"
        assert its.counted == ({"hit": 2} if size == LARGE else {"miss": 1, "hit": 1})


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_file_with_another_digest_is_given_to_nobody_and_told_once(
    tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    content = content_of(size)
    target = by_digest(content)
    async with files(tmp_path) as its, its.edge.client() as client:
        path = its.write(content[:-1] + b"\0", f"files{target}")
        for method in ("HEAD", "GET", "GET"):
            answer = await client.ask(request(target, "Range: bytes=0-9", method=method, host=CONTENT))
            assert (answer.status, answer.field("Cache-Status")) == (502, "edgeproxy; fwd=miss; detail=digest")
        assert answer.body == b"The file is not what its path asks for.\n"
        told = capsys.readouterr().err
        assert told.count("has not the sha256 of its path") == 1
        assert str(path) in told
        assert (its.counted, its.not_stored, its.copies) == ({"uncacheable": 3}, {"digest": 3}, 0)
        its.write(content, f"files{target}", changed=LONG_AGO + 1)
        assert (await client.ask(request(target, host=CONTENT))).body == content


async def test_a_large_file_that_was_right_is_read_again_when_somebody_wrote_to_it(tmp_path: Path) -> None:
    content = content_of(LARGE)
    target = by_digest(content)
    async with files(tmp_path) as its, its.edge.client() as client:
        path = its.write(content, f"files{target}")
        while not its.keeper.files._checker._known:  # it is remembered when it has not changed for some milliseconds
            assert (await client.ask(request(target, host=CONTENT))).body == content
        with path.open("r+b") as file:
            file.write(b"\0")
        os.utime(path, (LONG_AGO, LONG_AGO))  # whatever it says of itself
        assert (await client.ask(request(target, host=CONTENT))).status == 502


async def test_many_who_ask_for_a_file_at_once_get_what_is_read_once(tmp_path: Path) -> None:
    content = content_of(MIDDLE)
    async with files(tmp_path) as its:
        its.write(content)
        answers = await asyncio.gather(*(its.get() for _ in range(8)))
        assert all(each.body == content for each in answers)
        counted = its.counted
        assert counted.pop("miss") == 1
        assert sum(counted.values()) == 7
        assert counted.keys() <= {"collapsed", "hit"}


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
async def test_a_client_that_leaves_takes_nothing_from_the_next(tmp_path: Path, size: int) -> None:
    content = content_of(size)
    target = by_digest(content)
    async with files(tmp_path) as its:
        its.write(content, f"files{target}")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            async with its.edge.client() as client:
                await client.send(request(target, host=CONTENT))
        assert (await its.get(target, host=CONTENT)).body == content
        while its.edge.edge.counters.open_connections:
            await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) <= before + 1  # the thread's news need one


async def test_a_copy_stands_in_for_a_directory_that_fails(tmp_path: Path) -> None:
    async with files(tmp_path, "{fresh: 1m, stale_if_error: 1h}") as its:
        its.write(b"hello")
        await its.get()
        (tmp_path / "pages").rename(tmp_path / "away")
        its.time.now += 61
        answer = await its.get()
        assert (answer.body, answer.field("Cache-Status")) == (
            b"hello", "edgeproxy; fwd=stale; ttl=-1; detail=stale_if_error"
        )  # fmt: skip
        its.time.now += 3_600
        assert (await its.get()).status == 500
        assert its.counted == {"miss": 1, "stale_if_error": 1, "uncacheable": 1}


async def test_what_is_being_written_is_given_and_not_kept(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        path = its.write(b"hello")
        status = "edgeproxy; fwd=miss; detail=changing"
        for _ in range(100):  # unless the machine takes longer than a tick from the write to the look
            path.write_bytes(b"world")
            answer = await its.get()
            assert answer.body == b"world"
            if answer.field("Cache-Status") == status:
                break
            its.time.now += 61
        assert answer.field("Cache-Status") == status
        assert its.not_stored == {"changing": 1}


async def test_a_request_may_say_that_its_answer_is_not_kept(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        answer = await its.get("/page.txt", "Cache-Control: no-store")
        assert (answer.body, answer.field("Cache-Status")) == (b"hello", "edgeproxy; fwd=miss; detail=no_store")
        assert (its.copies, its.not_stored) == (0, {"no_store": 1})


async def test_who_a_client_is_makes_no_other_file(tmp_path: Path) -> None:
    async with files(tmp_path, "{}") as its:
        its.write(b"hello")
        await its.get("/page.txt", "Cookie: a=b", "Authorization: Basic YTpi")
        assert (await its.get()).body == b"hello"
        assert its.counted == {"miss": 1, "revalidated": 1}


async def test_a_file_takes_no_other_method(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        answer = await its.get(method="DELETE")
        assert (answer.status, answer.field("Allow")) == (405, "GET, HEAD")
        assert its.counted == {"bypass": 1}


async def test_a_request_with_content_is_answered_and_its_content_dropped(tmp_path: Path) -> None:
    async with files(tmp_path) as its:
        its.write(b"hello")
        asked = request("/page.txt", "Content-Length: 3") + b"abc"
        assert [(await its.edge.ask(asked)).body for _ in range(2)] == [b"hello", b"hello"]
        assert its.counted == {"miss": 1, "hit": 1}


async def test_nothing_of_a_directory_goes_to_the_disk_tier(tmp_path: Path) -> None:
    async with files(tmp_path, settings="{directory: ./cache, disk: 64MiB}") as its:
        its.write(b"hello")
        assert [(await its.get()).body for _ in range(2)] == [b"hello", b"hello"]
        assert its.keeper.disk is not None
        assert its.keeper.disk.count == 0


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_files_go_through_tls_too(tmp_path: Path, size: int) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("pypi.test")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "pypi.pem")
    issued.private_key_pem.write_to_path(tmp_path / "pypi.key")
    content = content_of(size)
    async with files(tmp_path, tls=", tls: [{cert: pypi.pem, key: pypi.key}]") as its:
        its.write(content)
        context = ssl.create_default_context()
        authority.configure_trust(context)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", its.edge.port, ssl=context, server_hostname="pypi.test"
        )
        for _ in range(2):
            writer.write(request("/page.txt"))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Cache-Status: edgeproxy; " in head
            assert await reader.readexactly(size) == content
        writer.close()
        await writer.wait_closed()
