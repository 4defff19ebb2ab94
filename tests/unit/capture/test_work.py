"""What a worker hands to its capture's writer: read as it was said, and nothing of what was cut."""

from __future__ import annotations

import io

import pytest

from edgeproxy.capture.columns import Draft
from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Begin, End, Feed, LetGo, Told, Work, Write, octets_of, read_work

SETTINGS = Settings("20180416T150000Z", "/var/captures", 0.25, 1 << 24, 4)
WORK: tuple[Work, ...] = (
    Begin(SETTINGS, 4711, {"rules": "ab", "share": 0.25}),
    Feed(7, True, (b"HTTP/1.1 200 OK\r\n\r\n", bytearray(b"he"), memoryview(b"llo"))),
    Feed(7, False, ()),
    Write(Draft(b'{"contents":["late 7"]}\n', bytes(range(80)), 2, (b'"late 7"', b'"late 8"'))),
    Write(Draft(b"{}\n", b"", 0)),
    LetGo(1 << 31),
    End({"dropped": 3}),
)


def octets(work: Work) -> bytes:
    return b"".join(octets_of(work))


def told(work: Work) -> Work:
    """As it is read: pieces are one."""
    return Feed(work.number, work.has_head, (b"".join(work.pieces),)) if isinstance(work, Feed) else work


def test_all_work_is_read_in_order_as_it_was_said() -> None:
    file = io.BytesIO(b"".join(map(octets, WORK)))
    assert [read_work(file) for _ in WORK] == list(map(told, WORK))
    assert read_work(file) is None


@pytest.mark.parametrize("work", WORK, ids=lambda work: type(work).__name__)
def test_what_was_cut_is_nothing(work: Work) -> None:
    whole = octets(work)
    assert {read_work(io.BytesIO(whole[:end])) for end in range(len(whole))} == {None}


def test_what_the_writer_says_is_a_line() -> None:
    for each in (Told(0, 0, 0, 0, None), Told(5, 1, 2, 900, "/var/captures: No space left on device")):
        line = each.line()
        assert (line.count(b"\n"), line[-1:], Told.read(line)) == (1, b"\n", each)
