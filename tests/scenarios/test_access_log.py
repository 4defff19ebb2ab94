"""What the edge writes down of an exchange, and of a request that becomes none."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from harness import QUICK, RULES, BackendPeer, RunningEdge, always, backend, request, running_edge

from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.access_log import AccessLog

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BY_SPLIT = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
trusted_proxies: [127.0.0.1]
hosts: {{app: {{names: [pypi.test]}}}}
backends: {{origin: {{url: "http://127.0.0.1:{port}", host: origin.pypi.test}}, none: {{url: "http://127.0.0.1:1"}}}}
splits: {{reads: {{weights: {{none: 0, origin: 100}}}}}}
rules:
  - {{name: split, match: {{path: "/split"}}, forward: {{split: reads}}}}
  - {{name: small, match: {{path: "/small"}}, forward: {{backend: origin}}, limits: {{body: 3}}}}
  - {{name: rare, match: {{path: "/rare"}}, forward: {{backend: origin}}, limits: {{rate: 1/h, burst: 1}}}}
  - {{name: gone, match: {{path: "/gone"}}, respond: {{status: 429}}}}
  - {{name: refused, match: {{path: "/refused"}}, forward: {{backend: none}}}}
"""


class Logged(io.StringIO):
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@asynccontextmanager
async def logging_edge(rules: str, out: Logged, limits: Limits = QUICK) -> AsyncIterator[RunningEdge]:
    """When it has stopped, all lines are written."""
    async with backend(always(OK)) as origin:
        async with running_edge(rules.format(port=origin.port), access_log=AccessLog(out), limits=limits) as edge:
            yield edge


async def test_each_exchange_is_a_line_without_secrets() -> None:
    out = io.StringIO()
    answer = always(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    async with (
        backend(answer) as origin,
        running_edge(origin.rules, access_log=AccessLog(out)) as edge,
        edge.client() as client,
    ):
        await client.ask(
            request("/a?token=secret", "Authorization: Basic secret", "Cookie: secret", "User-Agent: pip/26.3")
        )
        await client.ask(request("/b", host="unknown.test"))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["path"], first["status"], first["rule"], first["user_agent"]) == ("/a", 404, "all", "pip/26.3")
    assert (first["scheme"], first["backend"], first["arm"], first["why"]) == ("http", "origin", None, None)
    assert (second["host"], second["status"], second["rule"]) == ("unknown.test", 421, None)
    assert "secret" not in out.getvalue()


HEADS = {
    "bad_request": (b"GET / HTTP/1.1\r\nX: a\r\n\r\n", 400),
    "target": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: pypi.test\r\n\r\n", 414),
    "head": (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, 431),
    "unknown_method": (b"FETCH / HTTP/1.1\r\nHost: pypi.test\r\n\r\n", 501),
    "unknown_version": (b"GET / HTTP/1.2\r\nHost: pypi.test\r\n\r\n", 505),
    "no_tunnel": (b"CONNECT pypi.test:443 HTTP/1.1\r\nHost: pypi.test:443\r\n\r\n", 405),
    "head_time": (b"GET / HTTP/1.1\r\n", 408),
}


@pytest.mark.parametrize("why", HEADS)
async def test_a_request_that_is_refused_at_its_head_is_a_line(why: str) -> None:
    octets, status = HEADS[why]
    out = Logged()
    async with logging_edge(RULES, out, replace(QUICK, head_time=0.2)) as edge:
        assert (await edge.ask(octets)).status == status
    (record,) = out.records()
    assert (record["client"], record["scheme"], record["status"], record["why"]) == ("127.0.0.1", "http", status, why)
    assert (record["method"], record["path"], record["rule"], record["whole"]) == (None, None, None, True)


async def test_a_bad_target_is_a_line_with_the_fields_that_were_read() -> None:
    out = Logged()
    async with logging_edge(RULES, out) as edge:
        assert (await edge.ask(request("/a%2Fb", "User-Agent: pip/26.3"))).status == 400
    (record,) = out.records()
    assert (record["host"], record["user_agent"], record["why"]) == ("pypi.test", "pip/26.3", "bad_request")


@pytest.mark.parametrize("limits", [{"connections": 1}, {"connections_per_client": 1}])
async def test_a_connection_too_many_is_a_line(limits: dict[str, int]) -> None:
    out = Logged()
    async with logging_edge(RULES, out, replace(QUICK, **limits)) as edge, edge.client() as one:
        assert (await one.ask(request())).status == 200
        async with edge.client() as two:
            answer = await two.answer()
    (why,) = limits
    whose = b"This edge" if why == "connections" else b"Your address"
    assert (answer.status, answer.body) == (503, whose + b" has too many connections.\n")
    assert [(each["status"], each["why"]) for each in out.records()] == [(200, None), (503, why)]


BODIES = {
    "body": (b"4\r\nabcd\r\n", 413),
    "bad_body": (b"xyz\r\n", 400),
    "body_time": (b"1\r\na\r\n", 408),
}


@pytest.mark.parametrize("why", BODIES)
async def test_what_is_refused_in_its_body_is_logged_with_the_status_that_was_sent(why: str) -> None:
    body, status = BODIES[why]
    out = Logged()

    async def waits(peer: BackendPeer) -> None:
        await peer.reader.read()

    async with backend(waits) as origin:
        rules = BY_SPLIT.format(port=origin.port)
        limits = replace(QUICK, body_time=0.2)
        async with running_edge(rules, access_log=AccessLog(out), limits=limits) as edge, edge.client() as client:
            await client.send(request("/small", "Transfer-Encoding: chunked", method="POST") + body)
            assert (await client.answer()).status == status
    (record,) = out.records()
    assert (record["status"], record["whole"], record["why"]) == (status, True, why)
    assert (record["rule"], record["backend"], record["path"]) == ("small", "origin", "/small")


async def test_a_refusal_of_an_understood_request_keeps_its_rule() -> None:
    out = Logged()
    async with logging_edge(BY_SPLIT, out) as edge:
        assert (await edge.ask(request("/small", "Content-Length: 9", method="POST"))).status == 413
        assert (await edge.ask(request("/split", "Expect: 200-maybe"))).status == 417
        assert (await edge.ask(request("/split", "CDN-Loop: edgeproxy"))).status == 508
        assert [(await edge.ask(request("/rare"))).status for _ in range(2)] == [200, 429]
        assert edge.edge.counters.rules == {"small": 1, "split": 2, "rare": 2}
    assert [(each["rule"], each["status"], each["why"]) for each in out.records()] == [
        ("small", 413, "body"),
        ("split", 417, "expectation"),
        ("split", 508, "loop"),
        ("rare", 200, None),
        ("rare", 429, "rate"),
    ]


async def test_an_arm_a_failure_and_an_answer_that_a_rule_wants_are_told_apart() -> None:
    out = Logged()
    async with logging_edge(BY_SPLIT, out) as edge:
        assert (await edge.ask(request("/split", "X-Forwarded-Proto: https"))).status == 200
        assert (await edge.ask(request("/refused"))).status == 502
        assert (await edge.ask(request("/gone"))).status == 429
    split, refused, gone = out.records()
    assert (split["scheme"], split["arm"], split["backend"]) == ("https", "origin", "origin")
    assert (refused["arm"], refused["backend"], refused["why"]) == (None, "none", "refused")
    assert (gone["rule"], gone["backend"], gone["why"]) == ("gone", None, None)


async def test_of_an_absolute_form_the_path_is_told() -> None:
    out = Logged()
    async with logging_edge(RULES, out) as edge:
        for target in ("http://pypi.test/simple/?q=secret", "http://pypi.test"):
            assert (await edge.ask(request(target))).status == 200
    assert [(each["host"], each["path"]) for each in out.records()] == [("pypi.test", "/simple/"), ("pypi.test", "/")]


async def test_what_a_proxy_said_of_one_client_is_not_said_of_the_next_that_is_not_understood() -> None:
    out = Logged()
    async with logging_edge(BY_SPLIT, out) as edge, edge.client() as proxy:
        assert (await proxy.ask(request("/split", "X-Forwarded-For: 192.0.2.7"))).status == 200
        assert (await proxy.ask(b"nonsense\r\n\r\n")).status == 400
    assert [each["client"] for each in out.records()] == ["192.0.2.7", "127.0.0.1"]
