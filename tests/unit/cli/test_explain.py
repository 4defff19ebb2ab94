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
