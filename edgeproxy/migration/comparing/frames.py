"""Specimens as octets, from the worker that has them to the process that compares them.

A frame is two lengths, a head in JSON, and the contents of the answers, one after the other, as they are: they are not
copied to be sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from struct import Struct
from typing import Any, Final

from edgeproxy.migration.specimen import Astray, Ending, Part, Silence, Specimen

_LENGTHS: Final = Struct(">II")
_PLAIN: Final = (
    *("rule", "generation", "number", "at", "method", "host", "asked"),
    *("is_overridden", "unasked", "unasked_since", "lost"),
)
_SIDES: Final = ("old", "new", "again")
_ASTRAY: Final = tuple(Astray)


def framed(specimen: Specimen) -> tuple[bytes, ...]:
    """The pieces of its frame, in order."""
    sides = [getattr(specimen, name) for name in _SIDES]
    words = {name: getattr(specimen, name) for name in _PLAIN}
    words |= {name: _side_words(side) for name, side in zip(_SIDES, sides, strict=True)}
    head = json.dumps({**words, "lines": _text(specimen.lines)}).encode()
    contents = tuple(content for side in sides for content in _contents(side) if content)
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


def _side_words(side: Part | Silence | Astray | None) -> list[object] | str | None:
    if not isinstance(side, Part):
        return side
    end = side.ending
    ending = None if end is None else [end.url, _side_words(end.what)]
    return [side.status, _text(side.lines), len(side.content), side.is_cut, side.digest, side.size, ending]


def _contents(side: Part | Silence | Astray | None) -> Iterator[bytes]:
    if isinstance(side, Part):
        yield side.content
        if side.ending is not None:
            yield from _contents(side.ending.what)


def _specimen(words: Mapping[str, Any], contents: bytes) -> Specimen:
    rest = BytesIO(contents)
    sides = {name: _side(words[name], rest) for name in _SIDES}
    return Specimen(**{name: words[name] for name in _PLAIN}, lines=_octets(words["lines"]), **sides)


def _side(found: Any, rest: BytesIO) -> Any:
    """`rest`: contents that are not read yet."""
    if isinstance(found, list):
        return _part(found, rest)
    return None if found is None else Silence(found)


def _part(found: Sequence[Any], rest: BytesIO) -> Part:
    status, lines, length, is_cut, digest, size, ending = found
    content = rest.read(length)
    return Part(status, _octets(lines), content, is_cut, digest, size, None if ending is None else _end(ending, rest))


def _end(found: Sequence[Any], rest: BytesIO) -> Ending:
    url, what = found
    return Ending(url, Astray(what) if what in _ASTRAY else _side(what, rest))


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


def _octets(text: str) -> bytes:
    return text.encode("latin-1")
