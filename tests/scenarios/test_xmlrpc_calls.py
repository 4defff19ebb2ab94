"""Rules by XML-RPC method: the edge holds a body until it knows the call, and not longer, and loses nothing of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest
from harness import QUICK, BackendPeer, RunningEdge, backend, request, running_edge

from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.counters import Refusal

RULES: Final = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - {{name: gone, match: {{path: /pypi, methods: [POST], xmlrpc: [search]}}, respond: {{status: 410, body: gone}}}}
  - name: reads
    match: {{path: /pypi, methods: [POST], xmlrpc: [list_packages]}}
    forward: {{backend: origin}}
    limits: {{body: 1KiB}}
  - {{name: calls, match: {{path: /pypi, methods: [POST], xmlrpc: any}}, forward: {{backend: origin}}}}
  - {{name: rest, match: {{path: "/{{rest*}}"}}, respond: {{status: 200, body: rest}}}}
"""
XML: Final = "Content-Type: text/xml; charset=utf-8"
CHUNKED: Final = "Transfer-Encoding: chunked"


def call(method: str, more: int = 0) -> bytes:
    """A call; `more`: octets behind its name."""
    return b"<?xml version='1.0'?>\n<methodCall>\n<methodName>%b</methodName>%b</methodCall>" % (
        method.encode(),
        b" " * more,
    )


def posted(body: bytes, *lines: str) -> bytes:
    return request("/pypi", XML, f"Content-Length: {len(body)}", *lines, method="POST") + body


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def echo(peer: BackendPeer) -> None:
    """A backend that answers with the body that it got."""
    while True:
        head = await peer.head()
        body = b""
        if b"chunked" in head:
            while size := int(await peer.reader.readuntil(b"\r\n"), 16):
                body += (await peer.reader.readexactly(size + 2))[:-2]
            await peer.reader.readexactly(2)
        else:
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await peer.reader.readexactly(int(length))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


class Asked:
    """An edge before such a backend."""

    def __init__(self, limits: Limits = QUICK) -> None:
        self._limits = limits

    async def __aenter__(self) -> RunningEdge:
        self._backend = backend(echo)
        self.origin = await self._backend.__aenter__()
        self._edge = running_edge(RULES.format(port=self.origin.port), limits=self._limits)
        return await self._edge.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._edge.__aexit__(None, None, None)
        await self._backend.__aexit__(None, None, None)


async def test_calls_of_one_url_go_their_own_ways_on_one_connection() -> None:
    async with Asked() as edge, edge.client() as client:
        for body in (call("list_packages"), call("package_roles", more=5_000), call("list_packages")):
            assert (await client.ask(posted(body))).body == body
        assert (await client.ask(posted(call("search")))).body == b"gone"
        assert (await client.ask(request("/other"))).body == b"rest"
        counted = edge.edge.counters.rules
    assert counted == {"reads": 2, "calls": 1, "gone": 1, "rest": 1}


async def test_pipelined_calls_are_each_held_for_their_own_name() -> None:
    async with Asked() as edge, edge.client() as client:
        await client.send(posted(call("search")) + posted(call("list_packages")) + request("/other"))
        assert [(await client.answer()).status for _ in range(3)] == [410, 200, 200]


@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_a_call_may_come_in_pieces(size: int) -> None:
    body = call("list_packages")
    async with Asked() as edge, edge.client() as client:
        octets = posted(body)
        for at in range(0, len(octets), max(size, 7)):
            await client.send(octets[at : at + max(size, 7)])
            await asyncio.sleep(0)
        assert (await client.answer()).body == body
        chunked = request("/pypi", XML, CHUNKED, method="POST") + chunks(body, size)
        assert (await client.ask(chunked)).body == body
        assert (await client.ask(posted(call("search")))).status == 410


async def test_the_rule_is_chosen_as_soon_as_the_name_is_there() -> None:
    async with Asked() as edge, edge.client() as client:
        body = call("search", more=100_000)
        answer = await client.ask(posted(body)[:200])  # the rest never comes
        assert (answer.status, answer.field("Connection")) == (410, "close")


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"<!DOCTYPE x []>" + call("search"), ()),
        (b"<!--" + b"x" * 2_000 + b"-->" + call("search"), ()),  # beyond the limit
        (b"search", ()),
        (call("search"), ("Content-Encoding: gzip",)),
        (call("search"), ("Content-Type: text/plain; charset=utf-7",)),  # a second Content-Type
        (b"<methodCall>", ()),
        (b"", ()),
    ],
)
async def test_a_call_whose_name_cannot_be_read_is_any_call(body: bytes, lines: tuple[str, ...]) -> None:
    async with Asked(replace(QUICK, call=1_000)) as edge, edge.client() as client:
        assert (await client.ask(posted(body, *lines))).body == body
        counted = edge.edge.counters.rules
    assert counted == {"calls": 1}


@pytest.mark.parametrize("between", [0, 5_000, 300_000])
async def test_a_call_that_names_its_method_twice_is_refused_before_a_backend_has_all_of_it(between: int) -> None:
    """Python's unmarshaller takes the last name: by the first one `search` would come through."""
    second = b"<x:methodName>search</x:methodName></methodCall>"
    body = call("package_roles", more=between).removesuffix(b"</methodCall>") + second
    async with Asked() as edge:
        assert (await edge.ask(posted(body))).status == 400
        chunked = request("/pypi", XML, CHUNKED, method="POST") + chunks(body, 1_000)
        assert (await edge.ask(chunked)).status == 400
        assert edge.edge.counters.refusals[Refusal.BAD_BODY] == 2


async def test_what_is_no_call_is_not_held() -> None:
    async with Asked() as edge:
        body = call("search")
        form = request("/pypi", "Content-Type: text/plain", f"Content-Length: {len(body)}", method="POST")
        assert (await edge.ask(form)).body == b"rest"  # the body never comes
        assert (await edge.ask(request("/pypi", XML))).body == b"rest"


async def test_a_client_that_waits_for_100_gets_it_once_and_the_backend_is_not_asked_for_it() -> None:
    asked = Asked()
    body = call("list_packages")
    async with asked as edge, edge.client() as client:
        octets = posted(body, "Expect: 100-continue")
        head = octets[: -len(body)]
        assert (await client.ask(head)).status == 100
        assert (await client.ask(body)).body == body
        assert (await client.ask(posted(call("search"), "Expect: 100-continue"))).status == 100
        assert (await client.answer()).status == 410
    assert [b"Expect" in head for head in asked.origin.seen] == [False]


async def test_a_held_body_keeps_to_the_limit_of_the_rule_that_takes_it() -> None:
    async with Asked() as edge:
        long = call("list_packages", more=2_000)
        assert (await edge.ask(posted(long))).status == 413
        chunked = request("/pypi", XML, CHUNKED, method="POST")
        assert (await edge.ask(chunked + chunks(long, 1_500))).status == 413
        assert (await edge.ask(chunked + chunks(call("other", more=2_000), 1_500))).status == 200
        assert edge.edge.counters.refusals[Refusal.BODY_TOO_LARGE] == 2


async def test_a_client_that_sends_no_name_in_time_is_given_up() -> None:
    async with Asked(replace(QUICK, body_time=0.1)) as edge, edge.client() as client:
        assert (await client.ask(posted(call("search"))[:-30])).status == 408
        assert await client.is_closed()
        assert edge.edge.counters.refusals[Refusal.BODY_TIMEOUT] == 1


async def test_a_client_that_leaves_before_its_name_leaves_nothing_behind() -> None:
    async with Asked() as edge:
        async with edge.client() as client:
            await client.send(posted(call("search"))[:-30])
        assert (await edge.ask(posted(call("search")))).status == 410


async def test_a_broken_body_is_refused_while_it_is_held() -> None:
    async with Asked() as edge:
        assert (await edge.ask(request("/pypi", XML, CHUNKED, method="POST") + b"x\r\n")).status == 400


@pytest.mark.parametrize("more", [0, 200_000])
async def test_a_call_waits_for_a_client_that_takes_nothing(more: int) -> None:
    """Its connection is told as its transport tells it: the 100 can be what fills it."""
    asked = Asked()
    body = call("other", more=more)
    async with asked as edge, edge.client() as client:
        octets = posted(body, "Expect: 100-continue")
        assert (await client.ask(octets[: -len(body)])).status == 100
        (connection,) = edge.edge._clients
        connection.pause_writing()
        client.writer.write(body)
        async with edge.client() as other:
            for _ in range(3):  # time enough for the edge to read all that it would read
                assert (await other.ask(request("/other"))).status == 200
        assert not asked.origin.seen
        connection.resume_writing()
        assert (await client.answer()).body == body
