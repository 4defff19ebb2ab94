"""Where walks begin: what of each rule is asked, and in which order."""

from __future__ import annotations

import json
from xmlrpc.client import dumps

from rehearsing import NOW, rules

from edgeproxy.cli.rehearsing.captured import Capture, captured, read_lines
from edgeproxy.cli.rehearsing.starts import Starts, starts_of
from edgeproxy.cli.rehearsing.walk import Origin
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.probing.witnesses import known_from


def of(ruleset: Ruleset, *paths: str, capture: Capture | None = None) -> Starts:
    shapes = () if capture is None else capture.shapes
    return starts_of(Checking(ruleset).ground, list(known_from(paths)), shapes, NOW)


def told(starts: Starts) -> list[tuple[str, str, Origin]]:
    return [(each.rule.name, str(each), each.origin) for each in starts.starts]


SIMPLE = '{name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {cutover: reads}%s}'


def test_cases_come_first_then_paths_then_spellings_then_what_is_made_up() -> None:
    own = rules(SIMPLE % ', expect: ["GET https://pypi.test/simple/Flask/ -> forward reads"]')
    assert told(of(own, "/simple/six/"))[:4] == [
        ("simple", "GET https://pypi.test/simple/Flask/", Origin.EXPECT),
        ("simple", "GET https://pypi.test/simple/six/", Origin.KNOWN),
        ("simple", "GET https://pypi.test/simple/Six/", Origin.SPELLED),
        ("simple", "GET https://pypi.test/simple/SIX/", Origin.SPELLED),
    ]
    assert told(of(own))[-1] == ("simple", "GET https://pypi.test/simple/a/", Origin.MADE_UP)


def test_rules_take_turns() -> None:
    own = rules(
        SIMPLE
        % ', expect: ["GET https://pypi.test/simple/a/ -> forward reads", "GET https://pypi.test/simple/b/ -> forward reads"]'
        + '\n{name: rest, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}'
    )
    assert [each.rule.name for each in of(own).starts][:3] == ["simple", "rest", "simple"]


def test_a_made_up_request_is_one_that_no_rule_above_takes() -> None:
    own = rules("""
        {name: api, match: {host: app, path: "/api/{x:[a-c]}", methods: [GET]}, forward: {backend: modern}}
        {name: rest, match: {host: app, path: "/api/{x:[a-d]}", methods: [GET]}, forward: {backend: legacy}}
        {name: none, match: {host: app, path: "/api/{x:[a-b]}", methods: [GET]}, forward: {backend: legacy}}
        {name: off, match: {host: app, path: "/off"}, forward: {backend: legacy}, off: "of last year"}
    """)
    starts = of(own)
    assert told(starts) == [
        ("api", "GET https://pypi.test/api/a", Origin.MADE_UP),
        ("rest", "GET https://pypi.test/api/d", Origin.MADE_UP),
    ]
    assert [(rule.name, why) for rule, why in starts.unfound] == [
        ("none", "the rules before it take all that it could take")
    ]


def test_a_window_of_time_is_walked_open_and_closed() -> None:
    own = rules("""
        {name: brownout, match: {host: app, path: /pypi}, during: {first: 10m, of_each: 1h}, respond: {status: 503}}
        {name: pypi, match: {host: app, path: /pypi}, forward: {backend: legacy}}
    """)
    starts = of(own)
    assert [(each.rule.name, str(each)) for each in starts.starts] == [
        ("brownout", "GET https://pypi.test/pypi"),
        ("pypi", "GET https://pypi.test/pypi"),
    ]
    assert [
        own.route("GET", s.request.target.scheme, "pypi.test", "/pypi", s.request.facts).rule.name
        for s in starts.starts
    ] == [  # type: ignore[union-attr]
        "brownout",
        "pypi",
    ]


def test_json_is_asked_for_where_the_rule_tells_it_apart() -> None:
    own = rules(SIMPLE % ", cache: {accept: [html, json]}")
    assert [each.request.headers for each in of(own).starts] == [{}, {"accept": "application/vnd.pypi.simple.v1+json"}]


def test_a_case_that_another_rule_takes_is_that_rules() -> None:
    own = rules(
        SIMPLE % ', expect: ["GET https://pypi.test/other -> forward modern"]'
        + '\n{name: rest, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}'
    )
    assert ("rest", "GET https://pypi.test/other", Origin.EXPECT) in told(of(own))


# -- captures ---------------------------------------------------------------------------------------------------------

LOG = """
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"pypi.test","path":"/simple/six/","status":200,"user_agent":"pip/24.0"}
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"pypi.test","path":"/simple/flask/","status":200,"user_agent":"pip/24.0"}
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"pypi.test","path":"/simple/flask/","status":304,"user_agent":"pip/24.0"}
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"pypi.test","path":"/simple/flask/","status":200,"user_agent":"pip/24.0"}
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":null,"host":null,"path":null,"status":400,"user_agent":null}
{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"nobody.test","path":"/","status":421,"user_agent":null}
{"method": "GET", "url": "https://pypi.test/pypi?q=1", "headers": {"User-Agent": "curl/8"}, "count": 30}
{"method": "HEAD", "url": "https://pypi.test/simple/flask/"}
no line
"""
SITE = rules(SIMPLE % "" + '\n{name: rest, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}')


def test_of_each_shape_the_hottest_request_is_walked() -> None:
    capture = captured(SITE, read_lines(LOG.splitlines(), NOW), most=10)
    assert [(str(each.request.url), each.request.method, each.hits, each.status) for each in capture.shapes] == [
        ("https://pypi.test/pypi?q=1", "GET", 30, None),
        ("https://pypi.test/simple/flask/", "GET", 4, 200),
        ("https://pypi.test/simple/flask/", "HEAD", 1, None),
    ]
    assert (capture.hits, capture.odd, capture.covered) == (35, 3, 35)
    assert ("simple", "GET https://pypi.test/simple/flask/", Origin.CAPTURED) in told(of(SITE, capture=capture))


def test_the_hottest_shapes_are_taken_and_the_rest_is_counted() -> None:
    capture = captured(SITE, read_lines(LOG.splitlines(), NOW), most=1)
    assert (len(capture.shapes), capture.covered, capture.hits) == (1, 30, 35)


CALLS = """{name: calls, match: {host: app, path: /pypi, methods: [POST], xmlrpc: [search]}, safety: safe, forward: {cutover: reads}%s}
{name: forms, match: {host: app, path: /form, methods: [POST]}, safety: safe, forward: {backend: modern}}"""


def call_line(body: str, count: int = 1, **more: object) -> str:
    headers = {"Content-Type": "text/xml"}
    return json.dumps(
        {"method": "POST", "url": "https://pypi.test/pypi", "headers": headers, "body": body, "count": count, **more}
    )


def test_a_call_is_captured_with_its_parameters_and_others_are_made_with_them() -> None:
    own = rules(CALLS % ', expect: ["POST https://pypi.test/pypi with xmlrpc search -> forward reads"]')
    six, attrs = (dumps(({"name": name},), "search") for name in ("six", "attrs"))
    bare = '{"method": "POST", "url": "https://pypi.test/pypi", "xmlrpc": "search", "count": 9}'
    lines = [call_line(six, 2), call_line(attrs, 3), bare, call_line(six, 2, xmlrpc="search", headers={})]
    capture = captured(own, read_lines(lines, NOW), most=10)
    (shape,) = capture.shapes
    assert (shape.request.call, shape.request.body, shape.hits) == ("search", six, 16)
    calls = [each for each in of(own, capture=capture).starts if each.rule.name == "calls"]
    assert {each.request.body for each in calls} == {six}
    assert [each.origin for each in calls] == [Origin.EXPECT]  # the others are the same by now


def test_a_case_may_say_the_parameters_of_its_call() -> None:
    own = rules(
        CALLS % """, expect: ['POST https://pypi.test/pypi with xmlrpc search [{"name": "six"}] -> forward reads']"""
    )
    calls = [each for each in of(own).starts if each.rule.name == "calls"]
    assert {each.request.body for each in calls} == {dumps(({"name": "six"},), "search")}
    assert [each.origin for each in calls] == [Origin.EXPECT, Origin.MADE_UP]


def test_what_a_form_says_is_captured_and_a_secret_in_it_is_not_walked() -> None:
    own = rules(CALLS % "")
    form = {"url": "https://pypi.test/form", "headers": {"content-type": "application/x-www-form-urlencoded"}}
    lines = [call_line("q=six", **form), call_line("q=six&token=abc", 5, **form), call_line("no call")]
    capture = captured(own, read_lines(lines, NOW), most=10)
    assert [(each.request.body, each.hits) for each in capture.shapes] == [("q=six", 1)]
    assert (dict(capture.secret), capture.odd) == ({1: 5}, 1)
