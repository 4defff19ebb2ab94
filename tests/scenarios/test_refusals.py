"""What the edge refuses: one reading or none. Every refusal ends the connection and reaches no backend."""

from __future__ import annotations

import pytest
from harness import always, backend, request, running_edge

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HOST = b"Host: pypi.test\r\n"

MALFORMED: dict[str, tuple[bytes, int]] = {
    "both framings (RFC 9112 6.1)": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two different lengths": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        400,
    ),
    "a list of lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a signed length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc", 400),
    "an endless length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
    "an empty length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: \r\n\r\n", 400),
    "an unknown coding": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "chunked not last": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "chunked twice": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "a coding that looks like chunked": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
    "NUL in an unfinished head": (b"GET / HTTP/1.1\r\nX: a\0", 400),
    "a bare CR in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", 400),
    "a bare LF as line end": (b"GET / HTTP/1.1\nHost: pypi.test\n\n", 400),
    "one bare LF among CRLFs": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\nY: b\r\n\r\n", 400),
    "a control character in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x01b\r\n\r\n", 400),
    "a folded line": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400),
    "white space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n", 400),
    "a line without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n", 400),
    "an empty name": (b"GET / HTTP/1.1\r\n" + HOST + b": a\r\n\r\n", 400),
    "a name with a space": (b"GET / HTTP/1.1\r\n" + HOST + b"X Y: a\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\nX: a\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "an impossible host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "another host than the target's": (b"GET http://pypi.test/ HTTP/1.1\r\nHost: legacy.pypi.test\r\n\r\n", 400),
    "two spaces in the request line": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tab in the request line": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /\r\n" + HOST + b"\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is no path": (b"GET simple/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an octet beyond ASCII in the target": (b"GET /caf\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an encoded slash": (b"GET /a%2Fb HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an encoded NUL": (b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an encoded line feed": (b"GET /a%0Ab HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a broken escape": (b"GET /a%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escapes that are not UTF-8": (b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a backslash": (b"GET /a\\b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an unknown method": (b"FETCH / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a tunnel": (b"CONNECT pypi.test:443 HTTP/1.1\r\nHost: pypi.test:443\r\n\r\n", 405),
    "HTTP/2 by prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
    "an unknown version": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "a client that speaks TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a head that is too long": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "a long head without an end": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000, 431),
    "too many fields": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 200 + b"\r\n", 431),
    "a target that is too long": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_request_is_refused_and_the_connection_ends(name: str) -> None:
    octets, status = MALFORMED[name]
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        answer = await client.ask(octets)
        assert answer.status == status
        assert answer.field("Connection") == "close"
        assert await client.is_closed()
        assert origin.seen == []
        assert sum(edge.edge.counters.refusals.values()) == 1


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_good_request_before_a_malformed_one_is_answered(name: str) -> None:
    octets, status = MALFORMED[name]
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request("/good") + octets)
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == status
        assert await client.is_closed()
        assert len(origin.seen) == 1


BAD_BODIES = {
    "a size that is not hexadecimal": b"xyz\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size that overflows": b"FFFFFFFFFFFFFFFFF\r\nabc",
    "a size followed by a bare LF": b"3\nabc\r\n0\r\n\r\n",
    "a space behind the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk ended by a bare LF": b"3\r\nabc\n0\r\n\r\n",
    "a trailer that is no field": b"3\r\nabc\r\n0\r\nnothing\r\n\r\n",
    "an extension with a NUL": b"3;a=\0\r\nabc\r\n0\r\n\r\n",
    "an endless size line": b"3;" + b"a" * 10_000,
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_malformed_chunked_body_is_refused_and_never_looks_whole_to_the_backend(name: str) -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request("/", "Transfer-Encoding: chunked", method="POST") + BAD_BODIES[name])
        answer = await client.answer()
        if answer.status == 200:  # the backend above answers before the body's end; the connection ends all the same
            assert answer.field("Connection") == "close"
        else:
            assert answer.status == 400
        assert await client.is_closed()


async def test_a_refused_host_is_told_so_and_keeps_its_connection() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request(host="other.test"))).status == 421
        assert (await client.ask(request())).status == 200
        assert len(origin.seen) == 1


async def test_a_refusal_after_a_head_request_has_the_body_it_announces() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request(method="HEAD"))).status == 200
        answer = await client.ask(b"nonsense\r\n\r\n")
        assert (answer.status, answer.is_whole) == (400, True)
        assert answer.body
