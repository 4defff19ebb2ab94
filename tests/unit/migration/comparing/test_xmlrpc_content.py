"""Answers to XML-RPC calls, value by value."""

from __future__ import annotations

import xmlrpc.client

import pytest
from compared import XML, answer, found

from edgeproxy.migration.comparing.bounds import Bounds, Flaw
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Kind, TypeChanged, Unreadable
from edgeproxy.ruleset.modifiers import Comparison


def result(value: object) -> str:
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True)


def of(value: str) -> str:
    return f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"


def differences(old: str, new: str, *ignored: str) -> list[tuple[Kind, str]]:
    return found(Comparison.XMLRPC, answer(old, XML), answer(new, XML), *ignored)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<int>1</int>", "<i4> 1 </i4>"),
        ("<i8>-5</i8>", "<int>-5</int>"),
        ("<string>a &amp; b</string>", "a &#38; b"),
        ("<double>1.50</double>", "<double>1.5</double>"),
        ("<double>nan</double>", "<double>NaN</double>"),
        (
            "<dateTime.iso8601>20180416T15:00:00</dateTime.iso8601>",
            "<dateTime.iso8601>2018-04-16T15:00:00</dateTime.iso8601>",
        ),
        ("<base64>YWJj</base64>", "<base64>YW\nJj</base64>"),
        ("<struct></struct>", "<struct/>"),
        ("<boolean>1</boolean>", "<boolean> 1</boolean>"),
        ("<nil/>", "<nil></nil>"),
    ],
)
def test_the_same_value(old: str, new: str) -> None:
    assert differences(of(old), f'<?xml version="1.0"?>\n<!-- other -->{of(new)}') == []


def test_what_python_writes_is_read() -> None:
    moment = xmlrpc.client.DateTime("20180416T00:00:00")
    value = {"a": [1, True, None, "x", 1.5, moment], "b": xmlrpc.client.Binary(b"\0\xff")}
    other = {"a": [1, True, None, "y", 1.5, moment], "b": xmlrpc.client.Binary(b"\0\xfe")}
    assert differences(result(value), result(value)) == []
    assert differences(result(value), result(other)) == [
        (Kind.CHANGED, "xmlrpc:/params/0/a/3"),
        (Kind.CHANGED, "xmlrpc:/params/0/b"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (["1.0", "0.9"], ["1.0"], [(Kind.MISSING, "xmlrpc:/params/0/1")]),
        ({"six": 5}, {"six": "5"}, [(Kind.TYPE_CHANGED, "xmlrpc:/params/0/six")]),
        ({"a": True}, {"a": 1}, [(Kind.TYPE_CHANGED, "xmlrpc:/params/0/a")]),
        ({"a": None}, {"a": ""}, [(Kind.TYPE_CHANGED, "xmlrpc:/params/0/a")]),
        (["a", "b"], ["b", "a"], [(Kind.REORDERED, "xmlrpc:/params/0")]),
    ],
)
def test_each_difference_has_its_path(old: object, new: object, said: list[tuple[Kind, str]]) -> None:
    assert differences(result(old), result(new)) == said


def test_types_that_json_has_not_are_told_by_their_names() -> None:
    old, new = result(xmlrpc.client.DateTime("20180416T00:00:00")), result("20180416T00:00:00")
    (difference,) = compare(Comparison.XMLRPC, answer(old, XML), answer(new, XML))
    assert isinstance(difference, TypeChanged)
    assert (difference.old, difference.new) == ("dateTime", "string")


def test_a_fault_is_another_answer_than_a_result() -> None:
    fault = xmlrpc.client.dumps(xmlrpc.client.Fault(-32500, "gone"), methodresponse=True)
    other = xmlrpc.client.dumps(xmlrpc.client.Fault(1, "gone"), methodresponse=True)
    assert differences(result([]), fault) == [(Kind.MISSING, "xmlrpc:/params"), (Kind.ADDED, "xmlrpc:/fault")]
    assert differences(fault, other) == [(Kind.CHANGED, "xmlrpc:/fault/faultCode")]


def test_what_is_ignored_is_taken_out() -> None:
    old, new = result([{"n": 1, "downloads": 5}]), result([{"n": 1, "downloads": 7}])
    assert differences(old, new) != []
    assert differences(old, new, "xmlrpc:/params/0/*/downloads") == []


def test_a_charset_is_that_of_the_content_type_before_that_of_the_declaration() -> None:
    old = answer(of("é").encode("latin-1"), "text/xml; charset=iso-8859-1")
    assert found(Comparison.XMLRPC, old, answer(of("é"), "text/xml")) == []
    declared = f'<?xml version="1.0" encoding="iso-8859-1"?>{of("é")}'.encode("latin-1")
    assert found(Comparison.XMLRPC, answer(declared, XML), answer(of("é"), XML)) == []


BILLION = (
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<methodResponse><params><param><value>&b;</value></param></params></methodResponse>"
)
OUTSIDE = '<!DOCTYPE l SYSTEM "http://127.0.0.1:1/evil.dtd"><methodResponse/>'


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        ("", Flaw.SYNTAX),
        ("<methodResponse>", Flaw.SYNTAX),
        (BILLION, Flaw.DTD),
        (OUTSIDE, Flaw.DTD),
        (of("&undeclared;"), Flaw.SYNTAX),
        ('<?xml version="1.0" encoding="klingon"?><methodResponse/>', Flaw.ENCODING),
        ("<html/>", Flaw.NOT_THE_KIND),
        ("<methodResponse/>", Flaw.NOT_THE_KIND),
        ("<methodResponse><params/><fault/></methodResponse>", Flaw.NOT_THE_KIND),
        ("<methodResponse><result/></methodResponse>", Flaw.NOT_THE_KIND),
        ("<methodResponse><params><value/></params></methodResponse>", Flaw.SYNTAX),
        ("<methodResponse><fault/></methodResponse>", Flaw.SYNTAX),
        (of("<int>one</int>"), Flaw.SYNTAX),
        (of("<int>" + "9" * 5000 + "</int>"), Flaw.SYNTAX),
        (of("<boolean>2</boolean>"), Flaw.SYNTAX),
        (of("<long>1</long>"), Flaw.SYNTAX),
        (of("<int>1</int><int>2</int>"), Flaw.SYNTAX),
        (of("text<int>1</int>"), Flaw.SYNTAX),
        (of("<string><b/></string>"), Flaw.SYNTAX),
        (of("<base64>a</base64>"), Flaw.SYNTAX),
        (of("<array></array>"), Flaw.SYNTAX),
        (of("<struct><member><name>a</name></member></struct>"), Flaw.SYNTAX),
        (of("<struct>" + "<member><name>a</name><value/></member>" * 2 + "</struct>"), Flaw.TWICE),
        (of("<array><data><value>" * 100 + "</value></data></array>" * 100), Flaw.TOO_DEEP),
        ("<a>" * 500_000, Flaw.TOO_DEEP),
        (of(f"<array><data>{'<value/>' * 2000}</data></array>"), Flaw.TOO_MANY),
    ],
)
def test_what_cannot_be_read_is_a_finding(content: str, flaw: Flaw) -> None:
    old, new = answer(result(1), XML), answer(content, XML)
    (difference,) = compare(Comparison.XMLRPC, old, new, bounds=Bounds(tags=1000))
    assert isinstance(difference, Unreadable)
    assert difference.flaw is flaw
