"""What is asked for a comparison, and of whose request: before any socket is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.request import read_request_fields
from edgeproxy.http.target import Scheme
from edgeproxy.proxy.cache.requests import as_get
from edgeproxy.proxy.plan import ByArm, Pass, Plan, ServeFile
from edgeproxy.proxy.planner import Planned, Planner
from edgeproxy.proxy.shadow.shadow_plan import ShadowPlan, lines_for, shadow_lines
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.modifiers import Comparison

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app: {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:1", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:2"}
  store: {directory: ./files}
splits:
  files: {weights: {store: 50, legacy: 50}}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m}
rules:
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD, POST, OPTIONS]}
    forward: {cutover: reads}
    fallback: {to: legacy, on: [5xx]}
    cache: {fresh: 1h}
    limits: {time: 5s}
    shadow: {to: modern, percent: 2.5, compare: simple_index}
  - {name: calls, match: {host: app, path: /pypi}, forward: {backend: legacy}, safety: safe, shadow: {to: modern, percent: 100}}
  - {name: acts, match: {host: app, path: /act}, forward: {backend: legacy}, safety: unsafe}
  - {name: files, match: {path: "/files/{file}"}, forward: {split: files}, shadow: {to: modern, percent: 100}}
  - name: all
    match: {path: "/{rest*}"}
    forward: {backend: legacy}
    rewrite: {path: "/v2/{rest}", headers: {Cookie: {remove: true}, X-Edge: "1"}}
    shadow: {to: modern, percent: 100, compare: file}
"""


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(parse_ruleset(RULES, "rules.yaml", base=Path("/srv")), Scheme.HTTP, Limits())


def plan(planner: Planner, target: str, method: bytes = b"GET", host: str = "pypi.test") -> Plan:
    planned = planner.plan(b"%b %b HTTP/1.1" % (method, target.encode()), host)
    assert isinstance(planned, Planned)
    return planned.plan


def shadow_of(found: Plan) -> ShadowPlan | None:
    assert isinstance(found, Pass)
    return found.shadow


def test_the_other_backend_is_asked_what_it_would_be_asked_in_the_first_ones_place(planner: Planner) -> None:
    shadow = shadow_of(plan(planner, "/a/../b?q=1", host="files.pypihosted.test"))
    assert shadow is not None
    assert (shadow.share, shadow.compare) == (100_000, Comparison.FILE)
    assert shadow.plan.start == b"GET /v2/b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:2\r\n"
    assert shadow.plan.asked.drop_cookies
    assert (shadow.plan.cache, shadow.plan.fallback, shadow.plan.arm, shadow.plan.shadow) == (None, None, None, None)


def test_an_arm_that_is_the_target_itself_has_no_shadow_nor_has_a_directory(planner: Planner) -> None:
    simple = plan(planner, "/simple/six/")
    assert isinstance(simple, ByArm)
    old, new = simple.arms["legacy"], simple.arms["modern"]
    shadow = shadow_of(old)
    assert shadow is not None
    assert (shadow.share, shadow.plan.time) == (2_500, 5.0)
    assert shadow_of(new) is None
    assert isinstance(new, Pass)
    assert new.fallback is not None
    assert shadow_of(new.fallback.plan) is None
    files = plan(planner, "/files/one")
    assert isinstance(files, ByArm)
    assert isinstance(files.arms["store"], ServeFile)
    assert shadow_of(files.arms["legacy"]) is not None


@pytest.mark.parametrize(
    ("target", "method", "is_shadowed"),
    [
        ("/pypi", b"POST", True),
        ("/pypi", b"GET", True),
        ("/other", b"HEAD", True),
        ("/other", b"OPTIONS", True),
        ("/other", b"POST", False),
        ("/other", b"DELETE", False),
        ("/act", b"GET", False),
    ],
)
def test_only_what_is_safe_has_a_shadow(planner: Planner, target: str, method: bytes, is_shadowed: bool) -> None:
    assert (shadow_of(plan(planner, target, method)) is not None) == is_shadowed


def test_what_is_asked_by_get_in_the_place_of_a_head_has_a_shadow_that_is(planner: Planner) -> None:
    head = plan(planner, "/other", b"HEAD")
    assert isinstance(head, Pass)
    shadow = as_get(head).shadow
    assert shadow is not None
    assert (shadow.plan.method, shadow.plan.start[:4], shadow.plan.asked.to_head) == ("GET", b"GET ", False)


@pytest.mark.parametrize(
    ("target", "names", "is_asked"),
    [
        ("/other?q=1", {"accept", "user-agent"}, True),
        ("/other?q=1", {"authorization"}, False),
        ("/other?q=1", {"proxy-authorization"}, False),
        ("/other?q=1", {"x-auth-token"}, False),
        ("/other?q=1", {"cookie"}, True),  # which the rule takes away
        ("/pypi?q=1", {"cookie"}, False),
        ("/other?q=1&token=secret", {"accept"}, False),
        ("/other?q=1&%74oken=secret", {"accept"}, False),
        ("/other?q=1&" + "x" * 100 + "token=secret", {"accept"}, False),
        ("/other", {"x" * 100 + "-token"}, False),
    ],
)
def test_who_sends_a_credential_is_not_shadowed(planner: Planner, target: str, names: set[str], is_asked: bool) -> None:
    shadow = shadow_of(plan(planner, target))
    assert shadow is not None
    assert shadow.may_be_asked(dict.fromkeys(names, "secret")) == is_asked


@pytest.mark.parametrize(
    ("target", "values", "is_asked"),
    [
        ("/pypi?q=1", {"user-agent": "pip/26.3", "accept": "text/html;q=0.9, */*;q=0.1"}, True),
        ("/pypi?q=1", {"user-agent": "mytool/1.0 (token=UASECRET77)"}, False),
        ("/pypi?q=1", {"user-agent": "mytool/1.0 password: UAPW88"}, False),
        ("/pypi?q=1", {"user-agent": "x" * 1_000 + " token=UASECRET77"}, False),
        ("/pypi?q=1", {"referer": "https://pypi.test/a?token=abc"}, False),
        ("/other", {"cookie": "token=abc"}, True),  # which the rule takes away
        ("/pypi?next=%2Fsimple%2F", {}, True),
        ("/pypi?next=https%3A%2F%2Fx%2F%3Ftoken%3DNESTED55", {}, False),
        ("/pypi?next=https%253A%252F%252Fx%252F%253Fsig%253DNESTED55", {}, False),
        ("/pypi?next=https://x/?token=NESTED55", {}, False),
        ("/pypi?q=pypi-AgEIcHlwaS5vcmcCJDk4YzM2", {}, False),
        ("/pypi?q=1;sid=abc", {}, False),
        (f"/pypi?q={'a' * 2_000}", {}, True),
        (f"/pypi?q={'a' * 2_100}", {}, False),  # nobody looks through so much
    ],
)
def test_nor_who_hides_one_in_a_value(planner: Planner, target: str, values: dict[str, str], is_asked: bool) -> None:
    shadow = shadow_of(plan(planner, target))
    assert shadow is not None
    assert (shadow.may_be_asked(values) and not shadow.holds_secret(values)) == is_asked


def test_the_rules_edits_are_made_and_what_the_edge_says_of_the_client_goes_on(planner: Planner) -> None:
    found = plan(planner, "/other")
    assert isinstance(found, Pass)
    fields = read_request_fields(
        b"GET / HTTP/1.1\r\nHost: a.test\r\nCookie: a=b\r\nX_Edge: 2\r\nAccept: x\r\n\r\n", 1, 100
    )
    lines = lines_for(found, fields, b"X-Forwarded-For: 192.0.2.7\r\n")
    assert shadow_lines(lines, None) == (
        b"Accept: x\r\nCDN-Loop: edgeproxy\r\nX-Edge: 1\r\nX-Forwarded-For: 192.0.2.7\r\nEdge-Shadow: 1\r\n"
    )


NEVER_SENT = (
    *(
        "Authorization",
        "Cookie",
        "Cookie2",
        "Proxy-Authorization",
        "Backend-Token",
        "Backend-Fault",
        "Backend-Fault-Seed",
    ),
    *("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "Expect", "TE"),
    *("Connection", "Upgrade", "Transfer-Encoding", "Content-Length", "X-HTTP-Method-Override", "Edge-Shadow"),
    *("X-Original-URL", "X-Rewrite-URL", "X-SSL-Client-Cert", "X-SSL-Client-S-DN", "X-Remote-User", "DPoP"),
)


@given(
    st.lists(st.sampled_from(NEVER_SENT), min_size=1),
    st.sampled_from([str, str.lower, str.upper, lambda name: name.replace("-", "_")]),
)
def test_what_a_shadow_never_says(names: list[str], written: object) -> None:
    assert callable(written)
    lines = "".join(f"{written(name)}: secret\r\nX-Kept: {name}\r\n" for name in names).encode()
    said = shadow_lines(lines, b"12345")
    assert b"secret" not in said
    assert said.count(b"X-Kept: ") == len(names)
    assert said.endswith(b"Edge-Shadow: 1\r\nContent-Length: 5\r\n")
    assert said.count(b"\r\n") == len(names) + 2


def test_a_body_has_its_length_and_no_other(planner: Planner) -> None:
    assert shadow_lines(b"Content-Length: 9\r\n", b"") == b"Edge-Shadow: 1\r\nContent-Length: 0\r\n"
    assert shadow_lines(b"Content-Length: 9\r\n", None) == b"Edge-Shadow: 1\r\n"


def test_so_much_that_nobody_looks_through_it_is_not_shadowed(planner: Planner) -> None:
    shadow = shadow_of(plan(planner, "/a"))
    assert shadow is not None
    assert not shadow.holds_secret({"user-agent": "pip/26.3", "accept": "a" * 4_000})
    assert shadow.holds_secret({"user-agent": "pip/26.3", "accept": "a" * 4_100})
    assert not shadow.holds_secret({"x-edge": "a" * 4_100}), "the rule sets it anew"
