"""Writing records to a capture file: what importers, and whoever cuts a capture down, end with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Final

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import Records
from edgeproxy.capture.record import Captured

_RECORDS: Final = 2_048  # that make a block
_OCTETS: Final = 262_144  # of what they ask for, likewise


def write_records(file: BinaryIO, records: Iterable[Captured]) -> int:
    """How many they were. Raises OSError."""
    packer, columns, written = Packer(), Records(), 0
    for record in records:
        columns.add(record)
        if len(columns) >= _RECORDS or columns.octets >= _OCTETS:
            written += _write(file, packer, columns)
            columns = Records()
    return written + (_write(file, packer, columns) if len(columns) else 0)


def _write(file: BinaryIO, packer: Packer, columns: Records) -> int:
    for content, records in columns.contents():
        file.write(packer.pack(content, records))
    return len(columns)
