"""The method that the edge reads of a call is the one that Python's own servers would carry out, or none."""

from __future__ import annotations

import xmlrpc.client
from xml.parsers.expat import ExpatError

from hypothesis import example, given
from hypothesis import strategies as st

from edgeproxy.http.xmlrpc_call import UNREADABLE, CallReader

PIECES = [
    "<methodCall>",
    "</methodCall>",
    "<methodName>",
    "</methodName>",
    "<methodName/>",
    "<x:methodName>",
    "</x:methodName>",
    "<params>",
    "</params>",
    "<params/>",
    "search",
    "list_packages",
    "<!--",
    "-->",
    "<?xml version='1.0'?>",
    "<?xml version='1.0' encoding='utf-16'?>",
    "<?x",
    "?>",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE x [<!ENTITY e 'search'>]>",
    "&e;",
    "&#115;",
    " ",
    "\n",
    ">",
    "<",
    "'",
    "\x00",
    "\ufeff",
    "<methodName a='>'>",
    "<value>",
    "</value>",
    "<param>",
    "</param>",
]
NAME = ["<methodCall>", "<methodName>", "list_packages", "</methodName>"]
DOCUMENTS = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=2),
    st.sampled_from([NAME, NAME[:3], ["<methodCall>"], []]),
    st.lists(st.sampled_from(PIECES), max_size=6),
).map(lambda parts: "".join([piece for part in parts for piece in part]))


def carried_out(document: bytes) -> str | None:
    parser, unmarshaller = xmlrpc.client.getparser()
    try:
        parser.feed(document)
        parser.close()
        unmarshaller.close()
    except (ExpatError, xmlrpc.client.Error, LookupError, TypeError, ValueError):
        return None
    name = unmarshaller.getmethodname()
    return None if name is None else name.strip(" \t\r\n")


@given(DOCUMENTS, st.integers(1, 40))
@example("<methodCall><methodName>a</methodName><methodName>search</methodName><params/></methodCall>", 7)
def test_a_name_that_is_read_is_the_one_that_is_carried_out(text: str, size: int) -> None:
    document = text.encode()
    reader = CallReader()
    for at in range(0, len(document), size):
        reader.feed(document[at : at + size])
        if reader.name:
            reader.take()
    reader.end()
    found = carried_out(document)
    assert found is None or reader.name in (UNREADABLE, found) or reader.is_named_twice
