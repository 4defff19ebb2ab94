"""What mitmproxy's addon writes: flows as a capture, within bounds. The addon in mitmproxy: tests/integration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
from capture_verbs import found_in_files
from captures import found_in

from edgeproxy.capture.files import Files
from edgeproxy.capture.settings import Settings
from replay.addon import recorder as module
from replay.addon.recorder import Passed, Recorder
from replay.capture import writing
from replay.capture.found import Skipped
from replay.capture.reading import Assumed, read_all
from replay.capture.summary import Summary

NAME = "20180416T150000Z"


def settings(place: Path, most: int = 1 << 30) -> Settings:
    return Settings(NAME, str(place), 1.0, most, 1)


def passed(number: int = 0, **request: Any) -> Passed:
    state = {
        "version": 21,
        "type": "http",
        "error": None,
        "client_conn": {"id": "one", "peername": ("192.0.2.7", 1), "timestamp_start": 1.0, "tls": True},
        "request": {
            "method": b"GET",
            "scheme": b"http",
            "authority": b"",
            "path": b"/%d?token=hunter2hunter2" % number,
            "headers": ((b"Host", b"pypi.test"), (b"Cookie", b"a=b")),
            "content": b"",
            "timestamp_start": 100.0 + number,
            **request,
        },
        "response": {"status_code": 200, "content": b"ok", "timestamp_start": 101.0, "timestamp_end": 102.0},
    }
    return Passed(state, None, None, 2)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(settings(tmp_path / "captures"), {"by": "test"}, lambda _: None)
    made.start()
    yield made
    made.end()


def test_flows_become_records_and_those_that_are_none_are_counted(recorder: Recorder, tmp_path: Path) -> None:
    recorder.take(passed(1))
    recorder.take(passed(2, method=b"no method"))
    recorder.take(Passed(passed(3).state, "http://files.pypihosted.test/x", (7, "0" * 64), 2))
    recorder.end()
    first, second = found_in_files(tmp_path / "captures")
    assert (first.url, first.credentials, first.octets) == ("https://pypi.test/1?token=[hidden]", ("cookie",), 2)
    assert (second.url, second.octets, second.digest) == ("http://files.pypihosted.test/x", 7, "0" * 64)
    assert (recorder.written, recorder.unreadable, recorder.dropped, recorder.lost) == (2, 1, 0, 0)
    (path,) = (tmp_path / "captures").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    begin, end = found_in(path.read_bytes())[2]
    assert (begin.words["note"], begin.words["by"], end.words["note"], end.words["unreadable"]) == (
        "begin",
        "test",
        "end",
        1,
    )


def test_what_has_come_is_written_soon_and_not_only_at_the_end(recorder: Recorder, tmp_path: Path) -> None:
    recorder.take(passed())
    deadline = time.monotonic() + 60
    while not recorder.written and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(found_in_files(tmp_path / "captures")) == 1


def test_flows_that_find_no_room_are_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the thread does nothing: it was not started yet."""
    monkeypatch.setattr(module, "_MOST_WAITING", 5)
    waiting = Recorder(settings(tmp_path), {}, lambda _: None)
    for number in range(8):
        waiting.take(passed(number))
    assert waiting.dropped == 3
    monkeypatch.setattr(module, "_MOST_HELD", 1)
    large = Recorder(settings(tmp_path), {}, lambda _: None)
    large.take(passed())  # one may be as large as it likes
    large.take(passed())
    assert large.dropped == 1
    for each in (waiting, large):
        each.start()
        each.end()
    assert (waiting.written, large.written) == (5, 1)


def test_a_disk_that_takes_nothing_ends_the_recording(tmp_path: Path) -> None:
    (tmp_path / "captures").write_text("no directory")
    said, told = list[str](), Event()
    failing = Recorder(settings(tmp_path / "captures"), {}, lambda text: (said.append(text), told.set())[0])
    failing.start()
    failing.take(passed())
    assert told.wait(60)
    failing.take(passed())
    failing.end()
    assert (failing.written, failing.lost) == (0, 2)
    assert said == [f"the capture has ended: {failing.problem}: free the disk, or name another directory"]


def test_what_a_disk_took_before_it_was_full_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add, taken = Files.add, list[int]()

    def full(self: Files, content: bytes, records: int) -> None:
        if taken:
            raise OSError(ENOSPC, "No space left on device")
        add(self, content, records)
        taken.append(records)

    monkeypatch.setattr(Files, "add", full)
    failing = Recorder(settings(tmp_path), {}, lambda _: None)
    for number in range(5):
        failing.take(passed(number, path=b"/" + b"a" * 9_000 + b"%d" % number))
    monkeypatch.setattr(writing, "_RECORDS", 2)
    failing.start()
    failing.end()
    assert (failing.written, failing.lost) == (2, 3)
    assert len(found_in_files(tmp_path)) == 2


def test_what_was_dropped_is_told_once_however_many_files_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not the last one says only what was written until then, as those of an edge do."""
    monkeypatch.setattr(module, "_MOST_WAITING", 1)
    small = Recorder(settings(tmp_path, 4_000), {}, lambda _: None)
    small.take(passed())
    small.take(passed())
    monkeypatch.undo()
    monkeypatch.setattr(module, "_EACH", 1)  # records that make a block
    for number in range(3):
        small.take(passed(number))
    small.start()
    small.end()
    assert len(list(tmp_path.iterdir())) > 1
    summary = Summary()
    for source in read_all([tmp_path], Assumed()):
        assert not isinstance(source.found, Skipped)
        summary.add(source)
    assert summary.notes["dropped"] == small.dropped == 1


def test_what_is_written_at_once_is_in_as_many_files_as_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WITHIN", 3_600.0)  # all of it waits for the end
    monkeypatch.setattr(writing, "_OCTETS", 20_000)  # that make a block
    small, chance = settings(tmp_path, 200_000), Random(1)
    many = Recorder(small, {}, lambda _: None)
    for number in range(60):
        many.take(passed(number, path=b"/" + chance.randbytes(2_000).hex().encode()))
    many.start()
    many.end()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert (many.written, many.problem) == (60, None)
    assert max(sizes) <= small.file_limit + 200 < sum(sizes) <= small.most, "and what the note at its end takes"


def test_a_file_that_somebody_else_removes_meanwhile_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EACH", 1)
    (tmp_path / f"{NAME}-1-000001.capture").symlink_to(tmp_path / "gone")  # it is listed, and there is none
    one = Recorder(settings(tmp_path), {}, lambda _: None)
    one.take(passed())
    one.start()
    one.end()
    assert (one.written, one.problem) == (1, None)
