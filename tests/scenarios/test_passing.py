"""A request through the edge to a backend and its answer back: what each side sees."""

from __future__ import annotations

import asyncio

import pytest
from harness import BackendPeer, always, backend, request, running_edge

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n\r\nhello"


async def test_a_backend_gets_the_request_and_the_client_the_answer() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request("/simple/six/?a=1"))
        assert (answer.status, answer.reason, answer.body) == (200, "OK", b"hello")
        assert origin.seen[0].startswith(b"GET /simple/six/?a=1 HTTP/1.1\r\nHost: origin.pypi.test\r\n")


async def test_fields_of_one_connection_end_at_the_edge_in_both_directions() -> None:
    answer_bytes = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Authenticate: Basic\r\nX-End: 2\r\n\r\n"
    )
    async with backend(always(answer_bytes)) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(
            request("/", "Connection: close, X-Mine", "X-Mine: a", "TE: gzip", "Upgrade: websocket", "X-Stays: b")
        )
        seen = origin.seen[0].decode().lower()
        assert "x-stays: b" in seen
        for name in ("connection:", "x-mine:", "te:", "upgrade:"):
            assert f"\r\n{name}" not in seen
        names = [name.lower() for name, _ in answer.fields]
        assert "x-end" in names
        assert not {"x-hop", "keep-alive", "proxy-authenticate"} & set(names)


async def test_the_edge_names_itself_and_the_client() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request("/", "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"))
        seen = origin.seen[0].decode()
        assert "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: pypi.test\r\n" in seen
        assert "203.0.113.9" not in seen  # a client's own word for where it comes from
        assert "Via: 1.1 edgeproxy\r\n" in seen
        assert answer.field("Via") == "1.1 edgeproxy"


async def test_a_date_is_added_only_where_the_backend_gave_none() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(request())
        assert [value for name, value in answer.fields if name == "Date"] == ["Tue, 24 Nov 2026 00:00:00 GMT"]
    async with backend(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as origin, running_edge(origin.rules) as edge:
        assert (await edge.ask(request())).field("Date") is not None


async def test_a_backend_connection_is_used_again() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(3):
            assert (await client.ask(request())).body == b"hello"
        assert origin.connections == 1
        counters = edge.edge.counters
        assert (counters.backend_connections, counters.backend_reuses, counters.memo_hits) == (1, 2, 2)
        assert counters.rules["all"] == 3
        assert counters.statuses[200] == 3


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def script(peer: BackendPeer) -> None:
        while True:
            path = (await peer.head()).split(b" ")[1]
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(b"".join(request(f"/{n}") for n in range(50)))
        assert [(await client.answer()).body for _ in range(50)] == [b"/%d" % n for n in range(50)]


async def test_the_answer_to_head_has_the_fields_and_no_body() -> None:
    bare = always(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    async with backend(bare) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):  # the connection stays in step
            answer = await client.ask(request(method="HEAD"))
            assert answer.field("Content-Length") == "5"
        assert origin.connections == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_bodies_keep_the_connection_in_step(status: bytes) -> None:
    script = always(b"HTTP/1.1 " + status + b'\r\nETag: "a"\r\n\r\n')
    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):
            assert (await client.ask(request())).status == int(status[:3])
        assert origin.connections == 1


async def test_a_chunked_answer_arrives_chunked_without_extensions_and_trailers() -> None:
    script = always(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):
            answer = await client.ask(request())
            assert (answer.field("Transfer-Encoding"), answer.body) == ("chunked", b"abcde")
        assert origin.connections == 1


async def test_a_body_that_ends_with_the_backends_connection_is_chunked_for_the_client() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for connections in (1, 2):
            assert (await client.ask(request())).body == b"until the end"
            assert origin.connections == connections


async def test_an_http_1_0_client_gets_a_body_it_can_read() -> None:
    script = always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    async with backend(script) as origin, running_edge(origin.rules) as edge:
        answer = await edge.ask(b"GET / HTTP/1.0\r\nHost: pypi.test\r\n\r\n")
        assert answer.field("Transfer-Encoding") is None
        assert answer.field("Connection") == "close"
        assert answer.body == b"abc"


async def test_an_http_1_0_client_that_asks_for_it_keeps_its_connection() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):
            answer = await client.ask(b"GET / HTTP/1.0\r\nHost: pypi.test\r\nConnection: keep-alive\r\n\r\n")
            assert (answer.field("Connection"), answer.body) == ("keep-alive", b"hello")


async def echo(peer: BackendPeer) -> None:
    """Answers with the body it was sent."""
    while True:
        head = (await peer.head()).lower()
        if b"transfer-encoding: chunked" in head:
            body = b""
            while size := int(await peer.reader.readuntil(b"\r\n"), 16):
                body += (await peer.reader.readexactly(size + 2))[:-2]
            await peer.reader.readexactly(2)
        else:
            body = await peer.reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def test_a_body_of_known_length_goes_through() -> None:
    body = bytes(range(256)) * 4096
    async with backend(echo) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        for _ in range(2):
            answer = await client.ask(request("/", f"Content-Length: {len(body)}", method="POST") + body)
            assert answer.body == body


async def test_a_chunked_body_goes_through_and_the_next_request_is_found_behind_it() -> None:
    chunked = b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
    async with backend(echo) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        one = request("/", "Transfer-Encoding: chunked", method="POST") + chunked
        await client.send(one + one)
        assert (await client.answer()).body == b"abc0123456789"
        assert (await client.answer()).body == b"abc0123456789"


async def test_a_request_sent_octet_by_octet_is_the_same_request() -> None:
    async with backend(echo) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        whole = b"\r\n" + request("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n"
        for octet in whole:
            await client.send(bytes([octet]))
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"abc"


async def test_interim_answers_reach_the_client() -> None:
    async def script(peer: BackendPeer) -> None:
        head = await peer.head()
        assert b"Expect: 100-continue\r\n" in head
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await peer.reader.readexactly(2) == b"ok"
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request("/", "Content-Length: 2", "Expect: 100-continue", method="POST"))
        assert (await client.answer()).status == 100
        assert (await client.ask(b"ok")).status == 200


async def test_an_answer_before_the_bodys_end_ends_the_connection_and_is_not_lost() -> None:
    async def script(peer: BackendPeer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
        await peer.reader.read()

    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.send(request("/", "Content-Length: 100000000", method="POST") + b"x" * 1_000_000)
        answer = await client.answer()
        assert (answer.status, answer.field("Connection"), answer.body) == (413, "close", b"no!")


async def test_absolute_form_targets_are_for_declared_hosts_only() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        assert (await client.ask(request("http://pypi.test/simple/"))).status == 200
        assert origin.seen[0].startswith(b"GET /simple/ HTTP/1.1\r\n")
        assert (await client.ask(request("http://elsewhere.test/", host="elsewhere.test"))).status == 421
        assert len(origin.seen) == 1


async def test_a_content_host_gets_no_credentials_and_gives_no_cookies() -> None:
    script = always(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n")
    secrets = ("Authorization: Basic c2VjcmV0", "Cookie: session=secret")
    async with backend(script) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        answer = await client.ask(request("/", *secrets, host="files.pypihosted.test"))
        assert b"uthorization" not in origin.seen[0]
        assert b"ookie" not in origin.seen[0]
        assert answer.field("Set-Cookie") is None
        assert answer.field("X-Content-Type-Options") == "nosniff"
        answer = await client.ask(request("/", *secrets))
        assert b"Authorization: Basic c2VjcmV0\r\n" in origin.seen[1]
        assert answer.field("Set-Cookie") == "a=b"


async def test_the_path_that_was_routed_on_is_the_path_the_backend_gets() -> None:
    async with backend(always(OK)) as origin, running_edge(origin.rules) as edge, edge.client() as client:
        await client.ask(request("/a/../%7Eb/%2bc?x=%2F#fragment"))
        assert origin.seen[0].startswith(b"GET /~b/%2Bc?x=%2F HTTP/1.1\r\n")
