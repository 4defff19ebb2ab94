"""HTML documents, element by element."""

from __future__ import annotations

import pytest
from compared import HTML, answer, found

from edgeproxy.migration.comparing.bounds import Bounds, Flaw
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Kind, Unreadable
from edgeproxy.ruleset.modifiers import Comparison


def differences(old: str, new: str, *ignored: str) -> list[tuple[Kind, str]]:
    return found(Comparison.HTML, answer(old, HTML), answer(new, HTML), *ignored)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<p>a  b\n c</p>", "<P>a b c</P>"),
        ('<a href="/x" class="b a">x</a>', "<a class='a b'  HREF=/x >x</a>"),
        ("<p>a<!-- serial 1 --></p>", "<!DOCTYPE html><p>a</p>"),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<p>a<p>b<div>c</div>", "<p>a</p><p>b</p><div>c</div>"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"),
        ("a &amp; b &eacute; &#xe9;", "a &#38; b é é"),
        ("<br><input><p>a</p>", "<br/><input /><p>a"),
        ("a</nothing>b", "ab"),
    ],
)
def test_the_same_page(old: str, new: str) -> None:
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<h1>a</h1>", "<h1>b</h1>", [(Kind.CHANGED, "html:/h1/#text")]),
        ("<p>a</p><p>b</p>", "<p>a</p><p>c</p>", [(Kind.CHANGED, "html:/p[2]/#text")]),
        ('<a href="/x">x</a>', '<a href="/y">x</a>', [(Kind.CHANGED, "html:/a/@href")]),
        ('<a rel="x">x</a>', "<a>x</a>", [(Kind.MISSING, "html:/a/@rel")]),
        ("<a>x</a>", '<a id="x">x</a>', [(Kind.MISSING, "html:/a"), (Kind.ADDED, "html:/a")]),
        ("<ul><li>a</ul>", "<ul><li>a<li>b</ul>", [(Kind.ADDED, "html:/ul/li[2]")]),
        ("<b>a</b><i>c</i>", "<i>c</i><b>a</b>", [(Kind.REORDERED, "html:")]),
        ("<p>a</p>", "<div>a</div>", [(Kind.MISSING, "html:/p"), (Kind.ADDED, "html:/div")]),
        ("<script>a < b</script>", "<script>a < c</script>", [(Kind.CHANGED, "html:/script/#text")]),
        ("<p>a b</p>", "<p>ab</p>", [(Kind.CHANGED, "html:/p/#text")]),
    ],
)
def test_each_difference_has_its_path(old: str, new: str, said: list[tuple[Kind, str]]) -> None:
    assert differences(old, new) == said


def test_patterns_do_not_count() -> None:
    old, new = answer("<p>a</p><p>b</p>", HTML), answer("<p>a</p><p>c</p>", HTML)
    assert [each.pattern for each in compare(Comparison.HTML, old, new)] == ["html:/p/#text"]


@pytest.mark.parametrize(
    ("old", "new", "ignored"),
    [
        ('<meta name="csrf-token" content="1">', '<meta name="csrf-token" content="2">', ()),
        ('<script nonce="1">a</script>', '<script nonce="2">a</script>', ()),
        ("<p>a</p><footer>1</footer>", "<p>a</p><footer>2</footer>", ("html:footer",)),
        ('<p class="x serial">1</p>', '<p class="serial x">2</p>', ("html:p.serial",)),
        ('<p id="now">1</p>', '<p id="now">2</p>', ("html:#now",)),
        ('<a href="/1">a</a>', '<a href="/2">a</a>', ("html:a@href",)),
        ('<a href="/1">a</a>', '<a href="/2">a</a>', ("html:/a/@href",)),
        ("<ul><li>a</li><li>b</li></ul>", "<ul><li>c</li></ul>", ("html:/ul/li",)),
        ("<ul><li>a</li></ul>", "<ul><li>c</li></ul>", ("html:/*/li/#text",)),
    ],
)
def test_what_is_ignored_is_taken_out(old: str, new: str, ignored: tuple[str, ...]) -> None:
    assert differences(old, new, *ignored) == []


def test_only_what_is_selected_is_ignored() -> None:
    old, new = '<p class="a">1</p><p data-x="b">1</p>', '<p class="a">2</p><p data-x="b">2</p>'
    assert differences(old, new, "html:p.a") == [(Kind.CHANGED, "html:/p/#text")]
    assert differences(old, new, "html:p[data-x=c]", "html:div", "html:p.b") == [
        (Kind.CHANGED, "html:/p[1]/#text"),
        (Kind.CHANGED, "html:/p[2]/#text"),
    ]
    assert differences(old, new, "html:p[data-x]", "html:.a") == []


def test_a_page_is_read_in_its_encoding() -> None:
    old = answer("<p>é</p>".encode("latin-1"), "text/html; charset=iso-8859-1")
    declared = answer('<meta charset="latin1"><p>é</p>'.encode("latin-1"), "text/html")
    assert found(Comparison.HTML, old, answer("<p>é</p>", "text/html")) == []
    assert found(Comparison.HTML, declared, answer('<meta charset="latin1"><p>é</p>', HTML)) == []
    assert found(Comparison.HTML, old, answer(b"\xef\xbb\xbf<p>\xc3\xa9</p>", "text/html")) == []


def test_two_broken_texts_are_not_one() -> None:
    old, new = answer(b"<p>\xff</p>", HTML), answer(b"<p>\xfe</p>", HTML)
    assert found(Comparison.HTML, old, new) == [(Kind.CHANGED, "html:/p/#text")]


@pytest.mark.parametrize(
    ("content", "content_type", "flaw"),
    [
        ("<div>" * 1000, HTML, Flaw.TOO_DEEP),
        ("<br>" * 2000, HTML, Flaw.TOO_MANY),
        ("a", "text/html; charset=klingon", Flaw.ENCODING),
        (b"\x00\xd8\x00", "text/html; charset=utf-16", Flaw.ENCODING),
    ],
)
def test_what_cannot_be_read_is_a_finding(content: str | bytes, content_type: str, flaw: Flaw) -> None:
    (difference,) = compare(
        Comparison.HTML, answer("<p>a</p>", content_type), answer(content, content_type), bounds=Bounds(tags=1000)
    )[-1:]
    assert isinstance(difference, Unreadable)
    assert difference.flaw is flaw
