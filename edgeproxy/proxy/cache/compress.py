"""Content, coded (RFC 9110 §8.4.1, RFC 7932, RFC 8878).

Law: the same content has the same octets each time, whenever and wherever in one installation it is coded: no time and
no file name is in them.

All three let go of the interpreter's lock while they work: what is large is done in a thread.
"""

from __future__ import annotations

import zlib
from typing import Final, assert_never

import brotli
import zstandard

from edgeproxy.ruleset.modifiers import Coding

# A copy is coded once for each change of an answer and given for minutes, so a level may cost what a few hits save, but
# no more: CPU ms and ratio for a page of /simple/ of 10, 100, 1,000 KiB, and for 84 KiB of prose (CPython 3.11, one
# core; zlib 1.2.13, brotli 1.2, zstd 1.5.7). Most of a page is digests, of which no level makes less; what a higher
# level finds beside them is soon paid too dearly.
#
#   gzip 1   0.07 3.2×   0.9 3.3×    8.3 3.4×   1.0 2.5×     br 1   0.05 3.4×   0.4 4.1×    6.4 4.1×   1.1 2.6×
#   gzip 5   0.16 3.3×   1.9 3.6×   19.6 3.7×   2.4 2.9×     br 4   0.29 3.8×   2.1 4.2×   20.9 4.1×   2.3 2.9×
#   gzip 6   0.12 3.4×   2.7 3.7×   25.1 3.8×   3.7 2.9×     br 5   0.32 3.8×   2.9 4.0×   25.2 3.9×   2.4 3.0×
#   gzip 9   0.13 3.4×   3.2 3.7×   34.7 3.8×   4.7 2.9×     br 11  16.6 4.1×    203 4.5×  2,258 4.6×
#   zstd 1   0.06 3.7×   0.3 4.3×    3.0 4.4×   0.3 2.6×     zstd 9  0.18 3.6×  1.5 3.9×   26.6 4.1×   2.2 3.0×
#   zstd 3   0.07 3.6×   0.5 4.1×    6.1 4.0×   0.5 2.8×     zstd 19  4.8 3.8×   70 4.4×    585 4.3×
_GZIP_LEVEL: Final = 5
_BR_QUALITY: Final = 4
_ZSTD_LEVEL: Final = 3  # the window stays below the 8 MiB that RFC 9659 allows
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS  # zlib's number for gzip's header (time 0, no name) and trailer


def compress(coding: Coding, content: bytes) -> bytes:
    match coding:
        case Coding.GZIP:
            stream = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WRAPPER)
            return stream.compress(content) + stream.flush()
        case Coding.BR:
            return bytes(brotli.compress(content, mode=brotli.MODE_TEXT, quality=_BR_QUALITY))
        case Coding.ZSTD:
            return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(content)
        case _:
            assert_never(coding)
