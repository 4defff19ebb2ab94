"""What `diff --capture` says: records read, routed by both rulesets, weighed by hits and kind of client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproxy.cli.differences import weighing_as_json, weighing_as_text
from edgeproxy.ruleset.comparing.records import BadRecord, read_record
from edgeproxy.ruleset.comparing.weighing import weigh
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset

NOON = 1_725_537_600.0  # 2024-09-05T12:00Z
RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
rules:
  - {name: calls, match: {path: /pypi, methods: [POST], xmlrpc: [search]}, respond: {status: 410}}
  - {name: simple, match: {path: "/simple/{project}/"}, forward: {backend: legacy}}
  - {name: rest, match: {path: "/{rest*}"}, forward: {backend: legacy}}
"""


def ruleset(text: str, name: str) -> Ruleset:
    return parse_ruleset(text, name, base=Path("/srv"))


OLD = ruleset(RULES, "old.yaml")
NEW = ruleset(
    RULES.replace('project}/"}, forward: {backend: legacy}', 'project}/"}, forward: {backend: modern}'), "new.yaml"
)


def line(url: str, agent: str = "pip/26.3 (linux)", **more: object) -> str:
    return json.dumps({"method": "GET", "url": url, "headers": {"User-Agent": agent}, **more})


CAPTURE = [
    line("https://pypi.test/simple/six/", count=3),
    line("https://pypi.test/simple/yarl/", "uv/0.5"),
    line("https://pypi.test/simple/six/"),
    line("https://pypi.test/project/six/", "Mozilla/5.0", count=5),
    "",
    "{not json",
    line("ftp://pypi.test/"),
]


def test_changes_are_weighed_by_hits_and_by_kind_of_client() -> None:
    said = weighing_as_text(weigh(OLD, NEW, CAPTURE, NOON), ()).splitlines()
    assert said == [
        "5 requests, 50 %: differs: action",
        "  clients: pip 4, uv 1",
        "  GET https://pypi.test/simple/six/",
        "    - forward to backend legacy   [simple, old.yaml:7]",
        "    + forward to backend modern   [simple, new.yaml:7]",
        "  GET https://pypi.test/simple/yarl/",
        "    - forward to backend legacy   [simple, old.yaml:7]",
        "    + forward to backend modern   [simple, new.yaml:7]",
        "",
        "line 6 is no record: it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "line 7 is no record: 'ftp://pypi.test/' is not a URL such as https://pypi.test/simple/",
        "10 requests: 50 % treated as before, 1 kind of change, 2 lines skipped",
    ]


def test_programs_get_the_same() -> None:
    said = weighing_as_json(weigh(OLD, NEW, CAPTURE, NOON), ())
    assert (said["requests"], said["unchanged"], said["skipped"], said["same"]) == (10, 5, 2, False)
    (change,) = said["changes"]  # type: ignore[misc]
    assert (change["hits"], change["clients"], change["differs"]) == (5, {"pip": 4, "uv": 1}, ["action"])
    assert change["examples"][0]["new"]["rule"] == {"name": "simple", "file": "new.yaml", "line": 7}


def test_a_record_says_what_rules_look_at() -> None:
    record = read_record(
        json.dumps(
            {
                "method": "POST",
                "url": "http://pypi.test/pypi?a=1#x",
                "headers": {"Accept": ["a", "b"], "X": "y"},
                "client": "10.0.0.1",
                "time": "2024-09-05T12:00Z",
                "xmlrpc": "search",
                "other": 1,
            }
        ),
        0.0,
    )
    asked = record.asked
    assert (str(asked), asked.headers) == ("POST http://pypi.test/pypi?a=1", (("accept", "a, b"), ("x", "y")))
    assert (asked.client, asked.now, asked.call, record.count, record.client_kind) == (
        "10.0.0.1",
        NOON,
        "search",
        1,
        "unknown",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "not an object"),
        ('{"method": "GET"}', "`url` is not there"),
        ('{"method": 1, "url": "https://pypi.test/"}', "`method` is no text"),
        ('{"method": "GET", "url": "https://pypi.test/%2F"}', "the edge refuses"),
        ('{"method": "GET", "url": "https://pypi.test/", "count": 0}', "`count`"),
        ('{"method": "GET", "url": "https://pypi.test/", "time": "noon"}', "is not a time"),
        ('{"method": "GET", "url": "https://pypi.test/", "time": true}', "`time`"),
        ('{"method": "GET", "url": "https://pypi.test/", "headers": []}', None),
        ('{"method": "GET", "url": "https://pypi.test/", "headers": [1]}', "`headers` is no object"),
        ('{"method": "GET", "url": "https://pypi.test/", "headers": {"a": 1}}', "the header 'a' is no text"),
        ('{"method": "G T", "url": "https://pypi.test/"}', "G T"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_record_says_why(text: str, why: str | None) -> None:
    if why is None:
        assert read_record(text, NOON).asked.headers == ()
        return
    with pytest.raises(BadRecord, match=why):
        read_record(text, NOON)
