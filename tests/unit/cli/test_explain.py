"""`edgeproxy explain`: the rule that takes a URL, why not those above it, and what it says of the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.cli.main import main

RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "unix:/run/app.sock", host: pypi.test}}
rules:
  - {name: plain, match: {path: "/simple/{rest*}", scheme: http}, respond: {status: 403}}
  - {name: secure, match: {path: /simple/, scheme: https, methods: [POST]}, respond: {status: 403}}
  - name: all
    match: {path: "/{rest*}"}
    forward: {backend: modern}
    limits: {body: 100MiB, time: 5m, rate: 10/s, burst: 20}
    upgrade: [websocket]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def explained(capsys: pytest.CaptureFixture[str], rules: Path, *arguments: str) -> list[str]:
    assert main(["explain", "--rules", str(rules), *arguments]) == 0
    return capsys.readouterr().out.replace(str(rules), "rules.yaml").splitlines()


def test_an_https_url_is_routed_by_its_scheme(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    assert explained(capsys, rules, "HTTPS://pypi.test/simple/?q=1#top") == [
        "request: GET by https, host pypi.test, path /simple/ with the query q=1",
        "host: app (app)",
        "not: rules.yaml:6: plain: scheme: it is for http",
        "not: rules.yaml:7: secure: method: it is for POST",
        "rule: rules.yaml:8: all: forward to modern",
        "  rest = simple/",
        "  limits: body 100MiB, time 5m, rate 10/s, burst 20",
        "  upgrade: websocket",
        "ask: modern at unix:/run/app.sock for /simple/?q=1",
        "  Host: pypi.test",
    ]


def test_an_http_url_is_taken_by_the_rule_for_plain_http(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    lines = explained(capsys, rules, "http://pypi.test/simple/")
    assert lines[2:4] == ["rule: rules.yaml:6: plain: respond 403", "  rest = "]


def test_the_scheme_is_told_before_the_path(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    lines = explained(capsys, rules, "http://pypi.test/other")
    assert lines[2:4] == [
        "not: rules.yaml:6: plain: path: it is for /simple/{rest*}",
        "not: rules.yaml:7: secure: scheme: it is for https",
    ]


SPLIT = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, next: {url: "http://127.0.0.1:3"}, modern: {url: "http://127.0.0.1:2"}}
splits: {reads: {weights: {legacy: 80, next: 0, modern: 20}}}
rules:
  - {name: all, match: {path: "/{rest*}"}, forward: {split: reads}, limits: {rate: 60/m}}
"""


def test_a_split_is_told_with_the_places_of_its_arms_and_a_rate_as_it_was_written(
    capsys: pytest.CaptureFixture[str], rules: Path
) -> None:
    rules.write_text(SPLIT)
    lines = explained(capsys, rules, "http://pypi.test/")
    assert lines[4:9] == [
        "  limits: rate 60/m, burst 60",
        "split: reads: legacy 80 %, next 0 %, modern 20 %",
        "  legacy: places from 20 % to below 100 %",
        "  next: no place",
        "  modern: places from 0 % to below 20 %",
    ]


CONDITIONS = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: dead, match: {path: /pypi}, off: never was, respond: {status: 200}}
  - {name: odd, match: {path: "/{x}", where: {x: {not_normalized: lower}}}, respond: {status: 200}}
  - {name: one, match: {path: "/{x}", where: {x: {in: [simple, search]}}}, respond: {status: 200}}
  - {name: old, match: {path: {regex: "/old/.*"}}, respond: {status: 200}}
  - {name: rss, match: {path: /pypi, query: {":action": [rss, doap]}}, respond: {status: 200}}
  - {name: beta, match: {path: /pypi, headers: {X-Beta: {present: true}}}, respond: {status: 200}}
  - {name: pip, match: {path: /pypi, user_agent: {prefix: pip/}}, respond: {status: 200}}
  - {name: inside, match: {path: /pypi, client: [10.0.0.0/8]}, respond: {status: 200}}
  - {name: search, match: {path: /pypi, xmlrpc: [search, browse]}, respond: {status: 200}}
  - name: brownout
    match: {path: /pypi}
    during: {first: 10m, of_each: 1h, after: 5m, from: 2024-09-05T12:00Z}
    respond: {status: 503}
  - {name: rest, match: {path: "/{rest*}"}, respond: {status: 200}}
"""


def test_each_rule_says_which_of_its_conditions_fails(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(CONDITIONS)
    lines = explained(
        capsys, rules, "http://pypi.test/pypi?:action=x", "--at", "2024-09-05T12:04Z", "-H", "User-Agent: uv"
    )
    assert [line.partition(": rules.yaml:")[2] for line in lines[2:13]] == [
        "5: dead: off: never was",
        "6: odd: where: x is 'pypi', and it is for not normalized lower",
        "7: one: where: x is 'pypi', and it is for search, simple",
        "8: old: path: it is for /old/.*",
        "9: rss: query: it is for :action 'doap' or 'rss'",
        "10: beta: header: it is for x-beta of any value",
        "11: pip: header: it is for user-agent that begins with 'pip/'",
        "12: inside: client: it is for 10.0.0.0/8",
        "13: search: xmlrpc: it is for browse, search",
        "14: brownout: during: at 2024-09-05T12:04Z; it is for the first 10m of each 1h after 5m from 2024-09-05T12:00Z",
        "18: rest: respond 200",
    ]


@pytest.mark.parametrize(
    ("arguments", "taker"),
    [
        (["--at", "2024-09-05T12:05Z"], "brownout"),
        (["--xmlrpc", "search"], "search"),
        (["--client", "10.1.2.3"], "inside"),
        (["-H", "user-agent: pip/26.3"], "pip"),
        (["-H", "x-beta: 1"], "beta"),
    ],
)
def test_what_is_said_of_the_request_decides(
    capsys: pytest.CaptureFixture[str], rules: Path, arguments: list[str], taker: str
) -> None:
    rules.write_text(CONDITIONS)
    lines = explained(capsys, rules, "http://pypi.test/pypi", "--at", "2020-01-01", *arguments)
    assert any(line.startswith("rule: ") and f": {taker}: " in line for line in lines)


def test_a_time_that_cannot_be_read_is_wrong_usage(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    assert main(["explain", "--rules", str(rules), "http://pypi.test/", "--at", "noon"]) == 2
    assert "'noon' is not a time" in capsys.readouterr().err
