"""Redirects by where they lead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import answer, found

from edgeproxy.migration.comparing.answers import Answer, Final, digest_of
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Kind, StatusChanged
from edgeproxy.ruleset.modifiers import Comparison


def redirect(location: str, status: int = 301, final: Final | None = None) -> Answer:
    return replace(answer("", "", f"Location: {location}", status=status), final=final)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/simple/Zope.Interface/", "https://pypi.test/simple/zope-interface/"),
        ("/pypi/Flask/json", "/pypi/flask/json"),
        ("HTTPS://PYPI.test/simple/a/", "https://pypi.test/simple/a/"),
        ("/project/a%5Fb/", "/project/a-b/"),
    ],
)
def test_two_redirects_may_spell_one_target(old: str, new: str) -> None:
    assert found(Comparison.REDIRECT, redirect(old), redirect(new)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/simple/a/", "/simple/b/"),
        ("/simple/a", "/simple/a/"),
        ("http://pypi.test/", "https://pypi.test/"),
        ("https://pypi.test/a", "https://legacy.pypi.test/a"),
        ("/packages/A.whl", "/packages/a.whl"),
        ("/a?b=1", "/a?b=2"),
        ("http://[", "/a"),
    ],
)
def test_two_targets_are_a_difference(old: str, new: str) -> None:
    assert found(Comparison.REDIRECT, redirect(old), redirect(new)) == [(Kind.CHANGED, "header:location")]


def test_a_redirect_without_a_target_leads_nowhere() -> None:
    assert found(Comparison.REDIRECT, redirect("/a"), answer("", status=301)) == [(Kind.MISSING, "header:location")]
    assert found(Comparison.REDIRECT, answer("", status=301), redirect("/a")) == [(Kind.ADDED, "header:location")]
    assert found(Comparison.REDIRECT, answer("", status=301), answer("", status=301)) == []


def test_how_long_a_redirect_is_remembered_counts_where_nobody_followed_it() -> None:
    assert compare(Comparison.REDIRECT, redirect("/a", 301), redirect("/a", 302)) == (StatusChanged(301, 302),)


def test_a_redirect_is_equal_to_what_it_leads_to() -> None:
    content = answer("abc")
    there = redirect("/elsewhere/abc", 302, Final(200, digest_of(b"abc")))
    assert found(Comparison.REDIRECT, content, there) == []
    assert found(Comparison.REDIRECT, there, redirect("/abc", 301, Final(200, digest_of(b"abc")))) == []
    assert found(Comparison.REDIRECT, content, redirect("/abc", 301, Final(200, digest_of(b"abd")))) == [
        (Kind.CHANGED, "final:content")
    ]
    assert found(Comparison.REDIRECT, there, redirect("/abc", 301, Final(404, ""))) == [(Kind.CHANGED, "final:status")]
    assert (
        found(Comparison.REDIRECT, redirect("/a", 301, Final(404, "aa")), redirect("/b", 301, Final(404, "bb"))) == []
    )


def test_a_redirect_that_nobody_followed_is_not_equal_to_an_answer() -> None:
    assert compare(Comparison.REDIRECT, answer("abc"), redirect("/abc")) == (StatusChanged(200, 301),)
