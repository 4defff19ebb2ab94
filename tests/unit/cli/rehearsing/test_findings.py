"""What is said of walks: what fails a rehearsal, what is only told, and what is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rehearsing import NOW, Answers, found, rules, start, walked

from edgeproxy.cli.rehearsing.found import problems
from edgeproxy.cli.rehearsing.held import by_url, flips, recordable, redirects_of
from edgeproxy.cli.rehearsing.walk import Heard, Origin
from edgeproxy.migration.comparing.outcomes import Fault, NoOutcome, Outcome, Result
from edgeproxy.migration.rehearsal import HeldRedirect
from edgeproxy.ruleset.problems import Code
from edgeproxy.telemetry.counters import BackendFailure

RULES = rules("""
{name: old-host, match: {host: old, path: "/{rest*}"}, redirect: {to: "https://pypi.test/{rest}", status: 301}}
{name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {cutover: reads}}
{name: json, match: {host: app, path: "/pypi/{project}/json"}, forward: {backend: modern}, fallback: {to: legacy, on: [connect, 404]}}
{name: gone, match: {host: app, path: /gone}, respond: {status: 503}}
{name: site, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}
""")
SIMPLE, JSON, SITE = "https://pypi.test/simple/six/", "https://pypi.test/pypi/six/json", "https://pypi.test/a"
BOTH = {
    "legacy /simple/six/": 200,
    "modern /simple/six/": 200,
    "modern /pypi/six/json": 200,
    "legacy /pypi/six/json": 200,
}


@pytest.mark.parametrize(
    ("url", "answers", "code", "message"),
    [
        (
            SITE,
            {"modern /a": "https://legacy.pypi.test/a"},
            Code.LIVE_LOOP,
            "GET https://pypi.test/a goes in a circle",
        ),
        (SITE, {f"modern /{n}": f"/{n}a" for n in ("a" * m for m in range(1, 50))}, Code.LIVE_HOPS, "on and on"),
        (SITE, {"modern /a": 500}, Code.LIVE_FAILURE, "modern answers 500 to GET"),
        (SITE, {"modern /a": BackendFailure.HEAD_TIMEOUT}, Code.LIVE_FAILURE, "modern does not answer GET"),
        (
            SITE,
            {"modern /a": "http://127.0.0.1:8081/a"},
            Code.LIVE_LEAK,
            "redirects GET https://pypi.test/a to the address of the backend legacy",
        ),
        (SITE, {"modern /a": "https://cdn.test/a"}, Code.LIVE_LEAVES, "away from this edge"),
        (
            SIMPLE,
            {"legacy /simple/six/": 200},
            Code.ARMS_DIFFER,
            "is 200 on the arm legacy of reads and 404 on the arm modern of reads",
        ),
        (
            SIMPLE,
            {**BOTH, "modern /simple/six/": "/six", "modern /six": 200},
            Code.ARMS_UNLIKE,
            "is redirected on the arm modern of reads and not on the arm legacy of reads",
        ),
        (
            SIMPLE,
            {**BOTH, "modern /simple/six/": Heard(200, content_type="application/json")},
            Code.ARMS_UNLIKE,
            "is text/html on the arm legacy of reads and application/json on the arm modern of reads",
        ),
        (JSON, {"modern /pypi/six/json": 200, "legacy /pypi/six/json": 500}, Code.FALLBACK_FAILS, "legacy answers 500"),
        (JSON, {"modern /pypi/six/json": 200}, Code.FALLBACK_DIFFERS, "is 200, and 404 while modern fails"),
        (JSON, {"legacy /pypi/six/json": 200}, Code.STOOD_IN, "needs its fallback: modern answered 404, and legacy"),
        (
            JSON,
            {**BOTH, "modern /pypi/six/json": BackendFailure.CLOSED},
            Code.LIVE_FAILURE,
            "and the fallback does not stand in",
        ),
        (
            JSON,
            {**BOTH, "legacy /pypi/six/json": "/a", "modern /a": 200},
            Code.NO_FALLBACK,
            "has no answer while modern fails",
        ),
    ],
)
def test_what_is_found(url: str, answers: Answers, code: Code, message: str) -> None:
    said = found(RULES, start(RULES, url), answers)
    assert [each.code for each in said] == [code]
    assert message in said[0].message
    assert said[0].evidence is not None
    assert said[0].evidence.witness == f"GET {url}"


@pytest.mark.parametrize(
    ("url", "answers"),
    [
        (SIMPLE, BOTH),
        (SIMPLE, {}),
        (JSON, BOTH),
        (SIMPLE, {**BOTH, "modern /simple/six/": Heard(200, content_type="application/vnd.pypi.simple.v1+html")}),
        ("https://pypi.test/gone", {}),
    ],
)
def test_what_is_nothing(url: str, answers: Answers) -> None:
    assert found(RULES, start(RULES, url), answers) == []


def test_a_page_that_is_made_up_may_be_found_by_the_fallback_alone() -> None:
    assert found(RULES, start(RULES, JSON, origin=Origin.MADE_UP), {"legacy /pypi/six/json": 200}) == []


def test_what_was_captured_and_is_gone_is_told() -> None:
    (said,) = found(RULES, start(RULES, SITE, origin=Origin.CAPTURED, status=200), {})
    assert (said.code, said.message) == (
        Code.CAPTURED_OTHERWISE,
        f"GET {SITE} was 200 when it was captured, and is 404",
    )
    assert found(RULES, start(RULES, SITE, status=404), {}) == []


def test_the_hops_and_the_condition_are_shown() -> None:
    (said,) = found(RULES, start(RULES, SIMPLE), {**BOTH, "modern /simple/six/": "/six", "modern /six": 500})
    assert said.evidence is not None
    assert said.evidence.condition == "on the arm modern of reads"
    assert [(hop.by, hop.status, hop.location) for hop in said.evidence.hops] == [
        ("backend modern (rule simple)", 301, "/six"),
        ("backend modern (rule site)", 500, "text/html"),
    ]
    assert said.place == RULES.rules[4].place  # where it failed


def test_the_same_of_several_requests_is_told_once() -> None:
    walks = []
    for project in ("six", "attrs", "flask", "django", "yarl"):
        begin = start(RULES, f"https://pypi.test/simple/{project}/")
        walks.append(walked(RULES, begin, {f"legacy /simple/{project}/": 200})[0])
    from edgeproxy.cli.rehearsing.findings import found_in

    (said,) = problems(each for one in walks for each in found_in(one))
    assert said.why.endswith(
        "So do GET https://pypi.test/simple/attrs/, GET https://pypi.test/simple/flask/, "
        "GET https://pypi.test/simple/django/ and 1 more."
    )


# -- calls ------------------------------------------------------------------------------------------------------------

CALLS = rules("""
{name: calls, match: {host: app, path: /pypi, methods: [POST], xmlrpc: [search]}, safety: safe, forward: {cutover: reads}}
{name: old, match: {host: old, path: /pypi, methods: [POST], xmlrpc: [search]}, safety: safe, forward: {backend: modern}, fallback: {to: legacy, on: [5xx]}}
""")
RETIRED = Fault("-32500", "it is retired")


def called(legacy: Outcome, modern: Outcome, url: str = "https://pypi.test/pypi") -> list[tuple[Code, str]]:
    answers = {"legacy /pypi": Heard(200, outcome=legacy), "modern /pypi": Heard(200, outcome=modern)}
    said = found(CALLS, start(CALLS, url, "POST", call="search"), answers)
    return [(each.code, f"{each.message}; {each.why}") for each in said]


@pytest.mark.parametrize(
    ("legacy", "modern", "old", "new"),
    [
        (Result(), RETIRED, "a result", "the fault -32500"),
        (RETIRED, Result(), "the fault -32500", "a result"),
        (Fault("1", "TypeError"), RETIRED, "the fault 1", "the fault -32500"),
        (Result(), NoOutcome("it is HTML"), "a result", "no answer to a call"),
    ],
)
def test_arms_of_which_one_answers_by_a_fault_differ(legacy: Outcome, modern: Outcome, old: str, new: str) -> None:
    ((code, said),) = called(legacy, modern)
    assert code is Code.ARMS_DIFFER
    assert f"(search) is {old} on the arm legacy of reads and {new} on the arm modern of reads" in said
    assert ("-32500: 'it is retired'" in said) == (RETIRED in (legacy, modern))


@pytest.mark.parametrize(
    "both", [(Result(), Result()), (RETIRED, Fault("-32500", "It is retired.")), (RETIRED, RETIRED)]
)
def test_calls_that_come_to_the_same_are_alike(both: tuple[Outcome, Outcome]) -> None:
    assert called(*both) == []


def test_a_fallback_that_answers_by_a_fault_is_told() -> None:
    ((code, said),) = called(RETIRED, Result(), "https://legacy.pypi.test/pypi")
    assert code is Code.FALLBACK_DIFFERS
    assert "is a result, and the fault -32500 while modern fails" in said


# -- what clients hold ------------------------------------------------------------------------------------------------

BEFORE = {"modern /pypi/flask/json": "/pypi/Flask/json", "modern /pypi/Flask/json": 200}
AFTER = {"modern /pypi/Flask/json": "/pypi/flask/json", "modern /pypi/flask/json": 200}
FLASK = "https://pypi.test/pypi/Flask/json"


def test_a_redirect_that_turned_round_is_found_by_what_was_seen_before() -> None:
    own = rules('{name: all, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}')
    yesterday = walked(own, start(own, "https://pypi.test/pypi/flask/json"), BEFORE)[0].walks
    held = redirects_of(yesterday, NOW - 86_400)
    assert [(each.url, each.to, each.until) for each in held] == [
        ("https://pypi.test/pypi/flask/json", FLASK, None)  # a 301 that says nothing is held for ever
    ]
    (now,) = walked(own, start(own, FLASK), AFTER)[0].walks
    (said,) = problems(flips(now, by_url(held, NOW), NOW))
    assert said.code is Code.LIVE_FLIP
    assert said.message == f"GET {FLASK} goes in a circle for clients that hold redirects from 2018-04-15T16:00Z"
    assert said.evidence is not None
    assert [(hop.url, hop.by) for hop in said.evidence.hops] == [
        (FLASK, "backend modern (rule all)"),
        ("https://pypi.test/pypi/flask/json", "held since 2018-04-15T16:00Z: backend modern (rule all)"),
    ]
    assert list(flips(yesterday[0], by_url(held, NOW), NOW)) == []


def test_a_redirect_with_a_secret_in_it_is_not_recorded() -> None:
    plain = HeldRedirect("https://pypi.test/a?page=2", "https://pypi.test/b", 301, NOW, None, "backend modern")
    secret = replace(plain, url="https://pypi.test/a?token=QTOKEN11")
    assert recordable([plain, secret, replace(plain, to="https://pypi.test/b?x=1&Session_ID=77")]) == [plain]


def test_what_is_held_no_more_harms_nobody() -> None:
    own = rules('{name: all, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}')
    (now,) = walked(own, start(own, FLASK), AFTER)[0].walks
    held = HeldRedirect("https://pypi.test/pypi/flask/json", FLASK, 301, NOW - 600, NOW - 1, "backend modern")
    assert list(flips(now, by_url([held], NOW), NOW)) == []
    assert len(list(flips(now, by_url([held], NOW - 2), NOW))) == 1


def test_arms_that_redirect_against_each_other_are_found_at_once() -> None:
    """Who is moved holds what the old arm has told for ever."""
    both = {
        "legacy /simple/Six/": "/simple/six/",
        "legacy /simple/six/": 200,
        "modern /simple/six/": "/simple/Six/",
        "modern /simple/Six/": 200,
    }
    one = walked(RULES, start(RULES, SIMPLE), both)[0]
    other = walked(RULES, start(RULES, "https://pypi.test/simple/Six/"), both)[0]
    held = by_url(redirects_of([*one.walks, *other.walks], NOW), NOW)
    (said,) = problems(each for walk in one.walks for each in flips(walk, held, NOW))
    message = f"GET {SIMPLE} goes in a circle for clients that hold what backend legacy (rule simple) told them"
    assert said.message == message
    assert said.evidence is not None
    assert [hop.by for hop in said.evidence.hops] == [
        "backend modern (rule simple)",
        "held: backend legacy (rule simple)",
    ]


def test_a_redirect_is_held_as_long_as_its_answer_says() -> None:
    own = rules('{name: all, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}')
    for status, control, until in (
        (302, None, "no"),
        (302, "max-age=60", NOW + 60),
        (301, "no-store", "no"),
        (308, None, None),
    ):
        one = walked(own, start(own, SITE), {"modern /a": Heard(status, "/b", cache_control=control)})[0].walks
        assert [each.until for each in redirects_of(one, NOW)] == ([] if until == "no" else [until])
