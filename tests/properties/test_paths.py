"""A path without captures matches itself and nothing else, however it is read; dot segments and odd characters are
refused or normalised as they are in a request.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.read_path import parse_path_template

PATHS = st.text("/ab.-~%2eE6é*", max_size=12).map("/{}".format)


@given(PATHS, PATHS)
@example("/a/.", "/a/")
@example("/a/..b", "/a/..b")
@example("/a//", "/a//")
@example("/", "/")
@example("/%61", "/a")
@example("/a" * 101, "/a")
def test_a_path_without_captures_matches_itself(written: str, other: str) -> None:
    try:
        template = parse_path_template(written)
    except Refusal:
        return
    path = normalise_path(written)
    assert template.captures == ()
    assert template.match(path) == {}
    if _normal(other) != path:
        assert template.match(other) is None


@given(st.text("ab/.", max_size=12).map("/{}".format))
def test_what_is_refused_has_a_dot_segment_and_what_is_read_has_none(written: str) -> None:
    has_dots = any(segment in (".", "..") for segment in written.split("/"))
    try:
        parse_path_template(written)
    except Refusal:
        assert has_dots
    else:
        assert not has_dots


def _normal(path: str) -> str | None:
    try:
        return normalise_path(path)
    except BadTarget:
        return None
