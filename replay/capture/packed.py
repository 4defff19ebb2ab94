"""What is packed by gzip (RFC 1952), unpacked as it is read: of one member or several, as far as it is whole."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO, Final

_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 31  # zlib's word for it
_AT_A_TIME: Final = 1 << 16


def is_packed(start: bytes) -> bool:
    return start.startswith(_MAGIC)


def unpacked_start(start: bytes, most: int) -> bytes:
    """Of a packed file that begins so, at most so many octets."""
    try:
        return zlib.decompressobj(wbits=_GZIP).decompress(start, most)
    except zlib.error:
        return b""


class Unpacked(io.RawIOBase):
    """`is_torn`, at its end: something was lost."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.is_torn = False
        self._file = file
        self._packed = b""
        self._member: Any = None  # None: between two

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self.is_torn and self._has_more():
            data = self._unpack(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _has_more(self) -> bool:
        if not self._packed:
            self._packed = self._file.read(_AT_A_TIME)
        if not self._packed and self._member is not None:
            self.is_torn = True
        return bool(self._packed)

    def _unpack(self, most: int) -> bytes:
        if self._member is None:
            self._member = zlib.decompressobj(wbits=_GZIP)
        try:
            data: bytes = self._member.decompress(self._packed, most)
        except zlib.error:
            self.is_torn = True
            return b""
        self._packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        if self._member.eof:
            self._member = None
        return data
