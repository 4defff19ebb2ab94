"""XML-RPC on the wire: reading a call without trusting it, writing a result or a fault.

Laws of this module:
- a document type declaration is refused where it starts, so no entity is ever declared, let alone expanded;
- whatever the bytes, reading ends in a call or in a `CallError`, and soon: of elements and attributes there are no
  more than calls need, since it is they that take long (2 to 4 microseconds each);
- a reply holds no character that XML 1.0 does not allow (section 2.2): they are left out.
"""

from __future__ import annotations

import re
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Written:
    """A value as it stands in a document, in pieces: escaped, and without characters that XML does not allow."""

    pieces: tuple[bytes, ...]


Result: TypeAlias = str | int | list[Any] | dict[str, Any] | Written | None
Arguments: TypeAlias = tuple[object, ...]

LARGEST_CALL = 10 * 1024 * 1024  # a body of this size or more is not read

# The longest call that is answered is a hundred searches for 200 values each, of two elements each. A body of this size
# may have two millions, and the site answers nobody else while it is read.
MOST_ELEMENTS: Final = 50_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]+")

# How the unmarshaller of the standard library says that well-formed XML is not a call.
_NOT_A_CALL = (xmlrpc.client.Error, ArithmeticError, LookupError, TypeError, ValueError)


class CallError(Exception):
    """Why a call failed, as callers of the time got it: the kind of error, a colon, and what it said."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"<type 'exceptions.{kind}'>:{why}")
        self.kind = kind
        self.why = why


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
    if body.count(b"=") > MOST_ELEMENTS:  # as every attribute has, and calls have no attributes
        raise CallError("ValueError", f"a call has no more than {MOST_ELEMENTS} signs of equality")
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        if (count := count + 1) > MOST_ELEMENTS:
            raise CallError("ValueError", f"a call has no more than {MOST_ELEMENTS} elements")
        unmarshaller.start(tag, attributes)

    parser = expat.ParserCreate()
    parser.buffer_text = True  # not each line by itself, which takes 50 times as long where they are short
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = unmarshaller.end
    parser.CharacterDataHandler = unmarshaller.data
    parser.Parse(body, True)


def _refuse(*_declaration: object) -> None:
    raise CallError("ValueError", "a document type declaration is not accepted")


def written(result: Result) -> Written:
    """Raises CallError."""
    if isinstance(result, Written):
        return result
    try:
        whole = _params(result)
    except OverflowError as error:
        raise CallError("OverflowError", str(error)) from error
    return Written((_printable(whole.removeprefix(_BEFORE).removesuffix(_AFTER)),))


def write_result(result: Result) -> bytes:
    try:
        return _response(result)
    except OverflowError as error:  # XML-RPC knows 32-bit integers only
        return write_fault(str(CallError("OverflowError", str(error))))


def _response(result: Result) -> bytes:
    if isinstance(result, Written):  # long, and looking through it again would take longer than making it
        return b"".join(((_HEAD + _BEFORE).encode(), *result.pieces, (_AFTER + _FOOT).encode()))
    return _printable(_HEAD + _params(result) + _FOOT)


def _params(result: str | int | list[Any] | dict[str, Any] | None) -> str:
    return xmlrpc.client.dumps((result,), allow_none=True)


_HEAD: Final = "<?xml version='1.0'?>\n<methodResponse>\n"
_FOOT: Final = "</methodResponse>\n"
ARRAY: Final = b"<value><array><data>\n"
ARRAY_END: Final = b"</data></array></value>\n"
STRUCT: Final = b"<value><struct>\n"
STRUCT_END: Final = b"</struct></value>\n"
_LARGEST: Final = 2**31 - 1  # an integer of XML-RPC has 32 bits
_BEFORE, _AFTER = "<params>\n<param>\n", "</param>\n</params>\n"  # the value itself


def string(value: str) -> str:
    """A value as the standard library writes it, without the line end."""
    return f"<value><string>{escape(printable(value))}</string></value>"


def number(value: int) -> str:
    """Raises OverflowError."""
    if abs(value) > _LARGEST:
        raise OverflowError("int exceeds XML-RPC limits")
    return f"<value><int>{value}</int></value>"


def member(name: str, value: str) -> str:
    """Of a struct. `value` is written already."""
    return f"<member>\n<name>{escape(printable(name))}</name>\n{value}\n</member>\n"


def array_of(values: Iterable[Written]) -> Written:
    return Written((ARRAY, *(piece for value in values for piece in value.pieces), ARRAY_END))


def write_fault(text: str, code: int = 1) -> bytes:
    return _printable(xmlrpc.client.dumps(xmlrpc.client.Fault(code, text), allow_none=True))


def printable(document: str) -> str:
    """Without what no XML document may have."""
    return _FORBIDDEN.sub("", document)


def _printable(document: str) -> bytes:
    return printable(document).encode()
