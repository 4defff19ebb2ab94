"""What a captured connection hands to its writer of answers that come in pieces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from edgeproxy.capture.content import Piece
from edgeproxy.capture.rows import Late, RowMaker
from edgeproxy.proxy.capture.tap import AT_ONCE, Tap

PEER: Any = SimpleNamespace(address="192.0.2.7", scheme="http")


def fed(pieces: list[bytes]) -> list[list[Piece]]:
    """What the writer gets of an answer that is written so."""
    found: list[list[Piece]] = []

    def feed(_: Late, its: list[Piece], octets: int, *, has_head: bool) -> bool:
        assert (octets, has_head) == (sum(map(len, its)), True)
        found.append(its)
        return True

    transport: Any = SimpleNamespace(write=lambda _: None)
    taking: Any = SimpleNamespace(rows=RowMaker({}, lambda: None), begin_late=lambda: Late(1), feed=feed)
    tap = Tap(transport, PEER, "1-1", taking)
    exchange: Any = SimpleNamespace()  # be it what it may
    tap.begin(exchange, 0.0)
    tap.note_status(200)
    for piece in pieces:
        tap.write(piece)
    return found


def test_large_pieces_are_handed_on_as_they_are() -> None:
    head, body = b"HTTP/1.1 200 OK\r\n\r\n", b"x" * AT_ONCE
    (first, second) = fed([head, body, body + b"y"])
    assert first[0] is head
    assert first[1] is body
    assert b"".join(second) == body + b"y"


def test_small_pieces_are_one() -> None:
    """Each that waits for the writer takes 200 octets of its own, and a turn of the loop."""
    assert fed([b"x"] * (AT_ONCE + 2)) == [[b"x" * (AT_ONCE + 1)]]


def test_of_an_answer_that_was_under_way_nothing_is_held() -> None:
    """Its exchange is not captured: what it was would be the next one's."""
    transport: Any = SimpleNamespace(write=lambda _: None)
    taking: Any = SimpleNamespace(rows=RowMaker({}, lambda: None))
    tap = Tap(transport, PEER, "1-1", taking)
    tap.write_whole(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 60_000, b"x" * 60_000)
    assert tap._whole is None
