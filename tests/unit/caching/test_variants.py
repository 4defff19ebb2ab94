"""Accept, normalised to a rule's variants (RFC 9110 §12.5.1, PEP 691)."""

import pytest
from kept_answers import kept

from edgeproxy.caching.field_lines import value
from edgeproxy.caching.variants import accept_line, as_text_html, choose, wants_text_html
from edgeproxy.ruleset.modifiers import Variant

HTML, JSON = Variant.HTML, Variant.JSON
BOTH = (JSON, HTML)  # as PyPI's rules have them

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
DEVPI = "application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json, text/html;q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "variant"),
    [
        (PIP, JSON),
        (UV, JSON),
        (DEVPI, JSON),
        (BROWSER, HTML),
        ("text/html", HTML),  # pip before PEP 691
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("APPLICATION/VND.PyPI.simple.v1+JSON", JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.v1+html", HTML),
        ("application/vnd.pypi.simple.latest+html", HTML),
        ("application/vnd.pypi.simple.latest+json;q=0.9, text/html;q=0.1", JSON),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", JSON),
        ("*/*;q=0.1, application/vnd.pypi.simple.v1+json;q=0.2", JSON),
        ("application/*, application/vnd.pypi.simple.v1+html;q=0.5", JSON),
        ("application/vnd.pypi.simple.v1+json ; q = 0.9 , text/html;q=0.8", JSON),
    ],
)
def test_the_highest_quality_wins(accept, variant):
    assert choose(accept, BOTH) is choose(accept, BOTH[::-1]) is variant


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "*/*;q=0.5"])
def test_who_takes_anything_gets_html(accept):
    assert choose(accept, BOTH) is HTML


@pytest.mark.parametrize(
    "accept", ["application/vnd.pypi.simple.v1+json, text/html", "text/html;q=0.5, */*;q=0.5, application/vnd.pypi.simple.v1+json;q=0.5"]
)  # fmt: skip
def test_between_equals_that_are_named_the_rule_decides(accept):
    assert choose(accept, (JSON, HTML)) is JSON
    assert choose(accept, (HTML, JSON)) is HTML


def test_a_refused_name_of_html_leaves_the_other():
    assert choose("*/*, text/html;q=0", (HTML,)) is HTML
    assert choose("application/vnd.pypi.simple.v1+json;q=0, */*", BOTH) is HTML


@pytest.mark.parametrize(
    "accept",
    [
        "",
        ";;;,,,",
        "application/json",
        "application/vnd.pypi.simple.v2+json",
        "application/vnd.pypi.simple.v1+json;q=0",
        "*/*;q=0",
        # What cannot be read is passed over.
        "application/vnd.pypi.simple.v1+json;q=1.5",
        "application/vnd.pypi.simple.v1+json;q=0.1234",
        "application/vnd.pypi.simple.v1+json;q=high",
        "application/vnd.pypi.simple.v1+json;level=1",
        'image/png;title=",application/vnd.pypi.simple.v1+json,"',
        'image/png;title="a\\",application/vnd.pypi.simple.v1+json',
    ],
)
def test_what_nothing_fits_gets_html_if_there_is_html(accept):
    assert choose(accept, BOTH) is HTML
    assert choose(accept, (JSON,)) is None


def test_a_rule_without_variants_has_none_to_choose():
    assert choose("text/html", ()) is choose(None, ()) is None


def test_a_rule_with_json_alone_gives_it_to_who_does_not_say():
    assert choose(None, (JSON,)) is choose("*/*", (JSON,)) is JSON


@pytest.mark.parametrize(
    ("query_format", "variant"),
    [
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("application/vnd.pypi.simple.v1 json", JSON),  # a plus sign, read as a form would
        ("application%2Fvnd.pypi.simple.latest%2Bjson", JSON),
        ("text/html", HTML),
        ("application/json", HTML),
        ("", HTML),
    ],
)
def test_format_goes_before_accept_if_it_is_known(query_format, variant):
    assert choose("text/html", BOTH, query_format) is variant


def test_a_format_that_the_rule_does_not_have_is_passed_over():
    assert choose(None, (HTML,), "application/vnd.pypi.simple.v1+json") is HTML


@pytest.mark.parametrize("variant", Variant)
def test_the_edge_asks_for_a_variant_in_words_that_choose_it(variant):
    name, _, accept = accept_line(variant).decode().partition(": ")
    assert name == "Accept"
    assert accept.endswith("\r\n")
    assert choose(accept.strip(), BOTH) is choose(accept.strip(), BOTH[::-1]) is variant


@pytest.mark.parametrize(
    ("accept", "is_plain"),
    [
        (None, True),
        ("*/*", True),
        (BROWSER, True),
        ("application/vnd.pypi.simple.v1+html, text/html", True),
        ("application/json", True),
        ("application/vnd.pypi.simple.v1+html, text/html;q=0.9", False),
        ("application/vnd.pypi.simple.latest+html", False),
        ("*/*, text/html;q=0", False),
    ],
)
def test_html_is_given_under_the_name_that_the_client_wants(accept, is_plain):
    assert wants_text_html(accept) is is_plain


def test_format_says_the_name_of_html_too():
    assert wants_text_html("application/vnd.pypi.simple.v1+html", "text/html")
    assert not wants_text_html("text/html", "application/vnd.pypi.simple.v1+html")


def test_html_under_its_plain_name_is_the_same_answer():
    stored = kept("Content-Type: application/vnd.pypi.simple.v1+html; charset=UTF-8", 'ETag: "a"', content=b"<html>")
    plain = as_text_html(stored)
    assert plain.content_type == value(plain.lines, b"content-type") == "text/html; charset=UTF-8"
    assert (plain.etag, plain.size, plain.digest) == (stored.etag, stored.size, stored.digest)


def test_what_is_not_versioned_html_keeps_its_name():
    for content_type in ("text/html", "application/vnd.pypi.simple.v1+json", "text/plain"):
        stored = kept(f"Content-Type: {content_type}")
        assert as_text_html(stored) is stored
