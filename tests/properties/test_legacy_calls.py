"""Whatever is sent as an XML-RPC call, the legacy site answers with XML-RPC."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.legacy.library import Library
from backends.legacy.methods import METHODS, reply
from backends.legacy.site import Site
from backends.store import Store

TAGS = [
    "methodCall",
    "methodName",
    "params",
    "param",
    "value",
    "int",
    "i4",
    "boolean",
    "string",
    "double",
    "dateTime.iso8601",
    "base64",
    "array",
    "data",
    "struct",
    "member",
    "name",
    "nil",
    "fault",
    "bigdecimal",
]

texts = st.sampled_from(["", "1", "x", "search", "-", "20180416T15:00:00", "9" * 5000, "&#13;", "nan"])
trees = st.recursive(
    texts,
    lambda inner: st.builds(
        lambda tag, children: f"<{tag}>{''.join(children)}</{tag}>",
        st.sampled_from(TAGS),
        st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text("aF.\u00fc ", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "summary", "x"]), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    directory: Path = tmp_path_factory.mktemp("store")
    with Store(directory) as store:
        yield Library(store, Site("http"))


def _is_answer(body: bytes) -> bool:
    try:
        xmlrpc.client.loads(body)
    except xmlrpc.client.Fault as fault:
        return fault.faultCode == 1
    return True


@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered(library: Library, body: bytes) -> None:
    assert _is_answer(reply(body, library))


@given(call=trees)
def test_any_nesting_of_its_elements_is_answered(library: Library, call: str) -> None:
    body = f"<methodCall><methodName>search</methodName><params>{call}</params></methodCall>"
    assert _is_answer(reply(body.encode(), library))
    assert _is_answer(reply(call.encode(), library))


@given(method=st.sampled_from(sorted(METHODS)), arguments=st.lists(values, max_size=3))
def test_any_arguments_of_any_method_are_answered(library: Library, method: str, arguments: list[object]) -> None:
    body = xmlrpc.client.dumps(tuple(arguments), method, allow_none=True)  # type: ignore[arg-type]
    assert _is_answer(reply(body.encode(), library))
