"""The cases of `expect`: what is read, what becomes of a request, and when it is as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.cases import is_met, outcome_of, read_case
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.problems import Refusal

RULESET = parse_ruleset(
    """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "http://127.0.0.1:8081"}, legacy: {url: "http://127.0.0.1:8082"}}
splits: {halves: {weights: {modern: 50, legacy: 50}}}
rules:
  - {name: move, match: {path: "/old/{x}"}, redirect: {to: "/new/{x}", status: 308}}
  - {name: away, match: {path: /away}, respond: {status: 302, headers: {Location: http://other.test/}}}
  - {name: fault, match: {path: /pypi, xmlrpc: [search]}, respond: {xmlrpc_fault: {code: -32500, text: gone}}}
  - {name: static, match: {path: "/static/{rest*}"}, files: {directory: static}}
  - {name: pip, match: {path: /simple/, user_agent: {prefix: pip/}}, forward: {split: halves}}
  - {name: inside, match: {path: /admin, client: [10.0.0.0/8]}, forward: {backend: legacy}}
  - {name: brownout, match: {path: /api}, during: {first: 10m, of_each: 1h}, respond: {status: 503}}
  - {name: reads, match: {path: "/r/{rest*}", methods: [GET]}, forward: {backend: modern}}
""",
    "rules.yaml",
    base=Path("/srv"),
)


@pytest.mark.parametrize(
    "case",
    [
        "GET https://pypi.test/old/a?b=c -> 308 https://pypi.test/new/a?b=c by move",
        "GET https://pypi.test/old/a?b=c -> 308 /new/a?b=c",
        "GET https://pypi.test/old/a -> 308",
        "GET http://pypi.test/away -> 302 http://other.test/ by away",
        "POST https://pypi.test/pypi with xmlrpc search -> fault -32500 by fault",
        "POST https://pypi.test/pypi with xmlrpc search -> 200",
        "GET https://pypi.test/static/site.css -> files by static",
        "GET https://pypi.test/simple/ with header User-Agent=pip/26.3 -> forward halves by pip",
        "GET https://pypi.test/simple/ with header User-Agent=uv -> 404",
        "GET https://pypi.test/admin with client 10.1.2.3 -> forward legacy",
        "GET https://pypi.test/admin with client 192.0.2.1 -> 404",
        "GET https://pypi.test/api with time 2024-09-05T12:09Z -> 503",
        "GET https://pypi.test/api with time 2024-09-05T12:10Z -> 404",
        "POST https://pypi.test/r/x -> 405",
        "GET https://PyPI.test -> 404",
        "GET https://other.test/ -> 421",
    ],
)
def test_a_case_that_is_so(case: str) -> None:
    read = read_case(case)
    found = outcome_of(RULESET, read)
    assert is_met(read.expected, found), str(found)


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("GET https://pypi.test/old/a -> 301", "308 https://pypi.test/new/a by move"),
        ("GET https://pypi.test/old/a -> 308 /new/b", "308 https://pypi.test/new/a by move"),
        ("GET https://pypi.test/old/a -> 308 by reads", "308 https://pypi.test/new/a by move"),
        ("GET https://pypi.test/r/a -> forward legacy", "forward modern by reads"),
        ("GET https://pypi.test/r/a -> files", "forward modern by reads"),
        ("GET https://pypi.test/static/a -> 200", "files by static"),
        ("POST https://pypi.test/pypi with xmlrpc search -> fault 1", "fault -32500 by fault"),
        ("GET https://pypi.test/none -> 200", "404"),
    ],
)
def test_a_case_that_is_not_so(case: str, found: str) -> None:
    read = read_case(case)
    outcome = outcome_of(RULESET, read)
    assert not is_met(read.expected, outcome)
    assert str(outcome) == found


def test_a_location_that_is_no_url_is_compared_as_it_is_written() -> None:
    away = outcome_of(RULESET, read_case("GET http://pypi.test/away -> 302"))
    assert not is_met(read_case("GET http://pypi.test/away -> 302 http://[").expected, away)


def test_a_call_may_say_its_parameters() -> None:
    case = read_case(
        'POST https://pypi.test/pypi with xmlrpc search [{"name": "six"}, 0, true] with client 10.0.0.1 -> 200'
    )
    assert (case.facts.call, case.params, case.facts.client) == ("search", ({"name": "six"}, 0, True), "10.0.0.1")
    assert read_case("POST https://pypi.test/pypi with xmlrpc search -> 200").params is None
    assert read_case("POST https://pypi.test/pypi with xmlrpc search [] -> 200").params == ()


@pytest.mark.parametrize("params", ['"six"', "six", "[null]", "[1e999]", "[2147483648]", "[", "{}", '["\\u0000"]'])
def test_what_is_no_list_of_parameters(params: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_case(f"POST https://pypi.test/pypi with xmlrpc search {params} -> 200")
    assert refused.value.message == f"{params!r} is no list of parameters"
    assert refused.value.offset == len("POST https://pypi.test/pypi with xmlrpc search ")
