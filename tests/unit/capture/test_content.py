"""The content of an answer, found again in what was written to a client."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from edgeproxy.capture.content import Content, ContentReader, content_in, told_of

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"
CASES = {
    "plain": (PLAIN, b"hello"),
    "chunked": (CHUNKED, b"hello"),
    "empty": (b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
    "content that ends like a head": (b"HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n", b"hello\r\n\r\n"),
    "content that looks chunked": (b"HTTP/1.1 200 OK\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
}
BROKEN = {
    "no head": b"HTTP/1.1 200 OK\r\nContent-",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "more than the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore\r\n\r\n",
}


def read(octets: bytes, at_a_time: int) -> Content | None:
    reader = ContentReader()
    for at in range(0, len(octets), at_a_time):
        reader.feed([octets[at : at + at_a_time]])
    return reader.end()


@pytest.mark.parametrize("name", CASES)
def test_it_is_found_at_once_and_in_any_pieces(name: str) -> None:
    octets, content = CASES[name]
    assert content_in(octets) == content
    assert json.loads(told_of(content)) == {"octets": len(content), "digest": sha256(content).hexdigest()}
    for at_a_time in range(1, len(octets) + 1):
        assert read(octets, at_a_time) == told_of(content)
    reader = ContentReader()
    reader.feed([memoryview(octets), b""])
    assert reader.end() == told_of(content)
    bare = ContentReader(has_head=False)
    bare.feed([memoryview(content)])
    assert bare.end() == told_of(content)


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_has_no_digest(name: str) -> None:
    assert content_in(BROKEN[name]) is None
    for at_a_time in (1, 7, len(BROKEN[name])):
        assert read(BROKEN[name], at_a_time) is None
