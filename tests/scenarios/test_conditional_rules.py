"""Rules that look at more than the request line, through the edge: headers, client, query, time, and regexes."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import RunningEdge, always, backend, request, running_edge
from pools import OK

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
trusted_proxies: [127.0.0.9/32]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: off, match: {path: "/{rest*}"}, off: "meant to be dead", respond: {status: 500}}
  - {name: beta, match: {path: /a, headers: {X-Beta: "1"}}, respond: {status: 200, body: beta}}
  - {name: pip, match: {path: /a, user_agent: {prefix: pip/}}, respond: {status: 200, body: pip}}
  - {name: inside, match: {path: /a, client: [10.0.0.0/8, "2001:db8::/32"]}, respond: {status: 200, body: inside}}
  - {name: nobody, match: {path: /a, query: {":action": rss}}, respond: {status: 200, body: rss}}
  - {name: others, match: {path: /a}, respond: {status: 200, body: others}}
  - {name: only, match: {path: /only, methods: [GET], headers: {X-Beta: "1"}}, respond: {status: 200, body: only}}
  - name: odd
    match: {path: "/simple/{project}/", where: {project: {not_normalized: pep503}}}
    redirect: {to: "/simple/{project|pep503}/", status: 301}
  - {name: even, match: {path: "/simple/{project}/"}, respond: {status: 200, body: project}}
  - {name: brown, match: {path: /b}, during: {first: 10m, of_each: 1h}, respond: {status: 503, body: brownout}}
  - {name: bright, match: {path: /b}, respond: {status: 200, body: works}}
  - name: old
    match: {path: {regex: "/(?P<year>20[0-9]{2})/(?P<rest>.*)\\\\.html"}}
    redirect: {to: "/archive/{rest}?year={year|urlquote}", status: 302}
"""


async def said(edge: RunningEdge, target: str, *lines: str, source: str = "127.0.0.1") -> bytes:
    return (await edge.ask(request(target, *lines), source)).body


async def test_headers_and_user_agents_choose_between_rules_of_one_url() -> None:
    async with running_edge(RULES) as edge, edge.client() as client:
        for lines, body in [
            (("X-Beta: 1",), b"beta"),
            (("X-Beta: 2", "User-Agent: pip/26.3"), b"pip"),
            (("User-Agent: uv/0.9",), b"others"),
            (("x-beta: 1",), b"beta"),
        ]:
            assert (await client.ask(request("/a", *lines))).body == body
        counted = edge.edge.counters.rules
    assert counted == {"beta": 2, "pip": 1, "others": 1}


async def test_a_client_is_known_by_the_word_of_a_trusted_proxy_alone() -> None:
    async with running_edge(RULES) as edge:
        for address, body in [("10.1.2.3", b"inside"), ("2001:db8::7", b"inside"), ("192.0.2.7", b"others")]:
            assert await said(edge, "/a", f"X-Forwarded-For: {address}", source="127.0.0.9") == body
            assert await said(edge, "/a", f"X-Forwarded-For: {address}") == b"others"


async def test_a_query_is_compared_decoded() -> None:
    async with running_edge(RULES) as edge:
        assert await said(edge, "/a?x=1&%3Aaction=rss") == b"rss"
        assert await said(edge, "/a?:action=doap&:action=rss") == b"others"


async def test_the_same_url_is_answered_by_the_time_of_day() -> None:
    async with running_edge(RULES) as edge, edge.client() as client:
        for now, status in [(3600.0, 503), (3600.0 + 599.9, 503), (3600.0 + 600.0, 200), (7199.9, 200), (7200.0, 503)]:
            edge.edge.clock.wall = lambda now=now: now  # type: ignore[misc]
            assert (await client.ask(request("/b"))).status == status


async def test_captures_and_path_regexes_choose_by_the_path() -> None:
    async with running_edge(RULES) as edge:
        assert (await edge.ask(request("/simple/Zope.Interface/"))).field("Location") == "/simple/zope-interface/"
        assert await said(edge, "/simple/zope-interface/") == b"project"
        assert (await edge.ask(request("/2018/a/b.html"))).field("Location") == "/archive/a/b?year=2018"
        assert (await edge.ask(request("/1999/a/b.html"))).status == 404


async def test_a_rule_whose_conditions_fail_is_none_and_another_method_is_told_of_it() -> None:
    async with running_edge(RULES) as edge:
        assert (await edge.ask(request("/only"))).status == 404
        assert await said(edge, "/only", "X-Beta: 1") == b"only"
        refused = await edge.ask(request("/only", method="PUT"))
        assert (refused.status, refused.field("Allow")) == (405, "GET")


MOVED = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: moved, match: {path: "/{rest*}", methods: [GET]}, redirect: {map: moves.csv, status: 301}}
  - {name: others, match: {path: "/{rest*}"}, respond: {status: 200, body: others}}
"""


async def test_a_redirect_map_takes_its_own_paths(tmp_path: Path) -> None:
    (tmp_path / "moves.csv").write_text("/old,https://pypi.test/new\n/help,/help/\n")
    async with running_edge(MOVED, base=tmp_path) as edge:
        assert (await edge.ask(request("/old?x=1"))).field("Location") == "https://pypi.test/new?x=1"
        assert (await edge.ask(request("/help"))).field("Location") == "/help/"
        assert await said(edge, "/new") == b"others"
        assert (await edge.ask(request("/old", method="PUT"))).body == b"others"


PASSING = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}"}}}}
rules:
  - name: small
    match: {{path: /up, headers: {{X-Small: {{present: true}}}}}}
    limits: {{body: 4}}
    forward: {{backend: origin}}
  - {{name: large, match: {{path: /up}}, forward: {{backend: origin}}}}
"""


@pytest.mark.parametrize(("lines", "status"), [(("X-Small: 1",), 413), ((), 200)])
async def test_a_body_keeps_to_the_limit_of_the_rule_that_is_chosen(lines: tuple[str, ...], status: int) -> None:
    async with backend(always(OK)) as origin, running_edge(PASSING.format(port=origin.port)) as edge:
        chunked = request("/up", "Transfer-Encoding: chunked", *lines, method="PUT")
        assert (await edge.ask(chunked + b"5\r\nhello\r\n0\r\n\r\n")).status == status
        announced = request("/up", "Content-Length: 5", *lines, method="PUT")
        assert (await edge.ask(announced + b"hello")).status == status
