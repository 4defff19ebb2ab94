from __future__ import annotations

import xmlrpc.client
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

import pytest

from backends.legacy.methods import MOST_CALLS_AT_ONCE, SEVERAL
from backends.marshalling import MOST_ELEMENTS, CallError, printable, read_call, write_fault, write_result
from backends.store.substrings import MOST_SOUGHT

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<methodCall><methodName>&b;</methodName></methodCall>"
)


def test_a_call_is_its_method_and_its_arguments() -> None:
    body = xmlrpc.client.dumps(("a", 1, None, {"x": ["y"]}), "search", allow_none=True).encode()
    assert read_call(body) == ("search", ("a", 1, None, {"x": ["y"]}))


def test_a_call_may_have_no_params_element() -> None:
    assert read_call(b"<methodCall><methodName>x</methodName></methodCall>") == ("x", ())


def test_a_document_type_declaration_is_refused_before_any_entity_counts() -> None:
    with pytest.raises(CallError, match="document type declaration"):
        read_call(BOMB)


def test_an_external_document_type_is_refused_too() -> None:
    with pytest.raises(CallError, match="document type declaration"):
        read_call(b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><methodCall/>')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        b"<methodCall>",
        b"\xff\xfe",
        b"<methodCall/>",
        b"<methodResponse><params/></methodResponse>",
        b"<methodCall><params><param><value><int>1x</int></value></param></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><boolean>7</boolean></value></param>"
        b"</params></methodCall>",
        b"<methodCall><methodName>x</methodName><fault><value><int>1</int></value></fault></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><struct><name>a</name></struct></value>"
        b"</param></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><base64>abc</base64></value></param>"
        b"</params></methodCall>",
    ],
)
def test_what_is_no_call_is_an_error_of_the_call(body: bytes) -> None:
    with pytest.raises(CallError):
        read_call(body)


def test_the_longest_call_that_is_answered_can_be_read() -> None:
    searches = [{"methodName": "search", "params": [{"name": ["x"] * MOST_SOUGHT}]}] * MOST_CALLS_AT_ONCE
    assert read_call(xmlrpc.client.dumps((searches,), SEVERAL).encode()) == (SEVERAL, (searches,))


@pytest.mark.parametrize("one", [b"<nil/>", b"<value/>", b"<value><int>1</int></value>", b"<a>"])
def test_a_call_has_no_more_elements_than_calls_need(one: bytes) -> None:
    with pytest.raises(CallError, match=f"a call has no more than {MOST_ELEMENTS} elements"):
        read_call(b"<methodCall>" + one * MOST_ELEMENTS)


def test_a_call_has_no_more_attributes_either() -> None:
    attributes = " ".join(f"a{number}=''" for number in range(MOST_ELEMENTS + 1))
    with pytest.raises(CallError, match=f"a call has no more than {MOST_ELEMENTS} signs of equality"):
        read_call(f"<methodCall {attributes}/>".encode())


def test_a_text_is_read_at_once_however_many_lines_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []
    read = xmlrpc.client.Unmarshaller.data

    def data(unmarshaller: xmlrpc.client.Unmarshaller, piece: str) -> None:
        pieces.append(piece)
        read(unmarshaller, piece)

    monkeypatch.setattr(xmlrpc.client.Unmarshaller, "data", data)
    text = "x\n" * 100_000
    assert read_call(xmlrpc.client.dumps((text,), "search").encode()) == ("search", (text,))
    assert len(pieces) < 100


def test_a_result_may_hold_nothing_and_moments() -> None:
    moment = datetime(2018, 4, 16, 15, 0, 0, 123456, tzinfo=UTC)
    body = write_result([{"a": None, "b": moment}])
    assert xmlrpc.client.loads(body) == (([{"a": None, "b": xmlrpc.client.DateTime("20180416T15:00:00")}],), None)


def test_control_characters_are_left_out_and_line_breaks_are_kept() -> None:
    body = write_result("a\x00b\x08\x0b\x0c\x0e\x1fc\td\ne")
    assert xmlrpc.client.loads(body) == (("abc\td\ne",), None)


def test_every_character_of_the_basic_plane_leaves_a_reply_that_can_be_read() -> None:
    everything = "".join(map(chr, range(0x10000)))
    for body in (write_result(everything), write_result({everything: [everything]})):
        xmlrpc.client.loads(body)
    with pytest.raises(xmlrpc.client.Fault, match="'ab'"):
        xmlrpc.client.loads(write_fault("a\ufffe\uffff\ud800b"))
    fromstring(f"<x>{printable(escape(everything))}</x>")


def test_a_number_beyond_32_bits_is_a_fault() -> None:
    with pytest.raises(xmlrpc.client.Fault, match="OverflowError"):
        xmlrpc.client.loads(write_result(2**31))


def test_a_fault_has_code_1() -> None:
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(write_fault("<why>"))
    assert (raised.value.faultCode, raised.value.faultString) == (1, "<why>")
