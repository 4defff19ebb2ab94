"""Writing records to a capture file: what importers, and whoever cuts a capture down, end with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import Records
from edgeproxy.capture.record import Captured

_RECORDS: Final = 2_048  # that make a block
_OCTETS: Final = 262_144  # of what they ask for, likewise


def write_records(file: BinaryIO, records: Iterable[Captured]) -> int:
    """How many they were. Raises OSError."""
    packer, written = Packer(), 0
    for content, count in contents_of(records):
        file.write(packer.pack(content, count))
        written += count
    return written


def contents_of(records: Iterable[Captured]) -> Iterator[tuple[bytes, int]]:
    """Of blocks, before they are packed, and how many records are in each."""
    columns = Records()
    for record in records:
        columns.add(record)
        if len(columns) >= _RECORDS or columns.octets >= _OCTETS:
            yield from columns.contents()
            columns = Records()
    if len(columns):
        yield from columns.contents()
