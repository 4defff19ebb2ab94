"""Heads come out the same however their octets were cut."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.head_buffer import HeadBuffer
from edgeproxy.http.request import BadRequest, read_request_fields, read_request_line

HEAD = b"GET / HTTP/1.1\r\nHost: pypi.test\r\n\r\n"


def heads_of(pieces: list[bytes], most: int = 1000) -> list[bytes | int]:
    """What comes out: heads, and at last the status of a refusal."""
    buffer, out = HeadBuffer(most), list[bytes | int]()
    for piece in pieces:
        buffer.add(piece)
        try:
            while (head := buffer.take()) is not None:
                out.append(head)
        except BadRequest as error:
            return [*out, error.status]
    return out


def test_a_head_comes_out_whole_and_its_neighbours_wait() -> None:
    buffer = HeadBuffer(1000)
    buffer.add(HEAD + HEAD + b"GET")
    assert [buffer.take(), buffer.take(), buffer.take()] == [HEAD, HEAD, None]
    assert buffer.take_rest() == b"GET"
    assert not buffer


def test_empty_lines_before_a_head_are_ignored() -> None:
    assert heads_of([b"\r\n\r\n\r\n" + HEAD + b"\r\n" + HEAD]) == [HEAD, HEAD]


def test_a_head_at_the_limit_is_taken_and_one_octet_more_is_refused() -> None:
    assert heads_of([HEAD], most=len(HEAD)) == [HEAD]
    assert heads_of([HEAD], most=len(HEAD) - 1) == [431]
    assert heads_of([b"a" * 99], most=98) == [431]


@pytest.mark.parametrize("hopeless", [b"A: \n", b"A: \0", b"A: \rb"])
def test_a_long_head_is_refused_for_what_shows_first(hopeless: bytes) -> None:
    first, late = HEAD[:-2] + hopeless + b"a" * 100 + b"\r\n\r\n", HEAD[:-2] + b"a" * 100 + hopeless + b"\r\n\r\n"
    for octets, status in ((first, 400), (late, 431)):
        assert heads_of([octets], most=80) == [status]
        assert heads_of([octets[:-4]], most=80) == [status]
        assert heads_of([octets[i : i + 1] for i in range(len(octets))], most=80) == [status]


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nA: b\rc", b"GET \0", b"\n", b"\rG"])
def test_what_cannot_become_a_head_is_refused_before_its_end(octets: bytes) -> None:
    assert heads_of([octets]) == [400]


PARTS = st.sampled_from([HEAD, b"\r\n", b"\r", b"\n", b"\0", b"a", b"\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"])


@given(st.lists(PARTS, max_size=8).map(b"".join), st.data())
def test_where_the_octets_are_cut_changes_nothing(octets: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    by_octet = [octets[i : i + 1] for i in range(len(octets))]
    assert outcome(heads_of(pieces)) == outcome(heads_of(by_octet))


def outcome(heads: list[bytes | int]) -> list[bytes | str]:
    """What the edge makes of it: the heads that the parser accepts up to the first refusal, whoever refuses."""
    out = list[bytes | str]()
    for head in heads:
        try:
            if isinstance(head, int):
                raise BadRequest(head, "by the buffer")
            read_request_line(head[: head.index(b"\r\n")], 8192)
            read_request_fields(head, 1, 100)
        except BadRequest:
            return [*out, "refused"]
        out.append(head)
    return out


def test_a_few_empty_lines_before_a_request_are_ignored_and_many_are_not() -> None:
    for cut in (1, 3, 1000):
        for lines, is_good in ((32, True), (33, False)):
            buffer, octets = HeadBuffer(1000), b"\r\n" * lines + b"GET / HTTP/1.1\r\n\r\n"
            found = None
            with nullcontext() if is_good else pytest.raises(BadRequest):
                for place in range(0, len(octets), cut):
                    buffer.add(octets[place : place + cut])
                    found = buffer.take() or found
            assert (found is not None) == is_good


def test_empty_lines_are_counted_for_each_request() -> None:
    buffer = HeadBuffer(1000)
    buffer.add((b"\r\n" * 20 + b"GET / HTTP/1.1\r\n\r\n") * 5)
    assert [buffer.take() for _ in range(6)] == [b"GET / HTTP/1.1\r\n\r\n"] * 5 + [None]
