"""Requests that are answered for their octets alone: as any other would be, second by second, and only where that is
all there is to do.
"""

from __future__ import annotations

import io

import pytest
from harness import RunningEdge, backend, request, running_edge
from site_under_test import FRESH, RULES, Origin, ok, site

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.telemetry.access_log import AccessLog

KNOWN = request("/")
DATED = "Date: Fri, 15 Jan 2027 08:00:00 GMT"  # when Time begins
# Seconds that pass: parts of one, whole ones, back to before the answer came, and on again.
STEPS = (0.0, 0.25, 0.5, 0.5, 1.0, 7.0, 0.0, -0.5, -3.75, -20.0, 0.5, 20.0, 30.25, 10.0)


@pytest.mark.parametrize("cache", ["{}", "{fresh: 1m}"])
@pytest.mark.parametrize("begin", [0.0, 0.5])
async def test_each_second_has_the_age_that_any_other_request_is_told(cache: str, begin: float) -> None:
    async with site(cache) as its:
        its.time.now += begin
        its.origin.will_say(ok(b"hello", FRESH, DATED))
        async with its.edge.client() as client:
            await client.ask(KNOWN)
            await client.ask(KNOWN)
            for number, seconds in enumerate(STEPS):
                its.time.now += seconds
                any_other = await its.get("/", f"X-Number: {number}")
                for _ in range(2):
                    known = await client.ask(KNOWN)
                    assert (known.status, known.body) == (200, b"hello")
                    assert known.fields == any_other.fields
        assert len(its.origin.seen) == 1


async def test_they_are_counted_like_any_other_whenever_somebody_looks() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with its.edge.client() as client:
            for number in range(1, 6):
                await client.ask(KNOWN)
                assert _counts(its.edge) == (number, number - 1, {"kept": number}, {200: number})
            numbers = its.edge.edge.counters.numbers()
            assert (numbers["requests"], numbers["cache"]) == (5, {"kept/miss": 1, "kept/hit": 4})
            assert numbers == its.edge.edge.counters.numbers()


def _counts(edge: RunningEdge) -> tuple[int, int, dict[str, int], dict[int, int]]:
    counters = edge.edge.counters
    return counters.requests, counters.memo_hits, dict(counters.rules), dict(counters.statuses)


async def test_an_edge_that_drains_says_that_the_connection_ends() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with its.edge.client() as client, its.edge.client() as another:
            for _ in range(3):
                assert (await client.ask(KNOWN)).field("Connection") is None
            await another.ask(KNOWN)
            its.edge.edge.drain()
            for each in (client, another):
                last = await each.ask(KNOWN)
                assert (last.body, last.field("Connection")) == (b"hello", "close")
                assert last.field("Cache-Status") == "edgeproxy; hit; ttl=60"
                assert await each.is_closed()


async def test_the_last_request_of_a_connection_says_so() -> None:
    async with site(limits={"requests": 4}) as its:
        its.origin.will_say(ok(b"hello", FRESH))
        async with its.edge.client() as client:
            said = [(await client.ask(KNOWN)).field("Connection") for _ in range(4)]
            assert said == [None, None, None, "close"]
            assert await client.is_closed()


@pytest.mark.parametrize("mode", Mode)
async def test_what_is_purged_is_not_given_once_more(mode: Mode) -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH), ok(b"again", FRESH))
        async with its.edge.client() as client:
            for _ in range(3):
                assert (await client.ask(KNOWN)).body == b"hello"
            its.keeper.purges.append(Purge(What.ALL, mode, at=its.time.now))
            assert (await client.ask(KNOWN)).body == b"again"


async def test_what_is_over_is_not_given_once_more() -> None:
    async with site() as its:
        its.origin.will_say(ok(b"hello", FRESH, DATED), ok(b"again", FRESH))
        async with its.edge.client() as client:
            for _ in range(3):
                assert (await client.ask(KNOWN)).body == b"hello"
            its.time.now += 59.75
            assert (await client.ask(KNOWN)).field("Cache-Status") == "edgeproxy; hit; ttl=0"
            its.time.now += 0.25
            assert (await client.ask(KNOWN)).body == b"again"


async def test_where_records_are_kept_each_has_one() -> None:
    out = io.StringIO()
    assert await _remembered_of_four("", AccessLog(out)) == 0
    assert out.getvalue().count('"cache":"hit"') == 3


async def test_a_trusted_proxy_is_heard_each_time() -> None:
    assert await _remembered_of_four("") == 1
    assert await _remembered_of_four("trusted_proxies: [127.0.0.1]") == 0


async def _remembered_of_four(settings: str, log: AccessLog | None = None) -> int:
    """How many requests are known after four that are the same."""
    origin = Origin()
    async with backend(origin.serve) as server:
        rules = RULES.format(port=server.port, cache="{}", path="/{rest*}", settings=settings, safety="")
        async with running_edge(rules, access_log=log) as edge, edge.client() as client:
            origin.will_say(ok(b"hello", FRESH))
            for _ in range(4):
                assert (await client.ask(KNOWN)).body == b"hello"
            return sum(len(planner.known) for planner in edge.edge.planners.values())
