"""The multipart form of an upload (RFC 7578), read as it arrives: fields into memory, the file to disk.

Laws of this module:
- memory is bounded by `MOST_OF_FIELDS` and one chunk, work by `MOST_OF_PARTS` and so many bytes: nobody has said yet
  who sends them;
- no more than `MOST_OF_FILE` bytes are kept; what comes after them is counted as too much and thrown away, so
  that a client that only reads an answer after its last byte gets one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http import HttpProcessingError

from backends.store import Content, Receiving
from backends.upload.refusal import Refusal

MOST_OF_FILE = 100 << 20
MOST_OF_FIELDS = 2 << 20  # as the metadata of a file, which they say again (`unpacking.MOST_METADATA`)
MOST_OF_PARTS = 10_000

_MOST_THROWN_AWAY = 100 << 20
_COST_OF_FIELD = 200  # of an empty one

# What some tools send as a file, and is as short as a field.
_ATTACHED: Final = frozenset({"gpg_signature", "pkginfo"})
_CHUNK = 64 << 10


_UNNAMED: Final = "Every part of the form must be a named field."


class Part(Protocol):
    @property
    def name(self) -> str | None: ...

    @property
    def filename(self) -> str | None: ...

    @property
    def headers(self) -> Headers: ...

    async def read_chunk(self, size: int) -> bytes: ...


class Headers(Protocol):
    def get(self, name: str, default: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class SentFile:
    filename: str
    content: Content
    too_large: bool
    content_type: str = ""  # that the part itself says


@dataclass(frozen=True, slots=True)
class Form:
    fields: tuple[tuple[str, str], ...]  # in the order of arrival
    file: SentFile | None
    attached: Mapping[str, bytes] = field(default_factory=dict)  # whatever they are

    @property
    def signature(self) -> bytes | None:
        return self.attached.get("gpg_signature")


def check_type(request: web.Request) -> None:
    if request.content_type != "multipart/form-data":
        raise Refusal(400, "An upload is a form of type multipart/form-data.")


async def receive(
    request: web.Request,
    receiving: Receiving | None,
    parts: AsyncIterator[Part] | None = None,
    threads: Executor | None = None,
) -> Form:
    """`receiving`: nothing if a file is passed over. `parts`: those of the form, if somebody else has told them apart.
    `threads`: where one may wait for the disk.
    """
    check_type(request)
    try:
        return await _form(_parts(request) if parts is None else parts, receiving, threads)
    except (HttpProcessingError, ValueError, LookupError) as error:  # how aiohttp says that it cannot be read
        raise Refusal(400, f"The form cannot be read: {error}") from error


async def _parts(request: web.Request) -> AsyncIterator[Part]:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Refusal(400, _UNNAMED)
        yield part


async def _form(parts: AsyncIterator[Part], receiving: Receiving | None, threads: Executor | None) -> Form:
    fields: list[tuple[str, str]] = []
    room = MOST_OF_FIELDS
    file: SentFile | None = None
    attached: dict[str, bytes] = {}
    count = thrown_away = 0
    async for part in parts:
        if (count := count + 1) > MOST_OF_PARTS:
            raise Refusal(400, f"The form has more than {MOST_OF_PARTS} parts.")
        if part.name is None:
            raise Refusal(400, _UNNAMED)
        if part.name == "content" and part.filename is not None and receiving is not None:
            if file is not None:
                raise Refusal(400, "The form has more than one file.")
            file = await _file(part, part.filename, receiving, threads)
        elif part.filename is None:
            value = await _field(part, room)
            room -= len(part.name) + len(value) + _COST_OF_FIELD
            fields.append((part.name, value.decode()))
        elif part.name in _ATTACHED:
            attached[part.name] = await _field(part, room)
            room -= len(attached[part.name])
        else:
            thrown_away = await _passed_over(part, thrown_away)
    return Form(tuple(fields), file, attached)


async def _field(part: Part, room: int) -> bytes:
    value = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        value += chunk
        if len(value) > room:
            raise Refusal(400, f"The fields of the form are longer than {MOST_OF_FIELDS} bytes.")
    return bytes(value)


async def _passed_over(part: Part, before: int) -> int:
    """How much has been thrown away, with what was `before`."""
    while chunk := await part.read_chunk(_CHUNK):
        before += len(chunk)
        if before > _MOST_THROWN_AWAY:
            raise Refusal(400, f"The form has more than {_MOST_THROWN_AWAY >> 20} MB of files that nobody asked for.")
    return before


async def _file(part: Part, filename: str, receiving: Receiving, threads: Executor | None) -> SentFile:
    thrown_away = 0
    while chunk := await part.read_chunk(_CHUNK):
        if receiving.size + len(chunk) <= MOST_OF_FILE and not thrown_away:
            receiving.write(chunk)
            continue
        thrown_away += len(chunk)
        if thrown_away > _MOST_THROWN_AWAY:
            raise Refusal(400, f"File too large. The limit is {MOST_OF_FILE >> 20} MB.", "file-size-limit")
    # Syncing a disk takes as long as it takes.
    content = await asyncio.get_running_loop().run_in_executor(threads, receiving.finish)
    return SentFile(filename, content, thrown_away > 0, part.headers.get(hdrs.CONTENT_TYPE, ""))
