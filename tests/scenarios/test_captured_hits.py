"""Hits of the cache in memory that are answered for their octets alone, as a capture has them: each like the first one,
and never as what is over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from captures import found_in
from harness import RawClient, request
from site_under_test import FRESH, Site, ok, site

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.capture import rows
from edgeproxy.capture.record import Captured
from edgeproxy.capture.settings import Settings

AGENT = "User-Agent: pip/24.0"
KNOWN = request("/", AGENT)


@asynccontextmanager
async def captured(its: Site, directory: Path, name: str = "20180416T150000Z") -> AsyncIterator[list[Captured]]:
    """The records are there when it is over."""
    records: list[Captured] = []
    its.edge.edge.begin_capture(Settings(name, str(directory), 1.0, 1 << 24, 4), lambda: 0.0)
    yield records
    await its.edge.edge.end_capture()
    for path in sorted(directory.glob(f"*{name}*")):
        found, broken, _ = found_in(path.read_bytes())
        assert not broken
        records += found


async def asked(client: RawClient, *requests: bytes) -> list[bytes]:
    return [(await client.ask(each)).body for each in requests]


def what_was_said(record: Captured) -> Captured:
    """All but when, and on which connection."""
    return replace(record, time=0.0, ms=None, head_ms=None, connection=None)


async def test_each_hit_is_a_record_like_the_first_one(tmp_path: Path) -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client, its.edge.client() as another:
            assert set(await asked(client, *[KNOWN] * 4)) == {b"hello"}
            assert set(await asked(another, *[KNOWN] * 3)) == {b"hello"}
            assert its.edge.edge.planners["http"].known[KNOWN].row is not None
    assert [each.cache for each in records] == ["miss"] + ["hit"] * 6
    miss, first, *others = records
    assert (first.rule, first.status, first.whole, first.headers) == ("kept", 200, True, {"user-agent": "pip/24.0"})
    assert (first.octets, first.digest) == (5, sha256(b"hello").hexdigest())
    assert {str(what_was_said(each)) for each in others} == {str(what_was_said(first))}
    assert len({each.connection for each in records[:4]}) == len({each.connection for each in records[4:]}) == 1
    assert miss.connection != others[-1].connection
    assert all(each.ms is not None and each.ms == each.head_ms for each in others)
    assert sorted(records, key=lambda each: each.time) == records


@pytest.mark.parametrize("mode", Mode)
async def test_what_comes_in_the_place_of_what_was_purged_has_its_own_digest(tmp_path: Path, mode: Mode) -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH), ok(b"again", FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            await asked(client, *[KNOWN] * 3)
            its.keeper.purges.append(Purge(What.ALL, mode, at=its.time.now))
            assert set(await asked(client, *[KNOWN] * 4)) == {b"again"}
    said = [each.digest for each in records if each.cache != "stale"]
    assert said == [sha256(b"hello").hexdigest()] * 3 + [sha256(b"again").hexdigest()] * 4


async def test_a_capture_knows_nothing_by_what_another_one_knew(tmp_path: Path) -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with its.edge.client() as client:
            await asked(client, *[KNOWN] * 3)
            for number in range(3):
                async with captured(its, tmp_path, f"20180416T15000{number}Z") as records:
                    await asked(client, *[KNOWN] * 3)
                assert [each.cache for each in records] == ["hit"] * 3
                await asked(client, KNOWN)


@pytest.mark.parametrize("remembered", [1, 2, 3])
async def test_what_is_forgotten_to_make_room_is_learned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(rows, "_REMEMBERED", remembered)
    agents = [f"pip/{number}" for number in range(4)]
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            for _ in range(4):
                await asked(client, *[request("/", f"User-Agent: {agent}") for agent in agents for _ in range(2)])
    assert [each.headers["user-agent"] for each in records] == [agent for agent in agents for _ in range(2)] * 4
    assert {each.digest for each in records} == {sha256(b"hello").hexdigest()}


async def test_large_content_has_its_digest_though_it_is_not_read_each_time(tmp_path: Path) -> None:
    content = bytes(range(256)) * 200  # more than is digested at once
    async with site() as its:
        its.origin.will_say(ok(content, FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            assert set(await asked(client, *[KNOWN] * 4)) == {content}
    assert {(each.octets, each.digest) for each in records} == {(len(content), sha256(content).hexdigest())}


async def test_numbers_that_are_forgotten_are_learned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_NUMBERED", 3)
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            for number in range(20):
                await asked(client, KNOWN, request("/", f"User-Agent: pip/{number}"), KNOWN, KNOWN)
                capture = its.edge.edge.capture
                assert capture is not None
                capture.tend()  # the block ends
    agents = [["pip/24.0", f"pip/{number}", "pip/24.0", "pip/24.0"] for number in range(20)]
    assert [each.headers["user-agent"] for each in records] == [agent for four in agents for agent in four]
    assert {(each.octets, each.digest) for each in records} == {(5, sha256(b"hello").hexdigest())}


async def test_content_is_digested_once_however_much_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digested = list[bytes]()

    def told_of(content: bytes) -> bytes:
        digested.append(content)
        return real(content)

    real = rows.told_of
    monkeypatch.setattr(rows, "told_of", told_of)
    monkeypatch.setattr(rows, "_CONTENTS", 8)
    requests = [request("/", f"User-Agent: pip/{number}") for number in range(4)]
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            await asked(client, *requests * 2)
            digested.clear()
            await asked(client, *requests * 5)
    assert (len(records), digested) == (28, [])
    assert {each.digest for each in records} == {sha256(b"hello").hexdigest()}


async def test_a_hit_without_content_has_no_digest(tmp_path: Path) -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH, 'ETag: "a"'))
        wants = request("/", 'If-None-Match: "a"')
        async with captured(its, tmp_path) as records, its.edge.client() as client:
            await asked(client, KNOWN, *[wants] * 3)
    assert [(each.status, each.octets, each.digest) for each in records[1:]] == [(304, 0, records[1].digest)] * 3
