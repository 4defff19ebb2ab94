"""RFC 9112 §3.2 and RFC 3986 §6: the one reading of a target."""

from __future__ import annotations

import pytest

from edgeproxy.http.target import BadTarget, Target, normalise_path, parse_host, parse_target

SAME = [
    "/",
    "/simple/six/",
    "/a//b",
    "/a/...",
    "/.well-known/x",
    "/a.b/c",
    "/~x",
    "/caf%C3%A9",
    "/a%2Bb",
    "/a+b",
    "/a:b@c",
]
NORMALISED = {
    "/%7Euser": "/~user",
    "/%41": "/A",
    "/a%2bb": "/a%2Bb",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/a/..": "/",
    "/a/b/..": "/a/",
    "/a/.": "/a/",
    "/../../a": "/a",
    "/%2e%2e/a": "/a",
    "/a/%2E/b": "/a/b",
    "/a//../b": "/a/b",
    "/[a]|{b}": "/%5Ba%5D%7Cb%7D".replace("%7Cb", "%7C%7Bb"),
    '/"<>^`': "/%22%3C%3E%5E%60",
}
REFUSED = [
    "/a%2Fb",
    "/a%2fb",
    "/a%5Cb",
    "/a\\b",
    "/%00",
    "/%0a",
    "/%1F",
    "/%7f",
    "/%",
    "/%4",
    "/%zz",
    "/%ff",
    "/%c3",
    "/a b",
    "/é",
]


@pytest.mark.parametrize("path", SAME)
def test_a_normal_path_stays_as_it_is(path: str) -> None:
    assert normalise_path(path) == path


@pytest.mark.parametrize("path", NORMALISED)
def test_a_path_gets_its_one_spelling(path: str) -> None:
    assert normalise_path(path) == NORMALISED[path]
    assert normalise_path(NORMALISED[path]) == NORMALISED[path]


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_with_two_readings_is_refused(path: str) -> None:
    with pytest.raises(BadTarget):
        normalise_path(path)


def test_a_long_hostile_path_is_read_in_linear_time() -> None:
    with pytest.raises(BadTarget):
        normalise_path("/" + "a" * 100_000 + "%")


def test_origin_form_takes_its_host_from_the_field() -> None:
    assert parse_target("/a?b=c", "PyPI.test:8080") == Target("pypi.test", "PyPI.test:8080", "/a", "b=c")


def test_absolute_form_takes_it_from_the_target_and_the_field_must_agree() -> None:
    assert parse_target("http://pypi.test/a", "pypi.test") == Target("pypi.test", "pypi.test", "/a", None)
    assert parse_target("HTTP://pypi.test", None) == Target("pypi.test", "pypi.test", "/", None)
    with pytest.raises(BadTarget, match="differs"):
        parse_target("http://pypi.test/a", "legacy.pypi.test")


def test_a_fragment_that_an_old_client_sends_is_cut_off() -> None:
    assert parse_target("/a#md5=0", "pypi.test").path == "/a"
    assert parse_target("/a?b#c?d", "pypi.test").query == "b"


@pytest.mark.parametrize(
    "target",
    [
        "**",
        "a",
        "",
        "?a",
        "https://pypi.test/",
        "ftp://pypi.test/",
        "http://",
        "http:///a",
        "http://pypi.test#a",
        "pypi.test:80",
    ],
)
def test_other_forms_are_refused(target: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(target, "pypi.test")


@pytest.mark.parametrize("fragment", ["a b", "\xad", "a\0", "a\n"])
@pytest.mark.parametrize("form", ["/a#{}", "/a?b#{}", "http://pypi.test/a#{}"])
def test_a_fragment_is_printable_ascii_though_nobody_gets_it(form: str, fragment: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(form.format(fragment), "pypi.test")


@pytest.mark.parametrize("query", ["a b", "a\tb", "é", "a\0"])
def test_a_query_is_printable_ascii(query: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(f"/?{query}", "pypi.test")


HOSTS = {
    "PyPI.Test": "pypi.test",
    "pypi.test.": "pypi.test",
    "pypi.test:80": "pypi.test",
    "[::1]:80": "[::1]",
    "127.0.0.1": "127.0.0.1",
}


@pytest.mark.parametrize("authority", HOSTS)
def test_a_host_is_lower_case_without_port_and_final_dot(authority: str) -> None:
    assert parse_host(authority) == HOSTS[authority]


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "a b",
        "user@pypi.test",
        "pypi.test:0",
        "pypi.test:99999",
        "pypi.test:x",
        "pypi.test:123456",
        "a/b",
        "[::1",
        "::1",
        "a,b c",
    ],
)
def test_what_is_no_host_is_refused(authority: str) -> None:
    with pytest.raises(BadTarget):
        parse_host(authority)
