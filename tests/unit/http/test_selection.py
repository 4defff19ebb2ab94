"""The answer to GET or HEAD for a representation at hand (RFC 9110 §13–§15)."""

from email.message import Message
from email.parser import BytesParser

import pytest

from edgeproxy.http.dates import http_date
from edgeproxy.http.etags import EntityTag
from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Representation, Selection, select

CHANGED = 1_523_890_800
NOW = CHANGED + 60
WHEEL = bytes(range(256)) * 40
REPRESENTATION = Representation(len(WHEEL), EntityTag("abc"), CHANGED, "application/octet-stream")
VALIDATORS = (("ETag", '"abc"'), ("Last-Modified", "Mon, 16 Apr 2018 15:00:00 GMT"))


def content(selection: Selection, of: bytes = WHEEL) -> bytes:
    """What a client gets."""
    return b"".join(
        part if isinstance(part, bytes) else of[part.offset : part.offset + part.length] for part in selection.parts
    )


def test_a_plain_get_has_the_whole_file_and_all_of_its_metadata():
    assert select("GET", {}, REPRESENTATION, NOW) == Selection(
        200,
        (
            ("Content-Length", "10240"),
            ("Content-Type", "application/octet-stream"),
            ("Accept-Ranges", "bytes"),
            *VALIDATORS,
        ),
        (Span(0, 10_240),),
        10_240,
    )


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-9"}, {"range": "bytes=99999-"}])
def test_a_head_has_the_fields_of_a_plain_get_and_no_parts(headers):  # §14.2: ranges are for GET
    head, get = select("HEAD", headers, REPRESENTATION, NOW), select("GET", {}, REPRESENTATION, NOW)
    assert (head.status, head.fields) == (get.status, get.fields)
    assert (head.parts, head.length) == ((), 0)


def test_an_empty_file_has_no_parts():
    empty = Representation(0, EntityTag("0"), CHANGED, "text/plain; charset=utf-8")
    selection = select("GET", {}, empty, NOW)
    assert (selection.status, selection.parts, selection.length) == (200, (), 0)
    assert ("Content-Length", "0") in selection.fields


def test_one_range_is_a_206_that_says_which():
    assert select("GET", {"range": "bytes=100-199"}, REPRESENTATION, NOW) == Selection(
        206,
        (
            ("Content-Length", "100"),
            ("Content-Type", "application/octet-stream"),
            ("Content-Range", "bytes 100-199/10240"),
            ("Accept-Ranges", "bytes"),
            *VALIDATORS,
        ),
        (Span(100, 100),),
        100,
    )


def test_ranges_that_join_into_one_are_not_a_multipart():  # §15.3.7.2
    selection = select("GET", {"range": "bytes=0-9,10-19"}, REPRESENTATION, NOW)
    assert ("Content-Range", "bytes 0-19/10240") in selection.fields
    assert content(selection) == WHEEL[:20]


def parts_as_mime_has_them(selection: Selection, of: bytes) -> list[Message]:
    kind = dict(selection.fields)["Content-Type"]
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content(selection, of))
    parts = message.get_payload()
    assert isinstance(parts, list)
    assert not message.defects
    return parts


def test_several_ranges_are_a_multipart_that_a_mime_reader_understands():
    text = b"".join(b"line %06d\n" % number for number in range(1_000))
    kind = "text/plain; charset=utf-8"
    representation = Representation(len(text), EntityTag("t"), CHANGED, kind)
    selection = select("GET", {"range": "bytes=0-11,-12,120-143"}, representation, NOW)
    fields = dict(selection.fields)
    assert selection.status == 206
    assert "Content-Range" not in fields  # §15.3.7.2: it belongs to the parts
    assert fields["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert int(fields["Content-Length"]) == selection.length == len(content(selection, text))
    parts = parts_as_mime_has_them(selection, text)
    assert [(part["Content-Type"], part["Content-Range"], part.get_payload(decode=True)) for part in parts] == [
        (kind, "bytes 0-11/12000", text[:12]),
        (kind, "bytes 11988-11999/12000", text[-12:]),
        (kind, "bytes 120-143/12000", text[120:144]),
    ]


def test_the_boundary_depends_on_what_is_sent_and_on_nothing_else():
    two, other_two = {"range": "bytes=0-9,20-29"}, {"range": "bytes=0-9,20-39"}
    first = select("GET", two, REPRESENTATION, NOW)
    assert select("GET", two, REPRESENTATION, NOW + 1) == first
    assert (
        dict(select("GET", other_two, REPRESENTATION, NOW).fields)["Content-Type"] != dict(first.fields)["Content-Type"]
    )


def test_an_unsatisfiable_range_is_a_416_that_says_how_long_the_file_is():  # §15.5.17
    assert select("GET", {"range": "bytes=10240-"}, REPRESENTATION, NOW) == Selection(
        416, (("Content-Range", "bytes */10240"), ("Accept-Ranges", "bytes"), ("Content-Length", "0")), (), 0
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-range": '"abc"'}, 206),
        ({"if-range": 'W/"abc"'}, 200),
        ({"if-range": '"abd"'}, 200),
        ({"if-range": http_date(CHANGED)}, 206),
        ({"if-range": http_date(CHANGED + 1)}, 200),
        ({"if-none-match": '"abc"'}, 304),  # the preconditions come first
        ({"if-match": '"abd"'}, 412),
        ({"if-match": '"abc"', "if-range": '"abc"'}, 206),
    ],
)
def test_a_range_is_answered_after_the_preconditions(headers, status):  # §13.2.2 step 5
    assert select("GET", {"range": "bytes=5-9", **headers}, REPRESENTATION, NOW).status == status


def test_if_range_saves_a_stranger_from_a_416():
    headers = {"range": "bytes=99999-", "if-range": '"of the longer file there was"'}
    assert select("GET", headers, REPRESENTATION, NOW).status == 200


def test_if_range_without_range_means_nothing():
    assert select("GET", {"if-range": '"abd"'}, REPRESENTATION, NOW).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_304_names_the_copy_and_has_no_content(method):  # §15.4.5
    selection = select(method, {"if-none-match": '"abc"'}, REPRESENTATION, NOW)
    assert selection == Selection(304, (("ETag", '"abc"'),), (), 0)


def test_a_304_without_a_tag_names_the_copy_by_its_date():
    untagged = Representation(10, None, CHANGED, "text/plain; charset=utf-8")
    selection = select("GET", {"if-modified-since": http_date(CHANGED)}, untagged, NOW)
    assert selection == Selection(304, VALIDATORS[1:], (), 0)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_412_has_no_content(method):
    selection = select(method, {"if-match": '"abd"'}, REPRESENTATION, NOW)
    assert selection == Selection(412, (("Content-Length", "0"),), (), 0)


def test_no_answer_is_from_the_future():  # §8.8.2.1
    ahead = Representation(10, EntityTag("abc"), CHANGED + 3_600, "text/plain; charset=utf-8")
    fields = dict(select("GET", {}, ahead, CHANGED + 0.5).fields)
    assert fields["Last-Modified"] == http_date(CHANGED)
    headers = {"range": "bytes=0-1", "if-range": http_date(CHANGED)}
    assert select("GET", headers, ahead, CHANGED + 0.5).status == 200
