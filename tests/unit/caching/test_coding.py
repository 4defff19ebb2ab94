"""Copies that the edge codes itself: for whom, of what, and what their heads say."""

import pytest
from kept_answers import DATE, block, digest_of, kept

from edgeproxy.caching.coding import choose, coded, is_compressible, may_be_coded, original_etag, with_vary
from edgeproxy.caching.field_lines import has, value
from edgeproxy.http.etags import EntityTag
from edgeproxy.ruleset.modifiers import Coding

BR, ZSTD, GZIP = Coding.BR, Coding.ZSTD, Coding.GZIP
ALL = (BR, ZSTD, GZIP)
PAGE = b"<a href=x>x</a>" * 20


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("gzip, deflate, br, zstd", BR),  # a browser: all are equal, the rule says which is best
        ("gzip, deflate", GZIP),  # pip
        ("x-gzip", GZIP),
        ("GZip", GZIP),
        ("gzip;q=1.0, br;q=0.5", GZIP),
        ("zstd;q=0.9, br;q=0.8, identity;q=0.1", ZSTD),
        ("*", BR),
        ("br;q=0, *", ZSTD),
        ("gzip;q=0.5, *;q=0.1", GZIP),
        ("identity;q=0, gzip;q=0.1", GZIP),
        ("gzip, identity", GZIP),
        ("deflate, , gzip ; q = 0.001", GZIP),
    ],
)
def test_a_client_gets_the_coding_it_wants_most(accept_encoding, coding):
    assert choose(accept_encoding, ALL) is coding


@pytest.mark.parametrize(
    "accept_encoding",
    [
        None,
        "",
        "identity",
        "deflate, compress",
        "gzip;q=0, br;q=0, zstd;q=0",
        "gzip;q=0.5, identity",  # it says which it likes better
        "*;q=0",
        "identity;q=0",  # nothing is left, and as it came is better than nothing
        "gzip;q=2",
        "gzip;level=9",
        "gzip, gzip;q=0",  # who refuses it once does not get it
    ],
)
def test_a_client_that_asks_for_no_coding_gets_none(accept_encoding):
    assert choose(accept_encoding, ALL) is None


def test_a_rule_that_codes_nothing_gives_no_coding():
    assert choose("gzip, br", ()) is None


@pytest.mark.parametrize(
    "content_type",
    ["text/html; charset=UTF-8", "TEXT/plain", "application/json", "application/vnd.pypi.simple.v1+json",
     "application/vnd.pypi.simple.v1+html", "text/xml", "application/xml", "image/svg+xml", "text/javascript",
     "application/rss+xml", "application/wasm", "text/markdown ;variant=GFM"],
)  # fmt: skip
def test_text_is_worth_compressing(content_type):
    assert is_compressible(content_type, 10_000)
    assert not is_compressible(content_type, 100)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/octet-stream", "application/zip", "application/gzip", "image/png", "font/woff2", "video/mp4",
     "application/x-tar+gzip", "text/event-stream", "text/"],
)  # fmt: skip
def test_what_is_compressed_or_no_text_or_never_ends_is_not(content_type):
    assert not is_compressible(content_type, 10_000)


def test_a_coded_copy_is_a_representation_of_its_own():
    stored = kept(
        "Content-Type: text/html", 'ETag: "abc"', "Accept-Ranges: bytes", "Cache-Control: max-age=600", content=PAGE
    )
    copy = coded(stored, BR, 55, digest_of(b"coded"))
    assert copy is not None
    assert copy.lines == block(
        DATE, "Content-Type: text/html", "Cache-Control: max-age=600", "Vary: Accept-Encoding", "Content-Encoding: br",
        'ETag: "abc-br"',
    )  # fmt: skip
    assert (copy.coding, copy.size, copy.digest) == ("br", 55, digest_of(b"coded"))
    assert copy.etag == EntityTag("abc-br")
    assert (copy.status, copy.terms, copy.content_type) == (stored.status, stored.terms, stored.content_type)


@pytest.mark.parametrize("coding", Coding)
@pytest.mark.parametrize("weak", [False, True])
def test_each_coding_has_its_entity_tag_as_strong_as_it_was(coding, weak):
    copy = coded(kept(f"ETag: {EntityTag('abc', weak)}"), coding, 1, b"")
    assert copy is not None
    assert copy.etag == EntityTag(f"abc-{coding}", weak)
    assert value(copy.lines, b"etag") == str(copy.etag)
    assert original_etag(copy) == EntityTag("abc", weak)


def test_an_answer_without_entity_tag_gets_none():
    copy = coded(kept(), GZIP, 1, b"")
    assert copy is not None
    assert copy.etag is original_etag(copy) is None
    assert not has(copy.lines, b"etag")


def test_an_entity_tag_that_ends_like_a_coding_is_the_backends():
    stored = kept('ETag: "abc-br"')
    assert original_etag(stored) == EntityTag("abc-br")
    copy = coded(stored, BR, 1, b"")
    assert copy is not None
    assert original_etag(copy) == EntityTag("abc-br")


def test_digests_of_the_octets_are_gone_with_them():
    stored = kept("Content-Digest: sha-256=:AA==:", "Repr-Digest: sha-256=:AA==:", "Digest: md5=x", "Content-MD5: x")
    copy = coded(stored, GZIP, 1, b"")
    assert copy is not None
    assert copy.lines == block(DATE, "Vary: Accept-Encoding", "Content-Encoding: gzip")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Encoding: gzip",),
        ("content-encoding: identity",),
        ("Cache-Control: public, no-transform",),
        ("Cache-Control: public", "Cache-Control: No-Transform"),
        ("Content-Range: bytes 0-1/2",),
    ],
)
def test_what_came_coded_or_in_part_or_is_to_stay_is_not_coded(lines):
    assert coded(kept(*lines), GZIP, 1, b"") is None


def test_only_what_has_content_and_is_as_it_came_is_coded():
    assert [status for status in (200, 203, 204, 206, 304, 404, 410) if may_be_coded(kept(status=status))] == [
        200, 203, 404, 410,
    ]  # fmt: skip
    assert coded(kept(coding="gzip"), BR, 1, b"") is None


@pytest.mark.parametrize(
    ("lines", "vary"),
    [
        ((), "Accept-Encoding"),
        (("Vary: Accept",), "Accept, Accept-Encoding"),
        (("vary: Accept", "Vary:  Cookie,"), "Accept, Cookie, Accept-Encoding"),
        (("Vary: accept-encoding, Accept",), "accept-encoding, Accept"),
        (("Vary: *",), "*"),
    ],
)
def test_an_answer_with_coded_copies_says_that_the_coding_chose(lines, vary):
    with_it = with_vary(block("X: y", *lines))
    assert value(with_it, b"vary") == vary
    assert with_it.startswith(b"X: y\r\n")
    assert with_vary(with_it) == with_it
