"""Asking for a kept answer anew, and what it is after a 304 or a HEAD (RFC 9111 §3.2, §4.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kept_answers import BORN, CHANGED, block, digest_of, fields, kept

from edgeproxy.caching.coding import coded, with_vary
from edgeproxy.caching.field_lines import has, value
from edgeproxy.caching.stored import Stored
from edgeproxy.caching.validation import after_head, condition_lines, edge_lines, refreshed
from edgeproxy.http.etags import EntityTag
from edgeproxy.ruleset.modifiers import Cache, Coding
from edgeproxy.ruleset.place import Place

POLICY = Cache(Place("edge.yaml", 1, 1))
COMPRESSING = Cache(Place("edge.yaml", 1, 1), compress=(Coding.BR, Coding.GZIP))
LATER = BORN + 700
LATER_DATE = "Date: Mon, 16 Apr 2018 15:11:40 GMT"
PAGE = kept(
    "Content-Type: text/html; charset=utf-8",
    "Content-Language: en",
    "Cache-Control: max-age=600",
    'ETag: "abc"',
    f"Last-Modified: {CHANGED}",
    "X-Serial: 1",
    content=b"<html>",
)


def after_304(stored: Stored, *lines: str, policy: Cache = POLICY) -> Stored | None:
    return refreshed(stored, block(*lines), policy, {}, LATER, LATER)


def sure(stored: Stored | None) -> Stored:
    assert stored is not None
    return stored


# -- asking -------------------------------------------------------------------------------------------------------


def test_a_copy_is_asked_for_anew_by_both_of_its_validators():  # RFC 9111 §4.3.1
    assert condition_lines(PAGE) == block('If-None-Match: "abc"', f"If-Modified-Since: {CHANGED}")


def test_a_copy_is_asked_for_by_what_it_has():
    assert condition_lines(kept('ETag: W/"abc"')) == block('If-None-Match: W/"abc"')
    assert condition_lines(kept(f"Last-Modified: {CHANGED}")) == block(f"If-Modified-Since: {CHANGED}")
    assert condition_lines(kept()) == b""


def test_a_coded_copy_is_asked_for_by_the_backends_own_entity_tag():
    assert condition_lines(sure(coded(PAGE, Coding.BR, 3, b""))) == condition_lines(PAGE)


# -- a 304 --------------------------------------------------------------------------------------------------------


def test_a_304_makes_a_copy_fresh_from_its_own_date():
    new = sure(after_304(replace(PAGE, purged=BORN + 5), LATER_DATE, 'ETag: "abc"', "Cache-Control: max-age=60"))
    assert (new.terms.born, new.terms.fresh) == (LATER, 60)
    assert new.purged is None


def test_what_a_304_says_takes_the_place_of_what_was_there_and_the_rest_stays():
    new = sure(after_304(PAGE, LATER_DATE, 'ETag: "abc"', "x-serial: 2", "X-New: 1", "X-New: 2"))
    assert value(new.lines, b"x-serial") == "2"
    assert value(new.lines, b"x-new") == "1, 2"
    assert value(new.lines, b"cache-control") == "max-age=600"
    assert value(new.lines, b"content-language") == "en"
    assert value(new.lines, b"date") == LATER_DATE.removeprefix("Date: ")
    assert new.terms.fresh == 600
    assert (new.size, new.digest, new.etag, new.content_type) == (PAGE.size, PAGE.digest, PAGE.etag, PAGE.content_type)


def test_a_304_without_a_date_was_made_when_it_came():  # RFC 9110 §6.6.1
    new = sure(after_304(PAGE, 'ETag: "abc"'))
    assert new.terms.born == LATER
    assert value(new.lines, b"date") == LATER_DATE.removeprefix("Date: ")


def test_the_age_of_a_304_counts():
    assert sure(after_304(PAGE, LATER_DATE, 'ETag: "abc"', "Age: 100")).terms.age(LATER) == 100


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: text/plain",
        "Content-Encoding: gzip",
        "Content-Range: bytes 0-0/1",
        "Content-Length: 0",
        "Content-Digest: sha-256=:AA==:",
        "Repr-Digest: sha-256=:AA==:",
    ],
)
def test_a_304_never_changes_what_describes_the_kept_octets(line):
    name = line.partition(":")[0].lower().encode()
    new = sure(after_304(PAGE, LATER_DATE, line))
    assert value(new.lines, name) == value(PAGE.lines, name)


@pytest.mark.parametrize(
    ("own", "named"),
    [
        (('ETag: "abc"',), ('ETag: "abc"',)),
        (('ETag: W/"abc"',), ('ETag: W/"abc"',)),
        (('ETag: "abc"',), ('ETag: W/"abc"',)),  # as good as the same; the copy keeps the stronger one
        (('ETag: "abc"',), ()),
        (('ETag: "abc"', f"Last-Modified: {CHANGED}"), (f"Last-Modified: {CHANGED}",)),
        (('ETag: "abc"', f"Last-Modified: {CHANGED}"), ('ETag: "abc"', "Last-Modified: Mon, 16 Apr 2018 14:30:00 GMT")),
        ((f"Last-Modified: {CHANGED}",), (f"Last-Modified: {CHANGED}",)),
        ((f"Last-Modified: {CHANGED}",), ('ETag: W/"new"', f"Last-Modified: {CHANGED}")),
        ((f"Last-Modified: {CHANGED}",), ()),
        (('ETag: "abc"',), ("ETag: abc",)),  # no entity-tag, and so none that is another
    ],
)
def test_a_304_of_the_copys_version_refreshes_it(own, named):  # RFC 9111 §4.3.4
    stored = kept("Cache-Control: max-age=600", *own, content=b"x")
    new = sure(after_304(stored, LATER_DATE, *named))
    assert (new.terms.born, new.etag) == (LATER, stored.etag)
    assert value(new.lines, b"etag") == value(stored.lines, b"etag")


@pytest.mark.parametrize(
    ("own", "named"),
    [
        (('ETag: "abc"',), ('ETag: "other"',)),
        (('ETag: W/"abc"',), ('ETag: "abc"',)),  # a strong one names only what has the same strong one
        (('ETag: W/"abc"',), ('ETag: W/"other"',)),
        (('ETag: "abc"', f"Last-Modified: {CHANGED}"), ('ETag: "other"', f"Last-Modified: {CHANGED}")),
        ((f"Last-Modified: {CHANGED}",), ("Last-Modified: Mon, 16 Apr 2018 14:30:00 GMT",)),
        ((f"Last-Modified: {CHANGED}",), ('ETag: "new"', f"Last-Modified: {CHANGED}")),
        ((f"Last-Modified: {CHANGED}",), ('ETag: W/"new"',)),
        (('ETag: "abc"',), (f"Last-Modified: {CHANGED}",)),
    ],
)
def test_a_304_of_another_version_refreshes_nothing(own, named):
    assert after_304(kept("Cache-Control: max-age=600", *own, content=b"x"), LATER_DATE, *named) is None


@pytest.mark.parametrize("line", ["Cache-Control: no-store", "Cache-Control: private", "Set-Cookie: a=b", "Vary: *"])
def test_a_304_that_forbids_to_keep_leaves_nothing(line):
    assert after_304(PAGE, LATER_DATE, 'ETag: "abc"', line) is None


@pytest.mark.parametrize("values", [{"authorization": "Basic x"}, {"cookie": "a=b"}, {"cache-control": "no-store"}])
def test_what_may_not_be_kept_for_its_requests_sake_leaves_the_copy_as_it_was(values):
    assert refreshed(PAGE, block(LATER_DATE, 'ETag: "abc"'), POLICY, values, LATER, LATER) is PAGE
    assert after_head(PAGE, 200, block(LATER_DATE, 'ETag: "abc"'), POLICY, values, LATER, LATER) is PAGE


def test_no_lifetime_is_guessed_for_a_target_with_a_query():  # RFC 9111 §4.2.2
    stored = kept(f"Last-Modified: {CHANGED}", content=b"x")
    news = block(LATER_DATE)
    assert sure(refreshed(stored, news, POLICY, {}, LATER, LATER)).terms.fresh > 0
    assert sure(refreshed(stored, news, POLICY, {}, LATER, LATER, has_query=True)).terms.fresh == 0


def test_a_date_of_change_that_is_none_is_not_taken():
    new = sure(after_304(PAGE, LATER_DATE, 'ETag: "abc"', "Last-Modified: yesterday"))
    assert (new.last_modified, value(new.lines, b"last-modified")) == (PAGE.last_modified, CHANGED)


def test_an_answer_that_changes_by_what_it_is_chosen_is_fetched_anew():
    stored = kept("Cache-Control: max-age=600", 'ETag: "abc"', "Vary: Accept", content=b"x")
    assert after_304(stored, LATER_DATE, "Vary: Accept, Accept-Language") is None
    assert after_304(stored, LATER_DATE, "Vary: accept") is not None
    assert after_304(stored, LATER_DATE) is not None


def test_a_later_date_of_change_of_the_same_version_is_the_copys_from_then_on():
    new = sure(after_304(PAGE, LATER_DATE, 'ETag: "abc"', "Last-Modified: Mon, 16 Apr 2018 14:30:00 GMT"))
    assert new.last_modified == BORN - 1800


def test_tags_change_only_when_the_304_has_some():
    tagged = replace(PAGE, tags=("project/a",))
    assert sure(after_304(tagged, LATER_DATE)).tags == ("project/a",)
    new = sure(after_304(tagged, LATER_DATE, "Surrogate-Key: project/b all"))
    assert new.tags == ("project/b", "all")
    assert not has(new.lines, b"surrogate-key")


def test_what_was_said_to_the_edge_alone_governs_until_something_else_is():
    arrived = block("Surrogate-Control: max-age=86400", "Cache-Control: max-age=600")
    stored = replace(PAGE, edge_lines=edge_lines(arrived))
    new = sure(after_304(stored, LATER_DATE, "Cache-Control: max-age=600"))
    assert new.terms.fresh == 86_400
    assert new.edge_lines == stored.edge_lines
    newer = sure(after_304(new, LATER_DATE, "Surrogate-Control: max-age=60"))
    assert (newer.terms.fresh, newer.edge_lines) == (60, block("Surrogate-Control: max-age=60"))
    assert not has(newer.lines, b"surrogate-control")


def test_a_coded_copy_stays_coded():
    stored = sure(coded(PAGE, Coding.BR, 3, digest_of(b"br!")))
    new = sure(after_304(stored, LATER_DATE, 'ETag: "abc"', "Accept-Ranges: bytes", policy=COMPRESSING))
    head = fields(b"\r\n" + new.lines)
    assert (head["content-encoding"], head["etag"], head["vary"]) == ("br", '"abc-br"', "Accept-Encoding")
    assert "accept-ranges" not in head
    assert (new.coding, new.etag, new.size, new.digest) == ("br", EntityTag("abc-br"), 3, digest_of(b"br!"))
    assert after_304(stored, LATER_DATE, 'ETag: "abc-br"', policy=COMPRESSING) is None  # no backend's own


def test_a_copy_with_coded_ones_beside_it_says_so_after_a_304_too():
    stored = kept("Cache-Control: max-age=600", 'ETag: "abc"', "Vary: Accept", content=b"x")
    stored = replace(stored, lines=with_vary(stored.lines))
    new = sure(after_304(stored, LATER_DATE, "Vary: Accept", policy=COMPRESSING))
    assert value(new.lines, b"vary") == "Accept, Accept-Encoding"


# -- a HEAD -------------------------------------------------------------------------------------------------------


def after(stored: Stored, *lines: str, status: int = 200) -> Stored:
    return after_head(stored, status, block(LATER_DATE, *lines), POLICY, {}, LATER, LATER)


@pytest.mark.parametrize(
    "lines", [('ETag: "abc"',), (f"Last-Modified: {CHANGED}",), ('ETag: "abc"', "Content-Length: 6")]
)
def test_a_head_of_the_same_version_refreshes_the_copy_of_a_get(lines):  # RFC 9111 §4.3.5
    new = after(PAGE, *lines, "X-Serial: 2")
    assert (new.terms.born, value(new.lines, b"x-serial"), new.size) == (LATER, "2", PAGE.size)


@pytest.mark.parametrize(
    "lines",
    [
        ('ETag: "other"',),
        ('ETag: W/"abc"',),
        ('ETag: "abc"', "Last-Modified: Mon, 16 Apr 2018 14:30:00 GMT"),
        ('ETag: "abc"', "Content-Length: 7"),
        ("Content-Length: 7",),
        ('ETag: "abc"', "Cache-Control: no-store"),
    ],
)
def test_a_head_of_another_version_makes_the_copy_stale(lines):
    assert after(PAGE, *lines) == replace(PAGE, purged=LATER)
    assert after(replace(PAGE, purged=BORN), *lines).purged == BORN


@pytest.mark.parametrize("lines", [(), ("Content-Length: 6",), ("X-Serial: 2",)])
def test_a_head_that_names_no_version_proves_nothing(lines):
    assert after(PAGE, *lines) is PAGE


@pytest.mark.parametrize("status", [204, 301, 404, 503])
def test_only_a_200_to_a_head_speaks_of_the_content(status):
    assert after(PAGE, 'ETag: "other"', status=status) is PAGE


def test_a_head_speaks_of_the_content_as_it_came():
    stored = sure(coded(PAGE, Coding.GZIP, 3, b""))
    assert after(stored, 'ETag: "abc"', "Content-Length: 6").terms.born == LATER
