"""Whose word on the client is believed: a trusted proxy's, by PROXY headers and X-Forwarded-*, and nobody else's."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from harness import QUICK, Backend, RawClient, RunningEdge, always, backend, request, running_edge
from proxy_headers import ssl_tlv, write_block, write_v1, write_v2

from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.access_log import AccessLog
from edgeproxy.telemetry.counters import Refusal

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0", proxy_protocol: PROXY}]
trusted_proxies: [127.0.0.1, 10.0.0.0/8]
hosts: {app: {names: [pypi.test]}}
backends:
  origin: {url: "http://127.0.0.1:PORT"}
  other: {url: "http://127.0.0.1:PORT", host: other.pypi.test}
splits:
  half: {weights: {origin: 50, other: 50}}
rules:
  - {name: half, match: {host: app, path: "/half"}, forward: {split: half}}
  - {name: one, match: {host: app, path: "/one"}, respond: {status: 200}, limits: {rate: 1/h}}
  - {name: secure, match: {host: app, path: "/which", scheme: https}, respond: {status: 200, body: https}}
  - {name: plain, match: {host: app, path: "/which", scheme: http}, redirect: {to: "https://pypi.test/which"}}
  - {name: all, match: {host: app, path: "/{rest*}"}, forward: {backend: origin}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
UNTRUSTED = "127.0.0.2"
V1, V2 = write_v1("192.0.2.1", 50_000), write_v2("192.0.2.1", 50_000)
HEADERS = {
    "version 1": (V1, "192.0.2.1"),
    "version 1, IPv6": (write_v1("2001:db8::1", 50_000), "2001:db8::1"),
    "version 2": (V2, "192.0.2.1"),
    "version 2, IPv6": (write_v2("2001:db8::1", 50_000), "2001:db8::1"),
    "version 2, checked": (write_v2("192.0.2.1", 50_000, checked=True), "192.0.2.1"),
    "version 1, the proxy itself": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "version 2, the proxy itself": (write_block(0, 0, b""), "127.0.0.1"),
}


@asynccontextmanager
async def edge_behind(
    proxies: str, log: io.StringIO | None = None, limits: Limits = QUICK
) -> AsyncIterator[tuple[Backend, RunningEdge]]:
    """An edge whose listener expects PROXY headers (`true`) or not."""
    async with backend(always(OK)) as origin:
        rules = RULES.replace("PROXY", proxies).replace("PORT", str(origin.port))
        access_log = None if log is None else AccessLog(log)
        async with running_edge(rules, access_log=access_log, limits=limits) as edge:
            yield origin, edge


def told(origin: Backend) -> dict[str, str]:
    """What the backend was told with the last request; names in lower case."""
    lines = origin.seen[-1].decode().split("\r\n")[1:-2]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def send_by_octets(client: RawClient, octets: bytes) -> None:
    """Each in a packet of its own."""
    sock: socket.socket = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(len(octets)):
        await client.send(octets[number : number + 1])
        await asyncio.sleep(0)  # the edge, in the same loop, reads it


# -- PROXY headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADERS)
async def test_the_client_is_who_the_header_says(name: str) -> None:
    header, address = HEADERS[name]
    log = io.StringIO()
    async with edge_behind("true", log) as (origin, edge):
        async with edge.client() as client:
            for _ in range(2):  # it counts for the connection
                answer = await client.ask(header + request("/a"))
                assert (answer.status, told(origin)["x-forwarded-for"]) == (200, address)
                header = b""
            node = f'"[{address}]"' if ":" in address else address
            assert told(origin)["forwarded"] == f"for={node};host=pypi.test;proto=http"
    assert [json.loads(line)["client"] for line in log.getvalue().splitlines()] == [address] * 2


@pytest.mark.parametrize("name", HEADERS)
async def test_a_header_may_come_in_single_octets(name: str) -> None:
    header, address = HEADERS[name]
    async with edge_behind("true") as (origin, edge), edge.client() as client:
        await send_by_octets(client, header + request("/a"))
        assert (await client.answer()).status == 200
        assert told(origin)["x-forwarded-for"] == address


@pytest.mark.parametrize("header", [V1, V2], ids=["version 1", "version 2"])
async def test_limits_and_arms_are_those_of_the_client_that_the_header_names(header: bytes) -> None:
    async with edge_behind("true") as (origin, edge):
        assert (await edge.ask(header + request("/one"))).status == 200
        assert (await edge.ask(header + request("/one"))).status == 429
        for other in ("192.0.2.2", "192.0.2.3"):
            assert (await edge.ask(write_v1(other, 1) + request("/one"))).status == 200
        arms = {}
        for number in range(16):
            address = f"198.51.{number}.1"
            assert (await edge.ask(write_v2(address, 1) + request("/half"))).status == 200
            arms[address] = "other" if told(origin)["host"] == "other.pypi.test" else "origin"
        (split,) = edge.edge.ruleset.splits
        expected = {a: arm_at(split, place_of(sticky_key(split.sticky, {}, a), "half")).backend.name for a in arms}
        assert arms == expected
        assert set(arms.values()) == {"origin", "other"}


async def test_connections_are_counted_for_the_client_that_the_header_names() -> None:
    async with edge_behind("true", limits=replace(QUICK, connections_per_client=1)) as (_, edge):
        async with edge.client() as first, edge.client() as second, edge.client() as third:
            assert (await first.ask(V1 + request("/a"))).status == 200
            assert (await second.ask(V2 + request("/a"))).status == 503
            assert (await third.ask(write_v1("192.0.2.2", 1) + request("/a"))).status == 200
            assert edge.edge.counters.refusals == {Refusal.TOO_MANY_OF_CLIENT: 1}


async def test_a_header_may_say_that_the_client_came_by_tls() -> None:
    async with edge_behind("true") as (origin, edge):
        assert (await edge.ask(write_v2("192.0.2.1", 1, [ssl_tlv(1)]) + request("/which"))).body == b"https"
        assert (await edge.ask(V2 + request("/which"))).status == 302
        await edge.ask(write_v2("192.0.2.1", 1, [ssl_tlv(1)]) + request("/a"))
        assert told(origin)["x-forwarded-proto"] == "https"


@pytest.mark.parametrize(
    "octets",
    [
        request("/a"),
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n",
        b"PROXY TCP4 192.0.2.999 127.0.0.1 1 1\r\n",
        b"PROXY " + b"a" * 200,
        V2[:12] + b"\x31" + V2[13:],
        V1[:-2] + b"\n" + request("/a"),
    ],
    ids=["none", "a port is missing", "no address", "too long", "version 3", "a bare LF"],
)
async def test_a_trusted_proxy_without_a_good_header_is_refused(octets: bytes) -> None:
    async with edge_behind("true") as (origin, edge), edge.client() as client:
        await client.send(octets)
        assert await asyncio.wait_for(client.is_closed(), 5)  # without a word: it may not even speak HTTP
        assert (origin.seen, edge.edge.counters.refusals) == ([], {Refusal.BAD_PREFACE: 1})


@pytest.mark.parametrize("header", [V1, V2], ids=["version 1", "version 2"])
async def test_a_header_of_somebody_else_is_a_malformed_request(header: bytes) -> None:
    async with edge_behind("true") as (origin, edge):
        answer = await edge.ask(header + request("/a"), source=UNTRUSTED)
        assert (answer.status, answer.field("Connection")) == (400, "close")
        assert (await edge.ask(request("/a"), source=UNTRUSTED)).status == 200  # who speaks for itself needs none
        assert told(origin)["x-forwarded-for"] == UNTRUSTED
        assert edge.edge.counters.refusals == {Refusal.BAD_REQUEST: 1}


@pytest.mark.parametrize("header", [V1, V2], ids=["version 1", "version 2"])
async def test_a_header_where_none_is_expected_is_a_malformed_request(header: bytes) -> None:
    async with edge_behind("false") as (origin, edge):
        assert (await edge.ask(header + request("/a"))).status == 400
        assert origin.seen == []


async def test_a_second_header_is_a_malformed_request() -> None:
    async with edge_behind("true") as (origin, edge):
        assert (await edge.ask(V1 + write_v1("192.0.2.2", 1) + request("/a"))).status == 400
        assert origin.seen == []


@pytest.mark.parametrize("begun", [b"", V1[:10], V2[:20]], ids=["nothing", "version 1", "version 2"])
async def test_a_header_that_does_not_come_is_not_waited_for_longer_than_a_handshake(begun: bytes) -> None:
    async with edge_behind("true", limits=replace(QUICK, handshake=0.1)) as (_, edge), edge.client() as client:
        await client.send(begun)
        assert await asyncio.wait_for(client.is_closed(), 5)


# -- X-Forwarded-* ----------------------------------------------------------------------------------------------

CHAINS = {
    "one address": ("192.0.2.1", "192.0.2.1", "192.0.2.1, 127.0.0.1"),
    "a client's own words before it": ("1.2.3.4, 192.0.2.1", "192.0.2.1", "1.2.3.4, 192.0.2.1, 127.0.0.1"),
    "another trusted proxy": ("192.0.2.1, 10.1.2.3", "192.0.2.1", "192.0.2.1, 10.1.2.3, 127.0.0.1"),
    "with a port": ("[2001:db8::1]:80", "2001:db8::1", "2001:db8::1, 127.0.0.1"),
    "no address": ("<script>, 10.1.2.3", "10.1.2.3", "unknown, 10.1.2.3, 127.0.0.1"),
    "only proxies": ("10.1.2.3", "10.1.2.3", "10.1.2.3, 127.0.0.1"),
}


@pytest.mark.parametrize("name", CHAINS)
async def test_a_trusted_proxy_says_for_whom_it_asks(name: str) -> None:
    said, client_address, passed_on = CHAINS[name]
    log = io.StringIO()
    async with edge_behind("false", log) as (origin, edge):
        await edge.ask(request("/a", f"X-Forwarded-For: {said}"))
        assert told(origin)["x-forwarded-for"] == passed_on
    assert json.loads(log.getvalue())["client"] == client_address


async def test_each_request_of_a_trusted_proxy_is_for_a_client_of_its_own() -> None:
    log = io.StringIO()
    async with edge_behind("false", log) as (origin, edge), edge.client() as client:
        for number, status in ((1, 200), (2, 200), (1, 429)):
            assert (await client.ask(request("/one", f"X-Forwarded-For: 192.0.2.{number}"))).status == status
        await client.ask(request("/a"))  # the proxy itself: nothing of the others is left
        assert told(origin)["x-forwarded-for"] == "127.0.0.1"
    assert [json.loads(line)["client"][-1] for line in log.getvalue().splitlines()] == ["1", "2", "1", "1"]


async def test_what_anybody_else_says_of_the_client_is_not_believed_and_goes_nowhere() -> None:
    lines = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.test", "Forwarded: for=b")
    async with edge_behind("false") as (origin, edge):
        assert (await edge.ask(request("/a", *lines), source=UNTRUSTED)).status == 200
        seen = told(origin)
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == (UNTRUSTED, "http")
        assert (seen["x-forwarded-host"], seen["forwarded"]) == (
            "pypi.test",
            f"for={UNTRUSTED};host=pypi.test;proto=http",
        )
        assert (await edge.ask(request("/which", *lines), source=UNTRUSTED)).status == 302
        for number, status in enumerate((200, 429)):
            ask = request("/one", f"X-Forwarded-For: 192.0.2.{number}")
            assert (await edge.ask(ask, source=UNTRUSTED)).status == status


async def test_rules_for_https_take_what_came_by_tls_to_a_trusted_proxy() -> None:
    async with edge_behind("false") as (origin, edge), edge.client() as client:
        for proto, status in (("https", 200), ("http", 302), ("HTTPS", 200), ("http, https", 200), ("wss", 302)):
            assert (await client.ask(request("/which", f"X-Forwarded-Proto: {proto}"))).status == status
        assert (await client.ask(request("/which"))).status == 302  # nothing of the request before is left
        await client.ask(request("/a", "X-Forwarded-Proto: https"))
        assert told(origin)["x-forwarded-proto"] == "https"


async def test_a_header_and_fields_of_two_proxies_in_a_row_add_up() -> None:
    async with edge_behind("true") as (origin, edge):
        header = write_v1("10.1.2.3", 1)  # a load balancer before a trusted proxy
        assert (await edge.ask(header + request("/a", "X-Forwarded-For: 192.0.2.1"))).status == 200
        assert told(origin)["x-forwarded-for"] == "192.0.2.1, 10.1.2.3"
        await edge.ask(V1 + request("/a", "X-Forwarded-For: 192.0.2.9"))  # before a client: it is not believed
        assert told(origin)["x-forwarded-for"] == "192.0.2.1"
