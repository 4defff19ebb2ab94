"""Captured bodies: what they call, and that none goes out that might hold a secret."""

from __future__ import annotations

from xmlrpc.client import dumps

import pytest

from edgeproxy.cli.rehearsing.calls import call_of, document_of, holds_secret

XML = {"content-type": "text/xml"}
HARMLESS = dumps(("six", "1.0"), "release_urls")


@pytest.mark.parametrize(
    ("headers", "body", "call"),
    [
        (XML, HARMLESS, "release_urls"),
        ({"content-type": "text/xml; charset=utf-8"}, HARMLESS, "release_urls"),
        ({"content-type": "application/json"}, HARMLESS, None),
        ({**XML, "content-encoding": "gzip"}, HARMLESS, None),
        (XML, "<methodCall/>", None),
        (XML, HARMLESS + "<methodName>another</methodName>", None),
        (XML, document_of("search", ({"name": "six"},)), "search"),
    ],
)
def test_what_a_body_calls(headers: dict[str, str], body: str, call: str | None) -> None:
    assert call_of(headers, body) == call


@pytest.mark.parametrize(
    "body",
    [HARMLESS, dumps((0,), "changelog_since_serial"), "q=six&page=2", '{"query": "six", "size": 10}', "é" * 100],
)
def test_what_may_be_sent(body: str) -> None:
    assert not holds_secret(body)


@pytest.mark.parametrize(
    "body",
    [
        dumps(({"name": "six", "api_key": "K"},), "search"),  # a member's name
        dumps(("donald", "hunter2"), "user.login"),  # the method's
        dumps(("pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",), "a"),  # what looks like one
        dumps(("0123456789abcdef0123456789abcdef",), "a"),
        dumps((b"octets",), "a"),  # what cannot be looked through
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
        "<password>hunter2</password>",
        "q=six&password=hunter2",
        "q=six&pass%77ord=hunter2",
        "q=six&p%2561ssword=hunter2",
        '{"query": "six", "token": "x"}',
        '{"query": "six", "t\\u006fken": "x"}',
        "<name>pass&#119;ord</name><value>x</value>",
        "q=[hidden]",
        "a" * 16_385,
        "a\0b",
    ],
)
def test_what_is_sent_to_nobody(body: str) -> None:
    assert holds_secret(body)
