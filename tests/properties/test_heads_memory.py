"""A remembered header section spares the parser, and nothing else: what was refused before is refused all the same."""

from __future__ import annotations

import pytest
from harness import DEFAULT_LIMITS

from edgeproxy.http.request import BadRequest, read_request_line
from edgeproxy.http.target import BadTarget, Target, parse_target
from edgeproxy.proxy.heads import HeadReader
from edgeproxy.telemetry.counters import Counters

SECTION = b"\r\nHost: pypi.test\r\n\r\n"
LINES = [
    b"GET /a?b#c HTTP/1.1",
    b"GET http://pypi.test:80/?b#c HTTP/1.1",
    b"GET http://pypi.test?x HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
]
OCTETS = b"\0\t\n\v\r \x1f!\"#$%&'*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xad\xff"


def reading(reader: HeadReader, line: bytes, *, is_quick: bool = False) -> tuple[bytes, Target, int] | int:
    """Method, target and version; or the status of the refusal."""
    try:
        head = line + SECTION
        end = head.index(b"\r\n")
        known = reader.known(head, end) if is_quick and end > 0 else None
        fields = known or reader.fields(head, end)
        read = read_request_line(head[:end], DEFAULT_LIMITS.target)
        return read.method, parse_target(read.target, fields.host), read.minor
    except BadRequest as error:
        return error.status
    except BadTarget:
        return 400


@pytest.mark.parametrize("line", LINES)
def test_a_request_line_is_read_the_same_before_a_remembered_section(line: bytes) -> None:
    counters = Counters()
    remembers = HeadReader(DEFAULT_LIMITS, counters)
    reading(remembers, b"GET / HTTP/1.1")
    for place in range(len(line) + 1):
        for octet in OCTETS:
            for end in (place, place + 1):
                changed = line[:place] + bytes([octet]) + line[end:]
                anew = reading(HeadReader(DEFAULT_LIMITS, Counters()), changed)
                assert reading(remembers, changed) == anew, changed
                assert reading(remembers, changed, is_quick=True) == anew, changed
    assert counters.memo_hits > 100
