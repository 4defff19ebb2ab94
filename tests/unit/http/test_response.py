"""Answers' heads: their framing by RFC 9112 §6.3, and what of them goes on."""

from __future__ import annotations

import pytest

from edgeproxy.http.framing import CHUNKED, NO_BODY, UNTIL_CLOSE, Framing, Length
from edgeproxy.http.response import BadResponse, ResponseHead, read_response_head


def read(
    status: str, *lines: str, to_head: bool = False, drop_cookies: bool = False, version: str = "1.1"
) -> ResponseHead:
    head = "".join([f"HTTP/{version} {status}\r\n", *(f"{line}\r\n" for line in lines), "\r\n"])
    return read_response_head(head.encode("latin-1"), to_head=to_head, most_fields=100, drop_cookies=drop_cookies)


@pytest.mark.parametrize(
    ("status", "lines", "framing"),
    [
        ("200 OK", ("Content-Length: 3",), Length(3)),
        ("200 OK", ("Transfer-Encoding: chunked",), CHUNKED),
        ("200 OK", (), UNTIL_CLOSE),
        ("404 Not Found", (), UNTIL_CLOSE),
        ("204 No Content", (), NO_BODY),
        ("304 Not Modified", ("Content-Length: 3",), NO_BODY),
        ("100 Continue", (), NO_BODY),
    ],
)
def test_the_framing_of_an_answer(status: str, lines: tuple[str, ...], framing: Framing) -> None:
    assert read(status, *lines).framing == framing


def test_the_answer_to_head_keeps_its_length_and_has_no_body() -> None:
    head = read("200 OK", "Content-Length: 3", to_head=True)
    assert (head.framing, head.lines) == (NO_BODY, [b"Content-Length: 3"])


@pytest.mark.parametrize(
    ("version", "lines", "keeps_alive"),
    [
        ("1.1", ("Content-Length: 0",), True),
        ("1.1", ("Content-Length: 0", "Connection: close"), False),
        ("1.1", ("Content-Length: 0", "Connection: X-A, Close"), False),
        ("1.1", (), False),
        ("1.0", ("Content-Length: 0",), False),
        ("1.0", ("Content-Length: 0", "Connection: keep-alive"), True),
    ],
)
def test_whether_a_backends_connection_can_be_kept(version: str, lines: tuple[str, ...], keeps_alive: bool) -> None:
    assert read("200 OK", *lines, version=version).keeps_alive is keeps_alive


def test_the_reason_phrase_is_kept_because_old_sites_speak_in_it() -> None:
    assert read("400 File already exists").reason == b"File already exists"
    assert read("200 ").reason == b""


def test_fields_named_by_connection_go_but_never_the_length_of_the_body() -> None:
    head = read("200 OK", "Content-Length: 3", "Connection: X-Hop, Content-Length", "x-hop: 1", "X-End: 2")
    assert head.lines == [b"Content-Length: 3", b"X-End: 2"]


def test_cookies_are_dropped_where_they_may_not_come_from() -> None:
    assert read("200 OK", "Set-Cookie: a=b", "Content-Length: 0", drop_cookies=True).lines == [b"Content-Length: 0"]
    assert len(read("200 OK", "Set-Cookie: a=b", "Set-Cookie: c=d", "Content-Length: 0").lines) == 3


def test_a_bodiless_status_loses_its_length() -> None:
    assert read("204 No Content", "Content-Length: 0").lines == []


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 3", "Content-Length: 3"),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length: x",),
        ("Transfer-Encoding: gzip",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding:",),
        ("Broken",),
        ("A : b",),
    ],
)
def test_an_answer_with_two_readings_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(BadResponse):
        read("200 OK", *lines)


def test_chunks_from_an_http_1_0_backend_are_refused() -> None:
    with pytest.raises(BadResponse):
        read("200 OK", "Transfer-Encoding: chunked", version="1.0")
