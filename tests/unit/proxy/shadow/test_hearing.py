"""What is held of an answer, and within which bounds."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.response import Asked, ResponseHead, ResponseReader
from edgeproxy.migration.specimen import Part
from edgeproxy.proxy.shadow.hearing import LARGEST, MOST, Full, Hearing, Hold, Room
from edgeproxy.ruleset.modifiers import Comparison


def head(*lines: str, asked: Asked | None = None) -> ResponseHead:
    return ResponseReader(100).read("\r\n".join(["HTTP/1.1 200 OK", *lines]).encode(), asked or Asked())


@given(st.lists(st.binary(max_size=50)), st.integers(0, 300))
def test_content_is_held_as_it_came_or_there_is_no_room_for_it(pieces: list[bytes], limit: int) -> None:
    room = Room(limit)
    hold = Hold(room)
    hearing = Hearing(hold)
    assert hearing.on_head(head("X: 1"), Comparison.EXACT) is None
    is_full = [hearing.on_content(piece) for piece in pieces]
    if Full.ROOM not in is_full:
        assert hearing.part() == Part(200, b"X: 1\r\n", b"".join(pieces))
    else:
        assert sum(map(len, pieces)) > limit
    assert room.used == hold.octets <= limit
    hold.close()
    assert (room.used, hold.octets) == (0, 0)


def test_what_goes_beyond_the_bound_is_cut_and_its_room_given_back() -> None:
    room = Room(2 * MOST)
    hearing = Hearing(Hold(room))
    assert hearing.on_head(head(), Comparison.JSON) is None
    assert hearing.on_content(bytes(MOST)) is None
    assert hearing.on_content(b"1") is Full.LARGE
    part = hearing.part()
    assert part.is_cut
    assert 0 < len(part.content) == room.used < 20_000


def test_a_length_says_at_once_that_it_will_be_too_much() -> None:
    hearing = Hearing(Hold(Room(MOST)))
    assert hearing.on_head(head(f"Content-Length: {MOST + 1}"), Comparison.EXACT) is Full.LARGE
    assert (hearing.part().is_cut, hearing.part().content) == (True, b"")


def test_a_file_is_hashed_needs_no_room_and_is_read_no_further_than_the_other_sides() -> None:
    hearing = Hearing(Hold(Room(0)))
    assert hearing.on_head(head(f"Content-Length: {MOST + 1}"), Comparison.FILE, most=6) is None
    assert hearing.on_content(b"abc") is None
    assert hearing.on_content(b"def") is None
    digest = sha256(b"abcdef").hexdigest()
    assert hearing.part() == Part(200, b"Content-Length: %d\r\n" % (MOST + 1), digest=digest, size=6)
    assert hearing.on_content(b"g") is Full.LARGE
    assert (hearing.part().is_cut, hearing.part().size, hearing.part().digest) == (True, 7, digest)


@pytest.mark.parametrize(
    "one",
    [
        head("Content-Encoding: gzip"),
        head("content-encoding: br"),
        head("Content-Length: 3", asked=Asked(to_head=True)),
    ],
)
def test_what_is_coded_or_has_no_content_is_not_hashed(one: ResponseHead) -> None:
    hearing = Hearing(Hold(Room(LARGEST)))
    assert hearing.on_head(one, Comparison.FILE) is None
    assert (hearing.part().digest, hearing.part().size) == ("", None)
