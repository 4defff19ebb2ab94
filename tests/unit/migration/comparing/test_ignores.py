"""What is left out of every comparison, and what a rule leaves out."""

from __future__ import annotations

from edgeproxy.migration.comparing.ignores import DEFAULTS, NOTHING_DECLARED, Ignores, below
from edgeproxy.ruleset.ignores import Content, read_ignore


def ignores(*texts: str, defaults: bool = False) -> Ignores:
    return Ignores.of(map(read_ignore, texts), defaults=defaults)


def test_the_defaults_can_be_read_and_are_there_once() -> None:
    assert len(set(DEFAULTS)) == len(DEFAULTS)
    assert NOTHING_DECLARED.takes("header:date")
    assert NOTHING_DECLARED.takes("header:x-pypi-last-serial")
    assert NOTHING_DECLARED.takes("json:/last_serial")
    assert not NOTHING_DECLARED.takes("header:cache-control")
    assert not NOTHING_DECLARED.takes("json:/info/version")


def test_what_a_rule_declares_is_added() -> None:
    both = ignores("header:Vary", "json:/a", "html:nav", defaults=True)
    assert both.headers > NOTHING_DECLARED.headers
    assert both.takes("header:vary")
    assert len(both.elements) == len(NOTHING_DECLARED.elements) + 1


def test_a_path_is_met_by_itself_and_all_below_it() -> None:
    found = ignores("json:/urls/*/downloads", "index:/files/*/hashes")
    assert [
        path
        for path in ("json:/urls", "json:/urls/0", "json:/urls/0/downloads", "json:/urls/0/downloads/x")
        if found.takes(path)
    ] == [
        "json:/urls/0/downloads",
        "json:/urls/0/downloads/x",
    ]
    assert found.takes("index:/files/a-1.zip/hashes/md5")
    assert not found.takes("json:/files/a-1.zip/hashes/md5")
    assert not found.takes("status")


def test_an_escaped_name_is_met_by_its_own_path() -> None:
    found = ignores("json:/a~1b/~2")
    assert found.takes("json:/a~1b/~2")
    assert not found.takes("json:/a/b/x")
    assert not found.takes("json:/a~1b/x")


def test_what_is_left_of_patterns_below_a_name() -> None:
    patterns = ignores("json:/a/b", "json:/*/c", "json:/a", "json:/d/e").within(Content.JSON)
    assert below(patterns, "a") == (("b",), ("c",), ())
    assert below(patterns, "x") == (("c",),)
    assert below((), "x") == ()


def test_all_that_a_pattern_stands_for_is_ignored_or_not() -> None:
    found = ignores(
        "header:Vary", "json:/urls/*/downloads", "json:/releases/1.0", "index:/files/*/hashes", "json:/a~2b"
    )
    for pattern in ("header:vary", "json:/urls/*/downloads", "json:/urls/*/downloads/x", "index:/files/*/hashes/md5"):
        assert found.takes_all(pattern)
    assert found.takes_all("json:/a~2b")
    for pattern in (
        "header:age",
        "json:/urls/*",
        "json:/releases/*",
        "index:/files/*",
        "json:",
        "status/200/404",
        "(other)",
    ):
        assert not found.takes_all(pattern)


def test_a_status_is_ignored_beside_the_one_it_stood_for() -> None:
    found = ignores("status/404/200", "status/404/404")
    assert found.takes_all("status/404/200")
    assert not any(map(found.takes_all, ("status/200/404", "status/404/500", "status/404/20", "status")))
