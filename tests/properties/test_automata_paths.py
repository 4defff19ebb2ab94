"""Languages of paths, captures, images and filters against the code that matches, expands and filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import islice, product
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.ruleset.automata.filters import fixed_points, image_under
from edgeproxy.ruleset.automata.language import Language, texts
from edgeproxy.ruleset.automata.normal import SPELLED
from edgeproxy.ruleset.automata.paths import NORMAL_PATHS, Captures, Image, captured, image, path_language
from edgeproxy.ruleset.filters import Filter, apply, filtered
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_target_template
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate

PIECES = [
    "a",
    "b",
    "A",
    "Z",
    "-",
    "_",
    ".",
    "..",
    "1",
    "%C3%A9",
    "%E2%82%AC",
    "%25",
    "%21",
    "!",
    "%20",
    "x",
    ".json",
    "/",
]
ODD_PIECES = ["%c3%a9", "%C3", "%A9", "%41", "%2F", "%2f", "%", "%00", "é", "\\", "?", "{", "%ED%A0%80", "%F4%90%80%80"]
SEGMENTS = [
    *("a", "", "a.json", "{x}", "a{x}", "{x}.json", "a{x}b", ".{x}", "{x:[a-c]+}", "{x:[^a]*}", "{x:a|b.*}"),
    *(
        "{x}-{y}",
        "{x:.*}.{y}",
        "{x}-{y:[0-9.]+}",
        "{x:a*?}{y:.*}",
        "a{x:[ab]?}",
        "{x:(a|ab)}{y:(c|bcd)?}",
        "{x:%..}{y}",
    ),
    *("{x:.+}{y:b$}", "{x:(?i)a+}.{y:[a-z]*?}", "{x:.{1,3}}{y:.*}", "{x:[^.]*}.{y:.*}_{z:.*}"),
]
TARGETS = [
    *(
        "/t/{x}",
        "/{x|pep503}/",
        "/{x|lower}.json",
        "/{x|first}/{x}",
        "/{x|lower|first}/{x|pep503}",
        "/{x}/{x}",
        "/%7e%c3%a9{x}",
    ),
    *(
        "https://pypi.test/{x}",
        "https://pypi.test",
        "https://pypi.test?q={x|urlquote}",
        "/s?q={x|urlquote}&r=1",
        "/{x|urlquote}",
    ),
]


def is_normal(path: str) -> bool:
    try:
        return path.startswith("/") and normalise_path(path) == path
    except BadTarget:
        return False


def path_of(pieces: list[str]) -> str:
    return "/" + "".join(pieces)


@cache
def template(source: str) -> PathTemplate:
    return parse_path_template(source)


@cache
def target(source: str, path: str) -> TargetTemplate:
    return parse_target_template(source, template(path))


def numbered(segments: list[str], rest: str) -> str:
    """A template in which no name is twice."""
    each = [re.sub(r"\{([xyz])", rf"{{\g<1>{at or ''}", segment) for at, segment in enumerate(segments)]
    return "/" + "/".join(each) + rest


paths = st.lists(st.sampled_from(PIECES), max_size=8).map(path_of).filter(is_normal)
odd_paths = st.lists(st.sampled_from(PIECES + ODD_PIECES), max_size=6).map(path_of)
templates = st.builds(
    numbered, st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3), st.sampled_from(["", "", "/{rest*}"])
)
values = st.lists(st.sampled_from([*PIECES, "%FF", "%82"]), max_size=6).map("".join)
chains = st.lists(st.sampled_from(Filter), min_size=1, max_size=3).map(tuple)


@given(st.one_of(paths, odd_paths))
@settings(max_examples=300)
def test_normal_paths_are_what_normalising_leaves_alone(path: str) -> None:
    assert (path in NORMAL_PATHS) == is_normal(path)


@given(templates, st.lists(paths, max_size=8))
@settings(max_examples=150)
def test_a_path_is_in_the_language_of_a_template_that_matches_it(source: str, asked: list[str]) -> None:
    language = path_language(template(source))
    assert language.is_subset(NORMAL_PATHS)
    for path in [*asked, *islice(language.words(), 5), *islice((NORMAL_PATHS - language).words(), 5)]:
        assert (path in language) == (template(source).match(path) is not None), path


@given(st.sampled_from([each for each in SEGMENTS if "y}" in each or "y:" in each]), st.lists(values, max_size=12))
@settings(max_examples=200)
def test_captures_that_share_a_segment_are_those_that_re2_prefers(segment: str, asked: list[str]) -> None:
    language = path_language(template(f"/{segment}"))
    for path in (f"/{value}" for value in asked):
        matches = is_normal(path) and template(f"/{segment}").match(path) is not None
        assert (path in language) == matches, path


@given(templates, st.lists(paths, max_size=6), st.booleans())
@settings(max_examples=150)
def test_captured_are_the_captures_of_each_path(source: str, asked: list[str], likely: bool) -> None:
    asked = asked + list(islice(path_language(template(source)).words(), 0, 60, 9)) if likely else asked
    found = captured(template(source), texts(asked))
    wanted = [match for path in asked if (match := template(source).match(path)) is not None]
    for match in wanted:
        assert any(all(value in each.by_name[name] for name, value in match.items()) for each in found)
    if all(each.is_exact for each in found):
        told = {frozenset(one.items()) for each in found for one in all_of(each.by_name)}
        assert told == {frozenset(match.items()) for match in wanted}


def all_of(by_name: Mapping[str, Language]) -> list[dict[str, str]]:
    return [dict(zip(by_name, chosen, strict=True)) for chosen in product(*(each.words() for each in by_name.values()))]


@given(
    st.sampled_from(["/{x}", "/a/{x}.json", "/{x:[a-c]+}", "/{x*}", "/p/{x:.*}"]),
    st.sampled_from(TARGETS),
    st.lists(values, max_size=6),
)
@settings(max_examples=200)
def test_an_image_is_what_the_target_expands_to(path: str, to: str, asked: list[str]) -> None:
    goal = target(to, path)
    matches = [match for value in asked if (match := match_of(path, value)) is not None]
    if not matches:
        return
    found = image(goal, Captures({"x": texts(match["x"] for match in matches)}))
    assert found.is_exact
    assert set(found.paths.words()) == {expanded(goal, match) for match in matches} - {None}
    assert (found.query is None) == ("?" not in to)


def match_of(path: str, value: str) -> dict[str, str] | None:
    asked = re.sub(r"\{.*\}", lambda _: value, path)
    return template(path).match(asked) if is_normal(asked) else None


def expanded(goal: TargetTemplate, match: Mapping[str, str]) -> str | None:
    whole = re.sub("^https?://[^/?]*", "", goal.expand(match)).partition("?")[0] or "/"
    try:
        return normalise_path(whole)
    except BadTarget:
        return None


@given(st.sampled_from(["/{x:[a-c]+.?}", "/{x*}", "/a/{x}.json"]), st.sampled_from(TARGETS), values)
@settings(max_examples=100)
def test_the_image_of_every_path_holds_that_of_one(path: str, to: str, value: str) -> None:
    goal, match = target(to, path), match_of(path, value)
    (captures,) = captured(template(path), NORMAL_PATHS)
    found = every_image(path, to)
    assert found.certain.is_subset(found.paths)
    if match is not None:
        assert all(own in captures.by_name[name] for name, own in match.items())
        goes_to = expanded(goal, match)
        assert goes_to is None or goes_to in found.paths


@cache
def every_image(path: str, to: str) -> Image:
    (captures,) = captured(template(path), NORMAL_PATHS)
    return image(target(to, path), captures)


@given(chains, st.lists(values.filter(SPELLED.contains), min_size=1, max_size=5), st.booleans())
@settings(max_examples=250)
def test_the_image_under_filters_is_what_they_make_of_each(
    filters: tuple[Filter, ...], words: list[str], slashes: bool
) -> None:
    found = image_under(filters, texts(words), slashes=slashes)
    assert set(found.words()) == {filtered(word, filters, slashes=slashes) for word in words}


@given(st.sampled_from(Filter), values)
@settings(max_examples=300)
def test_fixed_points_are_the_values_that_a_filter_leaves_alone(chosen: Filter, word: str) -> None:
    value = unquote(word, errors="surrogateescape")
    assert (word in fixed_points(chosen)) == (word in SPELLED and apply(chosen, value) == value)
