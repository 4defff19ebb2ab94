"""The files of a capture: what stands in each, and two writers of one, as fast as they can: the cap holds after each
block, and what is kept is the newest, and whole.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any, Final

import pytest
from captures import found_in, record

from edgeproxy.capture.connections import Connection
from edgeproxy.capture.files import Files
from edgeproxy.capture.record import Captured
from edgeproxy.capture.rows import RowMaker, RuleTold
from edgeproxy.capture.settings import Settings
from edgeproxy.http.request import read_request_fields, read_request_line
from edgeproxy.http.target import Scheme
from replay.capture.found import Skipped
from replay.capture.reading import Assumed, read_all
from replay.capture.verifying import verify
from replay.capture.writing import contents_of

BEGAN: Final = 1_523_890_800.123456
MOST: Final = 1 << 19  # octets
NOW: Final = 1_523_890_900.25
EACH: Final = 50  # records of a block
BLOCKS: Final = 150


def blocks(worker: int) -> Iterator[tuple[bytes, int]]:
    """Of records that say nothing twice; the target tells which one each is."""
    chance, number = random.Random(worker), 0
    connection = Connection(f"{worker}-1", "192.0.2.7", Scheme.HTTP)
    fields = read_request_fields(b"GET / HTTP/1.1\r\nHost: pypi.test\r\n\r\n", 1, 100)
    noted: Any = SimpleNamespace(
        **dict.fromkeys(("arm", "fallback", "cache", "why")),
        **{"scheme": "http", "rule": "reads", "backend": "modern", "status": 200, "is_whole": True},
    )
    for _ in range(BLOCKS):
        rows = RowMaker({"reads": RuleTold(None, None)}, lambda: None)
        rows.meet(connection)
        for _ in range(EACH):
            number += 1
            line = read_request_line(f"GET /{worker}/{number}/{chance.randbytes(60).hex()} HTTP/1.1".encode(), 9_000)
            kind = rows.kind((number,), None, noted, line, fields)
            began = BEGAN + number / 1_000
            rows.add(kind, connection, (began, began, began), chance.randbytes(40))
        yield from rows.take().contents()


def write(files: Files, ready: list[tuple[bytes, int]], together: Barrier) -> None:
    """Block by block with the other: one that is through leaves what is the oldest soon."""
    for content, records in ready:
        together.wait()
        files.add(content, records)
    files.close({})


def octets_in(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


def test_the_cap_holds_under_load_and_what_is_kept_is_the_newest_and_whole(tmp_path: Path) -> None:
    settings = Settings("20180416T150000Z", str(tmp_path), 1.0, MOST, 2)
    (tmp_path / "20180415T150000Z-1-000001.capture").touch()  # of another capture: it is left alone
    files = [Files(settings, worker, {"capture": settings.name}, lambda: NOW) for worker in (1, 2)]
    ready = [list(blocks(worker)) for worker in (1, 2)]
    sizes: list[int] = []
    together = Barrier(2, lambda: sizes.append(octets_in(tmp_path)), timeout=120)  # while neither writes
    writers = [Thread(target=write, args=(*pair, together)) for pair in zip(files, ready, strict=True)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [each.written for each in files] == [BLOCKS * EACH] * 2
    assert sum(each.octets for each in files) > 2 * MOST, "it went round"
    assert MOST // 2 < max(sizes) <= MOST
    kept: dict[int, list[int]] = {1: [], 2: []}
    for source in read_all([tmp_path], Assumed()):
        assert not isinstance(source.found, Skipped)
        if isinstance(source.found, Captured):
            worker, number = map(int, source.found.target.split("/")[1:3])
            kept[worker].append(number)
    assert not [found for path in tmp_path.iterdir() for found in verify(path, [])]
    for numbers in kept.values():
        assert numbers == list(range(numbers[0], BLOCKS * EACH + 1)), "the newest of each, without a gap"
        assert numbers[0] > 1


def settings_of(directory: Path) -> Settings:
    return Settings("20180416T150000Z", str(directory), 1.0, MOST, 1)


def test_a_file_begins_and_ends_with_a_note_of_its_writers_clock(tmp_path: Path) -> None:
    files = Files(settings_of(tmp_path), 7, {"by": "test"}, lambda: NOW)
    for content, records in contents_of(map(record, range(3))):
        files.add(content, records)
    files.close({"dropped": 2})
    (path,) = tmp_path.iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("20180416T150000Z-7-000001.capture", 0o600)
    found, broken, notes = found_in(path.read_bytes())
    assert (len(found), broken, path.stat().st_size) == (3, [], files.octets)
    assert [each.words for each in notes] == [
        {"note": "begin", "by": "test", "file": 1, "time": NOW},
        {"note": "end", "written": 3, "lost": 0, "dropped": 2, "time": NOW},
    ]


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """Of a writer that had this one's number before."""
    (tmp_path / "20180416T150000Z-7-000001.capture").write_bytes(b"another's")
    files = Files(settings_of(tmp_path), 7, {}, lambda: NOW)
    files.add(b"{}\n", 0)
    files.close({})
    assert {path.name: path.read_bytes() == b"another's" for path in tmp_path.iterdir()} == {
        "20180416T150000Z-7-000001.capture": True,
        "20180416T150000Z-7-000002.capture": False,
    }


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_block_that_the_disk_takes_a_part_of_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    files = Files(settings_of(tmp_path), 7, {}, lambda: NOW)
    ((content, records),) = contents_of(map(record, range(3)))
    files.add(content, records)
    write, fd = os.write, files._fd
    left = [10]  # octets of room

    def until_full(to: int, octets: bytes) -> int:
        if to != fd:
            return write(to, octets)
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= (written := write(to, octets[: left[0]]))
        return written

    monkeypatch.setattr(os, "write", until_full)
    if at_the_end:
        files.close({})
    else:
        with pytest.raises(OSError, match="No space"):
            files.add(content, records)
        files.give_up()
    (path,) = tmp_path.iterdir()
    found, broken, notes = found_in(path.read_bytes())
    assert (len(found), broken, [each.words["note"] for each in notes]) == (3, [], ["begin"])
    assert (files.written, left) == (3, [0])
