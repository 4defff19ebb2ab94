"""Zips and tars of few small members, in memory: the same for the same arguments.

The standard library's `ZipFile` and `TarFile` would do, and took a third of an index's making: they open, seek and
account for each member. `zipfile` and `tarfile` read what is made here; tests hold that.
"""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Mapping
from typing import Final

# PKZIP's APPNOTE.TXT, 4.3.7, 4.3.12, 4.3.16. Of the header in front of a member the one in the directory has all.
_MEMBER: Final = struct.Struct("<4s5H3L2H")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_VERSION, _UNIX, _STORED = 20, 3 << 8, 0
_TIME, _DAY = 15 << 11, (2018 - 1980) << 9 | 4 << 5 | 16  # 2018-04-16, 15:00
_MODE: Final = 0o100644 << 16

_BLOCK: Final = tarfile.BLOCKSIZE
_GZIP: Final = zlib.MAX_WBITS + 16  # with gzip's head and foot, which say no time


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip whose members are stored as they are, in the order that they are given in."""
    parts: list[bytes] = []
    entries: list[bytes] = []
    offset = 0
    for path, data in members.items():
        name, size = path.encode("ascii"), len(data)
        common = (0, _STORED, _TIME, _DAY, zlib.crc32(data), size, size, len(name), 0)
        head = _MEMBER.pack(b"PK\3\4", _VERSION, *common)
        entries += _ENTRY.pack(b"PK\1\2", _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _MODE, offset), name
        parts += head, name, data
        offset += len(head) + len(name) + size
    directory = b"".join(entries)
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(directory), offset, 0)
    return b"".join((*parts, directory, end))


def tarred(members: Mapping[str, bytes]) -> bytes:
    """A `.tar.gz`."""
    parts: list[bytes] = []
    for path, data in members.items():
        member = tarfile.TarInfo(path)
        member.size = len(data)
        parts += member.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % _BLOCK)
    parts.append(bytes(2 * _BLOCK))
    return zlib.compress(b"".join(parts), 1, _GZIP)
