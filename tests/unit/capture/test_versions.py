"""What earlier versions wrote is read as this one's."""

from __future__ import annotations

import json

import pytest

from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.versions import LONGEST_LINE, read_plain


def test_newline_json_is_the_first_version() -> None:
    line = {
        "method": "POST",
        "url": "HTTPS://user:pw@pypi.test/pypi?token=abc#x",
        "headers": {"User-Agent": ["pip/24.0", "more"], "Authorization": "Basic abcdefgh", "X-Odd": "y"},
        "client": "192.0.2.77",
        "time": "2018-04-16T15:00Z",
        "xmlrpc": "search",
        "count": 12,
        "other": [1],
    }
    assert read_plain(json.dumps(line)) == Captured(
        1_523_890_800.0,
        "POST",
        "https://[hidden]@pypi.test/pypi?token=[hidden]",
        headers={"user-agent": "pip/24.0, more"},
        credentials=("authorization",),
        client="192.0.2.0",
        xmlrpc="search",
        count=12,
    )
    assert read_plain(b'{"method": "GET", "url": "http://pypi.test"}') == Captured(0.0, "GET", "http://pypi.test/")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        '{"method": "GET"}',
        '{"method": 1, "url": "http://a.test/"}',
        '{"method": "G T", "url": "http://a.test/"}',
        '{"method": "GET", "url": "/a"}',
        '{"method": "GET", "url": "http://a.test/", "time": "yesterday"}',
        '{"method": "GET", "url": "http://a.test/", "time": true}',
        '{"method": "GET", "url": "http://a.test/", "time": NaN}',
        '{"method": "GET", "url": "http://a.test/", "time": Infinity}',
        '{"method": "GET", "url": "http://a.test/", "count": 0}',
        '{"method": "GET", "url": "http://a.test/", "headers": [1]}',
        '{"method": "GET", "url": "http://a.test/", "headers": {"a": 1}}',
        '{"method": "GET", "url": "http://a.test/", "xmlrpc": 1}',
        r'{"method": "GET", "url": "http://a.test/\ud800"}',
        r'{"method": "GET", "url": "http://\udfff.test/"}',
        r'{"method": "GET", "url": "http://a.test/", "xmlrpc": "\ud800"}',
        r'{"method": "GET", "url": "http://a.test/", "headers": {"referer": "\ud800"}}',
        "[" * 100_000,
        '{"method": "GET", "url": "http://a.test/' + "a" * LONGEST_LINE + '"}',
    ],
)
def test_what_is_no_record_says_why_and_quotes_nothing(line: str) -> None:
    with pytest.raises(BadRecord) as raised:
        read_plain(line)
    assert len(str(raised.value)) < 100


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, "a\ud800b") for key in ("body", "rule", "shape", "connection", "client", "arm", "why", "cache")],
        *[("url", "http://pypi.test/\udc00"), ("headers", {"\ud800": "a"}), ("headers", {"accept": "\ud800"})],
        ("credentials", ["\ud800"]),
    ],
)
def test_what_no_octets_can_say_is_no_record(key: str, value: object) -> None:
    """Else it would end a replay before anything was sent, or when all was, and the report is written."""
    words = {"time": 1.0, "method": "GET", "url": "http://pypi.test/"}
    assert read_words(words)
    with pytest.raises(BadRecord):
        read_words({**words, key: value})
    assert read_words({**words, "rule": "\N{SNOWMAN} \U0001f40d"}).rule == "\N{SNOWMAN} \U0001f40d"
