"""The memory of header sections: it saves parsing, and never changes what is read."""

from __future__ import annotations

import pytest

from edgeproxy.http.request import BadRequest, RequestFields
from edgeproxy.proxy.heads import HeadReader
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.telemetry.counters import Counters

SECTION = b"Host: pypi.test\r\nAccept: a\r\n\r\n"


def reader(limits: Limits = DEFAULT_LIMITS) -> tuple[HeadReader, Counters]:
    counters = Counters()
    return HeadReader(limits, counters), counters


def read(heads: HeadReader, head: bytes) -> RequestFields:
    return heads.fields(head, head.index(b"\r\n"))


def test_the_same_section_is_parsed_once() -> None:
    heads, counters = reader()
    first = read(heads, b"GET /a HTTP/1.1\r\n" + SECTION)
    assert read(heads, b"HEAD /b HTTP/1.1\r\n" + SECTION) is first
    assert counters.memo_hits == 1


def test_a_section_known_from_http_1_1_is_read_anew_for_http_1_0_where_it_may_mean_something_else() -> None:
    heads, _ = reader()
    section = b"Host: pypi.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    read(heads, b"POST / HTTP/1.1\r\n" + section)
    with pytest.raises(BadRequest):
        read(heads, b"POST / HTTP/1.0\r\n" + section)


def test_a_refused_section_is_refused_again() -> None:
    heads, _ = reader()
    for _ in range(2):
        with pytest.raises(BadRequest):
            read(heads, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")


def test_the_memory_is_bounded_in_number_and_in_octets() -> None:
    heads, counters = reader(Limits(memo=2, memo_octets=100))
    for number in range(5):
        read(heads, b"GET / HTTP/1.1\r\nHost: pypi.test\r\nX: %d\r\n\r\n" % number)
    assert len(heads._memo) <= 2
    long = b"GET / HTTP/1.1\r\nHost: pypi.test\r\nX: " + b"a" * 200 + b"\r\n\r\n"
    read(heads, long)
    read(heads, long)
    assert counters.memo_hits == 0
