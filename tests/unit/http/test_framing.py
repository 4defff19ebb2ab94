"""RFC 9112 §6 and §7: where bodies end."""

from __future__ import annotations

import pytest

from edgeproxy.http.framing import (
    CHUNKED,
    NO_BODY,
    UNTIL_CLOSE,
    BadFraming,
    BodyReader,
    ChunkedReader,
    Length,
    LengthReader,
    encode_chunk,
    reader_for,
)

GOOD = {
    b"0\r\n\r\n": b"",
    b"3\r\nabc\r\n0\r\n\r\n": b"abc",
    b"003\r\nabc\r\n00\r\n\r\n": b"abc",
    b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n": b"01234567890123456789",
    b"3;name=value;other\r\nabc\r\n0;x\r\n\r\n": b"abc",
    b"3 \t;x\r\nabc\r\n0\r\n\r\n": b"abc",
    b"2\r\n\r\n\r\n0\r\nA: b\r\nC:\r\n\r\n": b"\r\n",
    b"5\r\n0\r\n\r\n\r\n0\r\n\r\n": b"0\r\n\r\n",
    b"1;" + b"a" * 4094 + b"\r\na\r\n0\r\n\r\n": b"a",
}
BAD = [
    b"\r\n", b"x\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1 \r\n", b" 1\r\n", b"1\n", b"1\r\nab\r\n", b"1\r\na\n", b"1\r\na\rb",
    b"1\r\n\r\n\r\n\r\n", b"1000000000000000\r\n", b"1;\0\r\n", b"1;a\nb\r\n", b"0\r\nA b: c\r\n", b"0\r\n: c\r\n", b"0\r\n c\r\n",
    b"0\r\nA: \0\r\n", b"1;" + b"a" * 5000, b"0\r\n" + b"A: " + b"a" * 5000, b"0\r\n" + b"A: bcdefgh\r\n" * 2000,
    b"1;" + b"a" * 4095 + b"\r\na\r\n0\r\n\r\n", b"0\r\n" + b"A: " + b"a" * 4094 + b"\r\n\r\n",
]  # fmt: skip


def read(reader: BodyReader, pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    content = b""
    for number, piece in enumerate(pieces):
        found, rest = reader.feed(piece)
        content += found
        if rest is not None:
            return content, rest + b"".join(pieces[number + 1 :])
    return content, None


@pytest.mark.parametrize("octets", GOOD)
def test_a_chunked_body_reads_the_same_whole_in_pieces_and_before_a_neighbour(octets: bytes) -> None:
    assert read(ChunkedReader(), [octets]) == (GOOD[octets], b"")
    assert read(ChunkedReader(), [octets + b"GET /"]) == (GOOD[octets], b"GET /")
    single = [octets[i : i + 1] for i in range(len(octets))]
    assert read(ChunkedReader(), single) == (GOOD[octets], b"")
    for cut in range(1, len(octets)):
        assert read(ChunkedReader(), [octets[:cut], octets[cut:] + b"X"]) == (GOOD[octets], b"X")


@pytest.mark.parametrize("octets", GOOD)
def test_a_chunked_body_is_not_over_before_its_last_octet(octets: bytes) -> None:
    reader = ChunkedReader()
    for i in range(len(octets) - 1):
        assert reader.feed(octets[i : i + 1])[1] is None


@pytest.mark.parametrize("octets", BAD)
def test_a_malformed_chunked_body_is_refused_however_it_comes(octets: bytes) -> None:
    with pytest.raises(BadFraming):
        read(ChunkedReader(), [octets])
    with pytest.raises(BadFraming):
        read(ChunkedReader(), [octets[i : i + 1] for i in range(len(octets))])


def test_a_body_of_known_length_ends_at_its_last_octet() -> None:
    assert read(LengthReader(3), [b"abc"]) == (b"abc", b"")
    assert read(LengthReader(3), [b"a", b"bcd"]) == (b"abc", b"d")
    assert read(LengthReader(3), [b"ab"]) == (b"ab", None)


def test_there_is_a_reader_only_where_there_is_a_body() -> None:
    assert reader_for(NO_BODY) is None
    assert reader_for(Length(0)) is None
    assert isinstance(reader_for(Length(1)), LengthReader)
    assert isinstance(reader_for(CHUNKED), ChunkedReader)
    until_close = reader_for(UNTIL_CLOSE)
    assert until_close is not None
    assert until_close.feed(b"abc") == (b"abc", None)


def test_an_encoded_chunk_is_read_back() -> None:
    assert read(ChunkedReader(), [encode_chunk(b"x" * 1000) + b"0\r\n\r\n"]) == (b"x" * 1000, b"")


def test_very_many_chunks_are_read_in_parts_and_give_the_same_body() -> None:
    reader = ChunkedReader()
    reader.at_once = 10
    content, rest = reader.feed(b"1\r\na\r\n" * 95 + b"0\r\n\r\nGET /")
    parts = [content]
    while reader.is_behind:
        content, rest = reader.feed(b"")
        parts.append(content)
    assert parts == [b"a" * 10] * 9 + [b"a" * 5]
    assert rest == b"GET /"
