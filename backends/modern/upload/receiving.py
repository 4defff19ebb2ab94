"""The multipart form of an upload (RFC 7578), read as it arrives: fields into memory, the file to disk.

Laws of this module:
- memory is bounded by `MOST_OF_FIELDS` and one chunk;
- no more than `MOST_OF_FILE` bytes are kept; what comes after them is counted as too much and thrown away, so
  that a client that only reads an answer after its last byte gets one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError

from backends.modern.upload.refusal import Refusal
from backends.store import Content, Receiving

MOST_OF_FILE = 100 << 20
MOST_OF_FIELDS = 8 << 20

_MOST_THROWN_AWAY = 100 << 20
_COST_OF_FIELD = 200  # of an empty one
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class SentFile:
    filename: str
    content: Content
    too_large: bool


@dataclass(frozen=True, slots=True)
class Form:
    fields: tuple[tuple[str, str], ...]  # in the order of arrival
    file: SentFile | None


async def receive(request: web.Request, receiving: Receiving) -> Form:
    if request.content_type != "multipart/form-data":
        raise Refusal(400, "An upload is a form of type multipart/form-data.")
    try:
        return await _parts(request, receiving)
    except (HttpProcessingError, ValueError, LookupError) as error:  # how aiohttp says that it cannot be read
        raise Refusal(400, f"The form cannot be read: {error}") from error


async def _parts(request: web.Request, receiving: Receiving) -> Form:
    fields: list[tuple[str, str]] = []
    room = MOST_OF_FIELDS
    file: SentFile | None = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Refusal(400, "Every part of the form must be a named field.")
        if part.name == "content" and part.filename is not None:
            if file is not None:
                raise Refusal(400, "The form has more than one file.")
            file = await _file(part, part.filename, receiving)
        elif part.filename is None:
            value = await _field(part, room)
            room -= len(part.name) + len(value) + _COST_OF_FIELD
            fields.append((part.name, value.decode()))
        else:
            await part.release()  # `gpg_signature`, which is no longer kept
    return Form(tuple(fields), file)


async def _field(part: BodyPartReader, room: int) -> bytes:
    value = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        value += chunk
        if len(value) > room:
            raise Refusal(400, f"The fields of the form are longer than {MOST_OF_FIELDS} bytes.")
    return bytes(value)


async def _file(part: BodyPartReader, filename: str, receiving: Receiving) -> SentFile:
    thrown_away = 0
    while chunk := await part.read_chunk(_CHUNK):
        if receiving.size + len(chunk) <= MOST_OF_FILE and not thrown_away:
            receiving.write(chunk)
            continue
        thrown_away += len(chunk)
        if thrown_away > _MOST_THROWN_AWAY:
            raise Refusal(400, f"File too large. The limit is {MOST_OF_FILE >> 20} MB.", "file-size-limit")
    content = await asyncio.to_thread(receiving.finish)  # syncing a disk takes as long as it takes
    return SentFile(filename, content, thrown_away > 0)
