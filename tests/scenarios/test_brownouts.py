"""A brownout in the running edge: its window opens and closes by the clock, on connections that stay, past caches."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness import Answer, RawClient, RunningEdge, always, backend, request, running_edge

from edgeproxy.ruleset.read_during import read_moment
from edgeproxy.ruleset.schedule import schedule

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{modern: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - name: calls-brownout
    match: {{path: /pypi, methods: [POST], xmlrpc: [list_packages]}}
    during: {{first: 10m, of_each: 1h, after: 5m, from: 2024-09-05T12:00Z, until: 2024-09-12T12:00Z}}
    respond: {{xmlrpc_fault: {{code: -32500, text: "retired soon"}}}}
  - name: pages-brownout
    match: {{path: "/simple/{{project}}/"}}
    during: {{first: 10m, of_each: 1h, from: 2024-09-05T12:00Z}}
    respond: {{status: 503, body: "back soon"}}
  - {{name: all, match: {{path: "/{{rest*}}"}}, forward: {{backend: modern}}, cache: {{fresh: 365d}}}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CALL = xmlrpc.client.dumps((), "list_packages").encode()
# Nobody said when a client should come back: the edge does not make it up from its schedule.
NEVER_SAID = ("Retry-After", "Expires", "Cache-Control", "Warning", "Sunset", "Deprecation")


@asynccontextmanager
async def edge_at() -> AsyncIterator[tuple[RunningEdge, RawClient]]:
    async with backend(always(OK)) as origin:
        async with running_edge(RULES.format(port=origin.port)) as edge, edge.client() as client:
            yield edge, client


def put_clock(edge: RunningEdge, moment: str, seconds: float = 0.0) -> None:
    now = read_moment(moment) + seconds
    edge.edge.clock.wall = lambda: now  # type: ignore[method-assign]


async def page(client: RawClient) -> Answer:
    return await client.ask(request("/simple/six/"))


@pytest.mark.parametrize("what", ["page", "call"])
async def test_a_window_opens_and_closes_by_the_clock_and_nothing_is_told_of_it(what: str) -> None:
    """To the millisecond, on one connection; the fault and the 503 are the rule's word, and no header is added."""
    head = request("/pypi", "Content-Type: text/xml", f"Content-Length: {len(CALL)}", method="POST")
    asked = request("/simple/six/") if what == "page" else head + CALL
    after = 0 if what == "page" else 300
    async with edge_at() as (edge, client):
        for moment, seconds, is_open in [
            ("2024-09-05T11:00Z", after, False),  # before it begins
            ("2024-09-05T12:00Z", after - 0.001, False),
            ("2024-09-05T12:00Z", after, True),
            ("2024-09-05T12:10Z", after - 0.001, True),
            ("2024-09-05T12:10Z", after, False),
            ("2024-09-05T13:00Z", after, True),  # the next hour
        ]:
            put_clock(edge, moment, seconds)
            answer = await client.ask(asked)
            assert (answer.body == b"ok") == (not is_open)
            if is_open:
                assert (b"back soon" if what == "page" else b"<string>retired soon</string>") in answer.body
                assert [name for name in NEVER_SAID if answer.field(name) is not None] == []
        put_clock(edge, "2024-09-12T12:00Z", after)
        assert ((await client.ask(asked)).body == b"ok") == (what == "call")  # whose windows have an end


async def test_a_kept_answer_is_not_given_while_a_window_is_open_and_is_again_when_it_has_closed() -> None:
    async with edge_at() as (edge, client):
        put_clock(edge, "2024-09-05T12:30Z")
        for _ in range(3):  # asked for, kept, and known octet for octet
            assert (await page(client)).body == b"ok"
        put_clock(edge, "2024-09-05T13:05Z")
        assert ((await page(client)).status, (await page(client)).body) == (503, b"back soon")
        put_clock(edge, "2024-09-05T13:10Z")
        answer = await page(client)
        assert (answer.body, "hit" in (answer.field("Cache-Status") or "")) == (b"ok", True)


async def test_the_edge_does_what_the_schedule_says() -> None:
    async with edge_at() as (edge, client):
        told = schedule(edge.edge.ruleset, read_moment("2024-09-05"), read_moment("2024-09-06"))
        pages = next(each for each in told.courses if each.rule.name == "pages-brownout")
        assert len(pages.openings) == 12
        for each in pages.openings:
            assert each.start is not None
            assert each.end is not None
            for now, status in [(each.start - 1, 200), (each.start, 503), (each.end - 1, 503), (each.end, 200)]:
                edge.edge.clock.wall = lambda now=now: now  # type: ignore[misc]
                assert (await page(client)).status == status
