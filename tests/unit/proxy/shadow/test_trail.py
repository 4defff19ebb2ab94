"""Where a redirect leads, hop by hop, before any socket is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.migration.specimen import Astray, Ending, Part
from edgeproxy.proxy.plan import Pass
from edgeproxy.proxy.planner import Planned, Planner
from edgeproxy.proxy.shadow.shadow_plan import facts_of, hop_lines
from edgeproxy.proxy.shadow.trail import Redirected, Trail, redirected
from edgeproxy.ruleset.arms import Side
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app: {names: [pypi.test, legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:1", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:2", host: pypi.test}
  spare: {url: "http://127.0.0.1:3"}
  store: {directory: ./files}
splits:
  sides: {weights: {spare: 50, modern: 50}}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m}
rules:
  - {name: reads, match: {host: app, path: /reads}, forward: {cutover: reads}}
  - {name: shadowed, match: {host: app, path: /shadowed}, forward: {backend: legacy}, shadow: {to: modern, percent: 100}}
  - {name: split, match: {host: app, path: /split}, forward: {split: sides}}
  - {name: spare, match: {host: app, path: /spare}, forward: {backend: spare}, rewrite: {path: /there, headers: {X-Edge: "2"}}}
  - {name: moved, match: {host: app, path: /moved}, redirect: {to: /reads, status: 302}}
  - {name: circle, match: {host: app, path: /circle}, redirect: {to: /circle, status: 302}}
  - {name: says, match: {host: app, path: /says}, respond: {status: 410, body: gone}}
  - {name: writes, match: {host: app, path: /writes}, forward: {backend: modern}, safety: unsafe}
  - {name: pip, match: {host: app, path: /pip, user_agent: {prefix: "pip/"}}, forward: {backend: spare}}
  - {name: mine, match: {host: app, path: /mine, client: [192.0.2.0/24]}, forward: {backend: spare}}
  - {name: files, match: {host: content, path: "/{rest*}"}, forward: {backend: store}}
  - {name: calls, match: {host: app, path: /calls}, forward: {cutover: reads}, safety: safe}
  - name: first
    match: {host: app, path: /first}
    forward: {backend: legacy}
    safety: safe
    rewrite: {headers: {X-Edge: "1"}}
    shadow: {to: modern, percent: 100, compare: redirect}
"""
RULESET = parse_ruleset(RULES, "edge.yaml", base=Path("/srv"))
LINES = (
    b"User-Agent: pip/26.3\r\nAccept-Encoding: gzip\r\nX-Edge: 1\r\nX-Forwarded-For: 203.0.113.1, 192.0.2.7\r\n"
    b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: pypi.test\r\nForwarded: for=192.0.2.7\r\nEdge-Shadow: 1\r\n"
)


def first(side: Side, method: str = "GET") -> Pass:
    planned = Planner(RULESET, Scheme.HTTP, Limits()).plan(f"{method} /first HTTP/1.1".encode(), "pypi.test")
    assert isinstance(planned, Planned)
    assert isinstance(planned.plan, Pass)
    assert planned.plan.shadow is not None
    return planned.plan if side is Side.OLD else planned.plan.shadow.plan


def led(location: str, side: Side = Side.NEW, method: str = "GET", status: int = 302) -> Pass | Ending | None:
    return Trail(RULESET, first(side, method), side, facts_of(LINES, 0.0)).next(Redirected(status, location))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("/reads", "legacy", "modern"),
        ("/moved", "legacy", "modern"),
        ("/shadowed", "legacy", "modern"),
        ("/split", "spare", "modern"),
        ("/spare", "spare", "spare"),
        ("/pip", "spare", "spare"),
        ("/mine", "spare", "spare"),
        ("https://legacy.pypi.test/reads", "legacy", "modern"),
        ("//pypi.test:8080/reads", "legacy", "modern"),
    ],
)
def test_who_is_asked_is_who_the_side_s_clients_ask(path: str, old: str, new: str) -> None:
    asked = [led(path, side) for side in (Side.OLD, Side.NEW)]
    assert [each.backend.name for each in asked if isinstance(each, Pass)] == [old, new]
    for each in asked:
        assert isinstance(each, Pass)
        assert each.cache is each.fallback is each.shadow is each.arm is None


@pytest.mark.parametrize(
    ("location", "url", "astray"),
    [
        ("https://elsewhere.test/a", "https://elsewhere.test/a", Astray.ELSEWHERE),
        ("http://pypi.test:8081/reads", "http://pypi.test:8081/reads", Astray.ELSEWHERE),
        ("ftp://pypi.test/", "ftp://pypi.test/", Astray.ELSEWHERE),
        ("/first", "http://pypi.test/first", Astray.LOOP),
        ("/circle", "http://pypi.test/circle", Astray.LOOP),
        ("http://files.pypihosted.test/six.whl", "http://files.pypihosted.test/six.whl", Astray.FILES),
    ],
)
def test_where_nobody_is_asked(location: str, url: str, astray: Astray) -> None:
    assert led(location) == Ending(url, astray)


def test_what_the_edge_says_itself_needs_nobody() -> None:
    end = led("/says")
    assert isinstance(end, Ending)
    assert isinstance(end.what, Part)
    assert (end.what.status, end.what.content) == (410, b"gone")
    nothing = led("/nothing")
    assert isinstance(nothing, Ending)
    assert isinstance(nothing.what, Part)
    assert nothing.what.status == 404


@pytest.mark.parametrize("location", ["/writes", "/reads?token=0123456789abcdef", "/a/pypi-AgEIcHlwaS5vcmcCJDNlNDU"])
def test_what_may_write_or_holds_a_secret_is_not_followed(location: str) -> None:
    assert led(location) is None


def test_a_post_is_sent_on_only_where_it_is_declared_safe_there_too() -> None:
    assert led("/reads", method="POST", status=307) is None
    again = led("/calls", method="POST", status=307)
    assert isinstance(again, Pass)
    assert again.method == "POST"
    got = led("/reads", method="POST", status=303)
    assert isinstance(got, Pass)
    assert got.method == "GET"


def test_a_hop_is_told_what_a_client_s_own_request_would_be() -> None:
    plan = led("https://legacy.pypi.test/spare")
    assert isinstance(plan, Pass)
    lines = hop_lines(LINES, frozenset(("x-edge",)), plan, has_body=False)
    assert lines.splitlines() == [
        b"User-Agent: pip/26.3",
        b"Edge-Shadow: 1",
        b"X-Edge: 2",
        b"X-Forwarded-For: 203.0.113.1, 192.0.2.7",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: legacy.pypi.test",
        b"Forwarded: for=203.0.113.1, for=192.0.2.7;host=legacy.pypi.test;proto=https",
        b"Via: 1.1 edgeproxy",
    ]
    plan = led("/calls", method="POST", status=308)
    assert isinstance(plan, Pass)
    assert b"Content-Length: 3" in hop_lines(LINES + b"Content-Length: 3\r\n", frozenset(), plan, has_body=True)


def test_what_redirects_is_what_its_client_gets() -> None:
    plan = first(Side.OLD)
    assert redirected(301, b"Server: x\r\nLocation: /a\r\n", plan) == Redirected(301, "/a")
    assert redirected(304, b"Location: /a\r\n", plan) is None
    assert redirected(302, b"X-Location: /a\r\nLocation: \r\n", plan) is None
