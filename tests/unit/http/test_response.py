"""Answers' heads: their framing by RFC 9112 §6.3, and what of them goes on."""

from __future__ import annotations

import pytest

from edgeproxy.http.framing import CHUNKED, NO_BODY, TUNNEL, UNTIL_CLOSE, Framing, Length
from edgeproxy.http.response import Asked, BadResponse, ResponseHead, ResponseReader


def read(
    status: str,
    *lines: str,
    to_head: bool = False,
    drop_cookies: bool = False,
    upgrade: bytes = b"",
    version: str = "1.1",
    reader: ResponseReader | None = None,
) -> ResponseHead:
    head = "".join([f"HTTP/{version} {status}\r\n", *(f"{line}\r\n" for line in lines)]).encode("latin-1")
    return (reader or ResponseReader(100)).read(head.removesuffix(b"\r\n"), Asked(to_head, drop_cookies, upgrade))


def lines_of(head: ResponseHead) -> list[bytes]:
    return head.octets.split(b"\r\n")[1:-1]


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


@pytest.mark.parametrize("name", ["Content-Length", "Date", "Set-Cookie"])
def test_a_name_alone_is_no_field_also_when_it_is_known(name: str) -> None:
    reader = ResponseReader(100)
    read("200 OK", f"{name}: 3", reader=reader)
    with pytest.raises(BadResponse, match="a line that is not a field"):
        read("200 OK", name, reader=reader)


def test_the_answer_to_head_keeps_its_length_and_has_no_body() -> None:
    head = read("200 OK", "Content-Length: 3", to_head=True)
    assert (head.framing, lines_of(head)) == (NO_BODY, [b"Content-Length: 3"])


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
    assert read("400 File already exists").octets == b"HTTP/1.1 400 File already exists\r\n"
    assert read("200").octets == read("200 ").octets == b"HTTP/1.1 200 \r\n"
    assert read("200 OK", version="1.0").octets == b"HTTP/1.1 200 OK\r\n"


def test_fields_named_by_connection_go_but_never_the_length_of_the_body() -> None:
    head = read("200 OK", "Content-Length: 3", "Connection: X-Hop, Content-Length", "x-hop: 1", "X-End: 2")
    assert lines_of(head) == [b"Content-Length: 3", b"X-End: 2"]


def test_cookies_are_dropped_where_they_may_not_come_from() -> None:
    assert lines_of(read("200 OK", "Set-Cookie: a=b", "Content-Length: 0", drop_cookies=True)) == [b"Content-Length: 0"]
    assert len(lines_of(read("200 OK", "Set-Cookie: a=b", "Set-Cookie: c=d", "Content-Length: 0"))) == 3


def test_a_bodiless_status_loses_its_length() -> None:
    assert lines_of(read("204 No Content", "Content-Length: 0")) == []


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


SWITCH = ("Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Accept: abc")


def test_a_switch_of_protocols_is_one_only_to_what_was_asked_for() -> None:
    head = read("101 Switching Protocols", *SWITCH, upgrade=b"websocket")
    assert (head.framing, head.is_final, head.keeps_alive) == (TUNNEL, True, False)
    assert lines_of(head) == [b"Sec-WebSocket-Accept: abc"]
    for asked in (b"", b"other"):
        with pytest.raises(BadResponse):
            read("101 Switching Protocols", *SWITCH, upgrade=asked)
    with pytest.raises(BadResponse):
        read("101 Switching Protocols", *SWITCH, "Content-Length: 3", upgrade=b"websocket")


def test_trailer_lines_are_kept_apart() -> None:
    head = read("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum", "X-A: 1")
    assert (lines_of(head), head.trailer) == ([b"X-A: 1"], (b"Trailer: X-Sum",))


def test_what_was_read_once_is_not_read_again_and_means_the_same() -> None:
    reader = ResponseReader(100)
    lines = ("Date: Thu, 01 Jan 1970 00:00:00 GMT", "Content-Length: 3", "Connection: close", "Set-Cookie: a=b")
    first, second, other = (
        (head.status, head.framing, head.keeps_alive, head.has_date, head.octets)
        for head in (*(read("200 OK", *lines, reader=reader) for _ in range(2)), read("200 OK", *lines))
    )
    assert first == second == other
    assert len(reader._marks) == len(lines)
    assert len(reader._shapes) == 1
    longer = read("200 OK", lines[0], "Content-Length: 4", *lines[2:], reader=reader)
    assert (longer.framing, len(reader._shapes)) == (Length(4), 1)


def test_the_memory_of_lines_is_bounded_and_holds_nothing_refused() -> None:
    reader = ResponseReader(100, memo=4, memo_octets=20)
    for number in range(50):
        read(f"{200 + number} OK", f"X: {number}", "Y: " + "y" * 20, reader=reader)
        with pytest.raises(BadResponse):
            read("200 OK", "A : b", reader=reader)
    assert len(reader._marks) <= 4
    assert len(reader._status_lines) <= 4
    for number in range(2_000):
        read("200 OK", f"X: {number}", reader=reader)
    assert len(reader._plain) <= 512
    assert not any(line.startswith((b"A", b"Y")) for line in reader._marks)


def test_what_depends_on_names_or_numbers_is_looked_at_each_time() -> None:
    reader = ResponseReader(100)
    for first, second in (("X-Hop: 1", "X-End: 2"), ("X-End: 2", "X-Hop: 1")):
        head = read("200 OK", "Content-Length: 0", "Connection: x-hop", first, second, reader=reader)
        assert lines_of(head) == [b"Content-Length: 0", b"X-End: 2"]
    for length, keeps_alive in ((0, True), (3, False), (0, True)):
        assert read("204 No Content", f"Content-Length: {length}", reader=reader).keeps_alive is keeps_alive
