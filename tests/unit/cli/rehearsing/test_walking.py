"""One walk, hop by hop: how it goes on, and how it ends."""

from __future__ import annotations

import pytest
from rehearsing import rules, start, urls, walk, walked

from edgeproxy.cli.rehearsing.walk import (
    Answered,
    Course,
    Failed,
    Heard,
    Leaves,
    Loop,
    NoFallback,
    Refused,
    TooManyHops,
    Undecided,
)
from edgeproxy.telemetry.counters import BackendFailure

SITE = """
{name: old-host, match: {host: old, path: "/{rest*}", methods: [GET, HEAD]}, redirect: {to: "https://pypi.test/{rest}", status: 301}}
{name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {cutover: reads}}
{name: json, match: {host: app, path: "/pypi/{project}/json"}, forward: {backend: modern}, fallback: {to: legacy, on: [connect, 5xx]}}
{name: calls, match: {host: app, path: /pypi, methods: [POST], xmlrpc: [list_packages]}, safety: safe, forward: {backend: legacy}}
{name: site, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}
"""
RULES = rules(SITE)


def test_a_walk_goes_by_rules_and_by_what_backends_say() -> None:
    one = walk(
        RULES,
        start(RULES, "https://legacy.pypi.test/simple/Flask/"),
        {"legacy /simple/Flask/": "/simple/flask/", "legacy /simple/flask/": 200},
    )
    assert urls(one) == [
        "https://legacy.pypi.test/simple/Flask/",
        "https://pypi.test/simple/Flask/",
        "https://pypi.test/simple/flask/",
    ]
    assert [step.by for step in one.steps] == ["rule old-host", *["backend legacy (rule simple)"] * 2]
    assert one.ending == Answered(200, "text/html")


def test_each_arm_is_walked_and_each_guarded_backend_is_taken_to_fail() -> None:
    arms, asked = walked(RULES, start(RULES, "https://pypi.test/simple/six/"), {"legacy /simple/six/": 200})
    assert [(str(each.course), each.ending) for each in arms.walks] == [
        ("", Answered(200, "text/html")),
        ("on the arm modern of reads", Answered(404, "text/html")),
    ]
    assert asked == ["legacy /simple/six/", "modern /simple/six/"]
    guarded, asked = walked(RULES, start(RULES, "https://pypi.test/pypi/six/json"), {"modern /pypi/six/json": 200})
    assert [(str(each.course), each.steps[-1].by) for each in guarded.walks] == [
        ("", "backend modern (rule json)"),
        ("while modern fails", "fallback legacy (rule json)"),
    ]
    assert asked == ["modern /pypi/six/json", "legacy /pypi/six/json"]  # what fails is not asked


def test_arms_and_failures_behind_a_redirect_are_found_on_the_way() -> None:
    found, _ = walked(
        RULES, start(RULES, "https://legacy.pypi.test/simple/six/"), {"modern /simple/six/": "/pypi/six/json"}
    )
    assert [str(each.course) for each in found.walks] == [
        "",
        "on the arm modern of reads",
        "on the arm modern of reads, while modern fails",
    ]
    # a backend that is down is down for every rule: the first one asked it, too, and has nobody else
    assert found.walks[2].ending == NoFallback("modern", None)


@pytest.mark.parametrize(
    ("url", "answers", "ending"),
    [
        ("https://pypi.test/a", {"modern /a": "/b", "modern /b": "/a"}, Loop(1)),
        ("https://pypi.test/a", {"modern /a": "/b", "modern /b": "/b"}, Loop(2)),
        ("https://pypi.test/a", {"modern /a": Heard(302, "/a", sets_cookie=True)}, Loop(1, sets_cookie=True)),
        ("https://pypi.test/0", {f"modern /{n}": f"/{n + 1}" for n in range(40)}, TooManyHops()),
        ("https://pypi.test/a", {"modern /a": BackendFailure.REFUSED}, Failed("modern", BackendFailure.REFUSED)),
        (
            "https://pypi.test/a",
            {"modern /a": Heard(200, failure=BackendFailure.TRUNCATED)},
            Failed("modern", BackendFailure.TRUNCATED),
        ),
        (
            "https://pypi.test/pypi/a/json",
            {"modern /pypi/a/json": 503, "legacy /pypi/a/json": BackendFailure.CLOSED},
            Failed("legacy", BackendFailure.CLOSED, is_fallback=True),
        ),
        (
            "https://pypi.test/pypi/a/json",
            {"modern /pypi/a/json": BackendFailure.HEAD_TIMEOUT},
            NoFallback("modern", BackendFailure.HEAD_TIMEOUT, is_declared=True),
        ),
        ("https://pypi.test/a", {"modern /a": "https://elsewhere.test/x?y"}, Leaves("https://elsewhere.test/x?y")),
        ("https://pypi.test/a", {"modern /a": "ftp://pypi.test/a"}, Leaves("ftp://pypi.test/a")),
        ("https://pypi.test/a", {"modern /a": "http://pypi.test:8082/a"}, Leaves("http://pypi.test:8082/a")),
        ("https://pypi.test/a", {"modern /a": "http://127.0.0.1:8082/b"}, Leaves("http://127.0.0.1:8082/b", "modern")),
        ("https://pypi.test/a", {"modern /a": Heard(unasked="enough")}, Undecided("enough", is_bound=True)),
        ("https://pypi.test/a", {"modern /a": 304}, Answered(304, "text/html")),
    ],
)
def test_how_walks_end(url: str, answers: dict[str, object], ending: object) -> None:
    assert walk(RULES, start(RULES, url), answers).ending == ending  # type: ignore[arg-type]


def test_nothing_is_asked_outside() -> None:
    """A redirect to an address inside is none that the rehearsal follows."""
    for location in ("http://169.254.169.254/latest/", "http://127.0.0.1:22/", "//localhost/", "http://[::1]/"):
        one, asked = walked(RULES, start(RULES, "https://pypi.test/a"), {"modern /a": location})
        assert isinstance(one.walks[0].ending, Leaves)
        assert asked == ["modern /a"]


def test_a_real_failure_is_met_as_the_edge_meets_it() -> None:
    begin = start(RULES, "https://pypi.test/pypi/six/json")
    answers = {"modern /pypi/six/json": BackendFailure.REFUSED, "legacy /pypi/six/json": 200}
    one = walk(RULES, begin, answers)
    assert (one.ending, one.steps[0].stood_in) == (Answered(200, "text/html"), "modern failed: refused")
    answers = {"modern /pypi/six/json": 502, "legacy /pypi/six/json": 200}
    assert walk(RULES, begin, answers).steps[0].stood_in == "modern answered 502"


def test_only_what_is_declared_safe_is_sent() -> None:
    written, asked = walked(RULES, start(RULES, "https://pypi.test/legacy/", "POST"), {})
    assert (written.walks[0].ending, asked) == (Refused("POST"), [])
    called, asked = walked(RULES, start(RULES, "https://pypi.test/pypi", "POST", call="list_packages"), {})
    assert (called.walks[0].ending, asked) == (Answered(404, "text/html"), ["legacy /pypi"])


def test_a_body_that_nobody_knows_is_not_made_up() -> None:
    own = rules('{name: all, match: {path: "/{rest*}"}, safety: safe, forward: {backend: modern}}')
    one = walk(own, start(own, "https://pypi.test/search", "POST"), {})
    assert one.ending == Undecided("what a POST says in its body is not known")
    one = walk(own, start(own, "https://pypi.test/search", "POST", body="q=six"), {"modern /search": 200})
    assert one.ending == Answered(200, "text/html")


def test_what_a_rule_sets_in_an_answer_counts() -> None:
    own = rules(
        '{name: all, match: {path: "/{rest*}"}, forward: {backend: modern}, '
        'rewrite: {answer_headers: {location: "https://pypi.test/"}}}'
    )
    one = walk(own, start(own, "https://pypi.test/a"), {"modern /a": "/b", "modern /": 200})
    assert urls(one) == ["https://pypi.test/a", "https://pypi.test/"]


def test_where_no_rule_takes_the_next_hop_the_edge_itself_answers() -> None:
    own = rules("""{name: a, match: {host: app, path: /a}, redirect: {to: /b, status: 302}}""")
    one = walk(own, start(own, "https://pypi.test/a"), {})
    assert one.ending == Answered(404, "text/plain; charset=utf-8")
    assert one.steps[1].by == "the edge, for no rule of app takes it"


def test_a_course_of_one_arm_stays_on_it() -> None:
    one = walk(
        RULES,
        start(RULES, "https://pypi.test/simple/A/"),
        {"modern /simple/A/": "/simple/a/", "modern /simple/a/": 200, "legacy /simple/a/": 500},
        Course((("reads", "modern"),)),
    )
    assert [step.backend for step in one.steps] == ["modern", "modern"]
