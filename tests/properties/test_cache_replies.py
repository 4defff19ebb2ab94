"""Replies from a kept answer: the octets that were asked for, and a 304 only to who has it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from email.parser import BytesParser

import brotli
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kept_answers import BORN, block, digest_of, fields, kept, sent

from edgeproxy.caching.coding import coded
from edgeproxy.caching.field_lines import named, value
from edgeproxy.caching.replies import reply
from edgeproxy.caching.validation import condition_lines, refreshed
from edgeproxy.http.dates import http_date, parse_http_date
from edgeproxy.proxy.cache.compress import compress
from edgeproxy.ruleset.modifiers import Cache, Coding
from edgeproxy.ruleset.place import Place

NOW = BORN + 60
CONTENTS = st.binary(max_size=300)
POSITIONS = st.integers(0, 330)
SPECS = st.one_of(
    st.tuples(POSITIONS, st.integers(0, 60)).map(
        lambda pair: (f"{pair[0]}-{sum(pair)}", slice(pair[0], sum(pair) + 1))
    ),
    POSITIONS.map(lambda first: (f"{first}-", slice(first, None))),
    st.integers(1, 330).map(lambda length: (f"-{length}", slice(-length, None))),
)
PLACE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
OPAQUE = st.sampled_from(("a", "a-br", "b", ""))
TAGS = st.builds(lambda opaque, weak: f'{"W/" if weak else ""}"{opaque}"', OPAQUE, st.booleans())
DATES = st.integers(BORN - 3, BORN + 3).map(http_date)
DECODERS: dict[Coding, Callable[[bytes], bytes]] = {
    Coding.GZIP: gzip.decompress,
    Coding.BR: brotli.decompress,
    Coding.ZSTD: lambda content: zstandard.ZstdDecompressor().decompress(content),
}


@given(CONTENTS, st.lists(SPECS, min_size=1, max_size=6))
def test_a_range_reply_has_exactly_the_octets_asked_for(content, specs):
    stored = kept("Content-Type: application/x-thing", 'ETag: "a"', content=content)
    given_ = reply("GET", {"range": "bytes=" + ",".join(text for text, _ in specs)}, stored, NOW)
    wanted = {octet for _, piece in specs for octet in range(len(content))[piece]}
    head, octets = fields(given_.head), sent(given_.parts, content)
    assert head["content-length"] == str(len(octets))
    if given_.status == 206:
        found = [octet for first, piece in pieces(head, octets) for octet in enumerate(piece, first)]
        assert {place for place, _ in found} == wanted
        assert len(found) == len(wanted)
        assert all(content[place] == octet for place, octet in found)
    elif given_.status == 416:
        assert not wanted
        assert octets == b""
        assert head["content-range"] == f"bytes */{len(content)}"
    else:
        assert (given_.status, octets) == (200, content)


def pieces(head: dict[str, str], octets: bytes) -> list[tuple[int, bytes]]:
    """What a client reads of a 206: where each piece begins, and its octets."""
    if "content-range" in head:
        return [(first_of(head["content-range"], len(octets)), octets)]
    boundary = head["content-type"].partition("boundary=")[2]
    _, *parts, end = octets.split(f"\r\n--{boundary}".encode())
    assert end == b"--\r\n"
    found = []
    for part in parts:
        lines, _, piece = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        message = BytesParser().parsebytes(lines + b"\r\n\r\n")
        assert message["content-type"] == "application/x-thing"
        found.append((first_of(message["content-range"], len(piece)), piece))
    return found


def first_of(content_range: str, length: int) -> int:
    match = PLACE.fullmatch(content_range)
    assert match is not None
    first, last = int(match[1]), int(match[2])
    assert last - first + 1 == length
    return first


@given(
    etag=st.none() | TAGS,
    modified=st.none() | DATES,
    if_none_match=st.none() | st.lists(TAGS, max_size=3).map(", ".join) | st.just("a"),
    if_modified_since=st.none() | DATES | st.just("never"),
    range_=st.none() | st.just("bytes=0-1"),
)
def test_only_who_has_it_is_told_that_he_has_it(etag, modified, if_none_match, if_modified_since, range_):
    lines = [f"{name}: {value}" for name, value in (("ETag", etag), ("Last-Modified", modified)) if value is not None]
    values = {
        name: value
        for name, value in (
            ("if-none-match", if_none_match), ("if-modified-since", if_modified_since), ("range", range_)
        )
        if value is not None
    }  # fmt: skip
    given_ = reply("GET", values, kept(*lines, content=b"content"), NOW)
    if if_none_match is not None:
        listed = [] if if_none_match == "a" else if_none_match.split(", ")
        has_it = etag is not None and etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in listed]
    else:
        since = parse_http_date(if_modified_since or "")
        changed = BORN if modified is None else parse_http_date(modified)
        has_it = since is not None and changed is not None and changed <= since
    assert (given_.status == 304) == has_it
    assert given_.status in ((304,) if has_it else (206,) if range_ else (200,))
    if given_.status == 304:
        assert given_.parts == ()
        assert "content-length" not in fields(given_.head)


@given(CONTENTS, st.sampled_from(Coding), st.none() | TAGS, st.sampled_from(("GET", "HEAD")))
def test_a_coded_copy_decodes_to_the_content_as_it_came(content, coding, etag, method):
    lines = [] if etag is None else [f"ETag: {etag}"]
    stored = kept("Content-Type: text/html", *lines, content=content)
    octets = compress(coding, content)
    copy = coded(stored, coding, len(octets), digest_of(octets))
    assert copy is not None
    given_ = reply(method, {"range": "bytes=0-9"}, copy, NOW)
    head = fields(given_.head)
    assert (given_.status, head["content-encoding"], head["content-length"]) == (200, coding, str(len(octets)))
    assert sent(given_.parts, octets) == (b"" if method == "HEAD" else octets)
    assert DECODERS[coding](octets) == content
    assert "Accept-Encoding" in head["vary"]
    assert head.get("etag") != etag or etag is None


NAMES = st.sampled_from(
    ("Content-Type", "Content-Encoding", "Content-Language", "Content-Length", "Content-Digest", "ETag", "Last-Modified",
     "Cache-Control", "X-Serial", "Vary", "Date", "Expires", "Accept-Ranges")
)  # fmt: skip
NEWS = st.lists(
    st.tuples(NAMES, st.sampled_from(('"a"', "max-age=5", http_date(BORN + 100), "x", "0", ""))), max_size=6
).map(lambda pairs: block(*[f"{name}: {value}" for name, value in pairs]))


@given(NEWS, st.none() | st.sampled_from(Coding))
def test_a_refreshed_copy_never_loses_what_describes_its_content(news, coding):
    came = kept(
        "Content-Type: text/html", "Content-Language: en", "Content-Location: /a", 'ETag: "a"', "X-Serial: 1", f"Last-Modified: {http_date(BORN)}",
        "Cache-Control: max-age=600", content=b"content",
    )  # fmt: skip
    stored = came if coding is None else coded(came, coding, 3, digest_of(b"cod"))
    assert stored is not None
    policy = Cache(Place("edge.yaml", 1, 1), compress=() if coding is None else (coding,))
    new = refreshed(stored, news, policy, {}, BORN + 100, BORN + 100)
    if new is None:
        return
    for name in (b"content-type", b"content-encoding", b"etag", b"content-digest", b"content-length"):
        assert value(new.lines, name) == value(stored.lines, name)
    assert {name for name, _ in named(stored.lines)} <= {name for name, _ in named(new.lines)}
    for same in ("status", "size", "digest", "etag", "content_type", "coding", "selecting"):
        assert getattr(new, same) == getattr(stored, same)
    assert new.last_modified is not None
    assert condition_lines(new).startswith(b'If-None-Match: "a"\r\nIf-Modified-Since: ')
