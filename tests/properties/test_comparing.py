"""Comparisons of generated answers: what is the same is found to be, each planted change is found where it was planted,
and nothing that anybody can write raises or takes longer than its size explains.
"""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from compared import (
    HTML,
    JSON,
    V1_JSON,
    XML,
    File,
    Style,
    answer,
    html_page,
    in_html,
    in_json,
    seen,
    with_change,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.migration.comparing.answers import Answer, answer_of
from edgeproxy.migration.comparing.bounds import Bounds
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Kind, More, from_json, to_json
from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.migration.comparing.marks import mark_of
from edgeproxy.migration.comparing.markup import Start, tokens
from edgeproxy.migration.comparing.noise import Noise
from edgeproxy.ruleset.ignores import read_ignore
from edgeproxy.ruleset.modifiers import Comparison

INDEX = Comparison.SIMPLE_INDEX
HEX = st.integers(0, 2**256 - 1).map("{:064x}".format)
# Nothing that HTML or a URL could not say: surrogates, controls; and no space at the ends, which is not significant.
WORDS = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=8).map(str.strip)
NAMES = st.builds(
    "{}-{}.{}{}".format,
    st.sampled_from(["six", "zope.interface", "a_b", "A+é"]),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from([".tar.gz", "-py3-none-any.whl", ".zip"]),
)
FILES = st.builds(
    File,
    NAMES,
    HEX,
    WORDS,
    st.none() | WORDS,
    st.none() | st.just("") | HEX,
    st.none() | st.booleans(),
    st.sampled_from(["", "/provenance/1"]),
    st.sampled_from(["https://files.pypihosted.test/packages", "http://legacy.pypi.test/p", ""]),
)
SETS = st.lists(FILES, max_size=4, unique_by=lambda file: file.name)
STYLES = st.builds(
    Style,
    st.integers(0, 1_000_000),
    st.sampled_from(["\n", " ", "\r\n\t "]),
    st.sampled_from([('"',), ("'",), ("",), ('"', "'", "")]),
    st.sampled_from([("<br>",), ("<br/>\n",), ("",), ("<BR >", " ")]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), ("<!-- <a href=x-1.zip>x</a> -->",), ("<script>'<a href=y-1.zip>'</script>",), ("<p>a > b",)]),
)
FORMS: list[Callable[[list[File], Style | None], Answer]] = [in_html, in_json]


@given(SETS, STYLES, STYLES, st.sampled_from(FORMS), st.sampled_from(FORMS))
@settings(max_examples=100)
def test_one_set_of_files_is_one_page_however_it_is_written(files, one, other, form, other_form):
    assert compare(INDEX, form(files, one), other_form(files, other)) == ()


CHANGES = st.one_of(
    st.tuples(st.just("sha256"), HEX, st.just("hashes/sha256")),
    st.tuples(st.just("requires_python"), WORDS, st.just("requires-python")),
    st.tuples(st.just("yanked"), st.none() | WORDS, st.just("yanked")),
    st.tuples(st.just("metadata"), st.none() | st.just("") | HEX, st.just("core-metadata")),
    st.tuples(st.just("signed"), st.none() | st.booleans(), st.just("gpg-sig")),
    st.tuples(st.just("provenance"), st.sampled_from(["", "/provenance/2"]), st.just("provenance")),
)


@given(SETS.filter(bool), st.data(), STYLES, st.sampled_from(FORMS), st.sampled_from(FORMS))
@settings(max_examples=150)
def test_each_planted_change_is_found_where_it_was_planted_and_nothing_else_is(files, data, style, form, other_form):
    at = data.draw(st.integers(0, len(files) - 1))
    attribute, value, path = data.draw(CHANGES)
    before = getattr(files[at], attribute)
    planted = with_change(files, at, **{attribute: value})
    differences = compare(INDEX, form(files, None), other_form(planted, style))
    if value == before:
        assert differences == ()
        return
    (difference,) = differences
    where = f"index:/files/{files[at].name}/{path}"
    if attribute == "metadata" and before is not None and value is not None:
        where += "/sha256"  # both have metadata, of which one has no hash, or another
    assert difference.path == where
    kinds = {(False, True): Kind.ADDED, (True, False): Kind.MISSING, (True, True): Kind.CHANGED}
    absent = {"requires_python": "", "provenance": "", "metadata": "" if where.endswith("/sha256") else None}.get(
        attribute
    )
    assert seen(differences) == [(kinds[before != absent, value != absent], where)]


@given(SETS.filter(bool), st.data(), st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_file_that_is_left_out_is_the_one_difference(files, data, form, other_form):
    left_out = data.draw(st.sampled_from(files))
    fewer = [file for file in files if file != left_out]
    path = f"index:/files/{left_out.name}"
    assert seen(compare(INDEX, form(files, None), other_form(fewer, None))) == [(Kind.MISSING, path)]
    assert seen(compare(INDEX, form(fewer, None), other_form(files, None))) == [(Kind.ADDED, path)]


# -- values -------------------------------------------------------------------------------------------------------

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


def write_json(tree: object) -> Answer:
    return answer(json.dumps(tree), JSON)


def write_xmlrpc(tree: object) -> Answer:
    return answer(xmlrpc.client.dumps((tree,), methodresponse=True, allow_none=True), XML)


WRITERS = pytest.mark.parametrize(
    ("kind", "write"), [(Comparison.JSON, write_json), (Comparison.XMLRPC, write_xmlrpc)], ids=["json", "xmlrpc"]
)


@WRITERS
@given(tree=TREES, other=TREES)
def test_two_values_are_the_same_or_have_a_difference(kind, write, tree, other):
    finite = "Infinity" not in json.dumps([tree, other])
    if kind is Comparison.JSON and not finite:
        return  # JSON has no such number, and Python writes it all the same
    assert compare(kind, write(tree), write(shuffled(tree))) == ()
    same = strictly_equal(tree, other)
    assert (compare(kind, write(tree), write(other)) == ()) is same


def shuffled(tree: Any) -> Any:
    """The same value, its members in another order."""
    if isinstance(tree, dict):
        return {name: shuffled(tree[name]) for name in reversed(tree)}
    return [shuffled(each) for each in tree] if isinstance(tree, list) else tree


def strictly_equal(one: Any, other: Any) -> bool:
    """Python's own equality, without that of True and 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(strictly_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(strictly_equal, one, other))
    return (type(one) in (int, float) and type(other) in (int, float) and one == other) or (
        type(one) is type(other) and one == other
    )


@WRITERS
@given(tree=TREES, other=TREES)
def test_what_a_pattern_of_a_difference_ignores_is_gone(kind, write, tree, other):
    if "Infinity" in json.dumps([tree, other]):
        return
    old, new = write({"a": tree, "z": 0}), write({"a": other, "z": 0})
    differences = compare(kind, old, new)
    ignores = Ignores.of([read_ignore(each.pattern) for each in differences if each.pattern.count("/")])
    left = compare(kind, old, new, ignores)
    # Elements move up when others before them are taken out: what is left then has other paths, never more.
    assert len(left) <= len(differences)
    if not any("*" in each.pattern for each in differences):
        assert left == ()


# -- itself -------------------------------------------------------------------------------------------------------

TYPES = st.sampled_from([HTML, JSON, V1_JSON, XML, "", "text/html; charset=utf-16", "text/plain"])
PIECES = st.sampled_from(
    [b"<a href='", b"a-1.zip", b"'>", b"</a>", b"<!--", b"-->", b"<", b"&#", b"&amp", b"<script>", b"<p ", b'="', b"{",
     b"[", b"]", b"}", b'"files"', b":", b",", b'"', b"1e999", b"\xff", b"\\u", b"<?xml", b"<!DOCTYPE", b"<methodResponse>",
     b"<params><param><value>", b"<struct>", b"\0", b"\r\n", b"=", b"/>", b"null"]
)  # fmt: skip
CONTENTS = st.binary(max_size=100) | st.lists(PIECES, max_size=30).map(b"".join)
LINES = st.lists(
    st.tuples(
        st.sampled_from([b"X-A", b"Vary", b"Set-Cookie", b"Location", b"Content-Encoding"]), st.binary(max_size=12)
    ),
    max_size=3,
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    content_type = draw(TYPES)
    fields = [*([(b"Content-Type", content_type.encode())] if content_type else []), *draw(LINES)]
    return answer_of(draw(st.sampled_from([200, 301, 404])), fields, draw(CONTENTS))


@given(answers(), st.sampled_from(list(Comparison)))
@settings(max_examples=300)
def test_an_answer_is_the_same_as_itself(one, kind):
    assert one.flaw is not None or compare(kind, one, one) == ()


@given(answers(), answers(), st.sampled_from(list(Comparison)))
@settings(max_examples=300)
def test_any_two_answers_can_be_compared_and_the_differences_come_back_from_json(old, new, kind):
    differences = compare(kind, old, new)
    assert tuple(from_json(json.loads(json.dumps(to_json(each)))) for each in differences) == differences
    for each in differences:
        each.path.encode()  # fit for a report


# -- noise --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(answers(), answers(), st.sampled_from(list(Comparison))), max_size=6), answers(), answers())
def test_noise_takes_away_only_what_it_has_seen(pairs, old, new):
    noise, taught = Noise(), set()
    for one, again, kind in pairs:
        differences = compare(kind, one, again)
        noise.learn(differences)
        taught |= set(map(mark_of, differences))
    for kind in Comparison:
        differences = compare(kind, old, new)
        left = noise.without_noise(differences)
        assert [each for each in differences if each in left] == [each for each in left if not isinstance(each, More)]
        assert {mark_of(each) for each in differences if each not in left} <= taught


# -- an independent reader ----------------------------------------------------------------------------------------


class Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})


@given(SETS, STYLES)
def test_pythons_own_reader_finds_the_same_links(files, style):
    page = html_page(files, style)
    theirs = Anchors()
    theirs.feed(page)
    theirs.close()
    ours = [token.attributes for token in tokens(page, Bounds()) if isinstance(token, Start) and token.tag == "a"]
    assert ours == theirs.found


# -- hostile content ----------------------------------------------------------------------------------------------

HOSTILE: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "open tags": (HTML, lambda n: b"<a " * n),
    "open quotes": (HTML, lambda n: b'<a b="' * n),
    "both quotes": (HTML, lambda n: b"<a b='\"" * n),
    "open comments": (HTML, lambda n: b"<!--" * n),
    "open scripts": (HTML, lambda n: b"<script></scrip" * n),
    "equals signs": (HTML, lambda n: b"<a " + b"=" * n),
    "spaces before a sign": (HTML, lambda n: b"<a b" + b" " * n),
    "many attributes": (HTML, lambda n: b"<a " + b"b " * n + b">"),
    "ampersands": (HTML, lambda n: b"&" * n),
    "long references": (HTML, lambda n: b"<a href='&" + b"a" * n + b"'>"),
    "end tags of nothing": (HTML, lambda n: b"<i>" * 200 + b"</b>" * (n // 4)),
    "unclosed paragraphs": (HTML, lambda n: b"<p>a" * (n // 4)),
    "children": (HTML, lambda n: b"".join(b"<i>%d</i>" % each for each in range(n // 4))),
    "one name": (HTML, lambda n: b"".join(b"<a href=a-1.zip#md5=%x>a</a>" % each for each in range(n // 4))),
    "fragments": (HTML, lambda n: b"<a href='a-1.zip#" + b"md5=a&" * n + b"'>a</a>"),
    "deep arrays": (JSON, lambda n: b"[" * n),
    "deep objects": (V1_JSON, lambda n: b'{"a":' * n),
    "arrays": (JSON, lambda n: b"[" + b"[]," * n + b"1]"),
    "numbers": (JSON, lambda n: b"[" + b",".join(b"%d" % each for each in range(n)) + b"]"),
    "one member": (JSON, lambda n: b"{" + b'"a":1,' * n + b'"a":1}'),
    "a long number": (JSON, lambda n: b"9" * n),
    "a long fraction": (JSON, lambda n: b"0." + b"9" * n + b"e5"),
    "backslashes": (JSON, lambda n: b'"' + b"\\" * n),
    "files": (V1_JSON, lambda n: b'{"files": [' + b",".join(b'{"filename":"a","url":"a#%d"}' % each for each in range(n // 4)) + b"]}"),
    "deep elements": (XML, lambda n: b"<a>" * n),
    "values": (XML, lambda n: b"<methodResponse><params>" + b"<param><value/></param>" * (n // 4) + b"</params></methodResponse>"),
    "an open tag": (XML, lambda n: b"<methodResponse " + b"a" * n),
    "attributes": (XML, lambda n: b"<methodResponse " + b" ".join(b"a%d=''" % each for each in range(n)) + b"/>"),
    "a declaration": (XML, lambda n: b"<?xml version='1.0' encoding='" + b"a" * n + b"'?><a/>"),
}  # fmt: skip
# What is quadratic takes more than a minute of such content even in C; what is linear takes far less than a second.
SIZE = 60_000
KINDS = {
    HTML: (Comparison.HTML, INDEX),
    JSON: (Comparison.JSON,),
    V1_JSON: (INDEX, Comparison.JSON),
    XML: (Comparison.XMLRPC, Comparison.EXACT),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_takes_time_in_proportion_to_its_size(name: str) -> None:
    content_type, make = HOSTILE[name]
    content = make(SIZE)
    old, new = answer(content, content_type), answer(content + b" ", content_type)
    for kind in KINDS[content_type]:
        assert isinstance(compare(kind, old, new), tuple)
        assert isinstance(compare(kind, answer("", content_type), new), tuple)
