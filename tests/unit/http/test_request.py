"""Request heads: what is read, what is passed on, what is refused."""

from __future__ import annotations

import pytest

from edgeproxy.http.framing import CHUNKED, NO_BODY, Framing, Length
from edgeproxy.http.request import BadRequest, RequestFields, RequestLine, read_request_fields, read_request_line


def read(*lines: str, minor: int = 1, host: str | None = "pypi.test") -> RequestFields:
    fields = [*([f"Host: {host}"] if host else []), *lines]
    head = "".join([f"POST / HTTP/1.{minor}\r\n", *(f"{line}\r\n" for line in fields), "\r\n"])
    return read_request_fields(head.encode("latin-1"), minor, 100)


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ((), NO_BODY),
        (("Content-Length: 0",), Length(0)),
        (("Content-Length: 12",), Length(12)),
        (("content-length:12",), Length(12)),
        (("Transfer-Encoding: chunked",), CHUNKED),
        (("transfer-encoding: Chunked",), CHUNKED),
    ],
)
def test_the_framing_of_a_request(lines: tuple[str, ...], framing: Framing) -> None:
    assert read(*lines).framing == framing


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 1", "Content-Length: 1"),
        ("Content-Length: 1, 1",),
        ("Content-Length: -1",),
        ("Content-Length: 1a",),
        ("Content-Length: 1234567890123456789",),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ],
)
def test_a_framing_with_two_readings_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(*lines)
    assert refusal.value.status == 400


def test_http_1_0_has_no_chunks_and_may_have_no_host() -> None:
    assert read(minor=0, host=None).host is None
    with pytest.raises(BadRequest):
        read("Transfer-Encoding: chunked", minor=0)
    with pytest.raises(BadRequest):
        read(host=None)


def test_only_end_to_end_fields_are_passed_on_as_they_were_written() -> None:
    fields = read(
        "Accept: a", "CONNECTION: close, x-mine", "X-Mine: 1", "accept: b", "X-Forwarded-For: evil", "TE: gzip"
    )
    assert fields.lines == b"Accept: a\r\naccept: b\r\nCDN-Loop: edgeproxy\r\n"
    assert fields.wants_close
    assert not fields.wants_keep_alive


def test_credentials_are_left_out_for_content_hosts() -> None:
    fields = read("Authorization: Basic abc", "Cookie: a=b", "Accept: c")
    assert fields.lines_without_credentials == b"Accept: c\r\nCDN-Loop: edgeproxy\r\n"
    assert b"Basic abc" in fields.lines


def test_values_of_one_name_are_joined() -> None:
    fields = read("Accept: a", "accept: b", "Cookie: c=d", "Cookie: e=f")
    assert fields.values["accept"] == "a, b"
    assert fields.values["cookie"] == "c=d; e=f"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET / HTTP/1.1", RequestLine(b"GET", "/", 1)),
        (b"POST /a?b HTTP/1.0", RequestLine(b"POST", "/a?b", 0)),
        (b"OPTIONS * HTTP/1.1", RequestLine(b"OPTIONS", "*", 1)),
    ],
)
def test_a_request_line_has_three_parts(line: bytes, expected: RequestLine) -> None:
    assert read_request_line(line, 20) == expected


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"", 400),
        (b"get / HTTP/1.1", 501),
        (b"GET / HTTP/2.0", 505),
        (b"GET / http/1.1", 505),
        (b"GET /" + b"a" * 20 + b" HTTP/1.1", 414),
        (b"CONNECT pypi.test:443 HTTP/1.1", 405),
    ],
)
def test_any_other_request_line_is_refused(line: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_request_line(line, 20)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("value", "line", "has_looped"),
    [
        (None, b"CDN-Loop: edgeproxy\r\n", False),
        ("other", b"CDN-Loop: other, edgeproxy\r\n", False),
        ("other; v=1, EdgeProxy;x=y", b"CDN-Loop: other; v=1, EdgeProxy;x=y, edgeproxy\r\n", True),
        ("edgeproxy-2", b"CDN-Loop: edgeproxy-2, edgeproxy\r\n", False),
    ],
)
def test_a_request_that_was_here_before_is_known_by_cdn_loop(value: str | None, line: bytes, has_looped: bool) -> None:
    fields = read(*(() if value is None else (f"CDN-Loop: {value}",)))
    assert (fields.lines, fields.has_looped) == (line, has_looped)


def test_trailers_are_wanted_only_where_te_says_so() -> None:
    fields = read("TE: gzip, trailers", "Connection: TE")
    assert fields.wants_trailers
    assert b"TE: trailers\r\nConnection: TE\r\n" in fields.lines
    assert not read("TE: gzip").wants_trailers
    assert not read("TE: trailers", minor=0).wants_trailers


def test_an_expectation_goes_on_with_a_body_and_any_other_is_refused() -> None:
    assert b"Expect: 100-continue\r\n" in read("Expect: 100-Continue", "Content-Length: 3").lines
    assert b"Expect" not in read("Expect: 100-continue").lines
    assert b"Expect" not in read("Expect: 100-continue", "Content-Length: 3", minor=0).lines
    assert read("Expect: a-miracle").has_unknown_expectation
    assert not read("Expect: a-miracle", minor=0).has_unknown_expectation


def test_an_upgrade_is_heard_only_where_connection_names_it_and_no_body_follows() -> None:
    assert read("Connection: keep-alive, Upgrade", "Upgrade: WebSocket, h2c").upgrade == ("websocket", "h2c")
    assert read("Upgrade: websocket").upgrade == ()
    assert read("Connection: upgrade", "Upgrade: websocket", "Content-Length: 3").upgrade == ()
    assert read("Connection: upgrade", "Upgrade: websocket", minor=0).upgrade == ()


def test_what_connection_takes_away_tells_nothing() -> None:
    """No backend gets it, so nothing may go by it (RFC 9110 §7.6.1); what the edge itself reads stays."""
    fields = read(
        "Accept: application/json",
        "X_Tenant: ann",
        "X-Forwarded-For: 192.0.2.1",
        "Content-Length: 0",
        "Connection: close, Accept, X-Tenant, X-Forwarded-For, Content-Length, Host",
    )
    assert fields.values.keys() == {"host", "x-forwarded-for", "content-length", "connection"}
    assert b"Accept" not in fields.lines


@pytest.mark.parametrize("name", ["Edge-Arm", "edge-arm", "EDGE-ARM", "Edge_Arm"])
@pytest.mark.parametrize("connection", [(), ("Connection: edge-arm, edge_arm",)])
def test_the_word_on_an_arm_goes_no_further_than_its_own_field(name: str, connection: tuple[str, ...]) -> None:
    fields = read(f"{name}: to secret-token", "X-A: b", *connection)
    assert fields.arm == (None if "_" in name else "to secret-token")
    assert b"secret-token" not in fields.lines + fields.lines_without_credentials
    assert b"X-A: b" in fields.lines
    assert "edge-arm" not in fields.values
    assert fields.is_common == ("_" in name)
    assert "_" in name or "secret-token" not in repr(fields)  # as a traceback would show it


def test_a_word_on_an_arm_that_is_sent_twice_is_one_that_says_neither() -> None:
    assert read("Edge-Arm: to a", "Edge-Arm: from a").arm == "to a, from a"
