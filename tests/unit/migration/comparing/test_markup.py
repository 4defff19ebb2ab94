"""The tokens of HTML, as a browser's tokenizer makes them."""

from __future__ import annotations

import pytest

from edgeproxy.migration.comparing.bounds import BOUNDS, Bounds, BrokenContent
from edgeproxy.migration.comparing.markup import End, Start, attributes_of, tokens, unescape


def read(text: str) -> list[object]:
    """Start tags as (tag, attributes), end tags as /tag, texts joined."""
    found: list[object] = []
    for token in tokens(text, BOUNDS):
        if isinstance(token, str) and found and isinstance(found[-1], str) and not found[-1].startswith("/"):
            found[-1] += token
        else:
            found.append(
                (token.tag, token.attributes)
                if isinstance(token, Start)
                else f"/{token.tag}"
                if isinstance(token, End)
                else token
            )
    return found


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", []),
        ("a < b <> <1 </> c", ["a < b <> <1  c"]),
        ("<A B=C>d</A >", [("a", {"b": "C"}), "d", "/a"]),
        ("<br/>", [("br", {})]),
        ("<a b>", [("a", {"b": ""})]),
        ("<a b= >", [("a", {"b": ""})]),
        ("<a b=c/d>", [("a", {"b": "c/d"})]),
        ("<a b=\"'>'\" c='\">\"'>", [("a", {"b": "'>'", "c": '">"'})]),
        ("<a b\n=\t'c'\n>", [("a", {"b": "c"})]),
        ("<a b='1'c='2'/d>", [("a", {"b": "1", "c": "2", "d": ""})]),
        ("<a b=1 B=2>", [("a", {"b": "1"})]),
        ('<a b=c"d>', [("a", {"b": 'c"d'})]),
        ("a<!-- <b> -->c", ["ac"]),
        ("a<!-->b<!--->c<!-- --!>d", ["abcd"]),
        ("a<!-- b", ["a"]),
        ("<!DOCTYPE html>a<?php x ?>b<![CDATA[c]]>d</ e>f", ["abdf"]),
        ("<!doctype", []),
        ("<script>a<b></scrip></SCRIPT >c", [("script", {}), "a<b></scrip>", "/script", "c"]),
        ("<title>a &lt; <b></title>", [("title", {}), "a < <b>", "/title"]),
        ("<style>&lt;", [("style", {}), "&lt;"]),
        ("a<b c='d>e", ["a"]),  # the document ends inside the tag
        ("a</b", ["a"]),
        ("a<", ["a<"]),
        ("a</", ["a</"]),
        ("&amp;&#65;&#x41;&copy &notit; &unknown;", ["&AA© ¬it; &unknown;"]),
    ],
)
def test_tokens(text: str, made: list[object]) -> None:
    assert read(text) == made


def test_references_in_attributes_leave_parameters_alone() -> None:
    assert attributes_of(' a="?x=1&copy=2&amp;b&lt" b="&copy;&copy" c="&#0;&#x110000;"') == {
        "a": "?x=1&copy=2&b<",
        "b": "©©",
        "c": "\ufffd\ufffd",
    }


def test_a_number_that_no_character_has_is_none() -> None:
    assert unescape(f"&#{'9' * 10_000};") == unescape("&#x110000;") == "\ufffd"


def test_tags_are_counted() -> None:
    with pytest.raises(BrokenContent):
        list(tokens("<b>" * 11, Bounds(tags=10)))


def test_other_tags_than_those_wanted_are_passed_over_with_blank_texts() -> None:
    found = list(tokens("<p> <a href=b>c</a> <script><a></script></p>", BOUNDS, frozenset(("a",))))
    assert found == [Start("a", " href=b"), "c", End("a")]
