"""What a kept answer comes to for a request (RFC 9110 §13 - §15, RFC 9111 §4.3.2)."""

from email.parser import BytesParser
from http import HTTPStatus

import pytest
from kept_answers import BORN, CHANGED, DATE, block, fields, kept, sent

from edgeproxy.caching.replies import Reply, reply
from edgeproxy.http.ranges import Span

NOW = BORN + 60
FILE = bytes(range(256)) * 4
WHEEL = kept(
    "Content-Type: application/octet-stream",
    "Cache-Control: max-age=600, public",
    "Vary: Accept",
    'ETag: "abc"',
    f"Last-Modified: {CHANGED}",
    "X-PyPI-File-Version: 1.0",
    content=FILE,
)


def test_a_plain_get_has_the_kept_lines_and_the_content():
    assert reply("GET", {"accept": "*/*"}, WHEEL, NOW) == Reply(
        200,
        b"HTTP/1.1 200 OK\r\n" + WHEEL.lines + block("Accept-Ranges: bytes", "Content-Length: 1024"),
        (Span(0, 1024),),
    )


def test_a_head_has_the_head_of_a_get_and_no_content():
    for values in ({}, {"range": "bytes=0-9"}, {"range": "bytes=9999-"}):  # §14.2: ranges are for GET
        get, head = reply("GET", {}, WHEEL, NOW), reply("HEAD", values, WHEEL, NOW)
        assert (head.status, head.head, head.parts) == (200, get.head, ())


def test_what_a_backend_says_of_ranges_stays():
    said = kept("Accept-Ranges: none", content=FILE)
    assert fields(reply("GET", {}, said, NOW).head)["accept-ranges"] == "none"


def test_empty_content_has_no_parts():
    empty = reply("GET", {}, kept(), NOW)
    assert (empty.status, empty.parts) == (200, ())
    assert fields(empty.head)["content-length"] == "0"


@pytest.mark.parametrize("status", [301, 404, 410, 501])
def test_other_statuses_are_given_as_they_are_kept(status):
    missing = kept('ETag: "abc"', f"Last-Modified: {CHANGED}", content=b"not here", status=status)
    values = {"if-none-match": '"abc"', "if-match": '"other"', "if-modified-since": CHANGED, "range": "bytes=0-1"}
    given = reply("GET", values, missing, NOW)
    assert given.status == status
    assert sent(given.parts, b"not here") == b"not here"
    assert "accept-ranges" not in fields(given.head)


def test_a_status_without_content_has_no_length():
    assert reply("GET", {}, kept(status=204), NOW) == Reply(204, b"HTTP/1.1 204 No Content\r\n" + block(DATE), ())


def test_a_status_that_nobody_registered_has_no_phrase():
    assert reply("GET", {}, kept(status=299), NOW).head.startswith(b"HTTP/1.1 299 \r\n")


def test_a_call_by_post_is_given_whole():
    values = {"if-none-match": '"abc"', "range": "bytes=0-1"}
    assert reply("POST", values, WHEEL, NOW) == reply("GET", {}, WHEEL, NOW)


# -- conditions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "values",
    [
        {"if-none-match": '"abc"'},
        {"if-none-match": '"x", W/"abc"'},
        {"if-none-match": "*"},
        {"if-none-match": '"abc"', "if-modified-since": "Mon, 16 Apr 2018 13:00:00 GMT"},
        {"if-modified-since": CHANGED},
        {"if-modified-since": CHANGED, "range": "bytes=0-9"},
    ],
)
def test_a_client_that_has_it_is_told_so(method, values):
    assert reply(method, values, WHEEL, NOW) == Reply(
        304,
        b"HTTP/1.1 304 Not Modified\r\n"
        + block(DATE, "Cache-Control: max-age=600, public", "Vary: Accept", 'ETag: "abc"'),
        (),
    )


def test_a_304_has_what_leads_a_cache_to_its_copy_and_for_how_long():  # RFC 9110 §15.4.5
    stored = kept(
        "Content-Type: text/html", "Content-Location: /simple/a/", "Expires: Mon, 16 Apr 2018 15:10:00 GMT",
        f"Last-Modified: {CHANGED}", "Content-Language: en", content=b"x",
    )  # fmt: skip
    assert fields(reply("GET", {"if-modified-since": CHANGED}, stored, NOW).head) == {
        "date": "Mon, 16 Apr 2018 15:00:00 GMT",
        "content-location": "/simple/a/",
        "expires": "Mon, 16 Apr 2018 15:10:00 GMT",
        "last-modified": CHANGED,  # there is no entity-tag to find the copy by
    }


@pytest.mark.parametrize(
    "values",
    [
        {"if-none-match": '"other"'},
        {"if-none-match": "abc"},
        {"if-none-match": '"other"', "if-modified-since": CHANGED},
        {"if-modified-since": "Mon, 16 Apr 2018 13:59:59 GMT"},
        {"if-modified-since": "yesterday"},
        {"if-match": '"abc"'},
        {"if-unmodified-since": CHANGED},
    ],
)
def test_a_client_that_has_another_gets_this_one(values):
    assert reply("GET", values, WHEEL, NOW) == reply("GET", {}, WHEEL, NOW)


@pytest.mark.parametrize(
    "values",
    [
        {"if-match": '"other"'},
        {"if-match": '"other"', "range": "bytes=0-9"},
        {"if-unmodified-since": "Mon, 16 Apr 2018 13:00:00 GMT", "if-none-match": '"abc"'},
    ],
)
def test_a_client_that_wants_another_version_gets_no_piece_of_this(values):
    assert reply("GET", values, WHEEL, NOW) == Reply(
        412, b"HTTP/1.1 412 Precondition Failed\r\n" + block(DATE, "Vary: Accept", "Content-Length: 0"), ()
    )


def test_what_does_not_say_when_it_changed_did_not_change_after_it_was_sent():  # RFC 9111 §4.3.2
    def status(since: str, *lines: str) -> int:
        return reply("GET", {"if-modified-since": since}, kept(*lines, content=b"x"), NOW).status

    assert status("Mon, 16 Apr 2018 15:00:00 GMT") == 304
    assert status("Mon, 16 Apr 2018 14:59:59 GMT") == 200
    assert status("Mon, 16 Apr 2018 15:00:00 GMT", f"Last-Modified: {CHANGED}") == 304
    assert status("no date") == 200


def test_the_time_of_sending_is_no_time_of_change_for_other_conditions():
    undated = kept('ETag: "abc"', content=b"x")
    since = "Mon, 16 Apr 2018 15:00:00 GMT"
    assert reply("GET", {"if-modified-since": since, "if-none-match": '"x"'}, undated, NOW).status == 200
    assert reply("GET", {"if-unmodified-since": "Mon, 16 Apr 2018 14:00:00 GMT"}, undated, NOW).status == 200
    assert reply("GET", {"range": "bytes=0-0", "if-range": since}, undated, NOW).status == 200


# -- ranges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "content_range", "octets"),
    [
        ("bytes=0-9", "bytes 0-9/1024", FILE[:10]),
        ("bytes=1000-", "bytes 1000-1023/1024", FILE[1000:]),
        ("bytes=-24", "bytes 1000-1023/1024", FILE[-24:]),
        ("bytes=0-", "bytes 0-1023/1024", FILE),
        ("bytes=0-9,10-19", "bytes 0-19/1024", FILE[:20]),
    ],
)
def test_one_range_is_a_206_with_all_the_kept_lines(field, content_range, octets):
    given = reply("GET", {"range": field}, WHEEL, NOW)
    assert (given.status, sent(given.parts, FILE)) == (206, octets)
    assert fields(given.head) == fields(b"\r\n" + WHEEL.lines) | {
        "accept-ranges": "bytes",
        "content-range": content_range,
        "content-length": str(len(octets)),
    }


def test_several_ranges_are_a_multipart_whose_pieces_say_their_places():
    given = reply("GET", {"range": "bytes=0-9, 500-509"}, WHEEL, NOW)
    head, octets = fields(given.head), sent(given.parts, FILE)
    assert given.status == 206
    assert head["content-length"] == str(len(octets))
    assert "content-range" not in head
    assert head["etag"] == '"abc"'
    message = BytesParser().parsebytes(f"Content-Type: {head['content-type']}\r\n\r\n".encode() + octets)
    assert [(part["content-range"], part["content-type"], part.get_payload(decode=True)) for part in message.walk()][1:] == [
        ("bytes 0-9/1024", "application/octet-stream", FILE[:10]),
        ("bytes 500-509/1024", "application/octet-stream", FILE[500:510]),
    ]  # fmt: skip


def test_a_range_behind_the_end_says_where_the_end_is():
    assert reply("GET", {"range": "bytes=1024-"}, WHEEL, NOW) == Reply(
        416,
        f"HTTP/1.1 416 {HTTPStatus(416).phrase}\r\n".encode()
        + block(DATE, "Vary: Accept", "Content-Range: bytes */1024", "Accept-Ranges: bytes", "Content-Length: 0"),
        (),
    )


@pytest.mark.parametrize(
    "field", ["octets=0-9", "bytes=9-0", "bytes=", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 100, 2))]
)
def test_a_range_that_is_malformed_or_asks_for_too_much_is_ignored(field):
    assert reply("GET", {"range": field}, WHEEL, NOW) == reply("GET", {}, WHEEL, NOW)


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        ('"abc"', 206),
        ('"other"', 200),
        ('W/"abc"', 200),
        (CHANGED, 206),
        ("Mon, 16 Apr 2018 14:00:01 GMT", 200),
        ("nonsense", 200),
    ],
)
def test_a_client_gets_a_piece_only_of_the_version_it_has(if_range, status):
    assert reply("GET", {"range": "bytes=0-9", "if-range": if_range}, WHEEL, NOW).status == status


def test_a_change_in_the_second_of_sending_is_no_strong_validator():  # RFC 9110 §8.8.2.2, however long ago that was
    sent_at = "Mon, 16 Apr 2018 15:00:00 GMT"
    changing = kept(f"Last-Modified: {sent_at}", content=FILE)
    assert reply("GET", {"range": "bytes=0-9", "if-range": sent_at}, changing, NOW + 86_400).status == 200


def test_if_range_without_range_means_nothing():
    assert reply("GET", {"if-range": '"other"'}, WHEEL, NOW) == reply("GET", {}, WHEEL, NOW)


def test_a_digest_of_all_content_is_not_given_with_a_piece():  # RFC 9530 §2
    digested = kept("Content-Digest: sha-256=:AA==:", "Repr-Digest: sha-256=:AA==:", content=FILE)
    head = fields(reply("GET", {"range": "bytes=0-9"}, digested, NOW).head)
    assert "content-digest" not in head
    assert head["repr-digest"] == "sha-256=:AA==:"  # it is of the representation, and stays right


def test_a_piece_without_a_known_type_is_octets():
    untyped = kept(content=FILE)
    given = reply("GET", {"range": "bytes=0-0,9-9"}, untyped, NOW)
    assert b"Content-Type: application/octet-stream\r\n" in sent(given.parts, FILE)
    assert "content-type" not in fields(reply("GET", {"range": "bytes=0-0"}, untyped, NOW).head)


def test_pieces_of_what_came_coded_are_given_one_at_a_time():
    gzipped = kept("Content-Encoding: gzip", 'ETag: "z"', content=FILE)
    one = reply("GET", {"range": "bytes=0-9"}, gzipped, NOW)
    assert (one.status, fields(one.head)["content-encoding"]) == (206, "gzip")
    assert reply("GET", {"range": "bytes=0-9,20-29"}, gzipped, NOW) == reply("GET", {}, gzipped, NOW)


def test_there_are_no_pieces_of_what_the_edge_coded():
    coded = kept("Content-Encoding: br", 'ETag: "abc-br"', content=FILE, coding="br")
    whole = reply("GET", {}, coded, NOW)
    assert "accept-ranges" not in fields(whole.head)
    for values in ({"range": "bytes=0-9"}, {"range": "bytes=9999-"}, {"range": "bytes=0-9", "if-range": '"abc-br"'}):
        assert reply("GET", values, coded, NOW) == whole
    assert reply("GET", {"range": "bytes=0-9", "if-none-match": '"abc-br"'}, coded, NOW).status == 304
    assert reply("GET", {"if-none-match": '"abc"'}, coded, NOW).status == 200  # that is the copy as it came
