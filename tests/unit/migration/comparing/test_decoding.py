"""Content codings are taken off, and never make more than was allowed."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from edgeproxy.migration.comparing.answers import answer_of
from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import decode

BOUNDS = Bounds(octets=10_000)
TEXT = b"a simple page, " * 100
RAW = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(TEXT),
    "X-GZip": gzip.compress(TEXT[:7]) + gzip.compress(TEXT[7:]) + b"\0\0",
    "deflate": zlib.compress(TEXT),
    " deflate": RAW.compress(TEXT) + RAW.flush(),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
    "identity": TEXT,
    "": TEXT,
}


@pytest.mark.parametrize("coding", CODED)
def test_a_coding_is_taken_off(coding: str) -> None:
    assert decode(CODED[coding], [coding], BOUNDS) == TEXT


def test_what_was_applied_last_is_taken_off_first() -> None:
    twice = brotli.compress(gzip.compress(TEXT))
    assert decode(twice, ["gzip, br"], BOUNDS) == decode(twice, ["gzip", "br"], BOUNDS) == TEXT


def test_an_answer_to_head_has_nothing_to_decode() -> None:
    assert decode(b"", ["gzip"], BOUNDS) == b""


BOMB = b"\0" * 50_000_000


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip.compress(BOMB, 1)),
        ("deflate", zlib.compress(BOMB, 1)),
        ("br", brotli.compress(BOMB, quality=1)),
        ("zstd", zstandard.compress(BOMB)),
        ("zstd", zstandard.compress(b"\0" * 1000) * 50_000),
        ("gzip", gzip.compress(b"\0" * 1000, 1) * 50_000),
        ("identity", b"\0" * 10_001),
    ],
)
def test_a_bomb_is_not_blown_up(coding: str, bomb: bytes) -> None:
    with pytest.raises(BrokenContent) as caught:
        decode(bomb, [coding], BOUNDS)
    assert caught.value.flaw is Flaw.TOO_LARGE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_broken_off_or_no_such_coding_is_said_to_be(coding: str) -> None:
    whole = CODED[coding]
    for content in (whole[:-5], whole[: len(whole) // 2], b"no coding at all", b"\0"):
        with pytest.raises(BrokenContent) as caught:
            decode(content, [coding], BOUNDS)
        assert caught.value.flaw is Flaw.CODING


@pytest.mark.parametrize("coding", ["compress", "gzip,gzip,gzip,gzip,gzip", "dcb"])
def test_codings_that_are_not_known_are_not_guessed(coding: str) -> None:
    with pytest.raises(BrokenContent) as caught:
        decode(TEXT, [coding], BOUNDS)
    assert caught.value.flaw is Flaw.CODING


def test_what_fills_the_bound_exactly_is_read() -> None:
    for coding, code in (("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstandard.compress)):
        assert decode(code(b"a" * 10_000), [coding], BOUNDS) == b"a" * 10_000


def test_an_answer_says_what_is_wrong_with_its_content() -> None:
    answer = answer_of(200, [(b"Content-Encoding", b"gzip"), (b"X-A", b"1"), (b"x-a", b"2")], b"no gzip")
    assert (answer.flaw, answer.values("x-a"), answer.content) == (Flaw.CODING, ("1", "2"), b"no gzip")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_any_number_of_parts_is_read_in_one_pass(coding: str) -> None:
    part = gzip.compress(b"") if coding == "gzip" else zstandard.compress(b"")
    assert decode(part * (2_000_000 // len(part)), [coding], BOUNDS) == b""
