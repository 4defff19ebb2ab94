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
        "Accept: a", "CONNECTION: close, x-mine", "X-Mine: 1", "accept: b", "X-Forwarded-For: evil", "TE: trailers"
    )
    assert fields.lines == b"Accept: a\r\naccept: b\r\n"
    assert fields.wants_close
    assert not fields.wants_keep_alive


def test_credentials_are_left_out_for_content_hosts() -> None:
    fields = read("Authorization: Basic abc", "Cookie: a=b", "Accept: c")
    assert fields.lines_without_credentials == b"Accept: c\r\n"
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
    assert read_request_line(line) == expected


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"", 400),
        (b"get / HTTP/1.1", 501),
        (b"GET / HTTP/2.0", 505),
        (b"GET / http/1.1", 505),
    ],
)
def test_any_other_request_line_is_refused(line: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_request_line(line)
    assert refusal.value.status == status
