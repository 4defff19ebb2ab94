"""What an XML-RPC call came to, whatever came."""

from __future__ import annotations

import gzip
import time
from xmlrpc.client import Fault as Raised
from xmlrpc.client import dumps

import pytest

from edgeproxy.migration.comparing.bounds import Bounds
from edgeproxy.migration.comparing.outcomes import Fault, NoOutcome, Outcome, Result, outcome_of

RESULT = dumps((["1.0", "2.0"],), methodresponse=True).encode()


def of(content: bytes, coding: str = "", *, is_cut: bool = False, tags: int = 100_000) -> Outcome:
    return outcome_of(content, "text/xml", coding, is_cut=is_cut, bounds=Bounds(tags=tags))


@pytest.mark.parametrize("content", [RESULT, dumps((0,), methodresponse=True).encode()])
def test_a_result(content: bytes) -> None:
    assert of(content) == of(gzip.compress(content), "gzip") == Result()


def test_a_fault_is_told_by_its_code() -> None:
    fault = of(dumps(Raised(-32500, "it is  retired")).encode())
    assert fault == Fault("-32500", "it is retired")
    assert str(fault) == "the fault -32500"
    assert str(of(dumps(Raised(1, "token=abcdefgh")).encode())) == "the fault 1"


def test_the_text_of_a_fault_is_short_and_without_secrets() -> None:
    fault = of(dumps(Raised(1, "password=hunter2 " + "x" * 500)).encode())
    assert isinstance(fault, Fault)
    assert (len(fault.text), "hunter2" in fault.text) == (120, False)


@pytest.mark.parametrize("value", ["<value>gone</value>", "<value><struct></struct></value>"])
def test_a_fault_without_a_code_is_one(value: str) -> None:
    content = f"<methodResponse><fault>{value}</fault></methodResponse>".encode()
    assert of(content) == Fault("without a code", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>Down for maintenance</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"<methodResponse><params>",
        b"<methodResponse></methodResponse>",
        b"<methodCall><methodName>a</methodName></methodCall>",
        b"\x1f\x8b",
    ],
)
def test_what_is_no_answer_to_a_call(content: bytes) -> None:
    found = of(content)
    assert isinstance(found, NoOutcome)
    assert found.why


def test_of_what_is_too_much_the_beginning_decides() -> None:
    much = dumps((["a"] * 1_000,), methodresponse=True).encode()
    assert of(much, tags=100) == of(much[:500], is_cut=True) == Result()
    assert isinstance(of(b"<html>" * 200, tags=100), NoOutcome)
    assert isinstance(of(b"<html>", is_cut=True), NoOutcome)


@pytest.mark.parametrize("start", [b" ", b"<?a?>", b"<!--a-->", b"<!--", b"<?"])
def test_it_takes_no_time_to_look_at_a_beginning(start: bytes) -> None:
    began = time.process_time()
    of(start * 200_000, is_cut=True)
    assert time.process_time() - began < 0.5
