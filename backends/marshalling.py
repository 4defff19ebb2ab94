"""XML-RPC on the wire: reading a call without trusting it, writing a result or a fault.

Laws of this module:
- a document type declaration is refused where it starts, so no entity is ever declared, let alone expanded;
- whatever the bytes, reading ends in a call or in a `CallError`;
- a reply holds no control character that XML 1.0 does not allow (section 2.2): they are left out.
"""

from __future__ import annotations

import re
import xmlrpc.client
from typing import Any, TypeAlias
from xml.parsers import expat

Result: TypeAlias = str | int | list[Any] | dict[str, Any] | None
Arguments: TypeAlias = tuple[object, ...]

LARGEST_CALL = 10 * 1024 * 1024  # a body of this size or more is not read

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]+")

# How the unmarshaller of the standard library says that well-formed XML is not a call.
_NOT_A_CALL = (xmlrpc.client.Error, ArithmeticError, LookupError, TypeError, ValueError)


class CallError(Exception):
    """Why a call failed, as callers of the time got it: the kind of error, a colon, and what it said."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"<type 'exceptions.{kind}'>:{why}")


def read_call(body: bytes) -> tuple[str, Arguments]:
    unmarshaller = xmlrpc.client.Unmarshaller(use_builtin_types=True)
    try:
        _parse(body, unmarshaller)
        arguments = unmarshaller.close()
    except expat.ExpatError as error:
        raise CallError("ExpatError", str(error)) from error
    except _NOT_A_CALL as error:
        raise CallError("ResponseError", "this is not a method call") from error
    method = unmarshaller.getmethodname()
    if method is None:
        raise CallError("ResponseError", "this is not a method call")
    return method, tuple(arguments)


def _parse(body: bytes, unmarshaller: xmlrpc.client.Unmarshaller) -> None:
    unmarshaller.xml("", None)  # no encoding: the parser below gives text, not bytes
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = unmarshaller.start
    parser.EndElementHandler = unmarshaller.end
    parser.CharacterDataHandler = unmarshaller.data
    parser.Parse(body, True)


def _refuse(*_declaration: object) -> None:
    raise CallError("ValueError", "a document type declaration is not accepted")


def write_result(result: Result) -> bytes:
    try:
        return _printable(xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True))
    except OverflowError as error:  # XML-RPC knows 32-bit integers only
        return write_fault(str(CallError("OverflowError", str(error))))


def write_fault(text: str, code: int = 1) -> bytes:
    return _printable(xmlrpc.client.dumps(xmlrpc.client.Fault(code, text), allow_none=True))


def printable(document: str) -> str:
    """Without what no XML document may have."""
    return _FORBIDDEN.sub("", document)


def _printable(document: str) -> bytes:
    return printable(document).encode("utf-8", "xmlcharrefreplace")
