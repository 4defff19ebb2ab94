"""Templates as languages: what they capture of a set of paths, and where redirects lead."""

from __future__ import annotations

import pytest

from edgeproxy.ruleset.automata.language import Language, text, texts
from edgeproxy.ruleset.automata.paths import NORMAL_PATHS, Image, captured, image, path_language
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_target_template


def image_of(path: str, to: str, paths: Language = NORMAL_PATHS) -> Image:
    template = parse_path_template(path)
    (captures,) = captured(template, paths)
    return image(parse_target_template(to, template), captures)


def language(path: str) -> Language:
    return path_language(parse_path_template(path))


def test_the_rest_of_a_path_is_every_path() -> None:
    assert language("/{rest*}").is_same(NORMAL_PATHS)


def test_captures_that_depend_on_each_other_are_parted() -> None:
    template = parse_path_template("/{a}/{b}")
    found = captured(template, texts(["/x/1", "/x/2", "/y/3"]))
    told = sorted((sorted(each.by_name["a"].words()), sorted(each.by_name["b"].words())) for each in found)
    assert told == [(["x"], ["1", "2"]), (["y"], ["3"])]
    assert all(each.is_exact for each in found)


def test_too_many_parts_become_one_that_is_too_wide() -> None:
    paths = texts(f"/n{number}/v{number}" for number in range(300))
    (found,) = captured(parse_path_template("/{a}/{b}"), paths)
    assert not found.is_exact
    assert "n1" in found.by_name["a"]
    assert "v2" in found.by_name["b"]


def test_captures_that_share_a_segment_are_told_one_by_one() -> None:
    (found,) = captured(parse_path_template("/{n}-{v:[0-9.]+}"), texts(["/a-b-1", "/c-2", "/-3"]))
    assert not found.is_exact
    assert set(found.by_name["n"].words()) == {"a-b", "c"}
    assert set(found.by_name["v"].words()) == {"1", "2"}


def test_no_path_no_captures() -> None:
    assert captured(parse_path_template("/a/{b}"), text("/b/c")) == ()


def test_a_redirect_to_the_normalised_name_has_normalised_names() -> None:
    found = image_of("/simple/{p}/", "/simple/{p|pep503}/")
    assert found.is_exact
    assert "/simple/zope-interface/" in found.paths
    assert not found.paths.overlaps(regex("/simple/.*[A-Z_.].*/") - regex(".*%.*"))


def test_several_leading_slashes_become_one_in_a_path_only() -> None:
    paths = text("//elsewhere.test/")
    assert set(image_of("/{rest*}", "/{rest}", paths).paths.words()) == {"/elsewhere.test/"}
    assert set(image_of("/{rest*}", "https://pypi.test/{rest}", paths).paths.words()) == {"//elsewhere.test/"}


def test_a_first_letter_stays_beside_its_name() -> None:
    found = image_of("/source/{n:[a-z0-9-]+}", "/source/{n|first}/{n}")
    assert found.is_exact
    assert found.paths.is_same(
        regex("|".join(f"/source/{c}/{c}[a-z0-9-]*" for c in "abcdefghijklmnopqrstuvwxyz0123456789-"))
    )


def test_an_image_that_is_too_wide_says_what_is_certain() -> None:
    found = image_of("/source/{n}", "/source/{n|first}/{n}")
    assert not found.is_exact
    assert "/source/f/flask" in found.certain
    assert "/source/f/django" not in found.paths
    assert "/source/%C3%A9/%C3%A8" in found.paths  # first characters beyond ASCII are not told apart
    assert "/source/%C3%A9/%C3%A8" not in found.certain


def test_the_query_of_a_target_is_told_apart() -> None:
    found = image_of("/find/{term:[a-z/!]+}", "https://pypi.test/search/?q={term|urlquote}&p=1")
    assert list(found.paths.words()) == ["/search/"]
    assert found.query is not None
    begin, term, end = found.query
    assert (begin, end) == ("q=", "&p=1")
    assert isinstance(term, Language)
    assert "a%21" in term


@pytest.mark.parametrize(
    ("path", "holds", "lacks"),
    [
        ("/{f}.json", "/a.json", "/.json"),
        ("/{a}-{b}", "/x-.-y", "/x-y-."),  # RE2 takes the longest first: `.` would be the second capture
        ("/{x:[^a]*}", "/", "/a"),
        ("/%7euser/{x}", "/~user/b", "/%7Euser/b"),
        ("/{x:%C3}{y:.*}", "/%41", "/%C3"),
    ],
)
def test_a_template_takes_what_it_matches(path: str, holds: str, lacks: str) -> None:
    template = parse_path_template(path)
    assert (holds in language(path)) == (template.match(holds) is not None and holds in NORMAL_PATHS)
    assert lacks not in language(path)
