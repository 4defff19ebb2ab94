"""Any file that can be read as a capture: the edge's own, HAR, files of mitmproxy and GoReplay, and logs a line each.

Laws of this module:
- a file is known by what is in it, not by its name, and also when it is packed by gzip;
- what is broken is told with its place and skipped; nothing that follows it is lost;
- of a file no more is in memory than a block, a flow, a payload or a line, each of which has a bound; and of a HAR,
  which is one JSON document, and has one, too;
- each capture counts its connections by itself, from 1, so those of another one are told apart by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from edgeproxy.capture.blocks import Block, read_blocks
from edgeproxy.capture.record import BadRecord, Captured
from edgeproxy.capture.settings import SUFFIX, files_of
from edgeproxy.capture.versions import LONGEST_LINE, Note, read_block
from replay.capture.flows import is_flows, read_flows
from replay.capture.found import Found, Skipped, Unreadable
from replay.capture.gor import is_gor, read_gor
from replay.capture.har import read_har
from replay.capture.logs import Assumed, line_reader
from replay.capture.packed import Unpacked, is_packed, unpacked_start

__all__ = ["Assumed", "Source", "is_capture", "read_all", "read_file"]

_ZSTD: Final = (b"\x5e\x2a\x4d\x18", b"\x28\xb5\x2f\xfd")
_HAR: Final = re.compile(rb'\{\s*"log"\s*:\s*\{')
_LOOKED_AT: Final = 65_536  # octets
_LARGEST_HAR: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was found."""

    path: Path
    found: Found


def read_all(paths: list[Path], assumed: Assumed) -> Iterator[Source]:
    """Files, and the captures in directories, one after the other. Raises OSError, Unreadable."""
    first = None
    for path in files_of(paths):
        capture = None
        for found in read_file(path, assumed):
            if isinstance(found, Note):
                capture = found.words.get("capture", capture)
                first = first or capture
            elif capture != first and isinstance(found, Captured) and found.connection is not None:
                found = replace(found, connection=f"{capture} {found.connection}")
            yield Source(path, found)


def read_file(path: Path, assumed: Assumed) -> Iterator[Found]:
    """Raises OSError, and Unreadable for a file that is none of these."""
    start, is_gzip = read_start(path), is_packed_file(path)
    with path.open("rb") as file:
        if not is_gzip:
            yield from _read(file, start, path, assumed)
            return
        if is_capture(start) or is_flows(start):
            raise Unreadable(
                f"{path}: it is packed by gzip: unpack it, since what is broken in it is looked for to and fro"
            )
        unpacked = Unpacked(file)
        yield from _read(BufferedReader(unpacked), start, path, assumed)
        if unpacked.is_torn:
            yield Skipped("its end", "what is packed by gzip is torn or altered there: what follows is lost", None)


def _read(file: BinaryIO, start: bytes, path: Path, assumed: Assumed) -> Iterator[Found]:
    if is_capture(start) or _has_hardly_begun(start, path):
        yield from _of_blocks(file)
    elif is_har(start):
        content = file.read(_LARGEST_HAR + 1)
        if len(content) > _LARGEST_HAR:
            raise Unreadable(f"{path}: a HAR of more than {_LARGEST_HAR} octets: split it")
        yield from read_har(content, str(path))
    elif is_flows(start):
        yield from read_flows(file)
    elif is_gor(start):
        yield from read_gor(file, assumed)
    else:
        yield from _of_lines(file, start, path, assumed)


def read_start(path: Path) -> bytes:
    """Unpacked. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    return unpacked_start(start, _LOOKED_AT) if is_packed(start) else start


def is_packed_file(path: Path) -> bool:
    """Raises OSError."""
    with path.open("rb") as file:
        return is_packed(file.read(2))


def is_capture(start: bytes) -> bool:
    return start.startswith(_ZSTD)


def _has_hardly_begun(start: bytes, path: Path) -> bool:
    """What a worker was killed at, or a full disk took nothing of: it costs none of the files beside it."""
    return path.suffix == SUFFIX and len(start) < len(_ZSTD[0]) and any(each.startswith(start) for each in _ZSTD)


def is_document(start: bytes) -> bool:
    """Whether it is what is neither blocks nor lines."""
    return is_har(start) or is_flows(start) or is_gor(start)


def is_har(start: bytes) -> bool:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return _HAR.match(text) is not None


def _of_blocks(file: BinaryIO) -> Iterator[Found]:
    for block in read_blocks(file):
        if not isinstance(block, Block):
            yield Skipped(f"octet {block.place}", block.why, block.lost)
            continue
        try:
            found = read_block(block)
        except BadRecord as error:
            yield Skipped(f"octet {block.place}", f"a block holds no records: {error}", block.records)
            continue
        for number, each in enumerate(found, 1):
            yield Skipped(f"octet {block.place}, record {number}", str(each)) if isinstance(each, BadRecord) else each


def _of_lines(file: BinaryIO, start: bytes, path: Path, assumed: Assumed) -> Iterator[Found]:
    read = line_reader(start.removeprefix(b"\xef\xbb\xbf"), assumed)
    if read is None:
        known = (
            "a capture of the edge, HAR, flows of mitmproxy, a file of GoReplay, newline JSON, a JSON access log, "
            "a combined access log"
        )
        raise Unreadable(f"{path}: it is none of what can be read: {known}")
    for number, line in enumerate(_lines(file), 1):
        if line.strip():
            try:
                yield read(line)
            except BadRecord as error:
                yield Skipped(f"line {number}", str(error))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """With a bound: of one that is longer only the beginning, which is no record then."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)
            if not line:
                break
