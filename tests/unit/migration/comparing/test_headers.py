"""Header fields by what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared import JSON, V1_JSON, answer, found

from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.migration.comparing.headers import MEANT
from edgeproxy.ruleset.modifiers import Comparison


def differences(old: list[str], new: list[str], kind: Comparison = Comparison.JSON) -> list[tuple[Kind, str]]:
    return found(kind, answer("{}", JSON, *old), answer("{}", JSON, *new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["Cache-Control: max-age=600, public"], ["Cache-Control: public,Max-Age=600"]),
        (["Allow: GET, HEAD"], ["Allow: HEAD", "Allow: GET"]),
        (["Set-Cookie: session=aaa; Path=/"], ["Set-Cookie: session=bbb; Path=/"]),
        (['WWW-Authenticate: Digest realm="a", nonce="1"'], ['WWW-Authenticate: digest realm="a", nonce="2"']),
        (["Vary: Accept, accept-encoding"], ["Vary: Accept-Encoding", "vary: ACCEPT"]),
        (["Surrogate-Control: max-age=60, stale-if-error=5"], ["Surrogate-Control: stale-if-error=5,max-age=60"]),
        (['ETag: "a"'], ['ETag: "b"']),
        (["X-Only-Old: 1"], ["X-Only-New: 1"]),  # a new system may have headers of its own
    ],
)
def test_the_same_is_meant(old: list[str], new: list[str]) -> None:
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (["Cache-Control: public"], ["Cache-Control: private"], (Kind.CHANGED, "header:cache-control")),
        ([], ["Cache-Control: no-store"], (Kind.ADDED, "header:cache-control")),
        (["Set-Cookie: a=1"], [], (Kind.MISSING, "header:set-cookie")),
        (["Set-Cookie: a=1"], ["Set-Cookie: b=1"], (Kind.CHANGED, "header:set-cookie")),
        (["Retry-After: 1"], ["Retry-After: 2"], (Kind.CHANGED, "header:retry-after")),
    ],
)
def test_something_else_is_meant(old: list[str], new: list[str], difference: tuple[Kind, str]) -> None:
    assert differences(old, new) == [difference]


OF_CACHES = ["Vary: Accept", "Surrogate-Control: max-age=9", "CDN-Cache-Control: max-age=9", "Pragma: no-cache"]


@pytest.mark.parametrize("kind", sorted(set(Comparison) - {Comparison.REDIRECT}), ids=str)
@pytest.mark.parametrize("line", OF_CACHES)
def test_what_a_cache_goes_by_counts_in_every_kind_that_is_of_content(kind: Comparison, line: str) -> None:
    name = f"header:{line.partition(':')[0].lower()}"
    page = answer('{"files": []}', V1_JSON, line), answer('{"files": []}', V1_JSON)
    assert found(kind, *page) == [(Kind.MISSING, name)]
    assert found(kind, *page[::-1]) == [(Kind.ADDED, name)]
    assert found(kind, *page, name) == []


def test_the_readme_names_each_header_that_a_kind_compares() -> None:
    text = (Path(__file__).parents[4] / "rules/README.md").read_text()
    said = text[text.index("#### How answers are compared") : text.index("### `rewrite`")].lower()
    assert {name for names in MEANT.values() for name in names if f"`{name}`" not in said} == set()


def test_a_header_may_be_ignored_in_every_kind() -> None:
    old, new = answer("{}", JSON, "Cache-Control: max-age=600"), answer("{}", JSON, "Cache-Control: max-age=900")
    assert found(Comparison.JSON, old, new, "header:Cache-Control") == []


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("application/json", 'application/json; charset="UTF-8"', True),
        ("text/html; charset=utf-8", "text/html;charset=UTF-8", True),
        ("text/html; charset=utf-8", "text/html; charset=latin1", False),
        ("text/html", "text/plain", False),
        ("text/html", "", False),
    ],
)
def test_a_content_type_is_its_media_type_and_a_charset_that_both_name(old: str, new: str, is_same: bool) -> None:
    said = found(Comparison.EXACT, answer("a", old), answer("a", new))
    assert said == ([] if is_same else [(Kind.CHANGED, "header:content-type")])


def test_a_cookies_value_is_never_shown() -> None:
    from edgeproxy.migration.comparing.compare import compare

    old, new = answer("{}", JSON, "Set-Cookie: a=secret"), answer("{}", JSON, "Set-Cookie: b=secret")
    assert "secret" not in repr(compare(Comparison.EXACT, old, new))
