"""A path that is matched by a regular expression: which paths, what it captures, and what a target may do with that."""

from __future__ import annotations

import pytest

from edgeproxy.http.target import SERVER_WIDE
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_path_regex import parse_path_regex
from edgeproxy.ruleset.read_target import parse_target_template


def captured(regex: str, path: str) -> dict[str, str] | None:
    captures = parse_path_regex(regex).match(path)
    return None if captures is None else dict(captures)


def test_a_regex_matches_the_whole_path_and_its_named_groups_are_captures() -> None:
    path = parse_path_regex("/(?P<kind>simple|pypi)/(v[0-9]/)?(?P<rest>.*)")
    assert path.captures == ("kind", "rest")
    assert path.match("/simple/v1/a/b") == {"kind": "simple", "rest": "a/b"}
    assert path.match("/pypi/") == {"kind": "pypi", "rest": ""}
    assert path.match("/x/simple/a") is None
    assert path.match("/simple") is None


def test_alternatives_are_of_the_whole_expression() -> None:
    assert captured("/a|/b", "/b") == {}
    assert captured("/a|/b", "/ab") is None


@pytest.mark.parametrize("regex", ["/.*", ".*", "^/x$", "[^a]x", "(?i)/simple", "/?a?/b", "(simple|/)x", """.*json"""])
def test_what_may_begin_with_a_slash_is_read(regex: str) -> None:
    assert parse_path_regex(regex).source == regex


@pytest.mark.parametrize("regex", ["simple/.*", "", "(a|b)/.*", "[a-z]*x", "^a", "$"])
def test_what_never_begins_with_a_slash_is_refused(regex: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_path_regex(regex)
    assert caught.value.code is Code.BAD_REGEX


def test_the_whole_server_is_no_path() -> None:
    assert captured(".*", SERVER_WIDE) is None


@pytest.mark.parametrize(
    ("regex", "path"),
    [
        ("/(?P<a>.*)0x", "/%20x"),  # ends in the escape
        ("/(?P<a>.*)20x", "/%20x"),
        ("/%(?P<a>.*)x", "/%20x"),  # begins in it
        ("/%2(?P<a>.*)x", "/%20x"),
        ("/a(?P<a>.)b", "/a.b"),
        ("/(?P<a>.*)b", "/..b"),
        ("/x(?P<a>.*)y", "/x./by"),  # a segment of the capture
        ("/x(?P<a>.*)y", "/xa/..y"),
        ("/x(?P<a>.*)y", "/x/./y"),
    ],
)
def test_a_match_does_not_count_whose_capture_cuts_an_escape_or_has_a_dot_segment(regex: str, path: str) -> None:
    assert captured(regex, path) is None


@pytest.mark.parametrize(
    ("regex", "path", "value"),
    [
        ("/(?P<a>.*)x", "/%20x", "%20"),
        ("/%20(?P<a>.*)", "/%20x", "x"),
        ("/%20(?P<a>x?)%20", "/%20%20", ""),
        ("/(?P<a>.*)b", "/...b", "..."),
        ("/(?P<a>.*)", "/.a/b..", ".a/b.."),
        ("/x(?P<a>y)?", "/x", ""),
        ("/(?P<a>x)|/y", "/y", ""),
    ],
)
def test_a_capture_keeps_the_spelling_of_the_path(regex: str, path: str, value: str) -> None:
    assert captured(regex, path) == {"a": value}


@pytest.mark.parametrize(
    ("regex", "hollow"),
    [
        ("/(?P<a>.+)", set()),
        ("/(?P<a>.*)", {"a"}),
        ("/(?P<a>x)?", {"a"}),
        ("/(?P<a>x){0,2}", {"a"}),
        ("/(?P<a>x){1,2}", set()),
        ("/(?P<a>x)+?", set()),
        ("/(?P<a>x)|/(?P<b>y)", {"a", "b"}),
        ("/(?:(?P<a>x)|y)(?P<b>z)", {"a"}),
        ("/(?P<a>x|y)", set()),
        ("/(?P<a>x|)", {"a"}),
        ("/(?P<a>(?P<b>x)y?)", set()),
        ("/((?P<a>(?P<b>x)y?)z)*", {"a", "b"}),
        ("(?i)/(?P<a>x)", set()),
        (r"/(?P<a>\b)x", {"a"}),
        (r"/(?P<a>[)|?]x)", set()),
        (r"/(?P<a>[[:alpha:])|]x)", set()),
        (r"/(?P<a>[]|)]x)", set()),
        (r"/(?P<a>\(|\|)", set()),
        (r"/(?P<a>\Q(|\Ex)", set()),
        (r"/(?<a>x)\Q|", set()),
    ],
)
def test_a_capture_may_be_empty_where_the_expression_lets_it(regex: str, hollow: set[str]) -> None:
    path = parse_path_regex(regex)
    assert path.hollow == hollow
    assert {name for name in path.captures if path.may_be_empty(name)} == hollow


def test_a_target_keeps_the_slashes_of_its_captures() -> None:
    path = parse_path_regex("/(?P<kind>simple|pypi)/(?P<rest>.*)")
    captures = path.match("/simple/A/b%20c/")
    assert captures is not None
    target = parse_target_template("https://pypi.test/{kind}/{rest|lower}?was={rest|urlquote}", path)
    assert target.expand(captures) == "https://pypi.test/simple/a/b%20c/?was=A/b%20c/"


def test_a_target_of_a_capture_that_begins_with_slashes_begins_with_one() -> None:
    path = parse_path_regex("/x(?P<rest>.*)")
    captures = path.match("/x//elsewhere.test/")
    assert captures is not None
    assert parse_target_template("/{rest}", path).expand(captures) == "/elsewhere.test/"


@pytest.mark.parametrize("target", ["/..{rest}", "/{rest}..", "/{rest}./x", "/.{rest}", "/a/{rest}{rest}../b"])
def test_a_target_in_which_slashes_of_a_capture_could_leave_a_dot_segment_is_refused(target: str) -> None:
    path = parse_path_regex("/(?P<rest>.+)")
    with pytest.raises(Refusal) as caught:
        parse_target_template(target, path)
    assert caught.value.code is Code.BAD_TEMPLATE


def test_a_target_where_the_capture_stands_beside_other_text_is_fine() -> None:
    path = parse_path_regex("/(?P<rest>.+)")
    for target in ("/a{rest}", "/{rest}", "/a.{rest}.b", "/{rest|first}../x", "/...{rest}"):
        assert parse_target_template(target, path).source == target
