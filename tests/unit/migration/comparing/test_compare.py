"""Two answers by the kind of comparison: what is compared, and of what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import HTML, JSON, V1_JSON, XML, answer, found, seen

from edgeproxy.migration.comparing.answers import Answer, answer_of, digest_of
from edgeproxy.migration.comparing.bounds import Bounds, Flaw
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Changed, Kind, Side, StatusChanged, Unlisted, Unreadable
from edgeproxy.ruleset.modifiers import Comparison

CONTENTS = [kind for kind in Comparison if kind not in (Comparison.EXACT, Comparison.REDIRECT)]


@pytest.mark.parametrize("kind", [each for each in Comparison if each is not Comparison.REDIRECT])
def test_where_the_status_differs_nothing_else_is_compared(kind: Comparison) -> None:
    old, new = answer("{}", JSON), answer("no such project", "text/plain", "Cache-Control: no-store", status=404)
    assert compare(kind, old, new) == (StatusChanged(200, 404),)


@pytest.mark.parametrize("kind", list(Comparison))
def test_a_status_that_is_meant_is_no_difference_and_any_other_is(kind: Comparison) -> None:
    old, moved, broken = (answer("", JSON, status=status) for status in (404, 308, 503))
    assert found(kind, old, moved, "status/404/308") == []
    assert found(kind, old, broken, "status/404/308")[0][0] in (Kind.STATUS_CHANGED, Kind.CHANGED)
    assert found(kind, moved, old, "status/404/308") == [(Kind.STATUS_CHANGED, "status")]


def test_two_of_one_status_may_be_left_uncompared() -> None:
    old, new = answer("no", "text/plain", "Cache-Control: no-store", status=404), answer("{}", JSON, status=404)
    assert len(found(Comparison.JSON, old, new)) == 2
    assert found(Comparison.JSON, old, new, "status/404/404") == []
    assert found(Comparison.JSON, replace(old, status=200), new, "status/404/404") == [(Kind.STATUS_CHANGED, "status")]


@pytest.mark.parametrize("kind", CONTENTS)
def test_nobody_reads_the_content_of_what_is_no_success(kind: Comparison) -> None:
    old, new = (answer(text, "text/plain", status=404) for text in ("404 Not Found", "`a` does not exist"))
    assert compare(kind, old, new) == ()
    assert found(Comparison.EXACT, old, new) == [(Kind.CHANGED, "content")]


@pytest.mark.parametrize("kind", list(Comparison))
def test_broken_content_is_the_same_as_itself(kind: Comparison) -> None:
    for content_type in (HTML, JSON, XML, V1_JSON, ""):
        broken = answer(b'\xff<[{"&#99999999999999;', content_type)
        assert compare(kind, broken, broken) == ()


def test_the_same_octets_under_another_media_type_are_read_as_what_they_are() -> None:
    old, new = answer("{}", V1_JSON), answer("{}", HTML)
    assert found(Comparison.SIMPLE_INDEX, old, new) == [(Kind.UNREADABLE, "unreadable:old")]


@pytest.mark.parametrize("kind", CONTENTS)
def test_answers_without_content_have_the_same(kind: Comparison) -> None:
    old, new = answer("", HTML), answer("", V1_JSON)
    assert compare(kind, old, new) == ()


def test_content_that_is_not_there_as_a_whole_is_not_compared() -> None:
    whole = answer('{"a": 1}', JSON)
    cut = answer_of(200, [(b"Content-Type", b"application/json")], b'{"a": 1}', is_cut=True)
    assert compare(Comparison.JSON, whole, cut) == (
        Unreadable(Side.NEW, Flaw.CUT, "only the first 8 octets are there"),
    )
    assert seen(compare(Comparison.JSON, cut, cut)) == [
        (Kind.UNREADABLE, "unreadable:old"),
        (Kind.UNREADABLE, "unreadable:new"),
    ]


def test_so_many_differences_are_listed_and_the_rest_is_counted() -> None:
    old, new = (answer("{" + ", ".join(f'"k{n}": {side}' for n in range(10)) + "}", JSON) for side in (1, 2))
    differences = compare(Comparison.JSON, old, new, bounds=Bounds(differences=3))
    assert len(differences) == 4
    assert differences[3] == Unlisted(7)


# -- exact --------------------------------------------------------------------------------------------------------


def test_exactly_the_same_means_octet_for_octet() -> None:
    old, new = answer("a" * 100 + "b" * 100), answer("a" * 100 + "c" * 100)
    (difference,) = compare(Comparison.EXACT, old, new)
    assert isinstance(difference, Changed)
    assert difference.old.startswith("octet 100 of 200: …aaaa")
    assert "abbb" in difference.old
    assert "accc" in difference.new


def test_content_that_has_more_at_its_end_is_different_there() -> None:
    (difference,) = compare(Comparison.EXACT, answer("abc"), answer("abcd"))
    assert isinstance(difference, Changed)
    assert (difference.old, difference.new) == ("octet 3 of 3: abc", "octet 3 of 4: abcd")


def test_every_header_counts_that_is_not_ignored() -> None:
    old = answer("a", "text/plain", "X-A: 1", "Date: Mon", "Server: old", "X-Request-Id: 1")
    new = answer("a", "text/plain", "X-B: 1", "Date: Tue", "Server: new", "X-Request-Id: 2", "Age: 3")
    assert found(Comparison.EXACT, old, new) == [(Kind.MISSING, "header:x-a"), (Kind.ADDED, "header:x-b")]
    assert found(Comparison.EXACT, old, new, "header:X-A", "header:x-b") == []


def test_a_coding_is_nothing_of_the_content() -> None:
    import gzip

    fields = [(b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip"), (b"Content-Length", b"25")]
    coded = answer_of(200, fields, gzip.compress(b"hello"))
    assert compare(Comparison.EXACT, answer("hello", "text/plain"), coded) == ()


# -- file ---------------------------------------------------------------------------------------------------------


def test_a_file_is_its_octets() -> None:
    old, new = answer("abc", "application/octet-stream"), answer("abd", "application/octet-stream")
    assert found(Comparison.FILE, old, old) == []
    assert found(Comparison.FILE, old, new) == [(Kind.CHANGED, "content:sha256")]
    assert found(Comparison.FILE, old, answer("abcd", "application/octet-stream")) == [(Kind.CHANGED, "content:size")]


def test_a_file_may_be_hashed_as_it_came() -> None:
    hashed = Answer(200, {}, b"", Flaw.CUT, "not kept", digest=digest_of(b"abc"), size=3)
    assert found(Comparison.FILE, answer("abc"), hashed) == []
    assert found(Comparison.FILE, answer("abd"), hashed) == [(Kind.CHANGED, "content:sha256")]
    assert found(Comparison.FILE, answer("abc"), replace(hashed, digest="", size=None)) == [
        (Kind.UNREADABLE, "unreadable:new")
    ]


def test_the_head_of_a_file_says_how_large_it_is() -> None:
    old, new = answer("", "", "Content-Length: 3"), answer("", "", "Content-Length: 4")
    assert found(Comparison.FILE, old, new) == [(Kind.CHANGED, "content:size")]
    assert found(Comparison.FILE, old, answer("", "", "Content-Length: 4", "Content-Encoding: gzip")) != []


def test_who_takes_a_file_in_parts_has_to_be_told() -> None:
    old, new = answer("abc", "", "Accept-Ranges: bytes"), answer("abc")
    assert found(Comparison.FILE, old, new) == [(Kind.MISSING, "header:accept-ranges")]


FILE = "http://pypi.test/packages/62/a1/six-1.17.0.tar.gz"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("http://files.pypihosted.test/packages/62/a1/six-1.17.0.tar.gz", "file:/host/files.pypihosted.test"),
        ("//files.localhost:8080/packages/62/a1/six-1.17.0.tar.gz#x", "file:/host/files.localhost"),
        ("https://pypi.test/packages/62/a1/six-1.17.0.tar.gz", "file:/host/pypi.test"),
        ("http://files.pypihosted.test/packages/62/a1/six-1.16.0.tar.gz", "status"),
        ("http://files.pypihosted.test/packages/62/a1/six-1.17.0.tar.gz?v=1", "status"),
        ("http://files.pypihosted.test/", "status"),
        ("http://PYPI.test:80/packages/62/a1/six-1.17.0.tar.gz", "status"),
        ("/packages/62/a1/six-1.17.0.tar.gz", "status"),
        ("http://[/packages/62/a1/six-1.17.0.tar.gz", "status"),
    ],
)
def test_a_file_on_another_host_is_named_by_that_host(location: str, path: str) -> None:
    here, there = answer(b"\x1f\x8b", url=FILE), answer("", "", f"Location: {location}", status=301, url=FILE)
    assert [each for _, each in found(Comparison.FILE, here, there)] == [path]
    assert [each for _, each in found(Comparison.FILE, here, there, "file:/host/files.pypihosted.test")] == (
        [] if path.endswith("files.pypihosted.test") else [path]
    )
    if path != "status":
        assert found(Comparison.FILE, here, there, "file:/host") == []
    assert found(Comparison.EXACT, here, there)[0] == (Kind.STATUS_CHANGED, "status")
    nobody_knows_where = replace(there, url="")
    assert found(Comparison.FILE, here, nobody_knows_where) == [(Kind.STATUS_CHANGED, "status")]


def test_a_file_that_has_come_back_is_on_the_host_that_gives_it() -> None:
    there = answer("", "", "Location: http://old.test/packages/62/a1/six-1.17.0.tar.gz", status=302, url=FILE)
    assert found(Comparison.FILE, there, answer(b"", url=FILE)) == [(Kind.CHANGED, "file:/host/pypi.test")]
