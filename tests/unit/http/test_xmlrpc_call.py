"""The method of an XML-RPC call: read when every reader of XML would read the same, however it comes."""

from __future__ import annotations

import xmlrpc.client

import pytest

from edgeproxy.http.xmlrpc_call import UNREADABLE, CallReader, is_call, is_encoded

CALL = b"<methodCall><methodName>search</methodName><params/></methodCall>"


def read(*pieces: bytes) -> str | None:
    reader = CallReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.name


@pytest.mark.parametrize(
    "document",
    [
        CALL,
        xmlrpc.client.dumps(({"name": "six"},), "search").encode(),
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\r\n" + CALL,
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + CALL,
        b"<!-- > <methodCall> --><?go on?>\n<methodCall\t>\n<!---->\n<methodName >\n search\t</methodName\r\n>",
    ],
)
def test_a_name_is_read_from_a_document_whole_or_octet_by_octet(document: bytes) -> None:
    assert read(document) == "search"
    assert read(*(document[at : at + 1] for at in range(len(document)))) == "search"


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE methodCall [<!ENTITY s 'search'>]>" + CALL,
        CALL.replace(b"search", b"se&#97;rch"),
        CALL.replace(b"search", b"<![CDATA[search]]>"),
        CALL.replace(b"search", b"se<!-- -->arch"),
        CALL.replace(b"search", b"se arch"),
        CALL.replace(b"search", b""),
        CALL.replace(b"search", "sëarch".encode()),
        CALL.replace(b"<methodName>", b"<methodName x='>'>"),
        CALL.replace(b"<methodCall>", b"<methodCall xmlns='urn:x'>"),
        CALL.replace(b"<methodCall>", b"<x:methodCall>"),
        CALL.replace(b"<methodName>", b"text<methodName>"),
        CALL.decode().encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-7'?>" + CALL,
        b"method=search",
        b"</methodName>",
    ],
)
def test_a_name_that_could_be_read_in_two_ways_is_none(document: bytes) -> None:
    assert read(document) == UNREADABLE
    assert read(*(document[at : at + 1] for at in range(len(document)))) == UNREADABLE


@pytest.mark.parametrize("document", [CALL[:length] for length in range(CALL.index(b"</methodName>") + 13)])
def test_more_is_waited_for_as_long_as_it_can_be_a_call_and_an_end_is_an_answer(document: bytes) -> None:
    reader = CallReader()
    reader.feed(document)
    assert reader.name is None
    reader.end()
    assert reader.name == UNREADABLE


SECOND_NAMES = [
    b"<methodName>search</methodName>",
    b"<params><param><value><x:methodName>search</x:methodName></value></param></params>",
    b"<methodName\r\n>search</methodName>",
    b"<methodName/>",
]


@pytest.mark.parametrize("second", SECOND_NAMES)
def test_a_second_name_is_noticed_however_it_comes(second: bytes) -> None:
    """Python's unmarshaller takes the last one, wherever it stands and whatever its prefix."""
    document = CALL.replace(b"search", b"list_packages").replace(b"<params/>", second)
    for size in (1, 5, len(document)):
        reader = CallReader()
        for at in range(0, len(document), size):
            reader.feed(document[at : at + size])
            if reader.name:
                reader.take()
        assert (reader.name, reader.is_named_twice) == ("list_packages", True)


@pytest.mark.parametrize("more", [b"<name>methodName</name>", b"<methodNames/>", b"a:methodName", b"</methodName>"])
def test_what_only_looks_like_a_second_name_is_none(more: bytes) -> None:
    reader = CallReader()
    for at in range(len(document := CALL.replace(b"<params/>", more))):
        reader.feed(document[at : at + 1])
    assert not reader.is_named_twice


def test_several_calls_in_one_are_a_call_of_that_name() -> None:
    multicall = xmlrpc.client.dumps(([{"methodName": "search", "params": []}],), "system.multicall")
    assert read(multicall.encode()) == "system.multicall"


@pytest.mark.parametrize(
    ("method", "content_type", "expected"),
    [
        (b"POST", "text/xml", True),
        (b"POST", "Text/XML ; charset=utf-8", True),
        (b"POST", "application/xml", False),
        (b"POST", "text/xml-patch", False),
        (b"PUT", "text/xml", False),
        (b"POST", "text/xml, text/plain", True),  # two fields: a backend takes one of them
        (b"POST", "text/plain, TEXT/XML;charset=utf-8", True),
    ],
)
def test_a_call_is_a_post_of_text_xml(method: bytes, content_type: str, expected: bool) -> None:
    assert is_call(method, {"content-type": content_type}) == expected


def test_what_is_compressed_cannot_be_read() -> None:
    assert is_encoded({"content-encoding": "gzip"})
    assert not is_encoded({"content-encoding": "Identity"})
    assert not is_encoded({})


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("charset=utf-7", True),
        ("charset = 'utf-16'", True),
        ('x=y; CHARSET="UTF-7"', True),
        ("charset=utf-8; charset=utf-7", True),
        ("charset=", True),
        ('charset="UTF-8"', False),
        ("charset=us-ascii", False),
        ("charset=iso-8859-1, text/xml; charset=utf-8", False),
        ("x=charset", False),
    ],
)
def test_a_charset_in_which_ascii_may_mean_something_else_cannot_be_read(parameter: str, expected: bool) -> None:
    """RFC 7303 §3.2: who goes by it reads another document than who goes by the octets."""
    assert is_encoded({"content-type": f"text/xml; {parameter}"}) == expected
