"""Languages as values: witnesses that a person likes, and bounds that hold."""

from __future__ import annotations

from itertools import islice

import pytest

from edgeproxy.ruleset.automata.errors import TooLarge, Unsupported
from edgeproxy.ruleset.automata.language import (
    EMPTY_TEXT,
    EVERYTHING,
    NOTHING,
    concatenation,
    first_outside,
    text,
    texts,
    union,
    words_outside,
)
from edgeproxy.ruleset.automata.regex import regex


def test_the_constants_mean_what_they_say() -> None:
    assert NOTHING.is_empty()
    assert NOTHING.shortest() is None
    assert list(EMPTY_TEXT.words()) == [""]
    assert "é\n" in EVERYTHING
    assert EVERYTHING.complement().is_empty()
    assert NOTHING.complement().is_same(EVERYTHING)
    assert concatenation().is_same(EMPTY_TEXT)
    assert union([]).is_empty()


@pytest.mark.parametrize(
    ("source", "witness"),
    [
        ("/simple/[^/]+/", "/simple/a/"),
        ("[^a-y]", "z"),
        ("[^a-z]", "0"),
        ("[%.!Q]", "Q"),
        ("[^\\x00-\\x7f]", "é"),
        (r"[-.]\w", "-a"),
    ],
)
def test_a_witness_has_letters_and_digits_before_odd_characters(source: str, witness: str) -> None:
    assert regex(source).shortest() == witness


def test_words_come_in_order_of_length() -> None:
    assert list(islice(regex("[ab]*").words(), 7)) == ["", "a", "b", "aa", "ab", "ba", "bb"]
    assert list(texts(["b", "", "abc", "a"]).words()) == ["", "a", "b", "abc"]


def test_the_prefix_is_what_all_words_begin_with() -> None:
    assert regex("/packages/[ab]/c").prefix() == "/packages/"
    assert text("/simple/").prefix() == "/simple/"
    assert texts(["/a", "/a/b"]).prefix() == "/a"
    assert NOTHING.prefix() == ""


def test_finite_means_that_there_is_a_longest_word() -> None:
    assert regex("a{1,3}").is_finite()
    assert not regex("a+").is_finite()
    assert NOTHING.is_finite()


def test_what_only_many_together_cover_is_covered() -> None:
    literals = [text(f"/project/p{number}/") for number in range(3000)]
    halves = [regex("/project/[0-9].*/"), regex("/project/[^0-9].*/")]
    every = regex("/project/.+/")
    assert first_outside(every, [*literals, halves[0]]) == "/project/a/"
    assert first_outside(every, [*literals, *halves]) is None
    assert list(words_outside(texts(["/a", "/b", "/c"]), [text("/b")])) == ["/a", "/c"]
    assert first_outside(texts(["/a"]), []) == "/a"
    assert first_outside(NOTHING, literals) is None


def test_a_hostile_expression_ends_at_the_bound() -> None:
    with pytest.raises(TooLarge, match="more than 20000 states"):
        regex("(?:a|b)*a(?:a|b){20}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (r"\bword", r"\\b"),
        (r"\pN", r"\\p"),
        (r"(?i)é", "not ASCII"),
        (r"(?m)^a", r"\(\?m\)"),
        (r"[\x{100}-\x{ffff}]", "range of 65280 characters"),
        ("(a", "RE2 does not read"),
        (r"a\Cb", r"\\C"),
    ],
)
def test_what_cannot_be_reasoned_about_is_said(source: str, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        regex(source)


@pytest.mark.parametrize("source", ["a$b", "a^b", "(?:^a)*", "x*$y?", "(?:a|$)b?", "^^a$$"])
def test_anchors_hold_wherever_they_stand(source: str) -> None:
    import re2

    for word in ["", "a", "b", "ab", "aa", "x", "xy", "aab"]:
        assert (word in regex(source)) == (re2.fullmatch(source, word.encode()) is not None)
