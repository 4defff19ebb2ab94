"""Answers to XML-RPC calls, read within bounds.

Laws of this module:
- a document with a DTD is not read: no entity is declared, so none is expanded and none asked for;
- `int`, `i4` and `i8` are one type; a text is the same with and without `<string>`;
- the result is {"params": [...]} or {"fault": ...}, as the document has it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import charset_of
from edgeproxy.migration.comparing.trees import Tree, Typed, number

_LEVELS_OF_A_VALUE: Final = 4  # struct, member, value; array, data, value
_INTEGERS: Final = frozenset(("int", "i1", "i2", "i4", "i8", "biginteger"))
_INTEGER: Final = re.compile("[+-]?[0-9]{1,4000}")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CHARSETS: Final = frozenset(("utf-8", "utf-16", "iso-8859-1", "us-ascii"))  # that expat reads by itself


def read_xmlrpc(content: bytes, content_types: Sequence[str], bounds: Bounds) -> Tree:
    root = _Reader(charset_of(content_types), bounds).read(content)
    if root.tag != "methodResponse" or len(root.inner) != 1:
        raise BrokenContent(Flaw.NOT_THE_KIND, f"its element is <{root.tag[:40]}>, not one answer to a call")
    (answer,) = root.inner
    if answer.tag == "fault":
        return {"fault": _value(_only(answer, "value"))}
    if answer.tag == "params":
        return {"params": [_value(_only(_is(each, "param"), "value")) for each in answer.inner]}
    raise BrokenContent(Flaw.NOT_THE_KIND, f"<{answer.tag[:40]}> is neither a result nor a fault")


# -- elements -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Element:
    tag: str
    inner: list[_Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


class _Reader:
    """The callbacks of expat, which keeps no document itself."""

    def __init__(self, charset: str, bounds: Bounds) -> None:
        self._stack = [_Element("")]
        self._most, self._deepest = bounds.tags, bounds.depth * _LEVELS_OF_A_VALUE
        self._count = 0
        self._parser = expat.ParserCreate(charset if charset in _CHARSETS else None)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, content: bytes) -> _Element:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            raise BrokenContent(Flaw.SYNTAX, str(error)[:200]) from None
        except (LookupError, ValueError) as error:  # an encoding that its declaration names, and Python does not know
            raise BrokenContent(Flaw.ENCODING, str(error)[:200]) from None
        return self._stack[0].inner[0]

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > self._most:
            raise BrokenContent(Flaw.TOO_MANY, f"more than {self._most} elements")
        if len(self._stack) > self._deepest:
            raise BrokenContent(Flaw.TOO_DEEP, f"more than {self._deepest} levels of elements")
        element = _Element(tag)
        self._stack[-1].inner.append(element)
        self._stack.append(element)

    def _end(self, _tag: str) -> None:
        self._stack.pop()

    def _text(self, text: str) -> None:
        self._stack[-1].texts.append(text)

    def _refuse(self, *_declaration: object) -> None:
        raise BrokenContent(Flaw.DTD, "a document type declaration, which may declare entities")


# -- values -------------------------------------------------------------------------------------------------------


def _value(element: _Element) -> Tree:
    if not element.inner:
        return element.text
    (kind,) = element.inner if len(element.inner) == 1 else (None,)
    if kind is None or element.text.strip():
        raise BrokenContent(Flaw.SYNTAX, "a value of several types")
    match kind.tag:
        case "string":
            return _leaf(kind)
        case "struct":
            return _struct(kind)
        case "array":
            return [_value(_is(each, "value")) for each in _only(kind, "data").inner]
        case "nil":
            return None
        case "boolean" if kind.text.strip() in ("0", "1"):
            return kind.text.strip() == "1"
        case tag if tag in _INTEGERS and _INTEGER.fullmatch(kind.text.strip()):
            return int(kind.text)
        case "double":
            return _double(_leaf(kind).strip())
        case "dateTime.iso8601":
            return Typed("dateTime", _leaf(kind).strip().replace("-", ""))
        case "base64":
            return _octets(_leaf(kind))
        case tag:
            raise BrokenContent(Flaw.SYNTAX, f"<{tag[:40]}> holds {kind.text[:40]!r}")


def _struct(element: _Element) -> Tree:
    found: dict[str, Tree] = {}
    for member in element.inner:
        parts = {part.tag: part for part in _is(member, "member").inner}
        if parts.keys() != {"name", "value"} or len(member.inner) != 2:
            raise BrokenContent(Flaw.SYNTAX, "a member without one name and one value")
        name = _leaf(parts["name"])
        if name in found:
            raise BrokenContent(Flaw.TWICE, f"the member {name[:100]!r}")
        found[name] = _value(parts["value"])
    return found


def _double(text: str) -> Tree:
    """As much of a number as there is: some servers write nan and inf, which XML-RPC does not have."""
    if not _DOUBLE.fullmatch(text):
        return Typed("double", text.lower())
    value = number(text)
    return value if math.isfinite(value) else Typed("double", text.lower())


def _octets(text: str) -> Tree:
    try:
        return Typed("base64", base64.b64decode(text, validate=False).hex())
    except (binascii.Error, ValueError):
        raise BrokenContent(Flaw.SYNTAX, "octets that are no base64") from None


def _leaf(element: _Element) -> str:
    if element.inner:
        raise BrokenContent(Flaw.SYNTAX, f"<{element.inner[0].tag[:40]}> inside <{element.tag}>")
    return element.text


def _only(element: _Element, tag: str) -> _Element:
    if len(element.inner) != 1:
        raise BrokenContent(Flaw.SYNTAX, f"<{element.tag[:40]}> without one <{tag}>")
    return _is(element.inner[0], tag)


def _is(element: _Element, tag: str) -> _Element:
    if element.tag != tag:
        raise BrokenContent(Flaw.SYNTAX, f"<{element.tag[:40]}> instead of <{tag}>")
    return element
