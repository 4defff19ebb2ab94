"""`edgeproxy schedule`: what is ahead of the rules with a `during`, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproxy.cli.brownouts import length_of, moment_of
from edgeproxy.cli.main import main

RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "http://127.0.0.1:1"}}
rules:
  - name: search
    match: {path: /pypi, methods: [POST], xmlrpc: [search]}
    during: [{first: 10m, of_each: 1h, from: 2024-09-05T12:00Z, until: 2024-09-06}, {from: 2024-09-07}]
    respond: {xmlrpc_fault: {code: -32500, text: "search is being retired"}}
  - name: pages
    match: {path: "/page/{name}", user_agent: {prefix: pip/}, client: [10.0.0.0/8], where: {name: {in: [a]}}}
    during: {first: 5m, of_each: 1h, from: 2024-09-05T20:00Z, until: 2024-09-05T22:00Z}
    respond: {status: 503, headers: {Content-Type: text/plain}, body: "back soon"}
  - {name: old, match: {path: /old, scheme: http}, during: {until: 2020-01-01}, redirect: {to: "/new", status: 302}}
  - {name: new, match: {path: /new}, during: {from: 2030-01-01}, forward: {backend: modern}}
  - {name: off, match: {path: /off}, during: {from: 2024-01-01}, off: "not yet", respond: {status: 410}}
  - {name: rest, match: {path: "/{rest*}"}, forward: {backend: modern}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def told(capsys: pytest.CaptureFixture[str], rules: Path, *arguments: str) -> str:
    assert main(["schedule", str(rules), *arguments]) == 0
    return capsys.readouterr().out.replace(str(rules), "rules.yaml")


def test_each_rule_is_told_with_what_it_takes_and_what_clients_get(
    capsys: pytest.CaptureFixture[str], rules: Path
) -> None:
    assert told(capsys, rules, "--from", "2024-09-05T20:02Z", "--days", "2").splitlines() == [
        "from 2024-09-05T20:02Z, 2 days",
        "",
        "search  rules.yaml:6",
        "  takes POST /pypi of app; xmlrpc search",
        "  clients get the XML-RPC fault -32500: search is being retired",
        "  during the first 10m of each 1h from 2024-09-05T12:00Z until 2024-09-06T00:00Z",
        "  during from 2024-09-07T00:00Z",
        "    open now  until 2024-09-05T20:10Z",
        "    2024-09-05T21:00Z  until 2024-09-05T21:10Z  10m",
        "    2024-09-05T22:00Z  until 2024-09-05T22:10Z  10m",
        "    2024-09-05T23:00Z  until 2024-09-05T23:10Z  10m",
        "    2024-09-07T00:00Z  for good",
        "",
        "pages  rules.yaml:10",
        "  takes every method /page/{name} of app; header user-agent that begins with 'pip/'; client 10.0.0.0/8; "
        "where name fits",
        "  clients get 503 Service Unavailable; Content-Type: text/plain: back soon",
        "  during the first 5m of each 1h from 2024-09-05T20:00Z until 2024-09-05T22:00Z",
        "    open now  until 2024-09-05T20:05Z",
        "    2024-09-05T21:00Z  until 2024-09-05T21:05Z  5m",
        "",
        "old  rules.yaml:14",
        "  takes every method /old of app; by http",
        "  clients get a redirect 302 to /new",
        "  during until 2020-01-01T00:00Z",
        "  over",
        "",
        "new  rules.yaml:15",
        "  takes every method /new of app",
        "  clients get what the backend modern answers",
        "  during from 2030-01-01T00:00Z",
        "  not in this time; it begins at 2030-01-01T00:00Z",
        "",
        "off  rules.yaml:16",
        "  takes every method /off of app",
        "  clients get 410 Gone",
        "  during from 2024-01-01T00:00Z",
        "  off: not yet",
        "",
        "together: of these rules, at least one takes requests",
        "    open now  until 2024-09-05T20:10Z  search, pages, 3m of it more than one",
        "    2024-09-05T21:00Z  until 2024-09-05T21:10Z  10m  search, pages, 5m of it more than one",
        "    2024-09-05T22:00Z  until 2024-09-05T22:10Z  10m  search",
        "    2024-09-05T23:00Z  until 2024-09-05T23:10Z  10m  search",
        "    2024-09-07T00:00Z  for good  search",
    ]


def test_of_many_the_first_are_shown_and_the_last(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    lines = told(capsys, rules, "--from", "2024-09-05T08:00Z", "--days", "1").splitlines()
    assert len(lines[7:19]) == len([line for line in lines[7:19] if line.startswith("    2024-09-05T")]) == 12
    rules.write_text(RULES.replace("until: 2024-09-06}", "until: 2024-09-06T06:00Z}"))
    assert told(capsys, rules, "--from", "2024-09-05T08:00Z", "--days", "1").splitlines()[18:21] == [
        "    2024-09-05T23:00Z  until 2024-09-05T23:10Z  10m",
        "    6 more; the last one:",
        "    2024-09-06T05:00Z  until 2024-09-06T05:10Z  10m",
    ]


def test_more_than_is_looked_at_is_said(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(RULES.replace("first: 10m, of_each: 1h", "first: 1s, of_each: 2s"))
    assert told(capsys, rules, "--from", "2024-09-05T12:00Z", "--days", "1").splitlines()[18:22] == [
        "    2024-09-05T12:00:22Z  until 2024-09-05T12:00:23Z  1s",
        "    more than 988 more; then:",
        "    2024-09-05T12:33:18Z  until 2024-09-05T12:33:19Z  1s",
        "    and so on: there are more than are looked at",
    ]


def test_programs_get_the_same_by_name(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    found = json.loads(told(capsys, rules, "--from", "2024-09-05T23:59Z", "--days", "2", "--format", "json"))
    assert (found["from"], found["until"], found["more"]) == ("2024-09-05T23:59Z", "2024-09-07T23:59Z", False)
    search = found["rules"][0]
    assert search.pop("openings") == [{"start": "2024-09-07T00:00Z", "end": None, "seconds": None, "for_good": True}]
    assert search == {
        "rule": "search",
        "file": "rules.yaml",
        "line": 6,
        "takes": "POST /pypi of app; xmlrpc search",
        "clients_get": "the XML-RPC fault -32500: search is being retired",
        "during": [
            "the first 10m of each 1h from 2024-09-05T12:00Z until 2024-09-06T00:00Z",
            "from 2024-09-07T00:00Z",
        ],
        "off": None,
        "more": False,
        "later": None,
    }
    assert found["rules"][3]["later"] == "2030-01-01T00:00Z"
    assert [each["rules"] for each in found["together"]] == [["search"]]


def test_without_a_during_there_is_nothing_to_tell(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(
        'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {app: {names: [pypi.test]}}\nrules:\n'
        '  - {name: rest, match: {path: "/{rest*}"}, respond: {status: 404}}\n'
    )
    assert told(capsys, rules) == "no rule has a `during`\n"


def test_a_rule_file_with_problems_is_told_of_as_check_does(
    capsys: pytest.CaptureFixture[str], rules: Path, tmp_path: Path
) -> None:
    rules.write_text(RULES.replace("of_each: 1h, from: 2024-09-05T20:00Z", "of_every: 1h"))
    assert main(["schedule", str(rules)]) == 1
    assert "a window of `during` has no key 'of_every'" in capsys.readouterr().out
    assert main(["schedule", str(tmp_path / "none.yaml")]) == 2
    assert "the file cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "x", "3661", "²"])
def test_days_are_a_number(capsys: pytest.CaptureFixture[str], rules: Path, days: str) -> None:
    assert main(["schedule", str(rules), f"--days={days}"]) == 2
    assert "is not a number of days: 1 to 3660" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1970-01-01T00:00Z"), (61.0, "1970-01-01T00:01:01Z"), (0.25, "1970-01-01T00:00:00.250Z"),
     (1e12, "after the year 9999")],
)  # fmt: skip
def test_a_moment_is_told_to_what_it_needs(seconds: float, text: str) -> None:
    assert moment_of(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (0.0, "0s"), (59.0, "59s"), (600.0, "10m"), (4_500.0, "1h 15m"), (90_061.0, "1d 1h 1m 1s")],
)
def test_a_length_is_told_in_units_that_people_use(seconds: float, text: str) -> None:
    assert length_of(seconds) == text
