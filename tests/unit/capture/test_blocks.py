"""The file of a capture: what is torn or altered costs its own block alone, and is told."""

from __future__ import annotations

import io
import struct
import tracemalloc
from zlib import crc32

import pytest
import zstandard
from captures import found_in, packed, record

from edgeproxy.capture import blocks
from edgeproxy.capture.blocks import HEAD, MOST_OCTETS, VERSION, Broken, Packer, read_blocks

RECORDS = [record(number) for number in range(30)]
FILE = [packed(RECORDS[:10]), packed(RECORDS[10:20]), packed(RECORDS[20:])]


def test_blocks_one_after_the_other_are_a_file_and_so_are_files() -> None:
    assert found_in(b"".join(FILE)) == (RECORDS, [], [])
    assert found_in(b"".join([*FILE, *FILE]))[0] == RECORDS * 2
    assert found_in(b"") == ([], [], [])


def test_any_program_for_zstd_shows_the_records() -> None:
    shown = zstandard.ZstdDecompressor().stream_reader(b"".join(FILE), read_across_frames=True).read()
    assert shown.count(b'{"contents":[') == 3
    assert b'"asked":[{"method":"GET","url":"https://pypi.test/simple/p0/"' in shown


def test_a_torn_end_loses_the_last_block_alone() -> None:
    for cut in range(1, len(FILE[0]) + len(FILE[1])):
        check_torn(cut)


def check_torn(cut: int) -> None:
    records, broken, _ = found_in((FILE[0] + FILE[1])[:cut])
    whole = 0 if cut < len(FILE[0]) else 10
    assert records == RECORDS[:whole]
    if cut == len(FILE[0]):
        assert not broken
        return
    (torn,) = broken
    assert isinstance(torn, Broken)
    place = 0 if cut < len(FILE[0]) else len(FILE[0])
    assert (torn.place, torn.octets) == (place, cut - place)
    assert "the file ends in" in torn.why
    assert torn.lost == (10 if cut - place >= HEAD else None)


def test_an_altered_octet_costs_its_block_alone() -> None:
    for at in range(len(FILE[1])):
        altered = bytearray(FILE[1])
        altered[at] ^= 0x40
        records, broken, _ = found_in(FILE[0] + bytes(altered) + FILE[2])
        assert records == RECORDS[:10] + RECORDS[20:]
        (told,) = broken
        assert isinstance(told, Broken)
        assert (told.place, told.octets) == (len(FILE[0]), len(FILE[1]))


def test_what_was_torn_in_the_middle_is_told_and_the_next_block_found() -> None:
    """As when a disk was full, and somebody joined files."""
    for cut in (1, 5, HEAD - 1, HEAD, HEAD + 20):
        records, broken, _ = found_in(FILE[0][:cut] + FILE[1] + b"garbage" + FILE[2])
        assert records == RECORDS[10:]
        assert [each.octets for each in broken if isinstance(each, Broken)] == [cut, len(b"garbage")]


def test_the_next_block_is_found_wherever_it_begins() -> None:
    for size in (65_535 - HEAD, 65_536 - 6, 65_536, 131_072 + 1):
        records, broken, _ = found_in(b"x" * size + FILE[0])
        assert (records, len(broken)) == (RECORDS[:10], 1)


def head(version: int, records: int, packed_octets: int, octets: int, frame: bytes) -> bytes:
    fields = struct.pack("<IIII", version, records, packed_octets, octets)
    return FILE[0][: HEAD - 20] + fields + struct.pack("<I", crc32(frame, crc32(fields)))


def test_a_newer_version_is_told_and_passed_over() -> None:
    frame = zstandard.compress(b"what we do not know\n")
    newer = head(VERSION + 1, 7, len(frame), 20, frame) + frame
    records, broken, _ = found_in(newer + FILE[0])
    (told,) = broken
    assert isinstance(told, Broken)
    assert (records, told.lost, "a newer edgeproxy wrote it" in told.why) == (RECORDS[:10], 7, True)


@pytest.mark.parametrize(
    ("frame", "octets"),
    [
        (b"no zstd", 7),
        (zstandard.compress(b"x" * 100), 99),  # more than it says
        (zstandard.compress(b"x" * 100), 101),  # less
        (zstandard.compress(b"x" * 100)[:-3], 100),
        (b"", 0),
    ],
)
def test_a_head_that_is_right_and_lies_is_not_believed(frame: bytes, octets: int) -> None:
    records, broken, _ = found_in(head(VERSION, 3, len(frame), octets, frame) + frame + FILE[0])
    assert records == RECORDS[:10]
    assert len(broken) == 1


@pytest.mark.parametrize("lie", [(1 << 31, 10, 10), (10, 1 << 31, 10), (10, 10, 1 << 31)])
def test_what_a_head_promises_is_bounded(lie: tuple[int, int, int]) -> None:
    records, broken, _ = found_in(head(VERSION, *lie, b"") + FILE[0])
    (told,) = broken
    assert isinstance(told, Broken)
    assert (records, "promises more" in told.why) == (RECORDS[:10], True)


def test_little_that_becomes_much_takes_no_memory() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"\0" * (1 << 28))
    file = head(VERSION, 1, len(bomb), MOST_OCTETS, bomb) + bomb
    tracemalloc.start()
    try:
        (told,) = read_blocks(io.BytesIO(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(told, Broken)
    assert peak < MOST_OCTETS * 3


def test_a_writer_keeps_to_the_bounds() -> None:
    for content, records in ((b"x" * (MOST_OCTETS + 1), 1), (b"x", blocks.MOST_RECORDS + 1)):
        with pytest.raises(AssertionError):
            Packer().pack(content, records)
