"""Content without its content coding (RFC 9110 §8.4), and texts without their character encoding.

Law: no coding makes more octets than the bounds allow, however few it is made of: decoders are asked for so many.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import brotli
import zstandard

from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw

_MOST_CODINGS: Final = 4
_MOST_WINDOW: Final = 8 << 20  # what a zstd decoder keeps; RFC 9659 allows HTTP no more
_PADDING: Final = re.compile(rb"\0*")
_PIECE: Final = 8192
_BITE: Final = 128  # octets of zstd
_CHARSET: Final = re.compile(r"""(?i);[ \t]*charset[ \t]*=[ \t]*"?([^"'; \t]+)""")
_META: Final = re.compile(rb"""(?i)<meta[^>]{0,200}?charset[ \t\r\n]*=[ \t\r\n]*["']?([a-z0-9_.:-]{1,40})""")
_META_WITHIN: Final = 1024  # octets: HTML, "prescan a byte stream"
# Labels that content is found under; the first three are windows-1252 for every browser (WHATWG Encoding §4.2).
_ENCODINGS: Final[Mapping[str, str]] = {
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-15": "iso8859-15",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
}


def decode(content: bytes, content_encoding: Sequence[str], bounds: Bounds) -> bytes:
    """`content_encoding` are the values of that header. The coding that was applied last is taken off first."""
    names = [name.strip(" \t").lower() for value in content_encoding for name in value.split(",")]
    codings = [name for name in names if name and name != "identity"]
    if len(codings) > _MOST_CODINGS:
        raise BrokenContent(Flaw.CODING, f"{len(codings)} codings, one over another")
    for coding in reversed(codings if content else ()):  # an answer to HEAD has none of its coded octets
        decoder = _DECODERS.get(coding)
        if decoder is None:
            raise BrokenContent(Flaw.CODING, f"the coding {coding[:40]!r} is unknown")
        try:
            content = decoder(content, bounds.octets)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError, MemoryError) as error:
            raise BrokenContent(Flaw.CODING, f"it is no {coding}: {str(error)[:100] or type(error).__name__}") from None
    if len(content) > bounds.octets:
        raise BrokenContent(Flaw.TOO_LARGE, f"more than {bounds.octets} octets")
    return content


def _inflate(content: bytes, most: int, window_bits: int) -> bytes:
    out, at = bytearray(), 0
    while at < len(content):  # RFC 1952 §2.2: members follow one another
        member = zlib.decompressobj(window_bits)
        while not member.eof and at < len(content):
            piece = content[at : at + _PIECE]  # what is left of it is copied, for each of perhaps many members
            out += member.decompress(piece, most + 1 - len(out))
            at += len(piece) - len(member.unconsumed_tail) - len(member.unused_data)
            if len(out) > most:
                return bytes(out)
        if not member.eof:
            raise EOFError("it ends too early")
        padding = _PADDING.match(content, at)  # which gzip lets pass too
        at = at if padding is None else padding.end()
    return bytes(out)


def _gunzip(content: bytes, most: int) -> bytes:
    return _inflate(content, most, zlib.MAX_WBITS | 16)


def _undeflate(content: bytes, most: int) -> bytes:
    """RFC 9110 §8.4.1.2: zlib's format; and what some send instead, without its head."""
    is_zlib = len(content) > 1 and content[0] & 0x0F == 8 and (content[0] << 8 | content[1]) % 31 == 0
    return _inflate(content, most, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _unbrotli(content: bytes, most: int) -> bytes:
    decoder = brotli.Decompressor()
    out = bytearray(decoder.process(content, output_buffer_limit=most + 1))
    while not decoder.is_finished() and len(out) <= most:
        more = decoder.process(b"", output_buffer_limit=most + 1 - len(out))
        if not more:
            raise EOFError("it ends too early")
        out += more
    return bytes(out)


def _unzstd(content: bytes, most: int) -> bytes:
    """Little by little: a block of 4 octets can hold 128 KiB, and this decoder cannot be asked for less of it."""
    decoder = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW)
    out, at = bytearray(), 0
    while at < len(content) and len(out) <= most:  # RFC 8878 §3.1: frames follow one another
        frame = decoder.decompressobj()
        while not frame.eof and at < len(content) and len(out) <= most:
            out += frame.decompress(content[at : at + _BITE])
            at += _BITE
        if len(out) > most:
            break
        if not frame.eof:
            raise EOFError("it ends too early")
        at = min(at, len(content)) - len(frame.unused_data)
    return bytes(out)


_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


# -- texts --------------------------------------------------------------------------------------------------------


def charset_of(content_types: Sequence[str]) -> str:
    """The charset that a Content-Type says, in lower case; nothing where it says none."""
    found = _CHARSET.search(content_types[0]) if content_types else None
    return "" if found is None else found[1].lower()


def utf8_text(content: bytes) -> str:
    """What has to be UTF-8 (RFC 8259 §8.1); a byte order mark at its beginning does not count."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenContent(Flaw.ENCODING, f"octet {error.start} is not UTF-8") from None


def html_text(content: bytes, content_types: Sequence[str]) -> str:
    """As a browser finds the encoding: a mark, the Content-Type, a `meta`, else UTF-8. Octets that are nothing in
    it stay apart from each other, as lone surrogates: so no two pages become equal by being broken.
    """
    if content.startswith(codecs.BOM_UTF8):
        return content[3:].decode("utf-8", "surrogateescape")
    meta = _META.search(content, 0, _META_WITHIN)
    label = charset_of(content_types) or ("utf-8" if meta is None else meta[1].decode("ascii").lower())
    encoding = _ENCODINGS.get(label)
    if encoding is None:
        raise BrokenContent(Flaw.ENCODING, f"the charset {label[:40]!r} is unknown")
    if encoding == "utf-16" and meta is not None and not charset_of(content_types):
        encoding = "utf-8"  # WHATWG: a `meta` that could be read as ASCII is not in UTF-16
    try:
        return content.decode(encoding, "surrogateescape")
    except UnicodeDecodeError as error:  # UTF-16 with an odd octet
        raise BrokenContent(Flaw.ENCODING, f"octet {error.start} is not {label}") from None
