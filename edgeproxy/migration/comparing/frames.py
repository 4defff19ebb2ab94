"""Specimens as octets, from the worker that has them to the process that compares them.

A frame is two lengths, a head in JSON, and the contents of the answers, one after the other, as they are: they are not
copied to be sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from edgeproxy.migration.specimen import Part, Silence, Specimen

_LENGTHS: Final = Struct(">II")
_PLAIN: Final = (
    *("rule", "generation", "number", "at", "method", "host", "asked"),
    *("is_overridden", "unasked", "unasked_since", "lost"),
)
_SIDES: Final = ("old", "new", "again")


def framed(specimen: Specimen) -> tuple[bytes, ...]:
    """The pieces of its frame, in order."""
    sides = [getattr(specimen, name) for name in _SIDES]
    words = {name: getattr(specimen, name) for name in _PLAIN}
    words |= {name: _side_words(side) for name, side in zip(_SIDES, sides, strict=True)}
    head = json.dumps({**words, "lines": _text(specimen.lines)}).encode()
    contents = tuple(side.content for side in sides if isinstance(side, Part) and side.content)
    return (_LENGTHS.pack(len(head), sum(map(len, contents))) + head, *contents)


class FrameReader:
    """Octets in, specimens out, however they were cut. It holds one that is not whole, and what came with its end."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def add(self, data: bytes) -> Iterator[Specimen]:
        self._octets += data
        while len(self._octets) >= _LENGTHS.size:
            head, contents = _LENGTHS.unpack_from(self._octets)
            end = _LENGTHS.size + head + contents
            if len(self._octets) < end:
                return
            frame = bytes(memoryview(self._octets)[_LENGTHS.size : end])
            del self._octets[:end]
            yield _specimen(json.loads(frame[:head]), frame[head:])


def _side_words(side: Part | Silence | None) -> list[object] | str | None:
    if not isinstance(side, Part):
        return side
    return [side.status, _text(side.lines), len(side.content), side.is_cut, side.digest, side.size]


def _specimen(words: Mapping[str, Any], contents: bytes) -> Specimen:
    sides: dict[str, Any] = {}
    at = 0
    for name in _SIDES:
        found = words[name]
        if isinstance(found, list):
            sides[name], at = _part(found, contents, at)
        else:
            sides[name] = None if found is None else Silence(found)
    return Specimen(**{name: words[name] for name in _PLAIN}, lines=_octets(words["lines"]), **sides)


def _part(found: Sequence[Any], contents: bytes, at: int) -> tuple[Part, int]:
    status, lines, length, is_cut, digest, size = found
    return Part(status, _octets(lines), contents[at : at + length], is_cut, digest, size), at + length


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


def _octets(text: str) -> bytes:
    return text.encode("latin-1")
