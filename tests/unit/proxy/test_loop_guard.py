"""How a loop is shown to people."""

from __future__ import annotations

from edgeproxy.proxy.loop_guard import shown
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Hop


def hop(number: int, location: str) -> Hop:
    return Hop("GET", "http://pypi.test/a?token=secret", f"rule r{number}", 302, location, Place("rules.yaml", 1, 1))


def test_a_loop_is_shown_without_queries_and_fragments() -> None:
    assert shown([hop(1, "/b?token=secret#top"), hop(2, "/a?")]) == [
        "GET http://pypi.test/a?...",
        "302 /b?... by rule r1",
        "302 /a?... by rule r2",
    ]


def test_what_is_long_is_cut() -> None:
    hops = [hop(number, f"/{'a' * 500}") for number in range(30)]
    lines = shown(hops)
    assert len(lines) == 8
    assert lines[1] == f"302 /{'a' * 199}... by rule r0"
    assert lines[-1] == "24 more"
