"""Tagged netstrings (the tnetstrings specification of 2011, and text as mitmproxy adds it): `5:hello,`.

Laws of this module:
- it reads what is whole and nothing else: a length that lies, something behind the value, a number that is none are
  errors;
- depth and number of values are bounded, and no value is longer than what holds it, so what it takes is in proportion
  to the octets.
"""

from __future__ import annotations

import re
from typing import Any, Final

_PREFIX: Final = re.compile(rb"([0-9]{1,10}):")
_DEEPEST: Final = 16
_MOST: Final = 100_000  # values
_LONGEST_NUMBER: Final = 32


class NoTnetstring(ValueError):
    """What is none; the message says why, and quotes nothing."""


def prefix_of(octets: bytes) -> tuple[int, int] | None:
    """How many octets a value is, that begins so, and how many its prefix. None for what is none."""
    found = _PREFIX.match(octets)
    return None if found is None else (int(found[1]), found.end())


def read_tnetstring(octets: bytes) -> Any:
    """One value: None, a bool, int, float, bytes, str, list or dict, whose keys are texts. Raises NoTnetstring."""
    return _Reader(octets).read()


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._left = _MOST

    def read(self) -> Any:
        value, end = self._value(0, len(self._octets), 0)
        if end != len(self._octets):
            raise NoTnetstring("something follows the value")
        return value

    def _value(self, start: int, end: int, depth: int) -> tuple[Any, int]:
        """A value in octets[start:end], and where it ends."""
        found = _PREFIX.match(self._octets, start, end)
        self._left -= 1
        if found is None or depth > _DEEPEST or self._left < 0:
            raise NoTnetstring("a length is none" if found is None else "it holds too much, or too deep")
        begin, stop = found.end(), found.end() + int(found[1])
        if stop >= end:
            raise NoTnetstring("a value is longer than what holds it")
        return self._typed(self._octets[stop : stop + 1], begin, stop, depth), stop + 1

    def _typed(self, tag: bytes, start: int, end: int, depth: int) -> Any:
        match tag:
            case b"]":
                return self._list(start, end, depth)
            case b"}":
                return self._dict(start, end, depth)
            case b"," | b";" | b"#" | b"^" | b"!" | b"~":
                return _simple(tag, self._octets[start:end])
            case _:
                raise NoTnetstring("a value is of no type")

    def _list(self, start: int, end: int, depth: int) -> list[Any]:
        values: list[Any] = []
        while start < end:
            value, start = self._value(start, end, depth + 1)
            values.append(value)
        return values

    def _dict(self, start: int, end: int, depth: int) -> dict[str, Any]:
        values = self._list(start, end, depth)
        if len(values) % 2:
            raise NoTnetstring("a key has no value")
        return {_key(values[each]): values[each + 1] for each in range(0, len(values), 2)}


def _key(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise NoTnetstring("a key is no text")
    return value


def _simple(tag: bytes, octets: bytes) -> Any:
    if tag == b",":
        return octets
    try:
        if tag == b";":
            return octets.decode()
        if tag == b"!":
            return {b"true": True, b"false": False}[octets]
        if tag == b"~":
            return {b"": None}[octets]
        text = octets[:_LONGEST_NUMBER].decode("ascii")
        return int(text) if tag == b"#" else float(text)
    except (ValueError, KeyError):
        raise NoTnetstring("a value is not of its type") from None
