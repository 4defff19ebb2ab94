"""Multipart forms as lenient as the old site read them: distutils registers with lines that end in LF alone.

Laws of this module:
- as the line after the first delimiter ends, so do all lines that are the form's own (RFC 2046 5.1.1 has CRLF only);
- memory is bounded: by what the stream gives at once, the head of a part, and the part that its reader asks for;
- so is work: a head is short, and read in time that is proportional to it. `email` reads one in the square of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import unquote

from aiohttp import hdrs
from multidict import CIMultiDict

_LONGEST_HEAD: Final = 2 << 10  # of a part
_LONGEST_PREAMBLE: Final = 4 << 10
_LONGEST_BOUNDARY: Final = 200
_CHUNK: Final = 16 << 10

# Possessive: what is not closed is not tried again, however often it could be.
_PARAMETER: Final = re.compile(r';\s*+([^\s;="]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^;]*+))', re.DOTALL)
_FOLD: Final = re.compile(r"\r?\n[ \t]+")  # RFC 9112 5.2: a line that goes on
_ENCODINGS: Final = frozenset({"", "utf-8", "iso-8859-1"})  # RFC 8187 3.2, and the default


class Part:
    """A part of a form; what of it is not read is passed over when the next one is asked for."""

    def __init__(self, head: CIMultiDict[str], form: _Reader) -> None:
        self.headers = head
        self._form = form
        given = _parameters(head.get(hdrs.CONTENT_DISPOSITION, ""))
        self.name = _text(given, "name")
        self.filename = _text(given, "filename") or None  # no file was chosen

    async def read_chunk(self, size: int) -> bytes:
        return await self._form.data(size)

    async def release(self) -> None:
        while await self._form.data(_CHUNK):
            pass


async def parts(stream: AsyncIterator[bytes], content_type: str) -> AsyncIterator[Part]:
    """Raises ValueError: it is no such form, or it is cut off."""
    boundary = _parameters(content_type).get("boundary")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        raise ValueError("it has no boundary")
    form = _Reader(stream, b"--" + boundary.encode())
    await form.begin()
    while await form.has_more():
        part = Part(await form.head(), form)
        yield part
        await part.release()


class _Reader:
    def __init__(self, stream: AsyncIterator[bytes], delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._line_end = b"\r\n"
        self._kept = bytearray()
        self._is_in_part = False

    async def begin(self) -> None:
        """To the first delimiter, and by what follows it, how lines end."""
        while (start := self._kept.find(self._delimiter)) < 0 or len(self._kept) < start + len(self._delimiter) + 2:
            if len(self._kept) > _LONGEST_PREAMBLE:
                raise ValueError("it does not begin with its boundary")
            await self._more()
        del self._kept[: start + len(self._delimiter)]
        if self._kept.startswith(b"\n"):
            self._line_end = b"\n"

    async def has_more(self) -> bool:
        """After a delimiter: whether it was not the last one."""
        while len(self._kept) < 2:
            await self._more()
        if self._kept.startswith(b"--"):
            async for _ in self._stream:  # so that its sender reads the answer
                pass
            return False
        if not self._kept.startswith(self._line_end):
            raise ValueError("a boundary is followed by something else")
        return True

    async def head(self) -> CIMultiDict[str]:
        """With the line end before it, so that a part without headers has one, too."""
        blank = self._line_end * 2
        while (end := self._kept.find(blank, 0, _LONGEST_HEAD)) < 0:
            if len(self._kept) >= _LONGEST_HEAD:
                raise ValueError("the headers of a part are too long")
            await self._more()
        head = bytes(self._kept[len(self._line_end) : end + len(self._line_end)])
        del self._kept[: end + len(blank)]
        self._is_in_part = True
        return _headers(head.decode())  # UTF-8, as clients send it unasked

    async def data(self, size: int) -> bytes:
        """Some octets of the part; none at its end, which a delimiter is."""
        mark = self._line_end + self._delimiter
        while self._is_in_part:
            end = self._kept.find(mark)
            there = end if end >= 0 else len(self._kept) - len(mark) + 1
            if there > 0:
                data = bytes(self._kept[: min(there, size)])
                del self._kept[: len(data)]
                return data
            if end == 0:
                del self._kept[: len(mark)]
                self._is_in_part = False
            else:
                await self._more()
        return b""

    async def _more(self) -> None:
        try:
            self._kept += await anext(self._stream)
        except StopAsyncIteration:
            raise ValueError("it is cut off") from None


def _headers(head: str) -> CIMultiDict[str]:
    lines = [line.partition(":") for line in _FOLD.sub(" ", head).splitlines()]
    return CIMultiDict((name.strip(), value.strip()) for name, colon, value in lines if colon)


def _parameters(value: str) -> dict[str, str]:
    """Of each name the first."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        found.setdefault(name.lower(), _unescaped(quoted) or bare.rstrip())
    return found


def _unescaped(quoted: str) -> str:
    """A backslash is one, as of a path at Windows, before anything but what it has to escape."""
    return quoted.replace("\\\\", "\\").replace('\\"', '"')


def _text(given: Mapping[str, str], name: str) -> str | None:
    """RFC 8187 has another form for what is no ASCII."""
    if name in given or f"{name}*" not in given:
        return given.get(name)
    charset, _, rest = given[f"{name}*"].partition("'")
    if charset.lower() not in _ENCODINGS:
        raise ValueError(f"a part has a {name} in an unknown encoding")
    return unquote(rest.partition("'")[2], encoding=charset or "utf-8", errors="strict")
