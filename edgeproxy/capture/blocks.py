"""The file of a capture: blocks of records, each compressed for itself.

    a skippable frame of zstd (RFC 8878 §3.1.2): signature, version, and of what follows: records, sizes, checksum
    a frame of zstd: one line of JSON, and what may be behind it (`columns`)

So any program for zstd reads it, two files one after the other are one file, and who has to begin anew in the middle
finds the next block by its signature.

Laws of this module:
- a block is whole or it is none: what is torn or altered costs the records of its own block, and is told with its place
  and, where the head of the block is whole, with their number;
- what a file says of itself is not believed before it is checked, and bounded: octets, records, sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final
from zlib import crc32

import zstandard

VERSION: Final = 4
MOST_OCTETS: Final = 1 << 22  # of a block, before it is compressed
MOST_RECORDS: Final = 16_384
_LEVEL: Final = 3
_SIGNATURE: Final = b"\x5e\x2a\x4d\x18\x18\x00\x00\x00EPC\x00"  # magic, length of what follows, and the rest is our own
_FIELDS: Final = struct.Struct(
    "<IIIII"
)  # version, records, packed, octets, CRC of the packed and of all fields before it
HEAD: Final = len(_SIGNATURE) + _FIELDS.size
_AT_A_TIME: Final = 1 << 16
assert HEAD == 8 + 0x18, "the length that is part of the signature"


@dataclass(frozen=True, slots=True)
class Block:
    """`place`: its first octet in the file."""

    place: int
    version: int
    records: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """What could not be read. `lost`: records, where that is known."""

    place: int
    octets: int
    why: str
    lost: int | None = None


class Packer:
    """PERF: a compressor is made once; so it has its tables."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)

    def pack(self, content: bytes, records: int) -> bytes:
        """A block. There are at most MOST_RECORDS, and MOST_OCTETS of content."""
        assert records <= MOST_RECORDS, "a block has a bound"
        assert len(content) <= MOST_OCTETS, "in octets, too"
        packed = self._compressor.compress(content)
        return _head(VERSION, records, len(content), packed) + packed


def _head(version: int, records: int, octets: int, frame: bytes) -> bytes:
    fields = _FIELDS.pack(version, records, len(frame), octets, 0)[:-4]
    return _SIGNATURE + fields + struct.pack("<I", crc32(frame, crc32(fields)))


def read_blocks(file: BinaryIO) -> Iterator[Block | Broken]:
    """From where the file stands to its end. Raises OSError."""
    place = file.tell()
    while True:
        found = _read_block(file, place)
        if found is None:
            return
        yield found
        if isinstance(found, Block):
            place = file.tell()
            continue
        place = found.place + found.octets
        file.seek(place)


def _read_block(file: BinaryIO, place: int) -> Block | Broken | None:
    head = file.read(HEAD)
    if not head:
        return None
    if not head.startswith(_SIGNATURE):
        is_torn = len(head) < len(_SIGNATURE) and _SIGNATURE.startswith(head)
        why = "the file ends in the head of a block" if is_torn else "there is no block"
        return Broken(place, _until_next(file, place), why)
    if len(head) < HEAD:
        return Broken(place, len(head), "the file ends in the head of a block")
    version, records, packed, octets, checksum = _FIELDS.unpack(head[len(_SIGNATURE) :])
    if records > MOST_RECORDS or octets > MOST_OCTETS or packed > MOST_OCTETS + _AT_A_TIME:
        return Broken(place, _until_next(file, place), "the head of a block promises more than a block may hold")
    frame = _frame(file, packed)
    if crc32(frame, crc32(head[len(_SIGNATURE) : -4])) != checksum:
        why = "the file ends in a block" if len(frame) < packed else "a block was altered"
        return Broken(place, _until_next(file, place), why, records)
    if version > VERSION:
        why = f"a newer edgeproxy wrote it (version {version}, this one reads up to {VERSION}): use that one"
        return Broken(place, HEAD + packed, why, records)
    content = _unpacked(frame, octets)
    if content is None:
        return Broken(place, HEAD + packed, "a block does not hold what its head says", records)
    return Block(place, version, records, content)


def _frame(file: BinaryIO, packed: int) -> bytes:
    """Where another block begins within it, as far as that: it was torn there. A file of nothing but heads would else
    be read, and summed, as often as it has heads.
    """
    frame = bytearray()
    while len(frame) < packed and (data := file.read(min(packed - len(frame), _AT_A_TIME))):
        at = max(0, len(frame) - len(_SIGNATURE) + 1)
        frame += data
        found = frame.find(_SIGNATURE, at)
        if found >= 0:
            return bytes(frame[:found])
    return bytes(frame)


def _unpacked(frame: bytes, octets: int) -> bytes | None:
    """None: it is something else, or more."""
    reader = zstandard.ZstdDecompressor(max_window_size=MOST_OCTETS * 2).stream_reader(frame, read_across_frames=False)
    try:
        content = reader.read(octets + 1)
    except zstandard.ZstdError:
        return None
    return content if len(content) == octets else None


def _until_next(file: BinaryIO, place: int) -> int:
    """How many octets are before the next block, or the end."""
    at = place + 1
    file.seek(at)
    tail = b""
    while True:
        data = file.read(_AT_A_TIME)
        if not data:
            return at + len(tail) - place
        data = tail + data
        found = data.find(_SIGNATURE)
        if found >= 0:
            return at + found - place
        keep = min(len(data), len(_SIGNATURE) - 1)
        at += len(data) - keep
        tail = data[len(data) - keep :]
