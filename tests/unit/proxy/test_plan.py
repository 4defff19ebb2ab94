"""Plans: what a request line and a Host lead to, before any socket is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.http.request import BadRequest
from edgeproxy.http.target import BadTarget, Scheme
from edgeproxy.proxy.plan import Answer, ByArm, Pass, Plan, ServeFile, choose_arm
from edgeproxy.proxy.planner import ByFacts, Planned, Planner
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Facts

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app: {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  old: {url: "http://127.0.0.1:1", host: legacy.pypi.test}
  new: {url: "http://127.0.0.1:2"}
  store: {directory: ./files}
splits:
  reads: {weights: {old: 50, new: 50}, sticky: [header:Authorization]}
rules:
  - {name: split, match: {host: app, path: "/simple/{rest*}"}, forward: {split: reads}}
  - {name: moved, match: {host: app, path: "/p/{name}"}, redirect: {to: "/project/{name}/", status: 301}}
  - {name: away, match: {host: app, path: "/away"}, redirect: {to: "http://files.pypihosted.test/?a=b", status: 307, lifetime: 1h}}
  - {name: gone, match: {host: app, path: "/gone", methods: [GET]}, respond: {status: 410, body: gone}}
  - {name: docs, match: {host: app, path: "/docs/{page}"}, files: {directory: ./docs, path: "/{page}.html"}}
  - {name: files, match: {host: content, path: "/packages/{rest*}"}, forward: {backend: store}}
  - {name: rest, match: {host: content, path: "/{rest*}"}, forward: {backend: old}}
"""


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    return Planner(parse_ruleset(RULES, "rules.yaml", base=tmp_path), Scheme.HTTP, Limits(plans=4))


def plan(planner: Planner, target: str, method: bytes = b"GET", host: str = "pypi.test") -> Plan:
    planned = planner.plan(b"%b %b HTTP/1.1" % (method, target.encode()), host)
    assert isinstance(planned, Planned)
    return planned.plan


def test_a_backend_is_asked_for_the_normalised_path_with_the_query_as_it_was(planner: Planner) -> None:
    asked = plan(planner, "/a/../%7Ex?q=%7E", host="files.pypihosted.test")
    assert isinstance(asked, Pass)
    assert (asked.backend.name, asked.target) == ("old", "/~x?q=%7E")
    assert (asked.asked_for.authority, asked.asked_for.path) == ("files.pypihosted.test", "/~x")
    assert asked.start == b"GET /~x?q=%7E HTTP/1.1\r\nHost: legacy.pypi.test\r\n"
    assert asked.to_content


def test_a_split_has_a_plan_for_each_arm_and_the_key_decides(planner: Planner) -> None:
    split = plan(planner, "/simple/six/")
    assert isinstance(split, ByArm)
    chosen = {choose_arm(split, {}, {"authorization": f"token {n}"}, "192.0.2.7")[0] for n in range(50)}
    assert chosen == {"old", "new"}
    again = {
        choose_arm(split, {}, {"authorization": "token 1"}, address)[0] for address in ("192.0.2.7", "2001:db8::1")
    }
    assert len(again) == 1


def test_a_file_is_looked_up_below_its_directory(planner: Planner, tmp_path: Path) -> None:
    assert plan(planner, "/packages/a/b", host="files.pypihosted.test") == ServeFile(
        "files", "GET", tmp_path / "files", "/packages/a/b", True
    )
    assert plan(planner, "/docs/one") == ServeFile("docs", "GET", tmp_path / "docs", "/one.html", False)


@pytest.mark.parametrize(
    ("target", "status", "line"),
    [
        ("/p/six?x=1", 301, b"Location: /project/six/?x=1"),
        ("/away?c=d", 307, b"Location: http://files.pypihosted.test/?a=b&c=d"),
        ("/away", 307, b"Cache-Control: max-age=3600"),
        ("/gone", 410, b"Content-Length: 4"),
        ("/none", 404, b"Content-Type: text/plain; charset=utf-8"),
    ],
)
def test_answers_of_the_edges_own_are_ready_to_send(planner: Planner, target: str, status: int, line: bytes) -> None:
    answer = plan(planner, target)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert line in answer.head.split(b"\r\n")


def test_another_method_is_told_which_ones_there_are(planner: Planner) -> None:
    answer = plan(planner, "/gone", b"POST")
    assert isinstance(answer, Answer)
    assert answer.status == 405
    assert b"Allow: GET" in answer.head.split(b"\r\n")


def test_a_plan_is_remembered_for_its_method_target_and_host_alone(planner: Planner) -> None:
    first = plan(planner, "/gone")
    assert plan(planner, "/gone") is first
    assert plan(planner, "/gone", b"HEAD") is not first
    assert plan(planner, "/gone", host="files.pypihosted.test") is not first


def test_the_memory_of_plans_is_bounded_in_number_and_in_length(planner: Planner) -> None:
    first = plan(planner, "/gone")
    for number in range(4):
        plan(planner, f"/gone?{number}")
    assert plan(planner, "/gone") is not first
    long = "/gone?" + "x" * 1000
    assert plan(planner, long) is not plan(planner, long)


def test_what_is_refused_is_not_remembered_as_anything(planner: Planner) -> None:
    for _ in range(2):
        with pytest.raises(BadTarget):
            plan(planner, "/a%2Fb")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /gone", 400),
        (b"GET  /gone HTTP/1.1", 400),
        (b"GET /gone HTTP/1.1 ", 400),
        (b"FETCH /gone HTTP/1.1", 501),
        (b"GET /gone HTTP/1.2", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
    ],
)
def test_a_bad_request_line_has_no_plan(planner: Planner, line: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refusal:
        planner.plan(line, "pypi.test")
    assert refusal.value.status == status


def test_options_of_the_whole_server_is_the_edges_own_to_answer(planner: Planner) -> None:
    answer = plan(planner, "*", b"OPTIONS")
    assert isinstance(answer, Answer)
    assert answer.status == 204
    assert b"GET" in answer.head
    with pytest.raises(BadTarget):
        plan(planner, "*")
    unknown = plan(planner, "*", b"OPTIONS", host="elsewhere.test")
    assert isinstance(unknown, Answer)
    assert unknown.status == 421


def test_trace_is_never_passed_on(planner: Planner) -> None:
    answer = plan(planner, "/a", b"TRACE", host="files.pypihosted.test")
    assert isinstance(answer, Answer)
    assert answer.status == 405


CONDITIONS = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}}
backends: {old: {url: "http://127.0.0.1:1"}}
rules:
  - name: beta
    match: {path: "/{rest*}", headers: {X-Beta: "1"}}
    limits: {body: 1KiB}
    forward: {backend: old}
  - {name: call, match: {path: /pypi, methods: [POST], xmlrpc: any}, respond: {status: 410}}
  - {name: plain, match: {path: /plain}, respond: {status: 200}}
"""


def by_facts(planner: Planner, target: str, method: bytes = b"GET") -> ByFacts:
    found = planner.plan(b"%b %b HTTP/1.1" % (method, target.encode()), "pypi.test")
    assert isinstance(found, ByFacts)
    return found


def test_what_facts_decide_is_planned_for_the_rule_that_they_choose(tmp_path: Path) -> None:
    planner = Planner(parse_ruleset(CONDITIONS, "rules.yaml", base=tmp_path), Scheme.HTTP, Limits(plans=4))
    found = by_facts(planner, "/plain?q=1")
    beta = planner.choose(found, Facts(headers={"x-beta": "1"}))
    assert isinstance(beta.plan, Pass)
    assert (beta.plan.target, beta.most(Limits())) == ("/plain?q=1", 1024)
    plain = planner.choose(found, Facts())
    assert (plain.plan.rule, plain.most(Limits())) == ("plain", Limits().body)
    nobody = planner.choose(by_facts(planner, "/none"), Facts()).plan
    assert isinstance(nobody, Answer)
    assert nobody.status == 404


def test_only_a_line_that_a_call_could_decide_needs_one(tmp_path: Path) -> None:
    planner = Planner(parse_ruleset(CONDITIONS, "rules.yaml", base=tmp_path), Scheme.HTTP, Limits(plans=4))
    assert by_facts(planner, "/pypi", b"POST").needs_call
    assert not by_facts(planner, "/pypi").needs_call
    assert not by_facts(planner, "/plain", b"POST").needs_call


def test_both_what_is_left_open_and_what_is_chosen_are_remembered_within_a_bound(tmp_path: Path) -> None:
    planner = Planner(parse_ruleset(CONDITIONS, "rules.yaml", base=tmp_path), Scheme.HTTP, Limits(plans=4))
    found = by_facts(planner, "/plain")
    assert by_facts(planner, "/plain") is found
    chosen = planner.choose(found, Facts(headers={"x-beta": "1"}))
    assert planner.choose(found, Facts(headers={"x-beta": "1"})) is chosen
    assert planner.choose(found, Facts()) is not chosen
    for number in range(4):
        planner.choose(by_facts(planner, f"/plain?{number}"), Facts())
    assert by_facts(planner, "/plain") is not found
    assert planner.choose(found, Facts(headers={"x-beta": "1"})) is not chosen


def test_lines_with_many_rules_left_open_are_remembered_within_the_bound_of_all(tmp_path: Path) -> None:
    head = RULES[: RULES.index("rules:")]
    rules = "".join(
        f"  - {{name: r{n}, match: {{path: '/{{x}}', headers: {{X-{n}: {{prefix: a}}}}}}, respond: {{status: 200}}}}\n"
        for n in range(9)
    )
    planner = Planner(parse_ruleset(f"{head}rules:\n{rules}", "r.yaml", base=tmp_path), Scheme.HTTP, Limits(plans=4))
    first = by_facts(planner, "/a")
    assert first.candidates.size == 9
    assert by_facts(planner, "/a") is first
    second = by_facts(planner, "/b")  # 18 candidates, and the bound is 4 for each of 4 plans
    assert by_facts(planner, "/b") is second
    assert by_facts(planner, "/a") is not first
