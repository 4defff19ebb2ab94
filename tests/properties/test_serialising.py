"""What was meant is what arrives: messages through the edge, written by this test and read by h11, are the same messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

import pytest
from harness import DEFAULT_LIMITS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_network import MemoryEdge
from strict_peers import Fields, Origin, read_answers

MANY = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Fields with a meaning of their own have tests of their own; these are all others.
MEANT = frozenset(
    b"connection content-length transfer-encoding host te trailer upgrade keep-alive via date expect max-forwards cdn-loop "
    b"forwarded cookie authorization proxy-authenticate proxy-authentication-info proxy-authorization proxy-connection".split()
)
NAMES = (
    st.text(TOKEN, min_size=1, max_size=12)
    .map(str.encode)
    .filter(lambda name: name.lower().replace(b"_", b"-") not in MEANT and not name.lower().startswith(b"x-"))
)
_VISIBLE = bytes([*range(0x21, 0x7F), *range(0x80, 0x100)])
VALUES = st.lists(st.sampled_from([*_VISIBLE, 0x20, 0x09]), max_size=20).map(lambda octets: bytes(octets).strip(b" \t"))
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8).map(tuple)
CHUNKS = st.lists(st.binary(min_size=1, max_size=50), max_size=5)
SEGMENTS = st.lists(
    st.text(st.characters(exclude_characters="/\\", exclude_categories=("Cs", "Cc")), max_size=8), max_size=4
)


@pytest.fixture(scope="module")
def edge() -> Iterator[MemoryEdge]:
    with MemoryEdge(limits=replace(DEFAULT_LIMITS, pool_size=0)) as edge:
        yield edge


@dataclass(frozen=True)
class Body:
    """A body and one way to write it."""

    content: bytes
    field: bytes
    octets: bytes


def with_length(chunks: list[bytes]) -> Body:
    content = b"".join(chunks)
    return Body(content, b"Content-Length: %d\r\n" % len(content), content)


def in_chunks(chunks: list[bytes]) -> Body:
    octets = b"".join([b"%X;x=y\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks])
    return Body(b"".join(chunks), b"Transfer-Encoding: chunked\r\n", octets + b"0\r\nX: a\r\n\r\n")


BODIES = st.one_of(CHUNKS.map(with_length), CHUNKS.map(in_chunks))
NO_BODY = Body(b"", b"", b"")


def lines(fields: Fields) -> bytes:
    return b"".join([b"%b:%b\r\n" % field for field in fields])


def others(fields: Fields) -> Fields:
    """The fields without those that have a meaning of their own."""
    return tuple(
        [field for field in fields if field[0].lower() not in MEANT and not field[0].lower().startswith(b"x-")]
    )


@MANY
@given(
    st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"]),
    SEGMENTS,
    FIELDS,
    st.one_of(st.just(NO_BODY), BODIES),
)
def test_a_backend_gets_the_request_that_was_meant(
    edge: MemoryEdge, method: bytes, segments: list[str], fields: Fields, body: Body
) -> None:
    path = "/" + "/".join(segments)
    head = b"%b %b HTTP/1.1\r\nHost: pypi.test\r\n%b%b\r\n" % (method, quote(path).encode(), body.field, lines(fields))
    origin = Origin()
    edge.loop.connect = origin.connect
    client = edge.exchange([head + body.octets])
    assert origin.errors == []
    (request,) = origin.requests
    assert (request.method, others(request.fields), request.body) == (method, fields, body.content)
    assert request.trailers == ()
    if not {".", ".."} & set(segments):
        assert unquote(request.target.decode(), errors="strict") == path
    (answer,) = read_answers(client.octets, [method], is_ended=client.is_ended)
    assert answer.body == method + b" " + request.target


@MANY
@given(st.sampled_from([b"GET", b"HEAD", b"POST"]), st.integers(200, 599), FIELDS, BODIES)
def test_a_client_gets_the_answer_that_was_meant(
    edge: MemoryEdge, method: bytes, status: int, fields: Fields, body: Body
) -> None:
    is_bodiless = method == b"HEAD" or status in (204, 304)
    reason = b"" if status % 2 else b"As it is"
    head = b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (status, reason, body.field, lines(fields))
    origin = Origin(answers=lambda request: [head if is_bodiless else head + body.octets])
    edge.loop.connect = origin.connect
    client = edge.exchange([method + b" / HTTP/1.1\r\nHost: pypi.test\r\n\r\n"])
    (answer,) = read_answers(client.octets, [method], is_ended=client.is_ended)
    assert (answer.status, answer.reason, others(answer.fields)) == (status, reason, fields)
    assert answer.is_whole
    assert answer.body == (b"" if is_bodiless else body.content)
    assert answer.trailers == ()


@MANY
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"GET", b"POST", b"HEAD"]), st.integers(0, 999), st.one_of(st.just(NO_BODY), BODIES)
        ),
        max_size=6,
    )
)
def test_pipelined_requests_arrive_as_they_were_meant_and_their_answers_in_order(
    edge: MemoryEdge, asked: list[tuple[bytes, int, Body]]
) -> None:
    octets = b"".join(
        [
            b"%b /%d HTTP/1.1\r\nHost: pypi.test\r\n%b\r\n%b" % (method, n, body.field, body.octets)
            for method, n, body in asked
        ]
    )
    origin = Origin()
    edge.loop.connect = origin.connect
    client = edge.exchange([octets])
    assert origin.errors == []
    assert [(r.method, r.target, r.body) for r in origin.requests] == [(m, b"/%d" % n, b.content) for m, n, b in asked]
    answers = read_answers(client.octets, [method for method, _, _ in asked], is_ended=client.is_ended)
    assert [answer.body for answer in answers] == [b"" if m == b"HEAD" else b"%b /%d" % (m, n) for m, n, _ in asked]
